"""Checks of page 18."""

from collections.abc import Callable, Mapping, Sequence
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
    return _best(lam * r - (1 - lam) * (s[:, chosen].max(axis=1) if chosen else 0), chosen)


def _best(value: np.ndarray, chosen: list[int]) -> int:
    value[chosen] = -np.inf
    return int(value.argmax())


def _next_share(
    mean: np.ndarray, covariance: np.ndarray, w: np.ndarray, chosen: list[int], b: float
) -> int:
    a, own = len(chosen), np.diag(covariance)
    adds = w[a] ** 2 * own + 2 * w[a] * (covariance[:, chosen] @ w[:a])
    return _best(w[a] * mean - b * adds, chosen)


@register("18.int8", asks="function", solution=_int8)
def int8(answer: Any, page: Page) -> str | None:
    """A function: (n, d) -> whole numbers as np.int8 and one scale per row."""
    rng = np.random.default_rng(4)
    sizes = np.array([[1e-3], [1], [50], [1], [0], [9], [1]])
    table = (rng.normal(size=(7, 5)) * sizes).astype(np.float32)
    zero = "a row of zeros must stay a row of zeros: look at what 0 divided by 0 gives."
    try:
        with np.errstate(divide="raise", invalid="raise"):
            found = answer(table.copy())
    except FloatingPointError:
        return zero
    if not isinstance(found, tuple | list) or len(found) != 2:
        return "return two things: the whole numbers, and the scales."
    numbers, scales = map(np.asarray, found)
    if numbers.dtype != np.int8 or numbers.shape != table.shape:
        return (
            f"the numbers must be np.int8 of the table's shape {table.shape}, not "
            f"{numbers.dtype} {numbers.shape}."
        )
    if scales.shape != (7, 1):
        return f"return one scale per row: the shape (7, 1), not {scales.shape}."
    if not np.isfinite(scales).all() or (numbers[4] != 0).any():
        return zero
    step = np.abs(table).max(1, keepdims=True) / 127
    off = np.abs(numbers * scales.astype(np.float64) - table)
    if (off > 1.2 * step + 1e-12).any():
        return "numbers times scales differ from the table by more than the row's scale."
    if (off > 0.51 * step + 1e-12).any():
        return "close, but rounding is off by at most half a scale, and this is off by more."
    return None


def _decided(
    answer: Any, solution: Any, cases: Sequence[Any], slips: Mapping[str, Any]
) -> str | None:
    """What is wrong with the positions that the answer takes in these cases, if anything.

    slips : message to a function with that mistake; said of an answer that agrees in every case
    """

    def taken(function: Any) -> list[Any]:
        return [function(*(x.copy() if hasattr(x, "copy") else x for x in case)) for case in cases]

    found, right = taken(answer), taken(solution)
    for one in found:
        if isinstance(one, str) or np.ndim(one) or one != int(one):
            return f"return one position, 0 for the first film; this returns {one!r}."
    if found == right:
        return None
    for text, slip in slips.items():
        if found == taken(slip):
            return text
    off = next(k for k, one in enumerate(found) if one != right[k])
    chosen = next(x for x in cases[off] if isinstance(x, list))
    if found[off] in chosen:
        return f"position {found[off]} is in the list already: {chosen}."
    return f"position {found[off]} is wrong when the list is {chosen}: another film is worth more."


@register("18.next_one", asks="function", solution=_next_one)
def next_one(answer: Any, page: Page) -> str | None:
    """A function (r, s, chosen, lam): the position that MMR takes next."""
    cases: list[Any] = []
    for seed in range(6):
        rng, taken = np.random.default_rng(seed), list[int]()
        r, s = rng.random(9), rerank.cosine(rng.normal(size=(9, 4)))
        r = (r - r.min()) / (r.max() - r.min())
        for _ in range(6):
            cases.append((r, s, list(taken), 0.7))
            taken.append(_next_one(*cases[-1]))
        cases.append((r, s, [int(r.argmax())], 1))

    def other(nearest: Callable[..., Any], sign: int = -1) -> Callable[..., int]:
        def take(r: Any, s: Any, chosen: list[int], lam: float) -> int:
            alike = nearest(s[:, chosen], axis=1) if chosen else 0
            return _best(lam * r + sign * (1 - lam) * alike, chosen)

        return take

    most = "the most similar film in the list counts, not"
    slips = {
        f"{most} the mean over the list.": other(np.mean),
        f"{most} the sum over the list.": other(np.sum),
        f"{most} the least similar.": other(np.min),
        f"{most} the film that was taken last.": other(lambda alike, axis: alike[:, -1]),
        "similarity makes a film less welcome: subtract it.": other(np.max, sign=1),
        "lambda weighs relevance, and 1 - lambda weighs similarity.": (
            lambda r, s, chosen, lam: _next_one(r, s, chosen, 1 - lam)
        ),
    }
    return _decided(answer, _next_one, cases, slips)


@register("18.next_share", asks="function", solution=_next_share)
def next_share(answer: Any, page: Page) -> str | None:
    """A function (mean, covariance, w, chosen, b): what adds most to worth - b variance."""
    cases: list[Any] = []
    for seed in range(8):
        b, rng, taken = (2.0, -1.0, 0.7, 4.0)[seed % 4], np.random.default_rng(seed), list[int]()
        mean, root = rng.uniform(2, 5, 9), rng.normal(size=(9, 4))
        covariance = 0.4 * root @ root.T + np.diag(rng.uniform(0.1, 1, 9))
        w = np.array([0.4, 0.3, 0.2, 0.1])
        for _ in range(4):
            cases.append((mean, covariance, w, list(taken), b))
            taken.append(_next_share(*cases[-1]))

    def other(worth: Callable[..., Any], adds: Callable[..., Any], size: Any = float) -> Any:
        """A solution with another weighted mean, another added variance or another b."""

        def take(mean: Any, covariance: Any, w: Any, chosen: list[int], b: float) -> int:
            a, own = len(chosen), np.diag(covariance)
            risk = adds(w[a], own, covariance[:, chosen] @ w[:a])
            return _best(worth(w[a], mean) - size(b) * risk, chosen)

        return take

    plain, right = (lambda w, mean: w * mean), (lambda w, own, both: w**2 * own + 2 * w * both)
    slips = {
        "films are not independent: their covariances with the films above count too.": other(
            plain, lambda w, own, both: w**2 * own
        ),
        "each covariance with a film above occurs twice in the variance.": other(
            plain, lambda w, own, both: w**2 * own + w * both
        ),
        "the film's own variance counts too, and not only its covariances.": other(
            plain, lambda w, own, both: 2 * w * both
        ),
        "weigh the film's own variance by the square of its place's w.": other(
            plain, lambda w, own, both: w * own + 2 * w * both
        ),
        "weigh the mean by its place's w: here it counts fully.": other(
            lambda w, mean: mean, right
        ),
        "with b above 0 risk is avoided: subtract b times the variance.": other(
            plain, right, lambda b: -b
        ),
        "a negative b seeks risk: keep its sign.": other(plain, right, abs),
    }
    return _decided(answer, _next_share, cases, slips)


@register("18.divergence", asks="function", solution=lambda p, q: rerank.miscalibration(p, q[None]))
def divergence(answer: Any, page: Page) -> str | None:
    """A function (p, q): how far the shares q are from p, in nats; 1 % of p is mixed into q."""
    p, q = np.array([0.5, 0.3, 0.2, 0.0]), np.array([0.6, 0.0, 0.1, 0.3])
    found = answer(p.copy(), q.copy())
    if not np.isfinite(np.asarray(found, dtype=float)).all():
        return "a genre that is never watched or never listed must not make it nan or infinite."
    right, there = rerank.miscalibration(p, q[None]), p > 0
    slips = {
        "p and q are exchanged.": rerank.miscalibration(q, p[None]),
        "the sign is wrong: p is above the fraction line.": -right,
        "this is in bits: take the natural logarithm.": right / np.log(2),
        "return the sum over the genres, not their mean.": right / 4,
        "0.99 belongs to q and 0.01 to p.": float(
            (p * np.log(p / (0.01 * q + 0.99 * p), where=there, out=np.zeros(4))).sum()
        ),
    }
    other = "for our shares it gives another number: is a hundredth of p mixed into q?"
    if off := compare(found, right, slips, other):
        return off
    return compare(answer(p, p), 0.0, {}, "two equal arrays of shares are 0 apart.")
