"""Say what happens: steps with progress, commands with a log, failures in one line."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

PROGRESS = re.compile(r"Progress (\d+) of (\d+)\s*$")
WORKING_ON = re.compile(
    r"\s*(?:Collecting|Downloading|Building wheel for|Installing) ([^\s=<>!;\[(]+)"
)
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


def disk_full(error: OSError) -> bool:
    """Whether the error says that a disk (or the user's share of it) is full, also on Windows."""
    return error.errno in FULL or getattr(error, "winerror", None) in (39, 112)


class Step:
    """A running step: its title, a note that changes, and the seconds so far."""

    def __init__(self, console: Console, title: str) -> None:
        self.console = console
        self.title = title
        self.note = ""
        self.start = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start

    def _tick(self) -> None:
        while not self._done.wait(self.console.tick):
            if self.console.live:
                text = f"{self.title} ... {self.seconds:.0f} s"
                self.console.rewrite(f"{text}  {self.note}" if self.note else text)
            else:
                self.console.write(".")

    def begin(self) -> None:
        self.console.write(f"{self.title} ...")
        self._thread.start()

    def end(self, word: str) -> None:
        self._done.set()
        self._thread.join()
        took = f" ({self.seconds:.0f} s)" if self.seconds >= 1 else ""
        if self.console.live:
            self.console.rewrite(f"{self.title} ... {word}{took}")
            self.console.write("\n")
        else:
            self.console.write(f" {word}{took}\n")


class Console:
    """Plain text for people, on a terminal (one line rewritten) or not (a dot a second)."""

    tick = 1.0  # seconds between two signs of life

    def __init__(self, stream: TextIO | None = None, verbose: bool = False) -> None:
        self.stream = sys.stdout if stream is None else stream
        self.verbose = verbose
        self.live = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self._lock = threading.Lock()
        self._width = 0
        reconfigure = getattr(self.stream, "reconfigure", None)
        if reconfigure is not None:  # a path in a foreign script must not end the set-up
            reconfigure(errors="backslashreplace")

    def write(self, text: str) -> None:
        with self._lock:
            self.stream.write(text)
            self.stream.flush()

    def rewrite(self, text: str) -> None:
        """Replace the terminal's current line."""
        text = text[: shutil.get_terminal_size().columns - 1]
        self.write("\r" + text.ljust(self._width))
        self._width = len(text)

    def say(self, text: str = "") -> None:
        self.write(text + "\n")

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Announce a step, show that it runs, and say how it ended and how long it took."""
        step = Step(self, title)
        step.begin()
        try:
            yield step
        except BaseException as error:
            step.end("stopped" if isinstance(error, KeyboardInterrupt | SystemExit) else "failed")
            raise
        step.end("done")


@dataclass
class Log:
    """A log file that may fail to be written: the disk being full must not hide the cause."""

    path: Path
    lines: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        self.lines.append(line)
        with contextlib.suppress(OSError), self.path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")


def run_logged(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Log,
    step: Step | None = None,
) -> tuple[int, str]:
    """Run a command without a terminal, its output into the log; returns exit code and output.

    Lines like `Progress 10 of 20` (bytes, from pip's raw progress bar) become the step's note.
    """
    first = len(log.lines)
    log.add("$ " + " ".join(map(str, command)))
    process = subprocess.Popen(
        [str(part) for part in command],
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    assert process.stdout is not None
    name = ""
    try:
        for line in process.stdout:
            line = line.rstrip()
            progress = PROGRESS.match(line)
            if progress is None:
                log.add(line)
                if step is not None and step.console.verbose:
                    step.console.say(line)
            working = WORKING_ON.match(line)
            if working is not None:
                name = working.group(1).rpartition("/")[2]
            if step is not None:
                step.note = f"{name} {_megabytes(progress)}".strip()
        return process.wait(), "\n".join(log.lines[first:])
    finally:
        end_process(process)


def _megabytes(progress: re.Match[str] | None) -> str:
    if progress is None:
        return ""
    done, whole = (int(number) / 1e6 for number in progress.groups())
    return f"{done:.0f} of {whole:.0f} MB" if whole >= 1 else ""


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
        if isinstance(error, OSError) and not isinstance(error, Stop):
            line = disk_full_line(str(where)) if disk_full(error) else os_error_line(error)
        else:
            line = str(error)
        print(line, file=sys.stderr)
        return 1


def os_error_line(error: OSError) -> str:
    """One line for what the system refused."""
    what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    if isinstance(error, PermissionError):
        return f"{what}: close programs that use it, check its owner, and run this again"
    return f"{what} (--verbose shows more)"
