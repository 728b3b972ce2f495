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
    """Features of users or items.

    Attributes:
        values: float32 (n, f), a row for each user or item.
        names: What the f columns say.
    """

    values: Tensor
    names: list[str]


def feature_table(frame: pd.DataFrame, counts: np.ndarray) -> FeatureTable:
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
    """
    columns: dict[str, np.ndarray] = {}
    for name in frame.columns:
        if name in ("user", "item", "title"):
            continue
        if is_number(frame[name]):
            columns |= standardised(str(name), frame[name], counts)
            columns |= ranges(str(name), frame[name], counts)
        else:
            columns |= labels(str(name), frame[name], counts, seen_only=True)
    return FeatureTable(stacked(columns, len(frame)), list(columns))


def stacked(columns: dict[str, np.ndarray], n: int) -> Tensor:
    """The columns side by side, float32 (n, f)."""
    values = np.stack(list(columns.values()), axis=1) if columns else np.zeros((n, 0))
    return torch.from_numpy(values.astype(np.float32))


def is_number(column: pd.Series) -> bool:
    """Whether a column is one of numbers; True and False are two labels."""
    kinds = pd.api.types
    return kinds.is_numeric_dtype(column) and not kinds.is_bool_dtype(column)


def standardised(name: str, column: pd.Series, counts: np.ndarray) -> dict[str, np.ndarray]:
    """One column: distance from the training mean in standard deviations, 0 where unknown."""
    values, known, rated = _numbers(column, counts)
    # Nothing to tell rows apart by; the standard deviation of equal numbers is not always 0.
    if len(rated) == 0 or rated.min() == rated.max():
        return {}
    return {name: np.where(known, (values - rated.mean()) / rated.std(), 0.0)}


def ranges(
    name: str, column: pd.Series, counts: np.ndarray, bins: int = BINS
) -> dict[str, np.ndarray]:
    """At most `bins` columns: 1 where the number falls into this range of the training ratings."""
    values, known, rated = _numbers(column, counts)
    if len(rated) == 0 or rated.min() == rated.max():
        return {}
    cuts = np.unique(np.quantile(rated, np.arange(1, bins) / bins))
    place = np.searchsorted(cuts, np.where(known, values, 0.0), side="right")
    ends = ["", *(f"{cut:g}" for cut in cuts), ""]
    return {
        f"{name} {ends[k]}..{ends[k + 1]}": (known & (place == k)).astype(float)
        for k in range(len(cuts) + 1)
    }


def _numbers(column: pd.Series, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The numbers (n,), where they are known (n,), and one entry for each training rating."""
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    known = np.isfinite(values)
    return np.where(known, values, 0.0), known, np.repeat(values, counts * known)


def labels(
    name: str, column: pd.Series, counts: np.ndarray, seen_only: bool = False
) -> dict[str, np.ndarray]:
    """A column for each label: 1 where it applies.

    At most MOST_CATEGORIES, those on most rows with training ratings; none where each row has one
    label and there are more.

    Args:
        name: What the columns' names begin with.
        column: Values, or tuples or lists of values.
        counts: (n,), training ratings of each row.
        seen_only: Leave out labels without training ratings.
    """
    sets = [_set_of(value) for value in column]
    several = any(isinstance(value, _SEVERAL) for value in column)
    seen: dict[str, int] = {}  # label: rows with training ratings that carry it
    for row, n in zip(sets, counts, strict=True):
        for label in row if n or not seen_only else ():
            seen[label] = seen.get(label, 0) + bool(n)
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
