"""Checks of page 18."""

from typing import Any

import numpy as np

from recsys_workshop.checks.registry import compare, register
from recsys_workshop.labs import rerank
from recsys_workshop.pages import Page


def _int8(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scales = np.abs(table).max(1, keepdims=True) / 127
    scales = np.where(scales > 0, scales, 1)
    return np.round(table / scales).astype(np.int8), scales.astype(np.float32)


def _next_one(r: np.ndarray, s: np.ndarray, chosen: list[int], lam: float) -> int:
    value = lam * r - (1 - lam) * (s[:, chosen].max(axis=1) if chosen else 0)
    value[chosen] = -np.inf
    return int(value.argmax())


def _next_share(
    mean: np.ndarray, covariance: np.ndarray, w: np.ndarray, chosen: list[int], b: float
) -> int:
    a, own = len(chosen), np.diag(covariance)
    adds = w[a] ** 2 * own + 2 * w[a] * (covariance[:, chosen] @ w[:a])
    value = w[a] * mean - b * adds
    value[chosen] = -np.inf
    return int(value.argmax())


@register("18.int8", asks="function", solution=_int8)
def int8(answer: Any, page: Page) -> str | None:
    """A function: (n, d) -> whole numbers as np.int8 and one scale per row."""
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
        return f"one scale per row is asked: the shape (7, 1), not {scales.shape}."
    if not np.isfinite(scales).all() or (numbers[4] != 0).any():
        return zero
    step = np.abs(table).max(1, keepdims=True) / 127
    off = np.abs(numbers * scales.astype(np.float64) - table)
    if (off > 1.2 * step + 1e-12).any():
        return "numbers times scales differ from the table by more than a step."
    if (off > 0.51 * step + 1e-12).any():
        return "close, but rounding is off by at most half a step, and this is off by more."
    return None


@register("18.next_one", asks="function", solution=_next_one)
def next_one(answer: Any, page: Page) -> str | None:
    """A function (r, s, chosen, lam): the position that MMR takes next."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        r, s = rng.random(9), rerank.cosine(rng.normal(size=(9, 4)))
        r = (r - r.min()) / (r.max() - r.min())
        expected: list[int] = []
        for place in range(6):
            chosen = list(expected)
            expected.append(_next_one(r, s, chosen, 0.7))
            found = answer(r.copy(), s.copy(), list(chosen), 0.7)
            if int(found) in chosen:
                return f"position {int(found)} is in the list already: {chosen}."
            if int(found) != expected[place]:
                where = "an empty list" if place == 0 else f"a list of {place}"
                return f"for {where}, lambda 0.7, the formula takes another film than yours."
        if int(answer(r.copy(), s.copy(), [int(r.argmax())], 1)) != np.argsort(-r)[1]:
            return "at lambda 1 it should be the plain ranking."
    return None


@register("18.next_share", asks="function", solution=_next_share)
def next_share(answer: Any, page: Page) -> str | None:
    """A function (mean, covariance, w, chosen, b): what adds most to worth - b variance."""
    for seed, b in enumerate((2.0, -1.0, 0.7, 4.0)):
        rng = np.random.default_rng(seed)
        mean, root = rng.uniform(2, 5, 9), rng.normal(size=(9, 4))
        covariance = 0.4 * root @ root.T + np.diag(rng.uniform(0.1, 1, 9))
        w = np.array([0.4, 0.3, 0.2, 0.1])
        chosen: list[int] = []
        for place in range(4):
            given = (mean.copy(), covariance.copy(), w.copy(), list(chosen))
            plain = next(i for i in np.argsort(-mean) if i not in chosen)
            if int(answer(*given, 0.0)) != plain:
                return "with b = 0 it should take the highest mean that is not in the list."
            found, right = int(answer(*given, b)), _next_share(*given, b)
            if found in chosen:
                return f"position {found} is in the list already: {chosen}."
            if found != right:
                if place == 0:
                    return f"for an empty list, b = {b:g}: the film's own variance counts too."
                if found == _next_share(mean, np.diag(np.diag(covariance)), w, chosen, b):
                    return "films are not independent: covariances with those above count too."
                return f"for a list of {place}, b = {b:g}, another film adds more than yours."
            chosen.append(right)
    return None


@register("18.divergence", asks="function", solution=lambda p, q: rerank.miscalibration(p, q[None]))
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
