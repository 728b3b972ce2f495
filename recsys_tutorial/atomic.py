"""Files that are there whole or not at all, whatever stops the process that writes them."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

_ABANDONED = 24 * 3600.0  # seconds after which a half-written file has no writer any more


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new temporary path beside `path`, which takes its place when the block ends well.

    A process that is killed leaves the old file, and perhaps a hidden `.part` beside it; the next
    one to write that file takes away those that are older than a day.

    Raises OSError where the directory cannot be written or is full: then the old file stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in filter(is_abandoned, path.parent.glob(f".{path.name}.*.part")):
            with contextlib.suppress(OSError):
                left.unlink()
        temporary.touch(exist_ok=False)
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())  # the name must not come before the content
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{error.strerror or error}: what was there before is as it was. Make room, or choose "
            "another directory",
            str(path),
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


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


def is_abandoned(path: Path) -> bool:
    """True for a half-written file that has been left alone for a day: its writer is gone."""
    try:
        return time.time() - path.stat().st_mtime > _ABANDONED
    except OSError:  # gone meanwhile
        return False
