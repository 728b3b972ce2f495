"""Find evaluations that have seen the answers: a laboratory, a detective, and twins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from recsys_tutorial.datasets.dataset import Dataset


class Laboratory(NamedTuple):
    """Two training parts of the same size for the same test rows.

    test  : rows after the cut, of users who have rows before the cut too
    past  : training rows, all before the cut
    mixed : as many training rows, of each test user too, some of them later than the test rows
    """

    test: Dataset
    past: Dataset
    mixed: Dataset


def laboratory(data: Dataset, cut: float = 0.7, *, least: int = 10, seed: int = 0) -> Laboratory:
    """Parts that differ in one thing only: whether training rows come after the test rows.

    One moment cuts the data for everybody. *Warm* users have at least `least` rows on each side of
    it. Of their rows after the cut, the earlier half is the test part. `past` is everything before
    the cut. `mixed` takes rows of `past` out, at random, and puts as many later rows in: for each
    warm user rows of the same user from after their test rows; for all others together rows from
    after the cut.

    Args:
        data: with timestamps.
        cut: share of the rows before the cut.
        least: rows on each side that make a user warm.
        seed: of the choice of rows.

    Raises:
        ValueError: no timestamps, a cut outside of 0 to 1, or nobody is warm.

    Source: the problem: Ji, Sun, Zhang and Li 2023, "A critical study on data leakage in
    recommender system offline evaluation". Holding test rows and sizes fixed is our design.
    """
    if data.timestamp is None:
        raise ValueError("a cut in time needs times, and this Dataset has no timestamps")
    if not 0 < cut < 1 or least < 2:
        raise ValueError(f"cut={cut} must be between 0 and 1, and least={least} at least 2")
    rng = np.random.default_rng(seed)
    order = np.lexsort((data.row, data.timestamp))
    after = data.timestamp >= data.timestamp[order[int(len(data) * cut)]]
    n_before, n_after = (np.bincount(data.user[m], minlength=data.n_users) for m in (~after, after))
    warm = np.flatnonzero((n_before >= least) & (n_after >= least))
    if len(warm) == 0:
        raise ValueError(f"nobody has {least} rows on each side of the cut: move it or lower least")
    test, exchanged = list[np.ndarray](), list[tuple[np.ndarray, np.ndarray]]()
    for user in warm:
        mine = order[data.user[order] == user]  # in time
        before, later = mine[~after[mine]], mine[after[mine]]
        half = len(later) // 2
        test.append(later[:half])
        last = data.timestamp[later[half - 1]]
        later = later[half:][data.timestamp[later[half:]] > last]  # not within the same second
        exchanged.append(_exchange(rng, before, later))
    others = ~np.isin(data.user, warm)
    before, later = np.flatnonzero(others & ~after), np.flatnonzero(others & after)
    exchanged.append(_exchange(rng, before, later))
    mixed = ~after
    for out, new in exchanged:
        mixed[out], mixed[new] = False, True
    tested = np.sort(np.concatenate(test))
    return Laboratory(data.take(tested), data.take(~after), data.take(mixed))


def _exchange(
    rng: np.random.Generator, before: np.ndarray, later: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rows that leave and rows that come, equally many: at most half of those before."""
    n = min(len(before) // 2, len(later))
    return rng.choice(before, n, replace=False), rng.choice(later, n, replace=False)


def sees_test(make: Callable[[Dataset, Dataset], Any], train: Dataset, test: Dataset) -> bool:
    """The detective: does the result of `make(train, test)` change if the test part changes?

    All that a pipeline computes before it scores (means, counts, bins, lists of items, a fitted
    model's numbers) must depend only on the training part. So `make` runs three times: with the
    test part as it is, with its ratings turned upside down, and with only every second row.

    Args:
        make: called with the two parts; returns numbers, strings, arrays, frames, or mappings,
            lists and tuples of such. It must be deterministic: seed what is random.
        train, test: the parts.

    Returns:
        True if anything differs: it has seen the test part. False: neither of the two changes
        made a difference to what was made here.

    Raises:
        ValueError: `make` gives different results for the very same parts.
    """
    honest = make(train, test)
    if not _same(honest, make(train, test)):
        raise ValueError("make(train, test) differs between two equal calls: seed what is random")
    low, high = test.scale
    upside_down = replace(test, rating=low + high - test.rating)
    fewer = test.take(np.arange(1, len(test), 2))
    return not all(_same(honest, make(train, other)) for other in (upside_down, fewer))


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, (pd.Series, pd.DataFrame)) and isinstance(b, type(a)):
        return bool(a.equals(b))  # type: ignore[arg-type]
    if hasattr(a, "detach"):  # a torch tensor
        a, b = a.detach().cpu(), b.detach().cpu()
    x, y = np.asarray(a), np.asarray(b)
    numeric = np.issubdtype(x.dtype, np.number) and np.issubdtype(y.dtype, np.number)
    return bool(np.array_equal(x, y, equal_nan=bool(numeric)))


def twins(items: pd.DataFrame) -> dict[str, list[Any]]:
    """Titles with more than one id in the table: each title with its ids, in table order."""
    doubled = items[items["title"].duplicated(keep=False)]
    return {str(title): ids.tolist() for title, ids in doubled.groupby("title", sort=True)["item"]}


def twin_ratings(train: Dataset, test: Dataset) -> np.ndarray:
    """What the same user gave, in `train`, to the same title under another id: (n_test,) stars.

    NaN where there is no such row. A test row that has one is no test: its answer is known.
    """
    code, _ = pd.factorize(test.items["title"])
    n = int(code.max(initial=0)) + 1
    before, now = (part.user.astype(np.int64) * n + code[part.item] for part in (train, test))
    known = pd.Series(train.rating).groupby(before).mean()
    return known.reindex(now).to_numpy(dtype=np.float64)
