"""Quality of ranked lists. The last axis is the catalogue.

``labels`` and ``scores`` have the shape (n_items,) and give a float, or (n_users, n_items) and give
an array (n_users,). A score of -inf marks an item that is not a candidate, such as one that the
user has already rated. A user without relevant candidates gets NaN. ``k`` may exceed the number of
candidates.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from recsys_tutorial.metrics import ties
from recsys_tutorial.metrics.checks import Floats, binary, numbers, position, same_shape, whole
from recsys_tutorial.metrics.ties import Ties


def _measure(
    labels: ArrayLike,
    scores: ArrayLike,
    measure: Callable[[Ties], Floats],
    gain: Callable[[Floats], Floats] | None = None,
) -> float | Floats:
    """Apply a measure of the engine to arrays of labels and scores."""
    y, s = numbers("labels", labels), numbers("scores", scores)
    same_shape("labels", y, "scores", s)
    if y.ndim not in (1, 2):
        raise ValueError(f"labels and scores must have one or two dimensions, got {y.shape}")
    if gain is None:
        binary("labels", y)
    elif (wrong := (y < 0) | np.isinf(y)).any():
        where = position(wrong)
        raise ValueError(f"labels must be finite and not negative, got {y[where]:g} at {where}")
    gains, lines = np.atleast_2d(y if gain is None else gain(y)), np.atleast_2d(s)
    row, item = np.nonzero((gains > 0) & (lines > -np.inf))
    values = measure(ties.find_ties(row, item, lines, gains[row, item]))
    values = np.minimum(values, 1)  # rounding may end just above 1
    return float(values[0]) if y.ndim == 1 else values


def recall_at_k(labels: ArrayLike, scores: ArrayLike, k: int = 10) -> float | Floats:
    """Share of a user's relevant items that are among the first k: ``hits / |R|``.

    The divisor is |R|, not min(k, |R|): a user with more than k relevant items cannot reach 1.

    Args:
        labels: (n_items,) or (n_users, n_items), 0 or 1.
        scores: the same shape; -inf marks items that are not candidates.
        k: length of the list.

    Example:
        >>> recall_at_k([1, 0, 1, 1], [4.0, 3.0, 2.0, 1.0], k=2)  # 1 of 3
        0.3333333333333333
    """
    k = whole("k", k)
    return _measure(labels, scores, lambda t: ties.recall(t, k))


def precision_at_k(labels: ArrayLike, scores: ArrayLike, k: int = 10) -> float | Floats:
    """Share of the first k places that hold a relevant item: ``hits / k``.

    Divided by k even where fewer candidates exist.
    """
    k = whole("k", k)
    return _measure(labels, scores, lambda t: ties.precision(t, k))


def average_precision_at_k(labels: ArrayLike, scores: ArrayLike, k: int = 10) -> float | Floats:
    """Mean over relevant items of the precision at their rank, as far as they are in the first k.

    ``sum_{i <= k} rel_i * precision@i / min(k, |R|)``: a list that starts with min(k, |R|) relevant
    items gets 1. Others divide by |R|, which is lower for users with more than k relevant items.
    Averaged over users it is MAP@k.

    Source: ties as in McSherry and Najork, ECIR 2008.

    Example:
        >>> average_precision_at_k([1, 0, 1, 1], [4.0, 3.0, 2.0, 1.0], k=3)  # (1/1 + 2/3) / 3
        0.5555555555555555
    """
    k = whole("k", k)
    return _measure(labels, scores, lambda t: ties.average_precision(t, k))


def mrr(labels: ArrayLike, scores: ArrayLike) -> float | Floats:
    """Reciprocal rank ``1 / rank`` of the first relevant item, over the whole list.

    The mean of it over users is the mean reciprocal rank. Under ties it is the expectation of
    1 / rank, which is not 1 / the expected rank.

    Source: Voorhees, TREC-8 1999.

    Example:
        >>> mrr([0, 1, 1], [3.0, 2.0, 1.0]), mrr([1, 0], [1.0, 1.0])  # a tie: (1/1 + 1/2) / 2
        (0.5, 0.75)
    """
    return _measure(labels, scores, ties.reciprocal_rank)


def ndcg_at_k(
    labels: ArrayLike, scores: ArrayLike, k: int = 10, gain: Literal["linear", "exp"] = "linear"
) -> float | Floats:
    """Discounted cumulative gain of the first k ranks over that of the best possible list.

    ``DCG@k = sum_{i <= k} g_i / log2(i + 1)``; ``NDCG@k = DCG@k / ideal DCG@k``, the ideal being
    the candidates in descending order of their gain, cut at k. With binary labels both gains agree.

    Args:
        labels: Relevance grades, 0 (not relevant) or more.
        gain: ``"linear"``: g = label; ``"exp"``: g = 2^label - 1.

    Source: Järvelin and Kekäläinen, TOIS 2002; exponential gain: Burges et al., ICML 2005; ties:
    McSherry and Najork, ECIR 2008.

    Example:
        >>> round(ndcg_at_k([1, 0, 1], [3.0, 2.0, 1.0]), 6)  # (1 + 1/2) / (1 + 1/log2(3))
        0.919721
    """
    k = whole("k", k)
    if gain not in ("linear", "exp"):
        raise ValueError(f'gain must be "linear" or "exp", got {gain!r}')

    def gains(y: Floats) -> Floats:
        if gain == "exp" and y.max() > 1000:
            raise ValueError(f"labels are too large for the exponential gain: {y.max():g}")
        return np.exp2(y) - 1 if gain == "exp" else y

    return _measure(labels, scores, lambda t: ties.ndcg(t, k), gains)
