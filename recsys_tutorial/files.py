"""Files that are written whole or not at all, even if the process is killed."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path, whose file replaces `path` when the block ends without an error.

    Raises:
        OSError: the directory cannot be written or is full; the old file stays.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        remedy = "the old file, if any, is unchanged. Make room, or choose another directory"
        raise OSError(error.errno, f"{error.strerror or error}: {remedy}", str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
