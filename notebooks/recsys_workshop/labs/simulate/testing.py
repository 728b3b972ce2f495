"""A/B tests and interleaving of two rankers, when we know which one is better."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_AT_ONCE = 20_000  # visitors whose lists are held at once


def interleaving(
    visitors: int | list[int],
    *,
    noise_a: float = 1.0,
    noise_b: float = 1.3,
    candidates: int = 20,
    places: int = 6,
    tests: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """How often each kind of test finds the better of two rankers, for the same visitors.

    A visitor knows how much they want each of `candidates` articles (standard normal). A ranker
    sees that with normal noise; the one with less noise is better. Visitors click on one of the
    `places` articles shown with probability sigmoid(eagerness - 3 + what they want), and they
    differ in eagerness (sd 1.5 logits), which hides the difference between rankers in an A/B test.

    A/B: half of the visitors see A's list, half B's; the arms' mean clicks are compared.
    Interleaved: each sees one list into which the two rankers pick in turn, a coin deciding who
    begins each round; the clicks on each ranker's picks are compared within the visitor.

    Args:
        visitors: visitors of a test; several numbers for several sizes.
        noise_a, noise_b: standard deviation of the noise of the rankers.
        candidates, places: articles that may be shown; length of the list, an even number.
        tests: number of tests of each size.
        seed: seed of all random numbers.

    Returns:
        A frame indexed by the number of visitors: `ab` and `interleaved`, the share of tests with
        a z beyond 1.96 in favour of the better ranker.

    Source: team-draft interleaving: Radlinski, Kurup and Joachims 2008, "How does clickthrough
    data reflect retrieval quality?".
    """
    sizes = [visitors] if isinstance(visitors, int) else list(visitors)
    rng = np.random.default_rng(seed)
    better = 1.0 if noise_a < noise_b else -1.0
    # Clicks of many visitors under each regime; tests take them in blocks.
    n, parts = max(sizes) * tests, []
    for start in range(0, n, _AT_ONCE):
        some = min(_AT_ONCE, n - start)
        parts.append(_visit(rng, some, (noise_a, noise_b), candidates, places))
    clicks_a, clicks_b, lead = (np.concatenate(each) for each in zip(*parts, strict=True))
    found = []
    for size in sizes:
        a, b, difference = (
            better * each[: tests * size].reshape(tests, size)
            for each in (clicks_a, clicks_b, lead)
        )
        of_lists = _found(a[:, : size // 2], b[:, size // 2 :])
        found.append((of_lists, _found(difference, np.zeros((tests, 1)))))
    index = pd.Index(sizes, name="visitors")
    return pd.DataFrame(found, index=index, columns=["ab", "interleaved"])


def _visit(
    rng: np.random.Generator, n: int, noises: tuple[float, float], candidates: int, places: int
) -> tuple[Floats, Floats, Floats]:
    """Clicks of n visitors on A's list, on B's list, and A's lead in the interleaved one."""
    want = rng.normal(size=(n, candidates))
    orders = [np.argsort(-(want + noise * rng.normal(size=want.shape)), axis=1) for noise in noises]
    eager = 1.5 * rng.normal(size=(n, 1))
    would = rng.random(want.shape) < 1 / (1 + np.exp(3 - eager - want))
    clicks = [np.take_along_axis(would, o[:, :places], 1).sum(1) for o in orders]
    lead = _draft(np.stack(orders), would, places, rng)
    return clicks[0].astype(np.float64), clicks[1].astype(np.float64), lead


def _draft(
    orders: NDArray[np.int64], would: NDArray[np.bool_], places: int, rng: np.random.Generator
) -> Floats:
    """Clicks on A's picks minus those on B's, per visitor: (n,); orders (2, n, candidates)."""
    n = len(would)
    everyone = np.arange(n)
    taken = np.zeros(would.shape, dtype=bool)
    lead = np.zeros(n)
    for _ in range(places // 2):
        begins = rng.integers(0, 2, n)
        for who in (begins, 1 - begins):
            order = orders[who, everyone]  # (n, candidates)
            free = ~np.take_along_axis(taken, order, 1)
            pick = order[everyone, free.argmax(1)]
            taken[everyone, pick] = True
            lead += np.where(who == 0, 1.0, -1.0) * would[everyone, pick]
    return lead


def _found(a: Floats, b: Floats) -> float:
    """Share of the tests (rows) in which mean(a) - mean(b) is more than 1.96 standard errors."""
    gap = a.mean(1) - b.mean(1)
    error = np.sqrt(a.var(1) / a.shape[1] + b.var(1) / b.shape[1])
    return float((gap > 1.96 * error).mean())
