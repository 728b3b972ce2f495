"""Quality of ranked lists. The last axis is the catalogue.

``labels`` and ``scores`` have the shape (n_items,) and give a float, or (n_users, n_items) and give
an array (n_users,). A score of -inf marks an item that is not a candidate, such as one that the
user has already rated. A user without relevant candidates gets NaN. ``k`` may exceed the number of
candidates.

Every metric follows from the ties that hold relevant items: how many candidates have a higher
score, and how many the same. All orders inside a tie are equally likely, so every metric has a
closed form, and no random order is ever drawn. `evaluate` computes all metrics from one `Ties`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from recsys_tutorial.metrics.checks import Floats, binary, numbers, same_shape, whole

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Ties:
    """Groups of one user's candidates that share a score, and of which at least one is relevant.

    The first six are arrays over these groups, the last three over users.

    Attributes:
        user: Row of the block.
        above: Candidates with a higher score.
        relevant_above: Relevant candidates with a higher score.
        size: Candidates in the tie.
        relevant: Relevant candidates in the tie.
        gain: Their gains, summed.
        candidates: (n_users,) items that are ranked.
        n_relevant: (n_users,) relevant ones among them.
        gains: Gains of each user's relevant items, the largest first, one user after the other.
    """

    user: Ints
    above: Ints
    relevant_above: Ints
    size: Ints
    relevant: Ints
    gain: Floats
    candidates: Ints
    n_relevant: Ints
    gains: Floats

    def total(self, per_tie: Floats, of: Any = slice(None)) -> Floats:
        """(n_users,) sums over each user's ties; NaN for users without relevant candidates."""
        sums = np.bincount(self.user[of], weights=per_tie, minlength=len(self.n_relevant))
        return np.where(self.n_relevant > 0, sums, np.nan)

    def top(self, k: int) -> tuple[Ints, Ints]:
        """First and last of the places 0 to k that each tie covers, as a half-open range."""
        return np.minimum(self.above, k), np.minimum(self.above + self.size, k)


def find_ties(row: Ints, item: Ints, scores: NDArray[Any], gain: Floats | None = None) -> Ties:
    """Where the relevant items stand in each user's list; the comparisons of scores are exact.

    Args:
        row: (n,) row of each relevant item in the block.
        item: (n,) its column. Its score must be above -inf.
        scores: (n_users, n_items), -inf where an item is no candidate.
        gain: (n,) how much each is worth, 1 by default.
    """
    n_users, n_items = scores.shape
    gain = np.ones(len(row)) if gain is None else gain
    value = scores[row, item]
    order = np.lexsort((-value, row))
    row, value, gain = row[order], value[order], gain[order]
    n_relevant = np.bincount(row, minlength=n_users)
    ends = np.append(0, np.cumsum(n_relevant))
    above, size = np.empty((2, len(row)), dtype=np.int64)
    candidates = np.empty(n_users, dtype=np.int64)
    for user, line in enumerate(np.sort(scores, axis=1)):
        here = slice(ends[user], ends[user + 1])
        not_above = line.searchsorted(value[here], "right")
        above[here] = n_items - not_above
        size[here] = not_above - line.searchsorted(value[here], "left")
        candidates[user] = n_items - line.searchsorted(-np.inf, "right")
    starts = np.ones(len(row), dtype=bool)
    starts[1:] = (row[1:] != row[:-1]) | (value[1:] != value[:-1])
    first = np.flatnonzero(starts)
    return Ties(
        user=row[first],
        above=above[first],
        relevant_above=first - ends[row[first]],
        size=size[first],
        relevant=np.diff(np.append(first, len(row))),
        gain=np.add.reduceat(gain, first) if len(first) else gain,
        candidates=candidates,
        n_relevant=n_relevant,
        gains=gain[np.lexsort((-gain, row))],
    )


def recall(t: Ties, k: int) -> Floats:
    """Relevant items among the first k, divided by all relevant ones."""
    return _hits(t, k) / np.maximum(t.n_relevant, 1)


def precision(t: Ties, k: int) -> Floats:
    """Relevant items among the first k, divided by k."""
    return _hits(t, k) / k


def _hits(t: Ties, k: int) -> Floats:
    first, last = t.top(k)
    return t.total(t.relevant / t.size * (last - first))


def ndcg(t: Ties, k: int) -> Floats:
    """Discounted gain of the first k places, divided by that of the best possible list."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    summed = np.append(0.0, np.cumsum(discount))
    first, last = t.top(k)
    reached = t.total(t.gain / t.size * (summed[last] - summed[first]))
    row = np.repeat(np.arange(len(t.n_relevant)), t.n_relevant)
    rank = np.arange(len(row)) - (np.cumsum(t.n_relevant) - t.n_relevant)[row]
    best = t.gains * np.append(discount, 0.0)[np.minimum(rank, k)]
    ideal = np.bincount(row, weights=best, minlength=len(t.n_relevant))
    return reached / np.where(ideal > 0, ideal, 1)


def average_precision(t: Ties, k: int) -> Floats:
    """Precision at each relevant item's rank, summed over the first k and divided by the most.

    Place j of a tie has rank i = above + j; the expectation of rel_i * precision@i there is
    ``p/t * (A + 1 + (j - 1) (p - 1) / (t - 1)) / i``. It is summed with (j - 1) / i =
    1 - (above + 1) / i, so that two harmonic numbers do.
    """
    harmonic = np.append(0.0, np.cumsum(1 / np.arange(1, k + 1)))
    first, last = t.top(k)
    inverse = harmonic[last] - harmonic[first]
    others = (t.relevant - 1) / np.maximum(t.size - 1, 1)
    of_others = others * (last - first - (t.above + 1) * inverse)
    precisions = (t.relevant_above + 1) * inverse + of_others
    return t.total(t.relevant / t.size * precisions) / np.clip(t.n_relevant, 1, k)


def reciprocal_rank(t: Ties) -> Floats:
    """Expectation of 1 / rank of the first hit.

    Of a tie of t entries with p relevant ones, place j is the first hit with probability
    C(t - j, p - 1) / C(t, p).
    """
    leading = np.flatnonzero(t.relevant_above == 0)
    expected = 1 / (t.above[leading] + 1)
    for n in np.flatnonzero(t.size[leading] > 1):  # the others are alone in their tie
        tie = leading[n]
        above, size, relevant = t.above[tie], t.size[tie], t.relevant[tie]
        j = np.arange(1, size - relevant + 2)
        chance = np.exp(_ln_choose(size - j, relevant - 1) - _ln_choose(size, relevant))
        expected[n] = (chance / (above + j)).sum()
    return t.total(expected, leading)


def ranking_auc(t: Ties) -> Floats:
    """Share of (relevant, other) pairs of candidates in the right order; NaN without others."""
    others = t.candidates - t.n_relevant
    wrong = t.total(t.relevant * (t.above - t.relevant_above + (t.size - t.relevant) / 2))
    return 1 - wrong / np.where(others > 0, t.n_relevant * others, np.nan)


def _ln_choose(n: Any, k: Any) -> Any:
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def in_top(scores: NDArray[Any], k: int) -> NDArray[np.bool_]:
    """Which items are in each user's list of k: (n_users, n_items), the lower index among equals.

    Items with a score of -inf are in no list.
    """
    n_items = scores.shape[1]
    if k >= n_items:
        return scores > -np.inf
    last = np.partition(scores, n_items - k, axis=1)[:, [n_items - k]]
    chosen = (scores >= last) & (scores > -np.inf)
    for user in np.flatnonzero(chosen.sum(axis=1) > k):  # a tie goes over the end of the list
        tied = np.flatnonzero(scores[user] == last[user])
        room = k - int((scores[user] > last[user]).sum())
        chosen[user, tied[room:]] = False
    return chosen


def _measure(
    measure: Callable[..., Floats], labels: ArrayLike, scores: ArrayLike, **k: int
) -> float | Floats:
    """Apply a measure of `Ties` to arrays; labels are 0 or 1, but for NDCG grades."""
    at = {name: whole(name, value) for name, value in k.items()}
    y, s = numbers("labels", labels), numbers("scores", scores)
    same_shape("labels", y, "scores", s)
    if y.ndim not in (1, 2):
        raise ValueError(f"labels and scores must have one or two dimensions, got {y.shape}")
    if measure is not ndcg:
        binary("labels", y)
    elif y.min() < 0:
        raise ValueError(f"labels must not be negative, got {y.min():g}")
    gains, lines = np.atleast_2d(y), np.atleast_2d(s)
    row, item = np.nonzero((gains > 0) & (lines > -np.inf))
    values = measure(find_ties(row, item, lines, gains[row, item]), **at)
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
    return _measure(recall, labels, scores, k=k)


def precision_at_k(labels: ArrayLike, scores: ArrayLike, k: int = 10) -> float | Floats:
    """Share of the first k places that hold a relevant item: ``hits / k``.

    Divided by k even where fewer candidates exist.
    """
    return _measure(precision, labels, scores, k=k)


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
    return _measure(average_precision, labels, scores, k=k)


def mrr(labels: ArrayLike, scores: ArrayLike) -> float | Floats:
    """Reciprocal rank ``1 / rank`` of the first relevant item, over the whole list.

    The mean of it over users is the mean reciprocal rank. Under ties it is the expectation of
    1 / rank, which is not 1 / the expected rank.

    Source: Voorhees, TREC-8 1999.

    Example:
        >>> mrr([0, 1, 1], [3.0, 2.0, 1.0]), mrr([1, 0], [1.0, 1.0])  # a tie: (1/1 + 1/2) / 2
        (0.5, 0.75)
    """
    return _measure(reciprocal_rank, labels, scores)


def ndcg_at_k(labels: ArrayLike, scores: ArrayLike, k: int = 10) -> float | Floats:
    """Discounted cumulative gain of the first k ranks over that of the best possible list.

    ``DCG@k = sum_{i <= k} g_i / log2(i + 1)``; ``NDCG@k = DCG@k / ideal DCG@k``, the ideal being
    the candidates in descending order of their gain, cut at k.

    Args:
        labels: The gains g, 0 (not relevant) or more. For the exponential gain of Burges et al.
            (ICML 2005) pass ``2**grades - 1``.

    Source: Järvelin and Kekäläinen, TOIS 2002; ties: McSherry and Najork, ECIR 2008.

    Example:
        >>> round(ndcg_at_k([1, 0, 1], [3.0, 2.0, 1.0]), 6)  # (1 + 1/2) / (1 + 1/log2(3))
        0.919721
    """
    return _measure(ndcg, labels, scores, k=k)
