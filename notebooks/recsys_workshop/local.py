"""The reader's own files: ratings, progress, trained models; beside the data and never in git."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recsys_tutorial.atomic import alone, replacing
from recsys_tutorial.datasets.sources import ENVIRONMENT, default_directory

__all__ = ["alone", "directory", "read_json", "replacing", "write_json"]

STATE = "RECSYS_TUTORIAL_STATE"
"""Environment variable that names another directory for these files."""

_SUM = "sha256"  # of the rest, beside it: a damaged digit is still good JSON


def directory() -> Path:
    """Where they are: RECSYS_TUTORIAL_STATE, else the data directory in use."""
    if os.environ.get(STATE):
        return Path(os.environ[STATE]).expanduser().absolute()
    if not os.environ.get(ENVIRONMENT):
        return default_directory()
    named = Path(os.environ[ENVIRONMENT]).expanduser().absolute()
    return named.parent if named.suffix in (".zip", ".whl") or named.is_file() else named


def read_json(name: str, is_valid: Callable[[Any], bool]) -> Any:
    """The content of a JSON object in a file, or None where there is none.

    A file that cannot be read, whose content is not valid or does not have the sum that stands in
    it never stops a page: one line says so, and the file is kept aside under a name that ends in
    `.damaged`. One without a sum was written by hand, and is taken as it is.
    """
    path = directory() / name
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if _SUM in content and content.pop(_SUM) != _sum_of(content):
            content = None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
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


def write_json(name: str, content: dict[str, Any]) -> Path | None:
    """Write a JSON file, whole or not at all; None (and one line) where that is not possible."""
    plain = json.loads(json.dumps(content))  # with keys as they will be read
    text = json.dumps({**plain, _SUM: _sum_of(plain)}, indent=1, ensure_ascii=False) + "\n"
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


def _sum_of(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
