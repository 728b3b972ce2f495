"""Columns of a table that somebody brings: as arrays, or one error that says what to change."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from recsys_tutorial.datasets.vocabulary import one_dimensional, plain

LARGEST = 1e15
"""The largest rating: squares of larger ones do not fit the 32 bits of the models."""

_HEAVY = 20.0  # times the median: counts reach that far, scales of ratings do not
_UNITS = {"seconds": 1e11, "milliseconds": 1e14, "microseconds": 1e17, "nanoseconds": 9.2e18}
"""Upper limit of times in each unit: seconds up to the year 5138."""


def refuse(
    column: pd.Series,
    wrong: Any,
    what: str,
    error: type[Exception] = ValueError,
    table: str = "ratings",
) -> None:
    """Raise the error if any row is `wrong` (n,), with the value and place of the first one."""
    if (rows := np.flatnonzero(wrong)).size:
        raise error(
            f"{table}: {column.name} {plain(column.iloc[rows[0]])!r} in row {rows[0]} "
            f"({rows.size} such rows in all) {what}"
        )


def only_column(table: Any, label: str, name: str) -> pd.Series:
    """The column of this name, which must be there once and without a null.

    Raises:
        TypeError: the table is not a DataFrame.
        ValueError: the column is missing, doubled, or has a null.
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"{label} must be a pandas DataFrame, not {type(table).__name__}: "
            "build one with pd.DataFrame({...}) or pd.read_csv(path)"
        )
    if (times := int((table.columns == name).sum())) != 1:
        raise ValueError(
            f"{label} has {times} columns named {name!r}, expected one, among "
            f"{[*map(str, table.columns)]}: rename one with "
            f"{label}.rename(columns={{'its name': '{name}'}}), or reset_index() if it is the index"
        )
    remedy = f"is null: drop such rows with {label}.dropna(subset=['{name}'])"
    refuse(table[name], table[name].isna(), remedy, table=label)
    return table[name]


def ids_of(column: pd.Series, first: Any, table: str = "ratings") -> np.ndarray:
    """The ids as int64, or as an object array of Python values of the type of `first`: (n,).

    Raises:
        TypeError: ids of two types, or of a type that cannot be an id.
    """
    kind = type(first)
    if kind in (bool, float) or kind.__hash__ is None:
        raise TypeError(
            f"{table}: {column.name} ids are {column.dtype} (the first is {first!r}): ids must be "
            "whole numbers, text or tuples. Whole numbers become float where a null once was: use "
            f"{table}['{column.name}'].astype('int64')"
        )
    whole = pd.api.types.is_integer_dtype(column) and column.dtype.name.lower() != "uint64"
    if whole and kind is int:
        return column.to_numpy(dtype=np.int64)
    values = [plain(value) for value in column.tolist()]
    refuse(
        column,
        [type(value) is not kind for value in values],
        f"is not of the same type as {first!r} ({kind.__name__}) in row 0 of ratings: make them "
        "one type, as with .astype(str)",
        TypeError,
        table,
    )
    return one_dimensional(values)


def finite(column: pd.Series, *, signed: bool = True) -> np.ndarray:
    """The numbers as a new float64 array (n,), which later changes to the table do not reach.

    Raises:
        TypeError: a value is not a number.
        ValueError: a value is beyond `LARGEST`, or negative although not `signed`.
    """
    if not pd.api.types.is_numeric_dtype(column):
        text = [not isinstance(value, Real) for value in column]
        remedy = f"convert the column with pd.to_numeric(ratings['{column.name}'])"
        refuse(column, text, f"is not a number: {remedy}", TypeError)
    values = column.to_numpy(dtype=np.float64, copy=True)
    remedy = "drop the row, or divide the column by a constant"
    refuse(column, np.abs(values) > LARGEST, f"is beyond {LARGEST:g}: {remedy}")
    if not signed:
        refuse(column, values < 0, "is negative: how much a row counts must be >= 0")
    return values


def seconds(column: pd.Series) -> np.ndarray:
    """Timestamps as whole seconds, int64 (n,); smaller units are converted with a warning.

    Raises:
        TypeError: text.
        ValueError: numbers in two units or beyond nanoseconds.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        # Datetimes with a time zone are UTC inside; those without are taken as UTC.
        return column.dt.as_unit("s").astype("int64").to_numpy(copy=True)
    if not pd.api.types.is_numeric_dtype(column):
        text = pd.to_numeric(column, errors="coerce").isna()
        to = "datetime" if text.any() else "numeric"
        remedy = f"convert the column with pd.to_{to}(ratings['timestamp'])"
        what = f"is neither a number of seconds nor a datetime: {remedy}"
        refuse(column, np.ones(len(column)), what, TypeError)
    size, limits = np.abs(column.to_numpy(dtype=np.float64)), [*_UNITS.values()]
    unit = int(np.searchsorted(limits, np.median(size), "right"))
    refuse(
        column,
        size >= limits[min(unit, 3)],
        "is not a time in seconds, or not in the unit of the others: divide the column by its "
        "unit, or convert it with pd.to_datetime",
    )
    if unit > 0:
        warnings.warn(
            f"timestamps look like {[*_UNITS][unit]} (the largest is {size.max():g}): they were "
            "converted to seconds",
            stacklevel=3,
        )
    if pd.api.types.is_integer_dtype(column):
        return column.to_numpy(dtype=np.int64, copy=True) // 1000**unit
    return np.floor(column.to_numpy(dtype=np.float64) / 1000**unit).astype(np.int64)


def confidence(counts: np.ndarray, alpha: float) -> np.ndarray:
    """1 + alpha log(1 + c), divided by its mean: (n,) weights of mean 1; 0 for counts of 0.

    Y. Hu, Y. Koren and C. Volinsky, Collaborative filtering for implicit feedback datasets, ICDM
    2008, equation 6.
    """
    weight = np.where(counts > 0, 1.0 + alpha * np.log1p(counts), 0.0)
    return weight / weight.mean() if weight.any() else weight


def warn_of_counts(rating: np.ndarray) -> None:
    """Warn where ratings look like counts: no scale of stars has such a long tail."""
    highest = float(rating.max())
    middle = float(np.median(rating[rating > 0])) if highest > 0 else 0.0  # not of 0 and 1
    if len(rating) >= 20 and rating.min() >= 0 and highest > _HEAVY * middle:
        warnings.warn(
            f"ratings look like counts: the median is {middle:g} and the largest {highest:g}, "
            "which will outweigh all others. Give them as counts=, as in from_frame(table, "
            "counts='rating'), or take their logarithm (np.log1p)",
            stacklevel=3,
        )
