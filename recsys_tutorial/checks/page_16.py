"""Checks of page 16."""

from __future__ import annotations

from typing import Any

import numpy as np

from recsys_tutorial.checks.registry import register
from recsys_tutorial.pages import Page
from recsys_tutorial.results import ledger


@register("16.ease", asks="function")
def ease(answer: Any, page: Page) -> str | None:
    """A function (x, l2): the weights of EASE."""
    x = np.random.default_rng(4).uniform(0, 1, (30, 6))
    found = answer(x.copy(), 2.0)
    if np.shape(found) != (6, 6):
        return f"W must be (n_items, n_items), (6, 6) here; this is {np.shape(found)}."
    found = np.asarray(found, dtype=float)
    p = np.linalg.inv(x.T @ x + 2.0 * np.eye(6))
    right = -p / np.diag(p)
    if np.allclose(found, right):
        return "a film must not predict itself: the diagonal has to be zero."
    np.fill_diagonal(right, 0)
    slips = {
        "rows were divided where columns must be: W_ji is -P_ji / P_ii.": right.T,
        "the sign is wrong: a film that goes with another must get a positive weight.": -right,
        "each column is still to be divided by P_ii.": right * np.diag(p),
    }
    for text, slip in slips.items():
        if np.allclose(found, slip):
            return text
    if not np.allclose(found, right, atol=1e-6):
        return "on a table of our own it gives other weights than the regression of each column."
    return None


@register("16.user_row", asks="function")
def user_row(answer: Any, page: Page) -> str | None:
    """A function (q and x of the rated, gram of all, c, l2): the user's row."""
    rng = np.random.default_rng(5)
    every, c, l2 = rng.normal(size=(12, 3)), np.array([3.0, 1.5, 5.0, 2.0]), 0.7
    q, gram, x = every[:4], every.T @ every, np.array([1.0, 0.25, 0.8, 0.5])
    found = answer(q.copy(), x.copy(), gram.copy(), c.copy(), l2)
    if np.shape(found) != (3,):
        return f"the row must have the shape (dim,), (3,) here; this is {np.shape(found)}."

    def solved(extra: np.ndarray, right: np.ndarray, ridge: float, common: np.ndarray) -> Any:
        left = common + (q * extra[:, None]).T @ q + ridge * np.eye(3)
        return np.linalg.solve(left, q.T @ right)

    wanted = c * x
    slips = {
        "rated films count twice on the left: G holds them once already.": (c, wanted, l2),
        "on the right stands the whole confidence c.": (c - 1, (c - 1) * x, l2),
        "on the right each film wants its x, not 1.": (c - 1, c, l2),
        "on the right each film wants c times its x.": (c - 1, x, l2),
        "all that is missing is the penalty l2 on the diagonal.": (c - 1, wanted, 0.0),
    }
    for text, (extra, right, ridge) in slips.items():
        if np.allclose(found, solved(extra, right, ridge, gram)):
            return text
    if np.allclose(found, solved(c - 1, wanted, 0.0, gram + l2)):
        return "the penalty l2 belongs on the diagonal only: l2 times the identity."
    if np.allclose(found, solved(c, wanted, l2, 0 * gram)):
        return "this forgets all films that are not rated: their part is G."
    if not np.allclose(found, solved(c - 1, wanted, l2, gram), atol=1e-6):
        return "on numbers of our own it gives another row than the regression over all films."
    return None


@register("16.unfair")
def unfair(answer: Any, page: Page) -> str | None:
    """The models that beat careless EASE, and not tuned EASE."""
    if isinstance(answer, str):
        return "a list of names is asked, not a single one."
    rows = {n: r for n, r in ledger("16", "tuning").record["rows"].items() if "careless" in r}
    found = {str(name) for name in answer}
    unknown = sorted(found - set(rows))
    if unknown:
        return f"{unknown[0]!r} is not in the index of trials."
    low, high = rows["EASE"]["careless"], rows["EASE"]["valid"]
    if "EASE" in found:
        return "EASE cannot be better than itself."
    for name in sorted(found):
        tuned = rows[name]["valid"]
        if not low < tuned < high:
            side = "not above EASE's careless" if tuned <= low else "not below EASE's tuned"
            return f"{name} is wrong here: its tuned number is {side} one."
    missing = [n for n, r in rows.items() if low < r["valid"] < high and n not in found]
    if missing:
        return f"there are {len(missing)} more that a bad paper could praise."
    return None


@register("16.shared", asks="function")
def shared(answer: Any, page: Page) -> str | None:
    """A function (n, buckets): expected share of ids that are not alone in their bucket."""
    for n, buckets in ((1682, 1024), (1682, 1024**2), (2, 4), (1, 8)):
        found = answer(n, buckets)
        if np.ndim(found) != 0:
            return f"one number is asked; this returns the shape {np.shape(found)}."
        alone = (1 - 1 / buckets) ** (n - 1)
        if abs(float(found) - (1 - alone)) > 1e-9:
            if abs(float(found) - alone) < 1e-9 and n > 1:
                return "that is the share of ids that are alone: the others are asked."
            if n == 1:
                return "a single id has no company: with n = 1 the share is 0."
            if abs(float(found) - (1 - (1 - 1 / buckets) ** n)) < 1e-9:
                return "an id cannot meet itself: there are n - 1 others."
            return (
                f"for {n:,} ids and {buckets:,} buckets it gives {float(found):.4f}: too far off."
            )
    return None
