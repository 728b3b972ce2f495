"""Side tables as numbers: what is known of users and items, one row each, ready for a model."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

BINS = 10
"""A number also falls into one of this many ranges, each with equally many training ratings."""

MOST_CATEGORIES = 50
"""A column of text with more values than that tells rows apart (zip codes), it groups none."""


_SEVERAL = (tuple, list, np.ndarray)  # the last: what a list becomes in a Parquet file


class FeatureTable(NamedTuple):
    """values : float32 (n, f), a row for each user or item; names : what the f columns say"""

    values: Tensor
    names: list[str]


def feature_table(frame: pd.DataFrame, counts: np.ndarray) -> FeatureTable:
    """Turn a side frame into features.

    frame  : one row a user or item, in the order of the vocabulary (`Dataset.users`, `.items`)
    counts : (n,), training ratings of each row; scales, ranges and known values come from rows
             with training ratings alone, each as often as it was rated

    Columns named user, item and title are left out; of the others,

    * numbers become two things: their distance from the training mean in standard deviations,
      and which of ten ranges they fall into (taste does not change with the year in a line);
    * tuples or lists of text (genres) are multi-hot: one column a label, 1 where it applies. A
      film of three genres has three ones, and a model adds up the three: a sum, not a mean;
    * other values are categories, one-hot, unless there are more than MOST_CATEGORIES.

    What is missing, or never seen in training, is 0 everywhere: nothing known, nothing added.
    """
    columns: dict[str, np.ndarray] = {}
    for name in frame.columns:
        if name in ("user", "item", "title"):
            continue
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
            columns |= _number(str(name), numbers, counts)
        else:
            columns |= _labels(str(name), column, counts)
    values = np.stack(list(columns.values()), axis=1) if columns else np.zeros((len(frame), 0))
    return FeatureTable(torch.from_numpy(values.astype(np.float32)), list(columns))


def _number(name: str, values: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
    known = np.isfinite(values)
    rated = np.repeat(values, counts * known)  # one entry a training rating
    # Nothing to tell rows apart by; the standard deviation of equal numbers is not always 0.
    if len(rated) == 0 or rated.min() == rated.max():
        return {}
    scaled = np.zeros(len(values))
    scaled[known] = (values[known] - rated.mean()) / rated.std()
    cuts = np.unique(np.quantile(rated, np.arange(1, BINS) / BINS))
    place = np.searchsorted(cuts, np.where(known, values, 0.0), side="right")
    ends = ["", *(f"{cut:g}" for cut in cuts), ""]
    ranges = {
        f"{name} {ends[k]}..{ends[k + 1]}": known & (place == k) for k in range(len(cuts) + 1)
    }
    return {name: scaled, **{label: where.astype(float) for label, where in ranges.items()}}


def _labels(name: str, column: pd.Series, counts: np.ndarray) -> dict[str, np.ndarray]:
    sets = [_set_of(value) for value in column]
    several = any(isinstance(value, _SEVERAL) for value in column)
    seen: dict[str, int] = {}  # label: rows with training ratings that carry it
    for labels, n in zip(sets, counts, strict=True):
        for label in labels if n else ():
            seen[label] = seen.get(label, 0) + 1
    if len(seen) > MOST_CATEGORIES and not several:
        return {}
    kept = sorted(sorted(seen), key=lambda label: -seen[label])[:MOST_CATEGORIES]
    return {
        f"{name} {label}": np.array([label in labels for labels in sets], dtype=float)
        for label in sorted(kept)
    }


def _set_of(value: Any) -> set[str]:
    if isinstance(value, _SEVERAL):
        return set(map(str, value))
    return set() if value is None or value is pd.NA or value != value else {str(value)}
