"""Checks of page 05."""

from typing import Any

import numpy as np

from recsys_workshop.checks.registry import compare, near, numbers, register, unit
from recsys_workshop.pages import Page


@register("05.pmi", asks="function")
def pmi(answer: Any, page: Page) -> str | None:
    """A function of a table of counts: pointwise mutual information in nats."""
    n = np.random.default_rng(5).integers(1, 40, (4, 4)).astype(float)
    r, c = n.sum(1, keepdims=True), n.sum(0, keepdims=True)
    right, of_rows, of_columns = np.log(n * n.sum() / (r * c)), np.log(n / r), np.log(n / c)
    flat = np.log(n * n.sum() / (n.sum(0) * n.sum(1)))
    slips = {
        "take the logarithm of the ratio.": np.exp(right),
        "base 2: the logarithm must be the natural one (np.log).": right / np.log(2),
        "base 10: the logarithm must be the natural one (np.log).": right / np.log(10),
        "a PMI below zero stays as it is here.": np.maximum(right, 0),
        "the sum of everything is missing: compare with chance.": np.log(n / (r * c)),
        "this compares with the row's sum alone; chance depends on the column's sum too.": of_rows,
        "this compares with the column's sum alone; chance depends on the row's too.": of_columns,
        "rows and columns are mixed up: one sum is taken twice.": np.log(n * n.sum() / r**2),
        "the two sums must make a table, one as a column, one as a row: see keepdims.": flat,
    }
    other = "for the counts that we tried it does not give the numbers of the formula."
    shape = f"the result must have the table's shape {n.shape}, not {{shape}}."
    return compare(answer(n.copy()), right, slips, other, shape=shape)


@register("05.target", asks="function")
def target(answer: Any, page: Page) -> str | None:
    """A function (v, a, b, c): the unit vectors' b - a + c."""
    v = np.random.default_rng(6).normal(size=(6, 3)) * np.array([[1.0], [5], [0.2], [3], [1], [1]])
    found = answer(v.copy(), 0, 1, 2)
    if np.shape(found) != (3,):
        return f"this returns the shape {np.shape(found)}; return one vector, of the shape (3,)."
    a, b, c = unit(v[:3])
    found = unit(numbers(found))  # only the direction matters
    if near(found, unit(b - a)) or near(found, unit(b - a - c)):
        return "the step must start at c."
    slips = {
        "long vectors outweigh short ones: give each the length 1 first.": unit(v[1] - v[0] + v[2]),
        "the step goes the wrong way: from a to b is b - a.": unit(a - b + c),
        "this is c itself: take the step from a to b.": c,
        "this is b alone, the rival of the next cell: start at c and take the step.": b,
    }
    other = "for the vectors that we tried it does not point in the direction c + (b - a)."
    return compare(found, unit(b - a + c), slips, other)


@register("05.best_score", asks="function")
def best_score(answer: Any, page: Page) -> str | None:
    """A function (n_wc, n_w, n_c, n, k): ln of how often a pair meets over how often made up."""
    n_wc, n_w, n_c, n, k = 12.0, 40.0, 90.0, 700.0, 5
    made_up = k * n_w * n_c / n
    right, chance = np.log(n_wc / made_up), n_wc / (n_wc + made_up)
    plus = right + 2 * np.log(k)
    slips = {
        "k is missing: for each real pair k are made up.": right + np.log(k),
        "the sign of ln k is wrong: more made-up pairs make any pair less likely real.": plus,
        "that is the ratio; the score is its logarithm.": n_wc / made_up,
        "base 2: the logarithm in the loss is the natural one.": right / np.log(2),
        "k belongs inside the logarithm, beside the count that it multiplies.": right
        + np.log(k)
        - k,
        "that is the probability; the score s has sigma(s) as its probability.": chance,
        "it is the logarithm of first over second, not of second over first.": -right,
    }
    other = "for the counts that we tried the derivative is not zero there."
    return compare(answer(n_wc, n_w, n_c, n, k), right, slips, other)
