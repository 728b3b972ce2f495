"""One process at a time in a folder; files that are replaced whole are in `files`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from recsys_tutorial.files import replacing

__all__ = ["alone", "replacing"]


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """While the block runs, other processes that ask for the same folder wait; a kill lets go.

    Nothing is kept apart on Windows, nor on a file system without locks.
    """
    try:
        import fcntl

        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):  # who cannot write there hears of it from the writing
        yield
        return
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
