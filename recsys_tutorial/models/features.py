"""Side tables as numbers: what is known of users and items, one row each, ready for a model."""

from __future__ import annotations

from collections import Counter
from functools import partial
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
    """Features of users or items.

    Attributes:
        values: float32 (n, f), a row for each user or item.
        names: What the f columns say.
    """

    values: Tensor
    names: list[str]


def feature_table(frame: pd.DataFrame, counts: np.ndarray, as_number: bool = True) -> FeatureTable:
    """Turn a side frame into features.

    Columns named user, item and title are left out; of the others,

    * numbers become two things: their distance from the training mean in standard deviations,
      and which of ten ranges they fall into (taste does not change with the year in a line);
    * tuples or lists of text (genres) are multi-hot: one column a label, 1 where it applies. A
      film of three genres has three ones, and a model adds up the three: a sum, not a mean;
    * other values are categories, one-hot, unless there are more than MOST_CATEGORIES.

    What is missing, or never seen in training, is 0 everywhere: nothing known, nothing added.

    Args:
        frame: One row a user or item, in the order of the vocabulary (`Dataset.users`, `.items`).
        counts: (n,), training ratings of each row; scales, ranges and known values come from rows
            with training ratings alone, each as often as it was rated.
        as_number: Whether numbers are features themselves, beside the ranges they fall into.
    """
    columns: dict[str, np.ndarray] = {}
    for name in frame.columns:
        if name in ("user", "item", "title"):
            continue
        read = partial(_ranges, as_number=as_number) if is_number(frame[name]) else _labels
        columns |= read(str(name), frame[name], counts)
    values = np.stack(list(columns.values()), axis=1) if columns else np.zeros((len(frame), 0))
    return FeatureTable(torch.from_numpy(values.astype(np.float32)), list(columns))


def is_number(column: pd.Series) -> bool:
    """Whether a column is one of numbers; True and False are two labels."""
    kinds = pd.api.types
    return kinds.is_numeric_dtype(column) and not kinds.is_bool_dtype(column)


def _ranges(
    name: str, column: pd.Series, counts: np.ndarray, as_number: bool
) -> dict[str, np.ndarray]:
    """At most BINS columns, 1 where the number falls into this range of the training ratings.

    Before them, as_number, its distance from the training mean in standard deviations.
    """
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    known = np.isfinite(values)
    values = np.where(known, values, 0.0)
    rated = np.repeat(values, counts * known)  # an entry for each training rating
    # Nothing to tell rows apart by; the standard deviation of equal numbers is not always 0.
    if len(rated) == 0 or rated.min() == rated.max():
        return {}
    columns = {name: np.where(known, (values - rated.mean()) / rated.std(), 0.0)}
    cuts = np.unique(np.quantile(rated, np.arange(1, BINS) / BINS))
    place = np.searchsorted(cuts, values, side="right")
    ends = ["", *(f"{cut:g}" for cut in cuts), ""]
    ranges = {
        f"{name} {ends[k]}..{ends[k + 1]}": (known & (place == k)).astype(float)
        for k in range(len(cuts) + 1)
    }
    return columns | ranges if as_number else ranges


def _labels(name: str, column: pd.Series, counts: np.ndarray) -> dict[str, np.ndarray]:
    """A column for each label with training ratings: 1 where it applies.

    At most MOST_CATEGORIES, those on most rows with training ratings; none where each row has one
    label and there are more.
    """
    sets = [_set_of(value) for value in column]
    several = any(isinstance(value, _SEVERAL) for value in column)
    seen = Counter(label for row, n in zip(sets, counts, strict=True) if n for label in row)
    if len(seen) > MOST_CATEGORIES and not several:
        return {}
    kept = sorted(sorted(seen), key=lambda label: -seen[label])[:MOST_CATEGORIES]
    return {
        f"{name} {label}": np.array([label in row for row in sets], dtype=float)
        for label in sorted(kept)
    }


def _set_of(value: Any) -> set[str]:
    if isinstance(value, _SEVERAL):
        return set(map(str, value))
    return set() if value is None or value is pd.NA or value != value else {str(value)}


def from_features(side: Tensor, meaning: Tensor, index: Tensor) -> Tensor:
    """What features add to these rows, `(side @ meaning)[index]`: (*S,) or (*S, dim).

    A batch larger than the table holds rows again and again: then the product is taken once a row.
    """
    if index.numel() < len(side):
        return side[index] @ meaning
    rows = (side @ meaning).index_select(0, index.reshape(-1))
    return rows.view(index.shape + meaning.shape[1:])
