"""Words for axes: the items at their ends, and the attributes that they correlate with."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recsys_tutorial.arguments import check_dataset
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.interpret.axes import Axes

SAME_AXIS = 0.7
"""From this cosine on two axes count as the same: each explains half of the other's variance."""

A_NAME = 0.3
"""From this |r| on an attribute names an axis; a smaller one explains under 9 % of its variance."""

LEAST = 10  # items that have an attribute, and items that lack it


def attributes(dataset: Dataset) -> pd.DataFrame:
    """What is known about the items besides tastes: one column per attribute, one row per item.

    popularity is log(1 + ratings in `dataset`); year if known; each genre is 1 or 0, and left out
    if fewer than `LEAST` items have it or lack it.
    """
    items = dataset.items
    table = pd.DataFrame({"popularity": np.log1p(dataset.counts("item"))}, index=items.index)
    if "year" in items and items["year"].notna().sum() >= LEAST:
        table["year"] = items["year"].astype("Float64").to_numpy(float, na_value=np.nan)
    if "genres" in items:
        sets = [set(g) if isinstance(g, tuple) else set() for g in items["genres"]]
        for genre in sorted(set().union(*sets)):
            has = np.array([genre in s for s in sets], dtype=float)
            if LEAST <= has.sum() <= len(has) - LEAST:
                table[genre] = has
    return table


def correlations(
    axes: Axes, dataset: Dataset, *, most: int = 6, min_ratings: int = 30
) -> pd.DataFrame:
    """Pearson correlation of each attribute (rows) with the first axes (columns 1, 2, ...).

    Over items with at least `min_ratings` in `dataset`; an unknown year counts as the mean year.
    """
    values, places, _ = _standardised(axes, dataset, most, min_ratings)
    r = values.to_numpy().T @ places / len(places)
    return pd.DataFrame(r, values.columns, range(1, r.shape[1] + 1)).rename_axis(columns="axis")


def describe(axes: Axes, dataset: Dataset, baseline: np.ndarray, again: np.ndarray) -> pd.DataFrame:
    """The first six axes in words, one per row, with a verdict.

    Args:
        baseline: sd of axes that mean nothing, from `permutation_baseline`, (repeats, k), stars.
        again: From `matches`: how well another seed finds each axis again.

    Returns:
        Columns: share (of the personal variance), sd (stars), chance (the largest sd of the
        baseline), again, low and high (the items at its ends), goes with (the attribute of the
        largest correlation), r, verdict. The verdict, in this order:

        - "nothing: no wider than chance": sd is not above the largest of the baseline;
        - "nothing: not found again": `again` is below SAME_AXIS;
        - "stable, but no name fits": |r| is below A_NAME, or not above what the best attribute of
          shuffled items reaches in 95 of 100 shuffles;
        - else the attribute, with r.
    """
    table = correlations(axes, dataset)
    values, places, rows = _standardised(axes, dataset, 6, 30)
    rng, of_items = np.random.default_rng(0), values.to_numpy()
    shuffled = [
        np.abs(of_items[rng.permutation(len(rows))].T @ places / len(rows)).max(0)
        for _ in range(200)
    ]
    luck = np.quantile(shuffled, 0.95, axis=0)  # (axes,)
    titles = dataset.items["title"].astype(str).to_numpy()
    described = []
    for k, axis in enumerate(table):
        order = rows[np.argsort(axes.items[rows, k], kind="stable")]
        place = int(np.abs(table.to_numpy()[:, k]).argmax())
        best, r = str(table.index[place]), float(table.to_numpy()[place, k])
        if axes.sd[k] <= baseline.max():
            verdict = "nothing: no wider than chance"
        elif again[k] < SAME_AXIS:
            verdict = "nothing: not found again"
        elif abs(r) <= max(luck[k], A_NAME):
            verdict = "stable, but no name fits"
        else:
            verdict = f"{best} ({r:+.2f})"
        described.append({
            "axis": axis, "share": axes.share[k], "sd": axes.sd[k], "again": again[k],
            "chance": baseline.max(), "low": "; ".join(titles[order[:3]]),
            "high": "; ".join(titles[order[::-1][:3]]), "goes with": best, "r": r,
            "verdict": verdict,
        })  # fmt: skip
    return pd.DataFrame(described).set_index("axis")


def _standardised(
    axes: Axes, dataset: Dataset, most: int, min_ratings: int
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Attributes and places of the items with enough ratings, mean 0 and sd 1; and their rows."""
    check_dataset(dataset)
    rows = np.flatnonzero(dataset.counts("item") >= min_ratings)
    values, places = (
        ((table - table.mean()) / table.std(ddof=0).where(table.std(ddof=0) > 1e-12))
        .dropna(axis=1, how="all")
        .fillna(0.0)
        for table in (attributes(dataset).iloc[rows], pd.DataFrame(axes.items[rows][:, :most]))
    )
    if values.empty or places.empty:
        raise ValueError(
            f"too few different items have {min_ratings} ratings: pass a lower min_ratings"
        )
    return values, places.to_numpy(), rows


def neighbours_kept(places: np.ndarray, picture: np.ndarray, k: int = 10) -> np.ndarray:
    """Share of each item's k nearest that are still among its k nearest in a picture: (n,).

    Args:
        places: (n, d), where nearness is the cosine; no row may be zero.
        picture: (n, 2), where it is the plain distance.
    """
    unit = places / np.linalg.norm(places, axis=1, keepdims=True)
    distances = (-(unit @ unit.T), ((picture[:, None] - picture[None]) ** 2).sum(-1))
    near = []
    for distance in distances:
        np.fill_diagonal(distance, np.inf)  # an item is not its own neighbour
        chosen = np.zeros(distance.shape, dtype=bool)
        np.put_along_axis(chosen, np.argpartition(distance, k - 1, axis=1)[:, :k], True, axis=1)
        near.append(chosen)
    return (near[0] & near[1]).sum(1) / k
