"""A shop that learns from its own log, and tests that compare two recommenders in it.

The right answer of each test is known: we can run the same shop twice, once with A alone and once
with B alone, with the same articles and the same tastes of visitors. The difference between the two
runs is the truth. An A/B test sees only one shop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DESIGNS = ("pooled", "diverted", "equal_log", "co_diverted", "interleaved")
"""The tests that `ab_test` knows."""


@dataclass(frozen=True)
class Policy:
    """How a recommender chooses: the best article according to its log, sometimes a random one.

    explore  : share of the visits in which a random article is shown, 0 to 1
    personal : True: click rates are counted separately for each group of visitors; False: for
               all visitors together
    """

    explore: float = 0.1
    personal: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.explore <= 1:
            raise ValueError(f"explore={self.explore} must be a share from 0 to 1")


def ab_test(
    a: Policy,
    b: Policy,
    designs: Sequence[str] = DESIGNS,
    *,
    seeds: int = 50,
    days: int = 60,
    visitors: int = 1_000,
    items: int = 40,
    groups: int = 5,
    fresh: float = 0.02,
    quality: float = 0.6,
    taste: float = 0.6,
    prior: float = 10.0,
    seed: int = 0,
) -> pd.DataFrame:
    """What tests of `a` against `b` report, and what is true, in the same invented shops.

    A visitor of one of `groups` sees one article and clicks with probability
    sigmoid(-2 + quality_i + taste_gi). A recommender knows articles by the log that it reads:
    (clicks + prior * mean) / (shown + prior), where `mean` is the shop's average chance.

    designs:
        "pooled"      : half of the visitors each; both read one log of everything
        "diverted"    : half of the visitors each; each reads the log of its own half
        "equal_log"   : as diverted, in a shop with twice the visitors: each log is as long as
                        the whole shop's would be
        "co_diverted" : as diverted, and each also has half of the articles: as many views per
                        article as in the whole shop
        "interleaved" : every visitor sees an article of each; both read one log of everything

    Args:
        a, b: the recommenders.
        seeds: number of shops, each run in all designs.
        days: length of the test; recommenders read the log at midnight.
        visitors: visitors of the whole shop per day.
        items, groups: articles on the shelf; groups of visitors of equal size.
        fresh: share of the articles replaced by new ones every day.
        quality, taste: standard deviations of an article's quality and of a group's taste for it,
            in logits.
        prior: views that an average article is credited with.
        seed: seed of all random numbers.

    Returns:
        A frame with one row per shop: `truth` and one column per design, the click rate under a
        minus the click rate under b, in clicks per view.

    Raises:
        ValueError: an unknown design, sizes below what the designs need.

    Source: the problem and the co-diverted remedy: Brennan et al. 2025, "Reducing Symbiosis Bias
    through Better A/B Tests of Recommendation Algorithms". The shop is ours.
    """
    unknown = [d for d in designs if d not in DESIGNS]
    if unknown:
        raise ValueError(f"unknown design {unknown[0]!r}: choose from {', '.join(DESIGNS)}")
    if seeds < 1 or days < 1 or groups < 1 or items < 4 or visitors < 4 * groups:
        raise ValueError(
            f"seeds={seeds}, days={days}, groups={groups} must be at least 1, items={items} at "
            f"least 4, visitors={visitors} at least 4 per group"
        )
    if not 0 <= fresh <= 1:
        raise ValueError(f"fresh={fresh} must be a share from 0 to 1")
    of_world, *of_runs = np.random.SeedSequence(seed).spawn(1 + 2 + len(DESIGNS))
    rng = np.random.default_rng(of_world)
    new = rng.random((days, seeds, items)) < fresh  # articles that take another's place
    new[0] = True
    chance = np.empty((days, seeds, groups, items))  # of a click
    current = np.zeros((seeds, groups, items))
    for day in range(days):
        logit = -2 + quality * rng.normal(size=(seeds, 1, items))
        logit = logit + taste * rng.normal(size=(seeds, groups, items))
        current = np.where(new[day][:, None], 1 / (1 + np.exp(-logit)), current)
        chance[day] = current
    shelf = _Shelf(chance, new, float(chance.mean()), prior)
    whole = []
    for policy, child in zip((a, b), of_runs[:2], strict=True):
        whole += _run(shelf, [policy], [0], visitors, np.random.default_rng(child))
    result = {"truth": whole[0] - whole[1]}
    for design in designs:
        rng = np.random.default_rng(of_runs[2 + DESIGNS.index(design)])
        if design == "co_diverted":
            halves = (replace(shelf, chance=chance[..., i::2], new=new[..., i::2]) for i in (0, 1))
            rates = [
                _run(half, [policy], [0], visitors // 2, rng)[0]
                for half, policy in zip(halves, (a, b), strict=True)
            ]
        else:
            logs = [0, 0] if design in ("pooled", "interleaved") else [0, 1]
            each = visitors if design in ("equal_log", "interleaved") else visitors // 2
            rates = _run(shelf, [a, b], logs, each, rng)
        result[design] = rates[0] - rates[1]
    return pd.DataFrame(result).rename_axis("shop")


@dataclass(frozen=True)
class _Shelf:
    """The articles and tastes, the same for every design, and what recommenders assume.

    chance : (days, seeds, groups, items), of a click
    new    : bool (days, seeds, items), new articles that have replaced another
    mean, prior : the shop's average chance, and the views that an article is credited with
    """

    chance: Floats
    new: NDArray[np.bool_]
    mean: float
    prior: float


def _run(
    shelf: _Shelf,
    policies: Sequence[Policy],
    logs: Sequence[int],
    visitors: int,
    rng: np.random.Generator,
) -> list[Floats]:
    """Click rate (seeds,) of each policy over all days; `logs` says which log each reads."""
    shape = shelf.chance.shape[1:]
    books = np.zeros((max(logs) + 1, 2, *shape))  # what was shown and clicked of what is there
    totals = np.zeros((len(policies), 2, shape[0]))  # views and clicks, by shop
    for chance, new in zip(shelf.chance, shelf.new, strict=True):
        books = np.where(new[:, None], 0, books)
        days_work = []
        for policy, log in zip(policies, logs, strict=True):  # both read before anybody writes
            shown = _show(policy, books[log], visitors, shelf, rng)
            days_work.append(np.stack([shown, rng.binomial(shown, chance)]))
        for total, log, work in zip(totals, logs, days_work, strict=True):
            books[log] += work
            total += work.sum((2, 3))
    return [clicks / views for views, clicks in totals]


def _show(
    policy: Policy, book: Floats, visitors: int, shelf: _Shelf, rng: np.random.Generator
) -> NDArray[Any]:
    """How often each article is shown to each group today: int64 (seeds, groups, items)."""
    _, n_seeds, n_groups, n_items = book.shape
    shown, clicked = book if policy.personal else book.sum(2, keepdims=True)
    rate = (clicked + shelf.prior * shelf.mean) / (shown + shelf.prior)
    rate = rate + 1e-9 * rng.random(rate.shape)  # equal rates: any of them
    best = rate.argmax(-1)[..., None] == np.arange(n_items)
    each = visitors // n_groups
    wandering = rng.binomial(each, policy.explore, (n_seeds, n_groups))
    views = rng.multinomial(wandering, np.full(n_items, 1 / n_items))
    return views + best * (each - wandering)[..., None]
