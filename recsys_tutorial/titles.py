"""Finding items by their titles, as people type them."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Hashable
from functools import lru_cache

import numpy as np

from recsys_tutorial.datasets.dataset import Dataset


def find_titles(dataset: Dataset, text: str, k: int = 8) -> list[str]:
    """Up to k titles that fit what somebody typed, the most rated first.

    Case, accents, punctuation and the order of words do not matter, and words may be cut short:
    "empire str" finds "Empire Strikes Back, The (1980)". Where nothing fits so, titles that are
    spelled alike.
    """
    words = plain_text(text).split()
    if not words:
        return []
    titles = dataset.items["title"].to_numpy()
    plain = _plain_titles(tuple(titles))
    counts = dataset.counts("item")
    fitting = [i for i, title in enumerate(plain) if all(w in title for w in words)]
    # Whole beginnings of words before letters from their middle, then by number of ratings.
    fitting.sort(key=lambda i: (not _begin_words(plain[i], words), -counts[i], i))
    if fitting:
        return [titles[i] for i in fitting[:k]]
    wanted = " ".join(words)
    close = difflib.get_close_matches(wanted, [_no_year(t) for t in plain], n=k, cutoff=0.6)
    by_text: dict[str, list[int]] = {}
    for i, title in enumerate(plain):
        by_text.setdefault(_no_year(title), []).append(i)
    alike = [i for title in dict.fromkeys(close) for i in by_text[title]]
    return [titles[i] for i in alike[:k]]


def item_of(dataset: Dataset, title: str) -> Hashable:
    """The id of the item with exactly this title, capitals and accents aside.

    Raises KeyError that suggests titles like it; ValueError where two items have it.
    """
    titles = dataset.items["title"].to_numpy()
    same = np.flatnonzero(titles == title)
    if len(same) == 0:
        plain = _plain_titles(tuple(titles))
        same = np.flatnonzero(np.array(plain) == plain_text(str(title)))
    if len(same) == 1:
        return dataset.item_vocab.ids[same[0]].item()
    if len(same) > 1:
        raise ValueError(f"{len(same)} films are called {title!r}: rate them by their ids")
    close = find_titles(dataset, str(title), 3)
    advice = f"did you mean {', '.join(map(repr, close))}?" if close else "no title is like it"
    raise KeyError(f"there is no film {title!r} in {dataset.name}: {advice}")


def plain_text(text: str) -> str:
    """Lower case letters and digits without accents, one space between words."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        re.findall(r"[^\W_]+", "".join(c for c in letters if not unicodedata.combining(c)))
    )


@lru_cache(maxsize=4)
def _plain_titles(titles: tuple[str, ...]) -> list[str]:
    return [plain_text(title) for title in titles]


def _begin_words(plain: str, words: list[str]) -> bool:
    return all(f" {word}" in f" {plain}" for word in words)


def _no_year(plain: str) -> str:
    return re.sub(r" \d{4}$", "", plain)
