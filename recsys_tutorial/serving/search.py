"""Finding titles as people type them. `page/engine.js` does the same in the browser."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np


def plain(text: str) -> str:
    """Lower case letters and digits without accents, one space between words."""
    letters = unicodedata.normalize("NFKD", text.lower())
    kept = "".join(c for c in letters if not unicodedata.category(c).startswith("M"))
    return " ".join(re.findall(r"[^\W_]+", kept))


class TitleSearch:
    """Titles with the number of ratings of each, which decides between those that fit."""

    def __init__(self, titles: Sequence[str], counts: np.ndarray) -> None:
        self.plain = [f" {plain(title)}" for title in titles]
        self.counts = counts
        self.most_rated = np.argsort(-counts, kind="stable").tolist()

    def find(self, text: str, k: int) -> list[int]:
        """Up to k positions: titles that have all the words (or parts of words), beginnings of
        words before letters from their middle, then the most rated. The most rated of all where
        nothing is typed."""
        words = plain(text).split()
        if not words:
            return self.most_rated[:k]
        fitting = [i for i, title in enumerate(self.plain) if all(w in title for w in words)]
        fitting.sort(
            key=lambda i: (not all(f" {w}" in self.plain[i] for w in words), -self.counts[i], i)
        )
        return fitting[:k]
