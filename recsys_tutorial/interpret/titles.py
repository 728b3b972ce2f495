"""Finding an item by its title, as people type titles."""

from __future__ import annotations

import difflib
import re

import numpy as np

from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.titles import plain_text

_CLOSE = 0.75  # share of letters in common from which a title counts as mistyped
_ARTICLE = r"^(.*), (the|a|an|la|le|les|das|der|die|il|el|los)\b"  # "Godfather, The"
_CLEAR = 0.05  # how much closer than the next one it must be


def find(dataset: Dataset, title: str) -> int:
    """Position of the item that is meant by a title.

    Case, accents, punctuation, a missing year and the place of an article do not matter ("the
    godfather" finds "Godfather, The (1972)"); a piece that only one title has will do, and so
    does a slip that leaves one title clearly the closest. Of equal titles the most rated wins.

    Raises KeyError that names titles that come close.
    """
    if not isinstance(title, str) or not _plain(title):
        raise KeyError(f"a title to search for is a string like 'Toy Story', not {title!r}")
    titles = dataset.items["title"].astype(str).tolist()
    plain = [_plain(t) for t in titles]
    short = [_plain(re.sub(r"\(\d{4}\)\s*$", "", t)) for t in titles]
    wanted = _plain(title)
    counts = dataset.counts("item")
    for found in (
        [i for i, t in enumerate(titles) if t == title],
        [i for i, t in enumerate(plain) if t == wanted],
        [i for i, t in enumerate(short) if t == wanted],
        [i for i, t in enumerate(plain) if f" {wanted} " in f" {t} "],
        [i for i, t in enumerate(plain) if wanted in t],
    ):
        if len({plain[i] for i in found}) == 1:
            return max(found, key=lambda i: counts[i])
        if found:
            near = sorted(found, key=lambda i: -counts[i])
            raise KeyError(_sorry(title, "many titles fit", [titles[i] for i in near]))
    close = np.array(
        [max(_likeness(wanted, a), _likeness(wanted, b)) for a, b in zip(plain, short, strict=True)]
    )
    order = np.lexsort((-counts, -close))
    best = int(order[0])
    others = [i for i in order[1:] if plain[i] != plain[best]]
    if close[best] >= _CLOSE and (not others or close[best] - close[others[0]] >= _CLEAR):
        return best
    raise KeyError(_sorry(title, "no title is like it", [titles[i] for i in order[:5]]))


def _plain(title: str) -> str:
    """As `titles.plain_text`, the article in front left out."""
    moved = re.sub(_ARTICLE, r"\2 \1", title.casefold())
    words = plain_text(moved).split()
    return " ".join(words[1:] if len(words) > 1 and words[0] in ("the", "a", "an") else words)


def _likeness(a: str, b: str) -> float:
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    rough = min(matcher.real_quick_ratio(), matcher.quick_ratio())
    return matcher.ratio() if rough >= 0.5 else 0.5 * rough


def _sorry(title: str, what: str, near: list[str]) -> str:
    more = f" (and {len(near) - 5} more)" if len(near) > 5 else ""
    shown = "; ".join(repr(t) for t in near[:5])
    return f"which title is {title!r}? {what}. Did you mean one of: {shown}{more}"
