"""Finding items by their titles, as people type them; `serving/page/engine.js` does the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Sequence
from functools import lru_cache

import numpy as np

from recsys_tutorial.datasets.dataset import Dataset


class TitleSearch:
    """Titles with the number of ratings of each: the best known comes first."""

    def __init__(self, titles: Sequence[str], counts: np.ndarray) -> None:
        self.plain = [plain_text(title) for title in titles]
        self.counts = counts
        self.most_rated = np.argsort(-counts, kind="stable").tolist()

    def find(self, text: str, k: int) -> list[int]:
        """Up to k positions of titles that fit what somebody typed.

        Case, accents, punctuation and the order of words do not matter, and words may be cut
        short: "empire str" finds "Empire Strikes Back, The (1980)". Titles in which all words begin
        a word come before those that have them in the middle of one, then the most rated. Where
        nothing fits, the titles with the fewest slips in typing: "alein" finds "Alien (1979)".
        The most rated of all where nothing is typed.
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
        """Words of titles that begin almost like this one, and by how many letters they differ."""
        most = 0 if len(word) < 4 else 1 if len(word) < 8 else 2
        known = dict.fromkeys(t for title in self.plain for t in title.split())
        near = {t: slips(word, t) for t in known if len(set(word) - set(t)) <= most}
        return {t: n for t, n in near.items() if n <= most}


def slips(typed: str, word: str) -> int:
    """Letters missing, added, mistaken or swapped with the next, to get a beginning of `word`.

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


def find_titles(dataset: Dataset, text: str, k: int = 8) -> list[str]:
    """Up to k titles that fit what somebody typed, as `TitleSearch.find`; none for no text."""
    if not plain_text(text):
        return []
    titles = dataset.items["title"].to_numpy()
    search = _search(tuple(titles), dataset.counts("item").tobytes())
    return [titles[i] for i in search.find(text, k)]


def find(dataset: Dataset, title: str) -> int:
    """Position of the item that is meant by a title, the most rated of equal ones.

    A missing year and articles wherever they are do not matter ("the godfather" finds
    "Godfather, The (1972)"). Else what `TitleSearch` finds, if that is one title.

    Raises KeyError that names titles that come close.
    """
    if not isinstance(title, str) or not plain_text(title):
        raise KeyError(f"a title to search for is a string like 'Toy Story', not {title!r}")
    titles, counts = dataset.items["title"].astype(str).tolist(), dataset.counts("item")
    search = _search(tuple(titles), counts.tobytes())
    plain, words = plain_text(title), _words(title)
    same = [i for i, t in enumerate(titles) if t == title]
    same = same or [i for i, t in enumerate(search.plain) if t == plain]
    same = same or [i for i, t in enumerate(titles) if _words(t) == words]
    found = same or search.find(title, 6)
    if len({search.plain[i] for i in found}) == 1:
        return max(found, key=lambda i: counts[i])
    near = "; ".join(repr(titles[i]) for i in found[:5])
    if found:
        raise KeyError(f"several titles fit {title!r}: {near}; type more of the one that you mean")
    raise KeyError(f"no title is like {title!r}: check the spelling, or try one of its words")


def _words(title: str) -> list[str]:
    """Words without year and article, in alphabetical order."""
    words = plain_text(re.sub(r"\(\d{4}\)\s*$", "", title)).split()
    return sorted(w for w in words if w not in ("the", "a", "an")) or words


def item_of(dataset: Dataset, title: str) -> Hashable:
    """The id of the item with exactly this title, capitals and accents aside.

    Raises KeyError that suggests titles like it; ValueError where two items have it.
    """
    titles = dataset.items["title"].to_numpy()
    same = np.flatnonzero(titles == title)
    if len(same) == 0:
        plain = np.array([plain_text(one) for one in titles])
        same = np.flatnonzero(plain == plain_text(str(title)))
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
def _search(titles: tuple[str, ...], counts: bytes) -> TitleSearch:
    return TitleSearch(titles, np.frombuffer(counts, dtype=np.int64))
