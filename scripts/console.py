"""Messages: steps that show progress, and failures in one line."""

from __future__ import annotations

import errno
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

DISK_FULL = f"The disk is full: free some gigabytes here and for {tempfile.gettempdir()}"


class Stop(Exception):
    """Ends a script; the message is one line that says what is wrong and what to do."""


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a step, print a dot per second while it runs, and say how it ended."""
    start, over, word = time.monotonic(), threading.Event(), "failed"

    def dots() -> None:
        while not over.wait(1):
            print(".", end="", flush=True)

    print(f"{title} ...", end="", flush=True)
    thread = threading.Thread(target=dots, daemon=True)
    thread.start()
    try:
        yield
        word = "done"
    finally:
        over.set()
        thread.join()
        print(f" {word} ({time.monotonic() - start:.0f} s)", flush=True)


def guarded(work: Callable[[], int]) -> int:
    """Do the work; turn its failures into one line and an exit code (130: interrupted)."""
    try:
        return work()
    except KeyboardInterrupt:
        line, code = "Stopped. Run the same command again to go on.", 130
    except Stop as stop:
        line, code = str(stop), 1
    except OSError as error:
        full = error.errno == errno.ENOSPC or getattr(error, "winerror", 0) == 112
        line, code = f"{DISK_FULL}, then run this again" if full else str(error), 1
    print(line, file=sys.stderr)
    return code
