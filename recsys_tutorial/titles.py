"""Finding items by typed titles; `serving/page/engine.js` does the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from recsys_tutorial.datasets.dataset import Dataset


class TitleSearch:
    """A search in titles (n,) with their numbers of ratings `counts` (n,)."""

    def __init__(self, titles: Sequence[str], counts: np.ndarray) -> None:
        self.plain = [plain_text(title) for title in titles]
        self.counts = counts
        self.most_rated = np.argsort(-counts, kind="stable").tolist()

    def find(self, text: str, k: int) -> list[int]:
        """Up to k positions of titles that match the typed text; of the most rated for no text.

        Case, accents, punctuation and the order of words do not matter, and beginnings of words
        suffice: "empire str" finds "Empire Strikes Back, The (1980)". Matches at the beginning of
        words come first, then the most rated. If nothing matches, the titles with the fewest
        typing errors come: "alein" finds "Alien (1979)".
        """
        words = plain_text(text).split()
        if not words:
            return self.most_rated[:k]
        level = {}
        for i, title in enumerate(self.plain):
            if all(word in title for word in words):
                level[i] = sum(f" {word}" not in f" {title}" for word in words)
        if not level:
            slips = [self._slips(word) for word in words]
            for i, title in enumerate(self.plain):
                least = [min((of.get(t, 9) for t in title.split()), default=9) for of in slips]
                if max(least) < 9:
                    level[i] = sum(least)
        return sorted(level, key=lambda i: (level[i], -self.counts[i], i))[:k]

    def _slips(self, word: str) -> dict[str, int]:
        """Words of titles that begin almost like this one, with their numbers of typing errors."""
        most = 0 if len(word) < 4 else 1 if len(word) < 8 else 2
        known = dict.fromkeys(t for title in self.plain for t in title.split())
        near = {t: slips(word, t) for t in known if len(set(word) - set(t)) <= most}
        return {t: n for t, n in near.items() if n <= most}


def slips(typed: str, word: str) -> int:
    """Fewest letters to add, drop, change or swap with the next for a beginning of `word`.

    Damerau 1964, "A technique for computer detection and correction of spelling errors".
    """
    before: list[int] = []
    last = list(range(len(word) + 1))
    for i, letter in enumerate(typed):
        row = [i + 1]
        for j, other in enumerate(word):
            least = min(row[j] + 1, last[j + 1] + 1, last[j] + (letter != other))
            if i and j and letter == word[j - 1] and other == typed[i - 1]:
                least = min(least, before[j - 1] + 1)
            row.append(least)
        before, last = last, row
    return min(last)


def find(dataset: Dataset, title: str) -> int:
    """Position of the item with this title, the most rated of equal titles.

    Year and articles may be missing or elsewhere ("the godfather" finds "Godfather, The (1972)").
    Otherwise `TitleSearch` has to find exactly one title.

    Raises KeyError that names similar titles.
    """
    if not isinstance(title, str) or not plain_text(title):
        raise KeyError(f"a title to search for is a string like 'Toy Story', not {title!r}")
    titles, search = dataset.items["title"].astype(str).tolist(), search_of(dataset)
    plain, words = plain_text(title), _words(title)
    same = [i for i, t in enumerate(search.plain) if t == plain]
    same = same or [i for i, t in enumerate(titles) if _words(t) == words]
    found = same or search.find(title, 6)
    if len({search.plain[i] for i in found}) == 1:
        return max(found, key=lambda i: search.counts[i])
    near = "; ".join(repr(titles[i]) for i in found[:5])
    if found:
        raise KeyError(f"several titles match {title!r}: {near}; type more of the one you mean")
    raise KeyError(f"no title is like {title!r}: check the spelling, or try one of its words")


def _words(title: str) -> list[str]:
    """The words of a title without year and articles, in alphabetical order."""
    words = plain_text(re.sub(r"\(\d{4}\)\s*$", "", title)).split()
    return sorted(w for w in words if w not in ("the", "a", "an")) or words


def plain_text(text: str) -> str:
    """Lower case letters and digits without accents, one space between words."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        re.findall(r"[^\W_]+", "".join(c for c in letters if not unicodedata.combining(c)))
    )


def search_of(dataset: Dataset) -> TitleSearch:
    """The search over a Dataset's titles, kept for the next call."""
    return _search(tuple(dataset.items["title"].astype(str)), dataset.counts("item").tobytes())


@lru_cache(maxsize=4)
def _search(titles: tuple[str, ...], counts: bytes) -> TitleSearch:
    return TitleSearch(titles, np.frombuffer(counts, dtype=np.int64))
