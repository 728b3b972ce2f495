"""Quality of ranked lists. The last axis is the catalogue.

``labels`` and ``scores`` have the shape (n_items,) and give a float, or (n_users, n_items) and give
an array (n_users,). A score of -inf marks an item that is not a candidate (one the user has already
rated): it is taken out of the list and out of the relevant items, as if the catalogue did not have
it. A user without relevant candidates gets NaN. ``k`` may exceed the number of candidates.

Everything follows from two arrays over ranks: the gain expected at each rank, and the probability
that no relevant item has come yet. Inside a tie all orders are equally likely, so both have a
closed form, and no random order is ever drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys_tutorial.metrics.checks import Floats, binary, numbers, position, same_shape, whole


@dataclass(frozen=True)
class _Ranking:
    """Rows sorted by descending score; all arrays (n_users, n_items) but ``relevant``."""

    gain: Floats  # expected gain at each rank: the mean label of the tie the rank lies in
    tie_size: Floats  # t: entries in that tie
    tie_gain: Floats  # p: their labels summed
    place: Floats  # j = 1 .. t: place inside the tie
    gain_above: Floats  # labels summed over all higher ties
    relevant: Floats  # (n_users,) labels summed over the candidates


def _rank(y: Floats, s: Floats) -> _Ranking:
    order = np.argsort(-s, axis=1, kind="stable")
    y, s = np.take_along_axis(y, order, axis=1), np.take_along_axis(s, order, axis=1)
    starts = np.ones(s.shape, dtype=bool)
    starts[:, 1:] = s[:, 1:] != s[:, :-1]
    tie = np.cumsum(starts.ravel()) - 1  # a tie never runs over the end of a row
    size, total = np.bincount(tie), np.bincount(tie, weights=y.ravel())
    first = np.flatnonzero(starts)
    before = np.cumsum(y, axis=1) - y  # labels summed over all ranks above, in the sorted order

    def spread(per_tie: NDArray[Any]) -> Floats:
        return per_tie[tie].reshape(s.shape).astype(np.float64)

    return _Ranking(
        gain=spread(total / size),
        tie_size=spread(size),
        tie_gain=spread(total),
        place=np.arange(1, s.size + 1).reshape(s.shape) - spread(first),
        gain_above=spread(before.ravel()[first]),
        relevant=y.sum(axis=1),
    )


def _candidates(labels: ArrayLike, scores: ArrayLike, graded: bool) -> tuple[Floats, Floats, int]:
    """Labels (0 where masked) and scores with two axes, and how many axes there were."""
    y, s = numbers("labels", labels), numbers("scores", scores)
    same_shape("labels", y, "scores", s)
    if y.ndim not in (1, 2):
        raise ValueError(f"labels and scores must have one or two dimensions, got {y.shape}")
    if not graded:
        binary("labels", y)
    elif (wrong := (y < 0) | np.isinf(y)).any():
        where = position(wrong)
        raise ValueError(f"labels must be finite and not negative, got {y[where]:g} at {where}")
    return np.atleast_2d(np.where(s == -np.inf, 0.0, y)), np.atleast_2d(s), y.ndim


def _measure(
    labels: ArrayLike, scores: ArrayLike, measure: Callable[[_Ranking], Floats]
) -> float | Floats:
    """Apply a measure to binary labels; NaN, whatever it gave, without relevant candidates."""
    y, s, n_axes = _candidates(labels, scores, graded=False)
    ranking = _rank(y, s)
    return _result(measure(ranking), ranking.relevant > 0, n_axes)


def _result(values: Floats, defined: NDArray[np.bool_], n_axes: int) -> float | Floats:
    values = np.where(defined, np.minimum(values, 1), np.nan)  # rounding may end just above 1
    return float(values[0]) if n_axes == 1 else values


def recall_at_k(labels: ArrayLike, scores: ArrayLike, k: int = 10) -> float | Floats:
    """Share of a user's relevant items that are among the first k: ``hits / |R|``.

    The divisor is |R|, not min(k, |R|): a user with more than k relevant items cannot reach 1.

    Args:
        labels: (n_items,) or (n_users, n_items), 0 or 1.
        scores: the same shape; -inf marks items that are no candidates.
        k: length of the list.

    Returns:
        A float, or (n_users,); in [0, 1], NaN for a user without relevant candidates.

    Raises:
        ValueError: different shapes, nothing, NaN, labels other than 0 and 1, k below 1.

    Example:
        >>> recall_at_k([1, 0, 1, 1], [4.0, 3.0, 2.0, 1.0], k=2)  # 1 of 3
        0.3333333333333333
    """
    k = whole("k", k)
    return _measure(labels, scores, lambda r: r.gain[:, :k].sum(axis=1) / np.maximum(r.relevant, 1))


def precision_at_k(labels: ArrayLike, scores: ArrayLike, k: int = 10) -> float | Floats:
    """Share of the first k places that hold a relevant item: ``hits / k``.

    Divided by k even where fewer candidates exist. Arguments and errors as in :func:`recall_at_k`.

    Example:
        >>> precision_at_k([1, 0, 1, 1], [4.0, 3.0, 2.0, 1.0], k=2)
        0.5
    """
    k = whole("k", k)
    return _measure(labels, scores, lambda r: r.gain[:, :k].sum(axis=1) / k)


def average_precision_at_k(labels: ArrayLike, scores: ArrayLike, k: int = 10) -> float | Floats:
    """Mean over relevant items of the precision at their rank, as far as they are in the first k.

    ``sum_{i <= k} rel_i * precision@i / min(k, |R|)``: a list that starts with min(k, |R|) relevant
    items gets 1. Others divide by |R|, which is lower for users with more than k relevant items.
    Averaged over users it is MAP@k. Arguments and errors as in :func:`recall_at_k`.

    Source: ties as in McSherry and Najork, ECIR 2008: at place j of a tie of t entries with p
    relevant ones, below A relevant ones, the expectation of rel_i * precision@i is
    ``p/t * (A + 1 + (j - 1) (p - 1) / (t - 1)) / i``.

    Example:
        >>> average_precision_at_k([1, 0, 1, 1], [4.0, 3.0, 2.0, 1.0], k=3)  # (1/1 + 2/3) / 3
        0.5555555555555555
    """
    k = whole("k", k)

    def measure(r: _Ranking) -> Floats:
        ranks = np.arange(1, r.gain.shape[1] + 1)
        others = (r.place - 1) * (r.tie_gain - 1) / np.maximum(r.tie_size - 1, 1)
        precision = r.gain * (r.gain_above + 1 + others) / ranks
        return precision[:, :k].sum(axis=1) / np.clip(r.relevant, 1, k)

    return _measure(labels, scores, measure)


def _no_hit_yet(r: _Ranking) -> Floats:
    """(n_users, n_items + 1): probability that the first i = 0, 1, ... ranks hold nothing relevant.

    In the first tie that has relevant items, the p of them lie among the t - j + 1 entries not yet
    seen, so place j is the first hit with probability p / (t - j + 1). Later ties multiply a zero.
    """
    hazard = np.minimum(r.tie_gain / (r.tie_size - r.place + 1), 1)
    return np.cumprod(np.insert(1 - hazard, 0, 1.0, axis=1), axis=1)


def hit_rate_at_k(labels: ArrayLike, scores: ArrayLike, k: int = 10) -> float | Floats:
    """1 if any of the first k items is relevant, else 0; under ties the probability of it.

    Arguments and errors as in :func:`recall_at_k`.

    Example:
        >>> hit_rate_at_k([1, 0, 0, 0], [1.0, 1.0, 1.0, 1.0], k=1)  # one of four, all tied
        0.25
    """
    k = whole("k", k)
    return _measure(labels, scores, lambda r: 1 - _no_hit_yet(r)[:, : k + 1][:, -1])


def mrr(labels: ArrayLike, scores: ArrayLike) -> float | Floats:
    """Reciprocal rank ``1 / rank`` of the first relevant item, over the whole list.

    The mean of it over users is the mean reciprocal rank. Only the first relevant item counts.
    Under ties it is the expectation of 1 / rank, which is not 1 / the expected rank. Arguments and
    errors as in :func:`recall_at_k`, without k.

    Source: Voorhees, TREC-8 1999.

    Example:
        >>> mrr([0, 1, 1], [3.0, 2.0, 1.0]), mrr([1, 0], [1.0, 1.0])  # a tie: (1/1 + 1/2) / 2
        (0.5, 0.75)
    """

    def measure(r: _Ranking) -> Floats:
        first_here = -np.diff(_no_hit_yet(r), axis=1)  # probability that rank i is the first hit
        return (first_here / np.arange(1, r.gain.shape[1] + 1)).sum(axis=1)

    return _measure(labels, scores, measure)


def ndcg_at_k(
    labels: ArrayLike, scores: ArrayLike, k: int = 10, gain: Literal["linear", "exp"] = "linear"
) -> float | Floats:
    """Discounted cumulative gain of the first k ranks over that of the best possible list.

    ``DCG@k = sum_{i <= k} g_i / log2(i + 1)``; ``NDCG@k = DCG@k / ideal DCG@k``, the ideal being
    the candidates in descending order of their gain, cut at k. With binary labels both gains agree.

    Args:
        labels: (n_items,) or (n_users, n_items): relevance grades, 0 (not relevant) or more.
        scores: the same shape; -inf marks items that are no candidates.
        k: length of the list.
        gain: ``"linear"``: g = label; ``"exp"``: g = 2^label - 1.

    Returns:
        A float, or (n_users,); in [0, 1], NaN for a user without relevant candidates.

    Raises:
        ValueError: different shapes, nothing, NaN, a negative label, k below 1, another gain.

    Source: Järvelin and Kekäläinen, TOIS 2002; exponential gain: Burges et al., ICML 2005; ties:
    McSherry and Najork, ECIR 2008.

    Example:
        >>> round(ndcg_at_k([1, 0, 1], [3.0, 2.0, 1.0]), 6)  # (1 + 1/2) / (1 + 1/log2(3))
        0.919721
    """
    k = whole("k", k)
    if gain not in ("linear", "exp"):
        raise ValueError(f'gain must be "linear" or "exp", got {gain!r}')
    y, s, n_axes = _candidates(labels, scores, graded=True)
    if gain == "exp" and y.max() > 1000:
        raise ValueError(f"labels are too large for the exponential gain: {y.max():g}")
    gains = np.exp2(y) - 1 if gain == "exp" else y
    ranking = _rank(gains, s)
    discount = 1 / np.log2(np.arange(2, min(k, y.shape[1]) + 2))
    best = -np.sort(-gains, axis=1)[:, :k] @ discount
    reached = ranking.gain[:, :k] @ discount
    return _result(reached / np.where(best > 0, best, 1), best > 0, n_axes)
