"""Columns of numbers and times of a user's table: as arrays, or refused with one clear error."""

from __future__ import annotations

import warnings
from numbers import Real

import numpy as np
import pandas as pd

LARGEST = 1e15
"""The largest rating: squares of larger ones do not fit the 32 bits of the models."""

_HEAVY = 20.0  # times the median: counts reach that far, scales of ratings do not
_UNITS = {"seconds": 1e11, "milliseconds": 1e14, "microseconds": 1e17, "nanoseconds": 9.2e18}
"""Upper limit of times in each unit: seconds up to the year 5138."""


def finite(column: pd.Series, name: str, *, signed: bool = True) -> np.ndarray:
    """A column of finite numbers as a new float64 array (n,).

    Raises:
        TypeError: a value is not a number.
        ValueError: a value is null, infinite, beyond `LARGEST`, or negative although not `signed`.
    """
    if not pd.api.types.is_numeric_dtype(column):
        for row, value in enumerate(column):
            if not isinstance(value, Real) and value is not None and value is not pd.NA:
                raise TypeError(
                    f"ratings: {name} {value!r} in row {row} is a {type(value).__name__}, not "
                    f"a number: convert the column with pd.to_numeric(ratings['{name}'])"
                )
    # A copy: later changes to the caller's table must not reach it.
    values = column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    for wrong, what in (
        (~np.isfinite(values), f"not finite: drop it with ratings.dropna(subset=['{name}'])"),
        (np.abs(values) > LARGEST, f"beyond {LARGEST:g}: divide the column by a constant"),
        ((values < 0) & (not signed), "negative: how much a row counts must be >= 0"),
    ):
        if wrong.any():
            row, count = int(wrong.argmax()), int(wrong.sum())
            raise ValueError(
                f"ratings: {name} {values[row]:g} in row {row} ({count} such rows in all) is {what}"
            )
    return values


def seconds(column: pd.Series) -> np.ndarray:
    """Timestamps as whole seconds, int64 (n,); smaller units are converted with a warning.

    Raises:
        TypeError: text.
        ValueError: null or infinite times, or numbers in two units or beyond nanoseconds.
    """
    if (null := np.flatnonzero(column.isna())).size:
        raise ValueError(
            f"ratings: null timestamp in row {null[0]} ({null.size} in all): drop these rows, or "
            "leave the column out"
        )
    if pd.api.types.is_datetime64_any_dtype(column):
        # Datetimes with a time zone are UTC inside; those without are taken as UTC.
        return column.dt.as_unit("s").astype("int64").to_numpy(copy=True)
    if not pd.api.types.is_numeric_dtype(column):
        is_number = pd.to_numeric(column, errors="coerce").notna().all()
        raise TypeError(
            f"ratings: timestamp {column.iloc[0]!r} in row 0 is neither a number of seconds nor a "
            "datetime: convert the column with "
            f"pd.to_{'numeric' if is_number else 'datetime'}(ratings['timestamp'])"
        )
    size = np.abs(column.to_numpy(dtype=np.float64))
    largest, limits = size.max(), [*_UNITS.values()]
    unit, usual = np.searchsorted(limits, [largest, np.median(size)], "right").tolist()
    if (unit != usual and unit > 0) or unit == len(limits):
        raise ValueError(
            f"ratings: timestamp {largest:g} in row {size.argmax()} is not a time in seconds, or "
            "not in the unit of the others: divide the column by its unit, or convert it with "
            "pd.to_datetime"
        )
    if unit > 0:
        warnings.warn(
            f"timestamps look like {[*_UNITS][unit]} (the largest is {largest:g}): they were "
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
    if not isinstance(alpha, Real) or not 0 <= alpha < np.inf:
        raise ValueError(f"alpha={alpha!r} must be a finite number >= 0")
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
