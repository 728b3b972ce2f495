"""Checks of page 05."""

from __future__ import annotations

from typing import Any

import numpy as np

from recsys_tutorial.checks.registry import register
from recsys_tutorial.pages import Page


@register("05.pmi", asks="function")
def pmi(answer: Any, page: Page) -> str | None:
    """A function of a table of counts: pointwise mutual information in nats."""
    n = np.random.default_rng(5).integers(1, 40, (4, 4)).astype(float)
    found = answer(n.copy())
    if np.shape(found) != n.shape:
        return f"the result must have the table's shape {n.shape}, not {np.shape(found)}."
    found = np.asarray(found, dtype=float)
    rows, columns = n.sum(1, keepdims=True), n.sum(0, keepdims=True)
    expected = np.log(n * n.sum() / (rows * columns))
    slips = {
        "take the logarithm of the ratio.": np.exp(expected),
        "the logarithm must be the natural one (np.log).": expected / np.log(2),
        "the sum of everything is missing: compare with chance.": np.log(n / (rows * columns)),
        "this compares with the row's sum alone; the column's is part of chance too.": np.log(
            n / rows
        ),
        "rows and columns are mixed up: one sum is taken twice.": np.log(n * n.sum() / rows**2),
        "the two sums must make a table, one as a column, one as a row: see keepdims.": np.log(
            n * n.sum() / (n.sum(0) * n.sum(1))
        ),
    }
    for text, slip in slips.items():
        if np.abs(found - slip).max() < 1e-9:
            return text
    if not np.abs(found - expected).max() < 1e-9:
        return "on counts of our own it gives other numbers than the formula."
    return None


@register("05.target", asks="function")
def target(answer: Any, page: Page) -> str | None:
    """A function (v, a, b, c): the unit vectors' b - a + c."""
    v = np.random.default_rng(6).normal(size=(6, 3)) * np.array([[1.0], [5], [0.2], [3], [1], [1]])
    found = answer(v.copy(), 0, 1, 2)
    if np.shape(found) != (3,):
        return f"one vector of the shape (3,) is asked; this returns the shape {np.shape(found)}."
    found = np.asarray(found, dtype=float)

    def points_to(other: np.ndarray) -> bool:
        length = np.linalg.norm(found) * np.linalg.norm(other)
        return bool(found @ other > (1 - 1e-9) * length)  # only the direction matters

    a, b, c = v[:3] / np.linalg.norm(v[:3], axis=1, keepdims=True)
    if points_to(v[1] - v[0] + v[2]):
        return "long vectors outweigh short ones: give each the length 1 first."
    if points_to(a - b + c):
        return "the step goes the wrong way: from a to b is b - a."
    if points_to(b - a - c) or points_to(b - a):
        return "the step must start at c."
    if not points_to(b - a + c):
        return "on vectors of our own it points elsewhere than c + (b - a)."
    return None


@register("05.best_score", asks="function")
def best_score(answer: Any, page: Page) -> str | None:
    """A function (n_wc, n_w, n_c, n, k): ln of how often a pair meets over how often made up."""
    n_wc, n_w, n_c, n, k = 12.0, 40.0, 90.0, 700.0, 5
    found = answer(n_wc, n_w, n_c, n, k)
    if np.ndim(found) != 0:
        return f"one number is asked; this returns the shape {np.shape(found)}."
    pmi = np.log(n_wc * n / (n_w * n_c))
    real, made_up = n_wc, k * n_w * n_c / n
    slips = {
        "k is missing: for each real pair k are made up.": pmi,
        "the sign of ln k is wrong: more made-up pairs make any pair less likely real.": pmi
        + np.log(k),
        "that is the ratio; the score is its logarithm.": real / made_up,
        "that is the probability; the score s has sigma(s) as its probability.": real
        / (real + made_up),
        "it is the logarithm of first over second, not of second over first.": np.log(k) - pmi,
    }
    for text, slip in slips.items():
        if abs(float(found) - slip) < 1e-9:
            return text
    if not abs(float(found) - (pmi - np.log(k))) < 1e-9:
        return "on counts of our own the derivative is not zero there."
    return None
