"""Ranks of test items, exact and against a sample of other items, to show that they differ.

Everything else in this project ranks the whole catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from recsys_tutorial.datasets.dataset import Dataset

Floats = NDArray[np.float64]


def exact_ranks(
    scores: Any, relevant: Dataset, seen: Dataset | Sequence[Dataset]
) -> tuple[Floats, Floats]:
    """Rank of every relevant row among all items that its user has not seen.

    Args:
        scores: (n_users, n_items), higher is better.
        relevant: rows to be ranked.
        seen: the part, or parts, whose items are left out of the user's ranking.

    Returns:
        rank: (n,), 1 is the top; equal scores share the mean of their ranks.
        candidates: (n,), how many items were ranked.
    """
    table = np.array(scores, dtype=np.float64)  # a copy: seen cells are overwritten
    for part in [seen] if isinstance(seen, Dataset) else seen:
        table[part.user, part.item] = -np.inf
    mine = table[relevant.user, relevant.item]
    table = np.sort(table, axis=1)
    rank, candidates = np.empty(len(mine)), np.empty(len(mine))
    for at, (user, score) in enumerate(zip(relevant.user, mine, strict=True)):
        low = np.searchsorted(table[user], score, "left")
        high = np.searchsorted(table[user], score, "right")
        rank[at] = table.shape[1] - high + (high - low + 1) / 2
        candidates[at] = table.shape[1] - np.searchsorted(table[user], -np.inf, "right")
    return rank, candidates


def sampled_ranks(rank: Any, candidates: Any, negatives: int = 99, *, seed: int) -> Floats:
    """Rank of each item among itself and `negatives` others, drawn uniformly with replacement.

    Each draw is above the item with probability (rank - 1) / (candidates - 1), so that
    1 + Binomial(negatives, that) has the distribution of drawing and counting.

    Args:
        rank, candidates: as from `exact_ranks`, of one shape.
        negatives: items drawn for each.
        seed: of the drawing.

    Source: Krichene and Rendle 2020, "On sampled metrics for item recommendation".
    """
    r, n = np.asarray(rank, dtype=np.float64), np.asarray(candidates, dtype=np.float64)
    rng = np.random.default_rng(seed)
    above = rng.binomial(negatives, (r - 1) / (n - 1))
    return 1.0 + above.astype(np.float64)


def expected_sampled_hit_rate(rank: float, candidates: int) -> float:
    """P(sampled rank <= 10) among 99 drawn items, for an item whose exact rank is known.

    Example:
        >>> round(expected_sampled_hit_rate(50, 1000), 3)  # rank 50 of 1000 looks like a hit
        0.976
    """
    return float(stats.binom.cdf(9, 99, (rank - 1) / (candidates - 1)))
