"""Write down what you expect before you look: kept, to be held against what comes out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from recsys_workshop import local

EXPECTED = "expected.json"


def expect(key: str, guess: Iterable[str] | None = None) -> list[str]:
    """Keep a guess, a list of words, under a name such as "03.axes"; return what is kept.

    Without a guess, or with an empty one, what was kept before stays and comes back: [] if none.

    Raises TypeError for a guess that is one string or holds other things than strings.
    """
    if isinstance(guess, str):
        raise TypeError(f"a guess is a list of words, like [{guess!r}], not one string")
    words = list(guess or [])
    if not all(isinstance(w, str) for w in words):
        raise TypeError(f"a guess is a list of words, not {words!r}")
    kept: dict[str, list[str]] = local.read_json(EXPECTED, _is_kept) or {}
    if words and words != kept.get(key):
        kept = {**kept, key: words}
        local.write_json(EXPECTED, kept)
    return kept.get(key, [])


def _is_kept(content: Any) -> bool:
    return isinstance(content, dict) and all(
        isinstance(words, list) and all(isinstance(w, str) for w in words)
        for words in content.values()
    )
