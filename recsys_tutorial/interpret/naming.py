"""Words for axes: the items at their ends, and what they go along with."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recsys_tutorial.arguments import check_dataset
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.interpret.axes import Axes

SAME_AXIS = 0.7
"""From this cosine on two axes count as the same: half of the one's variance is the other's."""

A_NAME = 0.3
"""From this |r| on an attribute names an axis: with less it has under a tenth of its variance."""


def attributes(dataset: Dataset, least: int = 10) -> pd.DataFrame:
    """What is known of the items without looking at tastes: one column each, row by item.

    popularity is log(1 + ratings in `dataset`); year where known; each genre is 1 or 0, left out
    where fewer than `least` items have it or lack it.
    """
    items = dataset.items
    table = pd.DataFrame({"popularity": np.log1p(dataset.counts("item"))}, index=items.index)
    if "year" in items and items["year"].notna().sum() >= least:
        table["year"] = items["year"].astype("Float64").to_numpy(float, na_value=np.nan)
    if "genres" in items:
        sets = [set(g) if isinstance(g, tuple) else set() for g in items["genres"]]
        for genre in sorted(set().union(*sets)):
            has = np.array([genre in s for s in sets], dtype=float)
            if least <= has.sum() <= len(has) - least:
                table[genre] = has
    return table


def correlations(
    axes: Axes, dataset: Dataset, *, most: int = 6, min_ratings: int = 30
) -> pd.DataFrame:
    """Pearson correlation of each attribute (rows) with the first axes (columns 1, 2, ...).

    Over items with at least `min_ratings` in `dataset`. Where a year is unknown it counts as the
    mean year.
    """
    rows = _rated(dataset, min_ratings)
    values = _standard(attributes(dataset).iloc[rows])
    places = _standard(pd.DataFrame(axes.items[rows][:, :most]))
    if values.empty or places.empty:
        raise ValueError(
            f"items with at least {min_ratings} ratings all have the same place on these axes, or "
            "the same attributes: pass a lower min_ratings, or fit the model for longer"
        )
    r = values.to_numpy().T @ places.to_numpy() / len(rows)
    return pd.DataFrame(r, values.columns, range(1, r.shape[1] + 1)).rename_axis(columns="axis")


def describe(
    axes: Axes,
    dataset: Dataset,
    *,
    baseline: np.ndarray | None = None,
    again: np.ndarray | None = None,
    most: int = 6,
    min_ratings: int = 30,
    seed: int = 0,
) -> pd.DataFrame:
    """The first `most` axes in words, one a row, with a verdict.

    Args:
        baseline: sd of axes that mean nothing, from `permutation_baseline`, (repeats, k), stars.
        again: From `matches`: how well each axis is found again, by another seed say.

    Returns:
        Columns: share (of the personal variance), sd (stars), chance (the largest sd of the
        baseline), again, low and high (the items at its ends), goes with (the attribute of the
        largest correlation), r, verdict. The verdict, in this order:

        - "nothing: no wider than chance": sd is not above the largest of the baseline;
        - "nothing: not found again": `again` is below SAME_AXIS;
        - "stable, but no name fits": |r| is below A_NAME, or not above what the best attribute of
          shuffled items reaches in 95 of 100 shuffles;
        - else the attribute, with r.

        Without `baseline` or `again` their step is passed over.
    """
    table = correlations(axes, dataset, most=most, min_ratings=min_ratings)
    size = table.to_numpy()
    rows = _rated(dataset, min_ratings)
    names = dataset.items["title"].astype(str).to_numpy()
    luck = _luck(axes, dataset, rows, most, seed)
    described = []
    for k in range(table.shape[1]):
        order = rows[np.argsort(axes.items[rows, k], kind="stable")]
        place = int(np.abs(size[:, k]).argmax())
        best, r = str(table.index[place]), float(size[place, k])
        row = {"axis": k + 1, "share": axes.share[k], "sd": axes.sd[k]}
        named = abs(r) > max(luck[k], A_NAME)
        verdict = f"{best} ({r:+.2f})" if named else "stable, but no name fits"
        if again is not None:
            row["again"] = again[k]
            verdict = verdict if again[k] >= SAME_AXIS else "nothing: not found again"
        if baseline is not None:
            row["chance"] = baseline.max()
            verdict = verdict if axes.sd[k] > baseline.max() else "nothing: no wider than chance"
        row |= {"low": "; ".join(names[order[:3]]), "high": "; ".join(names[order[::-1][:3]])}
        described.append(row | {"goes with": best, "r": r, "verdict": verdict})
    return pd.DataFrame(described).set_index("axis")


def _rated(dataset: Dataset, min_ratings: int) -> np.ndarray:
    """Positions of the items with so many ratings; ValueError where there are fewer than two."""
    check_dataset(dataset)
    counts = dataset.counts("item")
    rows = np.flatnonzero(counts >= min_ratings)
    if len(rows) < 2:
        raise ValueError(
            f"{len(rows) or 'no'} item has {min_ratings} ratings, and the most rated one has "
            f"{counts.max()}: pass a lower min_ratings"
        )
    return rows


def _luck(axes: Axes, dataset: Dataset, rows: np.ndarray, most: int, seed: int) -> np.ndarray:
    """(most,): 95th percentile, over shuffles of the items, of the best attribute's |r|."""
    rng = np.random.default_rng(seed)
    values = _standard(attributes(dataset).iloc[rows]).to_numpy()
    places = _standard(pd.DataFrame(axes.items[rows][:, :most])).to_numpy()
    best = [
        np.abs(values[rng.permutation(len(rows))].T @ places / len(rows)).max(0) for _ in range(200)
    ]
    return np.quantile(best, 0.95, axis=0)


def _standard(table: pd.DataFrame) -> pd.DataFrame:
    """Mean 0 and sd 1 by column, unknown cells at the mean; constant columns are left out."""
    sd = table.std(ddof=0)
    kept = table.loc[:, sd > 1e-12]
    return ((kept - kept.mean()) / kept.std(ddof=0)).fillna(0.0)
