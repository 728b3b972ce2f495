"""Kills, full and read-only disks, wrong clocks and rivals: `python -m benchmarks faults`.

Each piece of work that writes files is done in forked children, which have everything imported,
and is disturbed there: killed at a random moment (SIGKILL), say. Then the folder is read as the
library reads it. It must hold what was there before or what belongs there after, and doing the work
again must give what it gives undisturbed. Linux and macOS only, since it forks.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.fault_works import Do, Work, Wrong, a_server, small, works
from recsys_tutorial.datasets import Dataset

RIVALS = 10  # times that two processes start together
_NOBODY = 65_534  # a user who owns nothing: mode bits hold for this one, not for root


# ---------------------------------------------------------------------------- children


@contextmanager
def child(do: Callable[[], Any]) -> Iterator[tuple[int, int]]:
    """Do it in a child, in silence: (its number, a pipe on which it says how it ended)."""
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        said = "done"
        try:
            with open(os.devnull, "w") as hole, redirect_stdout(hole), redirect_stderr(hole):
                do()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(into, said.encode()[:4000])  # less than a pipe holds
        os._exit(0)
    os.close(into)
    try:
        yield pid, out
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(out)


def ended(running: tuple[int, int]) -> str:
    """Wait for a child, and give "done", or its error, or "" where it was killed."""
    return os.read(running[1], 8000).decode()


def finish(do: Callable[[], Any]) -> str:
    with child(do) as running:
        return ended(running)


# ---------------------------------------------------------------------------- faults


class Trial:
    """A work with what its folder holds before and after it, undisturbed."""

    def __init__(self, work: Work, scratch: Path) -> None:
        self.work, self.scratch, self.seconds = work, scratch, 0.0
        folder = self.folder()
        self.before = self.now(folder)
        start = time.monotonic()
        said = finish(lambda: work.do(folder))
        self.seconds = time.monotonic() - start
        self.after = self.now(folder)
        if said != "done" or self.after in (None, self.before):
            raise Wrong(f"{work.name}, undisturbed: {said}")

    def folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        folder.chmod(0o755)
        self.work.first(folder)
        return folder

    def now(self, folder: Path) -> str | None:
        try:
            return self.work.read(folder)
        except Exception as error:
            raise Wrong(f"{self.work.name}: what is left cannot be read: {error}") from error

    def check(self, folder: Path, fault: str, said: str = "done") -> str:
        """The folder is as before or as after, and the work can be done again."""
        found = self.now(folder)
        if found not in (self.before, self.after) or (
            said == "done" and found != self.after and not self.work.quiet
        ):
            raise Wrong(f"{self.work.name}, {fault}: neither the old state nor the new ({said})")
        again = finish(lambda: self.work.do(folder))
        if again != "done" or self.now(folder) != self.after:
            raise Wrong(f"{self.work.name}, done again after {fault}: {again}")
        return "after" if found == self.after else "before"


def kills(trial: Trial, count: int, rng: random.Random) -> dict[str, int]:
    """Kill `count` times at random moments; how often the old state was found, and the new."""
    found = {"kills": 0, "before": 0, "after": 0}
    for _ in range(20 * count):
        folder = trial.folder()
        with child(lambda folder=folder: trial.work.do(folder)) as running:
            time.sleep(rng.uniform(0, trial.seconds))
            os.kill(running[0], signal.SIGKILL)
            if ended(running):  # it had come to its end before
                trial.check(folder, "its end")
                trial.seconds *= 0.8  # the machine was busier when it was measured
                continue
        found["kills"] += 1
        found[trial.check(folder, "a kill", "killed")] += 1
        if found["kills"] == count:
            return found
    raise Wrong(f"{trial.work.name} is too quick to be killed {count} times")


def refused(trial: Trial, folder: Path, fault: str, do: Callable[[], Any]) -> int:
    """The work either is done or ends in one clear OSError; 1 if it was refused."""
    said = finish(do)
    clear = said == "done" or said.split(":")[0] in ("OSError", "DownloadError", "PermissionError")
    clear = clear and (said == "done" or str(folder) in said)
    left = [path.name for path in folder.rglob(".*") if path.is_file()]
    if not clear or left:
        raise Wrong(f"{trial.work.name}, {fault}: {said or 'it died'}; left behind: {left}")
    state = trial.now(folder)
    if state != (trial.after if said == "done" and not trial.work.quiet else state):
        raise Wrong(f"{trial.work.name}, {fault}: {said}, but nothing was done")
    if state not in (trial.before, trial.after):
        raise Wrong(f"{trial.work.name}, {fault}: neither the old state nor the new")
    return int(state != trial.after)


def size_limits(trial: Trial, limits: list[int]) -> int:
    """No file may grow beyond so many bytes: what writing meets on a full disk, for everybody."""
    times = 0
    for limit in limits:
        folder = trial.folder()

        def do(folder: Path = folder, limit: int = limit) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            trial.work.do(folder)

        times += refused(trial, folder, f"files of at most {limit} bytes", do)
        trial.check(folder, "that", "refused")
    return times


def full_disks(trial: Trial, rooms: list[int]) -> int | None:
    """A small disk in memory with so many bytes left; None where none can be mounted (no root)."""
    times = 0
    for room in rooms:
        folder = Path(tempfile.mkdtemp(dir=trial.scratch))
        mount = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=755", "none", str(folder)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            return None
        try:
            trial.work.first(folder)
            filler = folder / "filler"
            with filler.open("wb") as file, suppress(OSError):
                disk = os.statvfs(folder)
                file.write(bytes(max(disk.f_bavail * disk.f_bsize - room, 0)))
            times += refused(trial, folder, f"{room} bytes left", lambda f=folder: trial.work.do(f))
            filler.unlink()
            trial.check(folder, "a full disk", "refused")
        finally:
            subprocess.run(["umount", str(folder)], check=True)
    return times


def read_only(trial: Trial) -> int:
    """The folder belongs to another user and is not to be written; what is there can be read."""
    folder = trial.folder()
    folder.chmod(0o555)

    def do() -> None:
        if os.getuid() == 0:
            os.setgroups([])
            os.setuid(_NOBODY)
        if trial.now(folder) != trial.before:
            raise Wrong("it cannot be read")
        trial.work.do(folder)

    times = refused(trial, folder, "a read-only folder", do)
    if not times:
        raise Wrong(f"{trial.work.name} wrote into a read-only folder")
    folder.chmod(0o755)
    trial.check(folder, "that", "refused")
    return times


def wrong_clock(trial: Trial) -> None:
    """The clock goes back an hour at each look, and what is there comes from next year."""
    folder = trial.folder()
    for path in folder.rglob("*"):
        os.utime(path, (time.time() + 3e7,) * 2)

    def do() -> None:
        now = iter(range(2_000_000_000, 0, -3600))
        with patch("time.time", lambda: float(next(now))):
            trial.work.do(folder)

    trial.check(folder, "a clock that goes back", finish(do))


def rivals(trial: Trial, times: int) -> None:
    """Two processes start together on one folder: with the same work, and with another."""
    for number in range(times):
        folder = trial.folder()
        other = trial.work.do if number % 2 else trial.work.first
        with ExitStack() as both:
            gate, opened = os.pipe()

            def start(do: Do, gate: int = gate, folder: Path = folder, end: int = opened) -> None:
                os.close(end)
                os.read(gate, 1)  # both wait until the parent closes the other end
                do(folder)

            running = [
                both.enter_context(child(lambda do=do: start(do))) for do in (trial.work.do, other)
            ]
            os.close(opened)
            said = [ended(one) for one in running]
            os.close(gate)
        if said != ["done", "done"]:
            raise Wrong(f"{trial.work.name}, two at once: {said}")
        trial.check(folder, "two at once", "rivals")


# ---------------------------------------------------------------------------- all of it


def run(data: Dataset, count: int, names: list[str] | None = None) -> dict[str, dict[str, Any]]:
    """Every fault for every work; raises Wrong at the first that does harm."""
    torch.set_num_threads(1)  # a forked child has no worker threads
    rng = random.Random(0)
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        scratch.chmod(0o755)
        with a_server(scratch):
            for work in works(data, scratch):
                if names and work.name not in names:
                    continue
                trial = Trial(work, scratch)
                few = count < 50
                row: dict[str, Any] = dict(kills(trial, count, rng))
                sizes = [0, 20_000] if few else [0, 1, 500, 1000, 4000, 20_000, 60_000]
                row["files that may not grow: refused"] = size_limits(trial, sizes)
                rooms = [0] if few else [0, 4096, 16_384, 65_536, 131_072]
                row["full disk: refused"] = full_disks(trial, rooms)
                row["read-only: refused"] = read_only(trial)
                wrong_clock(trial)
                rivals(trial, 2 if few else RIVALS)
                row["two at once"] = 2 if few else RIVALS
                found[work.name] = row
                print(f"{work.name}: {row}", flush=True)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    print(json.dumps(run(small(), options.kills, options.only)))
