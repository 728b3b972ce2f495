"""Checks of page 10."""

from typing import Any

import numpy as np

from recsys_workshop.checks.registry import compare, register
from recsys_workshop.pages import Page


@register("10.offsets")
def offsets(answer: Any, page: Page) -> str | None:
    """Where the fields user, item, occupation and genres begin in the long row."""
    n_jobs = page.data.users["occupation"].nunique(dropna=False)
    begins = np.cumsum([0, page.data.n_users, page.data.n_items, n_jobs])
    found = np.asarray(answer, dtype=float)
    if found.shape != (4,):
        return f"four numbers are asked; this has the shape {found.shape}."
    if found[0] != 0:
        return "the first stretch begins at 0: nothing is before it."
    for name, mine, right in zip(
        ("item", "occupation", "genres"), found[1:], begins[1:], strict=True
    ):
        if mine != right:
            return f"the stretch of {name} must begin right where the one before it ends."
    return None


@register("10.pairs", asks="function")
def pairs(answer: Any, page: Page) -> str | None:
    """A function (v, x): sum over pairs of (v_j . v_k) x_j x_k."""
    rng = np.random.default_rng(2)
    v, x = rng.normal(size=(6, 3)), rng.uniform(0.5, 2.0, 6)
    a = v * x[:, None]
    square, squares = (a.sum(0) ** 2).sum(), (a**2).sum()
    flat = 0.5 * (a.sum() ** 2 - squares)
    slips = {
        "each pair is in it twice: take half of it.": square - squares,
        "the square of the sum still holds each place with itself: take those off.": 0.5 * square,
        "in the second term x must be squared too.": 0.5 * (square - (v**2 * x[:, None]).sum()),
        "this forgets x.": 0.5 * ((v.sum(0) ** 2).sum() - (v**2).sum()),
        "the numbers of the vectors got mixed: sum over places first, then square.": flat,
    }
    other = "on rows of our own it gives another number than the sum over all pairs."
    return compare(answer(v.copy(), x.copy()), 0.5 * (square - squares), slips, other)


@register("10.centred", asks="function")
def centred(answer: Any, page: Page) -> str | None:
    """A function: the table without the means of its rows and of its columns."""
    table = np.random.default_rng(3).normal(1.0, 1.0, (4, 6))
    found = answer(table.copy())
    if np.shape(found) != table.shape:
        return f"the result must have the table's shape {table.shape}, not {np.shape(found)}."
    found = np.asarray(found, dtype=float)
    for axis, name in ((1, "row"), (0, "column")):
        worst = float(np.abs(found.mean(axis)).max())
        if worst > 1e-6:
            return f"a {name} still has a mean of {worst:.2f}."
    rows, columns = table.mean(1, keepdims=True), table.mean(0, keepdims=True)
    if np.abs(found - (table - rows - columns + table.mean())).max() > 1e-6:
        return "the means are zero, but more than means has changed."
    return None
