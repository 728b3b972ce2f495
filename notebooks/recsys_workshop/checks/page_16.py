"""Checks of page 16."""

from typing import Any

import numpy as np

from recsys_workshop.checks.registry import compare, register
from recsys_workshop.pages import Page
from recsys_workshop.results import ledger


def _ease(x: np.ndarray, l2: float) -> np.ndarray:
    p = np.linalg.inv(x.T @ x + l2 * np.eye(x.shape[1]))
    w = -p / np.diag(p)
    np.fill_diagonal(w, 0)
    return np.asarray(w)


def _user_row(
    q: np.ndarray, x: np.ndarray, gram: np.ndarray, c: np.ndarray, l2: float
) -> np.ndarray:
    left = gram + (q * (c - 1)[:, None]).T @ q + l2 * np.eye(q.shape[1])
    return np.linalg.solve(left, q.T @ (c * x))


def _shared(n: int, buckets: int) -> float:
    return float(1 - (1 - 1 / buckets) ** (n - 1))


@register("16.ease", asks="function", solution=_ease)
def ease(answer: Any, page: Page) -> str | None:
    """A function (x, l2): the weights of EASE."""
    x = np.random.default_rng(4).uniform(0, 1, (30, 6))
    right = _ease(x, 2.0)
    p = np.linalg.inv(x.T @ x + 2.0 * np.eye(6))
    full = -p / np.diag(p)
    found = answer(x.copy(), 2.0)
    if not np.isfinite(np.asarray(found, dtype=float)).all():
        return "this holds nan or infinity: divide before the diagonal is set to zero."
    slips = {
        "`l2` is missing on the diagonal of x.T @ x.": _ease(x, 0.0),
        "this is x.T @ x itself, how often two films go together; its inverse is needed.": x.T @ x,
        "you divided the rows, not the columns, and the diagonal is not zero.": full.T,
        "a film must not predict itself: the diagonal has to be zero.": full,
        "you divided the rows, not the columns: W_ji is -P_ji / P_ii.": right.T,
        "the sign is wrong: a film that goes with another must get a positive weight.": -right,
        "each column must still be divided by P_ii.": right * np.diag(p),
    }
    other = "for our table, these are not the weights that predict each column from the others."
    shape = "W must be (n_items, n_items), (6, 6) here; this is {shape}."
    return compare(found, right, slips, other, shape=shape)


@register("16.user_row", asks="function", solution=_user_row)
def user_row(answer: Any, page: Page) -> str | None:
    """A function (q and x of the rated films, gram of all films, c, l2): the user's row."""
    rng = np.random.default_rng(5)
    every, c = rng.normal(size=(12, 3)), np.array([3.0, 1.5, 5.0, 2.0])
    q, gram, x = every[:4], every.T @ every, np.array([1.0, 0.25, 0.8, 0.5])
    ridge = 0.7 * np.eye(3)

    def solved(extra: np.ndarray, wanted: np.ndarray, common: np.ndarray) -> np.ndarray:
        return np.linalg.solve(common + q.T * extra @ q, q.T @ wanted)

    left, everywhere = gram + ridge, solved(c - 1, c * x, gram + 0.7)
    slips = {
        "rated films count twice on the left: G holds them once already.": solved(c, c * x, left),
        "on the right the weight is c * x, not (c - 1) * x.": solved(c - 1, (c - 1) * x, left),
        "on the right the weight is c * x, not c: multiply by x.": solved(c - 1, c, left),
        "on the right the weight is c * x, not x: multiply by c.": solved(c - 1, x, left),
        "all that is missing is the penalty l2 on the diagonal.": solved(c - 1, c * x, gram),
        "the penalty l2 belongs on the diagonal only: l2 times the identity.": everywhere,
        "films that are not rated are left out: start from G, add c - 1.": solved(c, c * x, ridge),
        "the left side lacks the extra confidence of the rated films: add it to G.": (
            solved(0 * c, c * x, left)
        ),
        "this is a regression on the rated films alone, as if all counted alike.": (
            solved(1 + 0 * c, x, ridge)
        ),
    }
    found = answer(q.copy(), x.copy(), gram.copy(), c.copy(), 0.7)
    other = "for our numbers, this is not the solution of the regression over all films."
    shape = "the row must have the shape (dim,), (3,) here; this is {shape}."
    return compare(found, solved(c - 1, c * x, left), slips, other, shape=shape)


@register("16.unfair")
def unfair(answer: Any, page: Page) -> str | None:
    """The models that beat careless EASE, and not tuned EASE."""
    if isinstance(answer, str):
        return "give a list of names, not a single name."
    if hasattr(answer, "columns") or str(getattr(answer, "dtype", "")) == "bool":
        return "give names: take them from the index of the rows that you chose."
    rows = {n: r for n, r in ledger("16", "tuning").record["rows"].items() if "careless" in r}
    found = {str(name) for name in answer}
    unknown = sorted(found - set(rows))
    if unknown:
        return f"{unknown[0]!r} is not in the index of trials."
    if "EASE" in found:
        return "EASE cannot be better than itself."
    low, high = rows["EASE"]["careless"], rows["EASE"]["valid"]
    right = {name for name, row in rows.items() if low < row["valid"] < high}
    for name in sorted(found - right):
        side = "above EASE's careless" if rows[name]["valid"] <= low else "below EASE's tuned"
        return f"{name} is wrong here: its tuned number is not {side} one."
    if missing := right - found:
        return f"a bad paper could praise more models than these ({len(missing)} are missing)."
    return None


@register("16.shared", asks="function", solution=_shared)
def shared(answer: Any, page: Page) -> str | None:
    """A function (n, buckets): expected share of ids that are not alone; four digits are enough."""
    for n, buckets in ((1682, 1024), (1682, 4096), (3, 4), (1, 8)):
        found = answer(n, buckets)
        empty = 1 - 1 / buckets  # chance that one other id misses the bucket
        alone = empty ** (n - 1)
        slips = {
            "that is the share of ids that are alone; give the share of the others.": alone,
            "an id cannot meet itself: there are n - 1 others.": 1 - empty**n,
            "give a share from 0 to 1; this is in percent.": 100 * (1 - alone),
            "give a share; this is the number of ids that are not alone.": n * (1 - alone),
            "this adds up chances as if no two of the others could be in one bucket.": (
                (n - 1) / buckets
            ),
            "all others must miss the bucket: the chance that one does is 1 - 1 / buckets.": (
                1 - buckets ** (1.0 - n)
            ),
        }
        other = f"for {n:,} ids and {buckets:,} buckets it gives {found:.4f}: too far off."
        if n == 1:
            slips, other = {}, "a single id is alone: with n = 1 the share is 0."
        if off := compare(found, _shared(n, buckets), slips, other, tolerance=6e-5):
            return off
    return None
