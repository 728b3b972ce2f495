"""The reader's own files: ratings, progress, trained models; beside the data and never in git."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from recsys_tutorial.datasets.sources import ENVIRONMENT, default_directory

STATE = "RECSYS_TUTORIAL_STATE"
"""Environment variable that names another directory for these files."""


def directory() -> Path:
    """Where they are: RECSYS_TUTORIAL_STATE, else the data directory in use."""
    if os.environ.get(STATE):
        return Path(os.environ[STATE]).expanduser().absolute()
    if not os.environ.get(ENVIRONMENT):
        return default_directory()
    named = Path(os.environ[ENVIRONMENT]).expanduser().absolute()
    return named.parent if named.suffix in (".zip", ".whl") or named.is_file() else named


def read_json(name: str, is_valid: Callable[[Any], bool]) -> Any:
    """The content of a JSON file, or None where there is none.

    A file that cannot be read, or whose content is not valid, never stops a page: one line says
    so, and the file is kept aside under a name that ends in `.damaged`.
    """
    path = directory() / name
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        content = None
    if content is not None and is_valid(content):
        return content
    aside = path.with_name(f"{name}.damaged")
    try:
        os.replace(path, aside)
        print(f"{name} was damaged: it is kept as {aside}, and you start with a new one.")
    except OSError as error:
        print(f"{path} cannot be read and is ignored: {error.strerror or error}.")
    return None


def write_json(name: str, content: Any) -> Path | None:
    """Write a JSON file, whole or not at all; None (and one line) where that is not possible."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    try:
        with replacing(directory() / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        print(
            f"{name} could not be written to {directory()}: {error.strerror or error}. This page "
            f"goes on without; set {STATE} to a directory of yours to keep it."
        )
        return None
    return directory() / name


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, which takes its place when the block ends without error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        yield Path(name)
        os.replace(name, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
