"""The reader's own files: ratings, progress, guesses, trained models; never in git."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock

from recsys_tutorial.datasets.sources import default_directory
from recsys_tutorial.files import replacing

STATE = "RECSYS_TUTORIAL_STATE"
"""Environment variable that names another directory for these files."""

EXPECTED = "expected.json"


def directory() -> Path:
    """Where they are: RECSYS_TUTORIAL_STATE, else the checkout's `data/`, else the user's cache.

    Never a data directory that somebody named, since that may be a stick that many people use.
    """
    named = os.environ.get(STATE)
    return Path(named).expanduser().absolute() if named else default_directory()


def read_json(name: str, is_valid: Callable[[Any], bool]) -> Any:
    """The content of a JSON file, or None if there is none.

    A file that cannot be read, or whose content is not valid, never stops a page: one line says so,
    and the file gets a name that ends in `.damaged`. `is_valid` may also raise an error, such as
    KeyError, for content that is not valid.
    """
    path = directory() / name
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if is_valid(content):
            return content
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        pass
    aside = path.with_name(f"{name}.damaged")
    try:
        os.replace(path, aside)
        print(f"{name} was damaged: it is kept as {aside}, and you start with a new one.")
    except OSError as error:
        print(f"{path} cannot be read and is ignored: {error.strerror or error}.")
    return None


def update_json(
    name: str, is_valid: Callable[[Any], bool], change: Callable[[dict[str, Any]], dict[str, Any]]
) -> Path | None:
    """Read a JSON file ({} if there is none), change it and write it, completely or not at all.

    Two pages may do so at the same time: one waits for the other. Returns None, after one line,
    where the file cannot be written.
    """
    path = directory() / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{name}.lock"), timeout=20):
            content = change(read_json(name, is_valid) or {})
            with replacing(path) as temporary:
                text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
                temporary.write_text(text, encoding="utf-8")
    except OSError as error:  # filelock's Timeout is one too
        print(
            f"{name} could not be written to {path.parent}: {error.strerror or error}. This page "
            f"goes on without it; set {STATE} to a directory of yours to keep it."
        )
        return None
    return path


def expect(key: str, guess: Iterable[str] | None = None) -> list[str]:
    """Write down what you expect before you look, to compare it with the result.

    Args:
        key: what the guess is about, such as "03.axes".
        guess: a list of words. Without one, the guess kept before is returned ([] if none).

    Raises:
        TypeError: for a guess that is one string, or that is not a list of strings.
    """
    words = [guess] if isinstance(guess, str) else list(guess or [])
    if isinstance(guess, str) or not all(isinstance(w, str) for w in words):
        raise TypeError(f'a guess is a list of words, like ["year", "Drama"], not {guess!r}')
    kept: dict[str, list[str]] = read_json(EXPECTED, _is_guesses) or {}
    if words and words != kept.get(key):
        update_json(EXPECTED, _is_guesses, lambda before: {**before, key: words})
        return words
    return kept.get(key, [])


def _is_guesses(content: Any) -> bool:
    return all(isinstance(w, str) for words in content.values() for w in [*words])
