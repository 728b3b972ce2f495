"""Say what happens: steps with a sign of life, commands with a log, failures in one line."""

from __future__ import annotations

import argparse
import contextlib
import errno
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


class Stop(Exception):
    """An end that one line explains: what is wrong and what to do."""


def folder(text: str) -> Path:
    """An absolute path; the children do not run where the user stands."""
    return Path(text).expanduser().resolve()


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that start.py, test.py and download.py share."""
    parser.add_argument(
        "--yes", action="store_true", help="agree to a download of more than 1 GB (PyTorch)"
    )
    parser.add_argument("--verbose", action="store_true", help="show pip's output and tracebacks")


class Console:
    """Plain text for people: a line per step, and a dot per second while it runs."""

    tick = 1.0  # seconds between two signs of life

    def __init__(self, stream: TextIO | None = None, verbose: bool = False) -> None:
        self.stream = sys.stdout if stream is None else stream
        self.verbose = verbose
        reconfigure = getattr(self.stream, "reconfigure", None)
        if reconfigure is not None:  # a path in a foreign script must not end the set-up
            reconfigure(errors="backslashreplace")

    def write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()

    def say(self, text: str = "") -> None:
        self.write(text + "\n")

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a step, show that it runs, and say how it ended and how long it took."""
        start, done, word = time.monotonic(), threading.Event(), "failed"

        def dots() -> None:
            while not done.wait(self.tick):
                self.write(".")

        self.write(f"{title} ...")
        thread = threading.Thread(target=dots, daemon=True)
        thread.start()
        try:
            yield
            word = "done"
        except (KeyboardInterrupt, SystemExit):
            word = "stopped"
            raise
        finally:
            done.set()
            thread.join()
            seconds = time.monotonic() - start
            self.write(f" {word} ({seconds:.0f} s)\n" if seconds >= 1 else f" {word}\n")


def run_logged(
    command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, log: Path,
    console: Console | None = None,
) -> tuple[int, str]:  # fmt: skip
    """Run a command, its output into the log (and shown if verbose); exit code and output.

    A log that cannot be written, as on a full disk, does not hide the cause.
    """
    parts = [str(part) for part in command]
    process = subprocess.Popen(
        parts, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
    )  # fmt: skip
    assert process.stdout is not None
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if console is not None and console.verbose:
                console.write(line)
        code = process.wait()
    finally:
        end_process(process)
        with contextlib.suppress(OSError), log.open("a", encoding="utf-8") as stream:
            stream.writelines(["$ ", " ".join(parts), "\n", *lines])
    return code, "".join(lines)


def end_process(process: subprocess.Popen[str]) -> None:
    """End a child that still runs: politely, then not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def disk_full_line(where: str = "") -> str:
    """The one line for a full disk; pip also fills the folder of temporary files."""
    place = " and ".join(filter(None, [where, tempfile.gettempdir()]))
    return f"The disk is full: free some gigabytes for {place} and run this again"


def guarded(work: Callable[[], int], *, verbose: bool, where: Path) -> int:
    """Do the work; turn its failures into one line and an exit code (130: interrupted)."""
    try:
        return work()
    except KeyboardInterrupt:
        print("Stopped. Run the same command again to go on.", file=sys.stderr)
        return 130
    except (Stop, OSError) as error:
        if verbose:
            traceback.print_exc()
        print(_line(error, where), file=sys.stderr)
        return 1


def _line(error: Exception, where: Path) -> str:
    if not isinstance(error, OSError):
        return str(error)
    if error.errno in FULL or getattr(error, "winerror", None) in (39, 112):
        return disk_full_line(str(where))
    what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    if isinstance(error, PermissionError):
        return f"{what}: close programs that use it, check its owner, and run this again"
    return f"{what} (--verbose shows more)"
