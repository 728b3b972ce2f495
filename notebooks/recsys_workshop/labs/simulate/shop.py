"""The articles of invented shops, which come and go, and how much visitors like them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def shelf(
    shops: int,
    days: int,
    *,
    groups: int = 5,
    items: int = 40,
    fresh: float = 0.02,
    quality: float = 0.6,
    taste: float = 0.6,
    seed: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How likely a click on each article is, day by day, and which articles are new.

    A visitor of group g clicks on article i with probability sigmoid(-2 + quality_i + taste_gi).

    Args:
        shops, days, groups, items: sizes; the groups of visitors are equally large.
        fresh: share of the articles that new ones replace every night, 0 to 1.
        quality, taste: standard deviations of an article's quality and of a group's taste for it,
            in logits.
        seed: seed of all random numbers.

    Returns:
        chance of a click (days, shops, groups, items), and new (days, shops, 1, items): True where
        an article has taken another's place; on the first day all are new.
    """
    rng = np.random.default_rng(seed)
    new = rng.random((days, shops, 1, items)) < fresh
    new[0] = True
    chance = np.zeros((days, shops, groups, items))
    for day in range(days):
        logit = -2 + quality * rng.normal(size=(shops, 1, items))
        logit = logit + taste * rng.normal(size=(shops, groups, items))
        chance[day] = np.where(new[day], 1 / (1 + np.exp(-logit)), chance[day - 1])
    return chance, new
