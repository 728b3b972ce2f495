"""Side tables as numbers: what is known of users and items, one row each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from recsys_tutorial.datasets.dataset import Dataset

BINS = 10  # a number falls into one of so many ranges, each with equally many training ratings
MOST_CATEGORIES = 50  # a column of text with more values (zip codes) tells rows apart, groups none


class FeatureTable(NamedTuple):
    """Features of users or items.

    Attributes:
        values: float32 (n, f), a row for each user or item.
        names: What each of the f columns means.
    """

    values: Tensor
    names: list[str]


def feature_table(frame: pd.DataFrame, counts: np.ndarray, as_number: bool = True) -> FeatureTable:
    """Turn a side frame into features.

    Columns named user, item and title are left out. Of the others,

    * numbers become two things: their distance from the training mean in standard deviations,
      and which of ten ranges they fall into (taste does not change with the year in a line);
    * tuples or lists of text (genres) are multi-hot: one column per label, 1 where it applies. A
      film of three genres has three ones, and a model adds up the three: a sum, not a mean;
    * other values are categories, one-hot, unless there are more than MOST_CATEGORIES.

    A value that is missing or was never seen in training has 0 everywhere, so it adds nothing.

    Args:
        frame: One row per user or item, in the order of the vocabulary (`Dataset.users`, `.items`).
        counts: (n,), training ratings of each row; scales, ranges and known values come from rows
            with training ratings alone, each as often as it was rated.
        as_number: Whether numbers are features themselves, beside the ranges they fall into.
    """
    columns: dict[str, np.ndarray] = {}
    for name in frame.columns:
        if name not in ("user", "item", "title"):
            column = frame[name].reset_index(drop=True)
            if is_number(column):
                columns |= _ranges(str(name), column, counts, as_number)
            else:
                columns |= _labels(str(name), column, counts)
    values = np.stack(list(columns.values()), axis=1) if columns else np.zeros((len(frame), 0))
    return FeatureTable(torch.from_numpy(values.astype(np.float32)), list(columns))


def side_tables(train: Dataset) -> tuple[Tensor, Tensor]:
    """All features of the users, (n_users, f), and of the items, (n_items, g)."""
    users = feature_table(train.users, train.counts("user"))
    return users.values, feature_table(train.items, train.counts("item")).values


def is_number(column: pd.Series) -> bool:
    """Whether a column holds numbers; True and False are two labels."""
    kinds = pd.api.types
    return kinds.is_numeric_dtype(column) and not kinds.is_bool_dtype(column)


def _ranges(
    name: str, column: pd.Series, counts: np.ndarray, as_number: bool
) -> dict[str, np.ndarray]:
    """The number itself, in standard deviations from its mean, and at most BINS ranges."""
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    known = np.isfinite(values)
    values = np.where(known, values, 0.0)
    rated = np.repeat(values, counts * known)  # an entry for each training rating
    # Equal numbers say nothing about a row, and rounding may give them a standard deviation.
    if len(rated) == 0 or rated.min() == rated.max():
        return {}
    columns = {name: (values - rated.mean()) / rated.std() * known} if as_number else {}
    cuts = np.unique(np.quantile(rated, np.arange(1, BINS) / BINS))
    place = np.searchsorted(cuts, values, side="right")
    ends = ["", *(f"{cut:g}" for cut in cuts), ""]
    for k in range(len(cuts) + 1):
        columns[f"{name} {ends[k]}..{ends[k + 1]}"] = (known & (place == k)).astype(float)
    return columns


def _labels(name: str, column: pd.Series, counts: np.ndarray) -> dict[str, np.ndarray]:
    """A column for each label with training ratings: 1 where it applies.

    At most MOST_CATEGORIES, those on most rows with training ratings; none where each row has one
    label and there are more.
    """
    labels = column.explode().dropna().astype(str)  # a row of several labels is there as often
    seen = labels[counts[labels.index] > 0].sort_values().value_counts(sort=False)
    several = column.map(pd.api.types.is_list_like).any()
    if len(seen) > MOST_CATEGORIES and not several:
        return {}
    kept = seen.sort_values(ascending=False, kind="stable").index[:MOST_CATEGORIES]
    return {
        f"{name} {label}": column.index.isin(labels.index[labels == label]).astype(float)
        for label in sorted(kept)
    }


def from_features(side: Tensor, meaning: Tensor, index: Tensor) -> Tensor:
    """What features add to these rows, `(side @ meaning)[index]`: (*S,) or (*S, dim).

    A batch larger than the table has every row several times, so the product comes first.
    """
    if index.numel() < len(side):
        return side[index] @ meaning
    rows = (side @ meaning).index_select(0, index.reshape(-1))
    return rows.view(index.shape + meaning.shape[1:])
