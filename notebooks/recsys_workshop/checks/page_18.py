"""Checks of page 18."""

from typing import Any

import numpy as np

from recsys_workshop.checks.registry import compare, register
from recsys_workshop.labs import rerank
from recsys_workshop.pages import Page


@register("18.int8", asks="function")
def int8(answer: Any, page: Page) -> str | None:
    """A function: (n, d) -> whole numbers as np.int8 and one scale a row."""
    rng = np.random.default_rng(4)
    sizes = np.array([[1e-3], [1], [50], [1], [0], [9], [1]])
    table = (rng.normal(size=(7, 5)) * sizes).astype(np.float32)
    zero = "a row of zeros must stay one: look at what 0 divided by 0 gives."
    try:
        with np.errstate(divide="raise", invalid="raise"):
            found = answer(table.copy())
    except FloatingPointError:
        return zero
    if not isinstance(found, tuple) or len(found) != 2:
        return "two things are asked: the whole numbers, and the scales."
    numbers, scales = map(np.asarray, found)
    if numbers.dtype != np.int8 or numbers.shape != table.shape:
        return (
            f"the numbers must be np.int8 of the table's shape {table.shape}, not "
            f"{numbers.dtype} {numbers.shape}."
        )
    if scales.shape != (7, 1):
        return f"one scale a row is asked: the shape (7, 1), not {scales.shape}."
    if not np.isfinite(scales).all() or (numbers[4] != 0).any():
        return zero
    step = np.abs(table).max(1, keepdims=True) / 127
    off = np.abs(numbers * scales.astype(np.float64) - table)
    if (off > 1.2 * step + 1e-12).any():
        return "numbers times scales are not the table: some entry is off by more than a step."
    if (off > 0.51 * step + 1e-12).any():
        return "close, but rounding is off by at most half a step, and this is off by more."
    return None


@register("18.next_one", asks="function")
def next_one(answer: Any, page: Page) -> str | None:
    """A function (r, s, chosen, lam): the position that MMR takes next."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        r, s = rng.random(9), rerank.cosine(rng.normal(size=(9, 4)))
        r = (r - r.min()) / (r.max() - r.min())
        expected = rerank.mmr(r, s, 6, lam=0.7)
        for place in range(6):
            chosen = expected[:place].tolist()
            found = answer(r.copy(), s.copy(), list(chosen), 0.7)
            if int(found) in chosen:
                return f"position {int(found)} is in the list already: {chosen}."
            if int(found) != expected[place]:
                where = "to an empty list" if place == 0 else f"to a list of {place}"
                return f"at lambda 0.7 it adds another film {where} than the formula does."
        if int(answer(r.copy(), s.copy(), [int(r.argmax())], 1)) != np.argsort(-r)[1]:
            return "at lambda 1 it should be the plain ranking."
    return None


@register("18.list_sd", asks="function")
def list_sd(answer: Any, page: Page) -> str | None:
    """A function (w, covariance): the standard deviation of a weighted sum."""
    w, root = np.array([0.5, 0.3, 0.2]), np.random.default_rng(5).normal(size=(3, 3))
    covariance = root @ root.T
    right, sds = np.sqrt(w @ covariance @ w), np.sqrt(np.diag(covariance))
    alone = np.linalg.norm(w * sds)
    slips = {
        "that is the variance, in stars^2: the root is missing.": right**2,
        "films are not independent: the entries off the diagonal count too.": alone,
        "that is the mean of the films' own deviations, as if all were wrong together.": w @ sds,
        "this forgets the weights.": np.sqrt(covariance.sum()),
    }
    other = "on weights and covariances of our own it gives another number."
    shape = "one number is asked; this has the shape {shape}."
    return compare(answer(w.copy(), covariance.copy()), right, slips, other, shape=shape)


@register("18.divergence", asks="function")
def divergence(answer: Any, page: Page) -> str | None:
    """A function (p, q): how far the shares q are from p, in nats; 1 % of p is mixed into q."""
    p, q = np.array([0.5, 0.3, 0.2, 0.0]), np.array([0.6, 0.0, 0.1, 0.3])
    found = answer(p.copy(), q.copy())
    if not np.isfinite(found):
        return "a genre that is never watched or never listed must not make it nan or infinite."
    slips = {"p and q are exchanged.": rerank.miscalibration(q, p[None])}
    other = "on shares of our own it gives another number: is a hundredth of p mixed into q?"
    if off := compare(float(found), rerank.miscalibration(p, q[None]), slips, other):
        return off
    return compare(answer(p, p), 0.0, {}, "two equal arrays of shares are 0 apart.")
