"""Checks of the arguments of metrics; the error shows the offending value."""

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def numbers(name: str, values: Any) -> Floats:
    """``values`` as a float64 array of any shape; ValueError if empty, not numeric or NaN."""
    if hasattr(values, "detach"):  # a torch tensor, recognised without importing torch
        values = values.detach().cpu()
    try:
        array = np.asarray(values).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be an array of numbers: {error}") from error
    if array.ndim == 0:
        raise ValueError(f"{name} must be an array, got the single value {values!r}")
    if array.size == 0:
        raise ValueError(f"{name} is empty: shape {array.shape}")
    if np.isnan(array).any():
        raise ValueError(f"{name} holds NaN")
    return array


def same_shape(first: str, a: Floats, second: str, b: Floats) -> None:
    """Refuse arrays of different shapes: (n,) against (n, 1) would broadcast to n x n."""
    if a.shape != b.shape:
        raise ValueError(f"{first} and {second} differ in shape: {a.shape} and {b.shape}")


def binary(name: str, labels: Floats) -> None:
    """Refuse labels other than 0 and 1."""
    wrong = labels[(labels != 0) & (labels != 1)]
    if wrong.size:
        raise ValueError(f"{name} must be 0 or 1, got {wrong[0]:g}")


def labels_and_scores(labels: Any, scores: Any) -> tuple[Floats, Floats]:
    """Two arrays of one dimension and one length: labels of 0 and 1, and their scores."""
    y, s = numbers("labels", labels), numbers("scores", scores)
    same_shape("labels", y, "scores", s)
    if y.ndim != 1:
        raise ValueError(f"labels and scores must have one dimension, got shape {y.shape}")
    binary("labels", y)
    return y, s


def whole(name: str, value: Any, least: int = 1) -> int:
    """``value`` as an int of at least ``least``; a bool or a float is refused."""
    number = None if isinstance(value, (bool, np.bool_)) else getattr(value, "__index__", None)
    if number is None or operator.index(value) < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return operator.index(value)
