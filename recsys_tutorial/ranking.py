"""Exhaustive ranking statistics of a block of users, by counting.

All statistics of a user follow from two counts for each relevant item: how many candidates score
strictly higher, and how many score the same. The counts are exact comparisons of the scores as
they are. What is known of ties (:mod:`recsys_tutorial.metrics` defines the expectations) is then a
closed form per tie, so this module gives the same values as the metrics on dense rows, many times
faster. It knows no model: scores in, statistics out.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# In a catalogue below this size, the calls that compare one by one cost more than sorting.
_SHORT = 8192
# Entries handled at once where a temporary table is needed (16 MB of float64).
_TABLE = 2_000_000


def ranking_statistics(
    scores: Tensor,
    positive_rows: Any,
    positive_items: Any,
    masked_rows: Any,
    masked_items: Any,
    k: int = 10,
    *,
    whole: bool = True,
) -> dict[str, Tensor]:
    """Statistics of the whole catalogue's ranking for each user of a block.

    Args:
        scores: (n_users, n_items) float32 or float64. Modified in place: masked cells become -inf.
            Cells that are -inf already are no candidates either.
        positive_rows: (n_positives,) row in the block of each relevant item.
        positive_items: (n_positives,) column of each relevant item.
        masked_rows: (n_masked,) row of each item to leave out of the ranking (the training items);
            a pair may occur twice.
        masked_items: (n_masked,) column of each item to leave out.
        k: length of the list for the statistics that look at its top.
        whole: False leaves out the two that need the whole list. The top of each list is then
            found without counting through the catalogue for each relevant item.

    Returns:
        Tensors (n_users,), float64 but for the count: ``recall``, ``precision``, ``ndcg``,
        ``average_precision`` (all at k), with `whole` also ``reciprocal_rank`` (whole list) and
        ``auc`` (relevant items against all other candidates; NaN if there is none), and
        ``n_positive`` (int64). Ties are resolved by expectation. Where ``n_positive`` is 0 all
        others are NaN.

    Raises:
        ValueError: a score is NaN, an index is outside the block, a relevant item occurs twice or
            is masked, k is below 1.
    """
    if scores.ndim != 2 or scores.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            "scores must be (n_users, n_items), float32 or float64; "
            f"got {tuple(scores.shape)}, {scores.dtype}"
        )
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f"k must be a whole number of at least 1, got {k!r}")
    block = scores.detach()
    _refuse_nan(block)
    n_users, n_items = block.shape
    masked_row, masked_item = _pairs("masked", masked_rows, masked_items, n_users, n_items)
    row, item = _pairs("positive", positive_rows, positive_items, n_users, n_items)
    block[torch.from_numpy(masked_row), torch.from_numpy(masked_item)] = -torch.inf

    order = np.argsort(row * n_items + item)
    row, item = row[order], item[order]
    twice = (np.diff(row) == 0) & (np.diff(item) == 0)
    if twice.any():
        at = int(np.argmax(twice))
        raise ValueError(f"item {item[at]} is positive twice in row {row[at]}")
    values = block[torch.from_numpy(row), torch.from_numpy(item)].cpu().numpy()
    if np.isneginf(values).any():
        at = int(np.argmax(np.isneginf(values)))
        raise ValueError(
            f"item {item[at]} of row {row[at]} is both positive and masked: is a test row also "
            "in the training data?"
        )
    counts = _count(block.cpu().numpy(), row, values) if whole else _top(block, row, values, k)
    n_positive = np.bincount(row, minlength=n_users)
    statistics = _from_counts(row, *counts, n_positive, k, whole)
    none = n_positive == 0
    result = {}
    for name, value in statistics.items():
        value[none] = np.nan
        result[name] = torch.from_numpy(value)
    result["n_positive"] = torch.from_numpy(n_positive)
    return result


def top_k(scores: Tensor, k: int = 10) -> tuple[Tensor, Tensor]:
    """The k best items of each user: by descending score, the lower index first among equals.

    Unlike ``torch.topk``, whose choice among equal scores is not defined, the answer depends on
    the scores only.

    Args:
        scores: (n_users, n_items), -inf where an item is no candidate.
        k: length of the lists, cut at n_items.

    Returns:
        Scores and items (int64), both (n_users, min(k, n_items)). Places without a candidate hold
        -inf and the item -1.

    Raises:
        ValueError: a score is NaN, k is below 1.
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f"k must be a whole number of at least 1, got {k!r}")
    if scores.ndim != 2:
        raise ValueError(f"scores must be (n_users, n_items), got {tuple(scores.shape)}")
    scores = scores.detach()
    _refuse_nan(scores)
    n_items = scores.shape[1]
    k = min(int(k), n_items)
    values, items = scores.topk(min(k + 1, n_items), dim=1)
    # One place more than asked for shows whether the last place is tied with one left out.
    tied = values[:, k - 1] == values[:, -1] if k < n_items else torch.zeros(len(values)).bool()
    values, items = values[:, :k].contiguous(), items[:, :k].contiguous()
    for user in torch.nonzero(tied & ~torch.isneginf(values[:, -1])).flatten().tolist():
        # Those above the tie are certain; the rest of the places go to its first items.
        n_above = int((values[user] > values[user, -1]).sum())
        tie = torch.nonzero(scores[user] == values[user, -1]).flatten()
        items[user, n_above:] = tie[: k - n_above]
    items, by_item = items.sort(dim=1)
    values, by_value = values.gather(1, by_item).sort(dim=1, descending=True, stable=True)
    return values, items.gather(1, by_value).masked_fill(torch.isneginf(values), -1)


def _refuse_nan(scores: Tensor) -> None:
    """One pass over the block: a minimum is NaN if anything is."""
    if scores.numel() > 0 and torch.isnan(scores.min()):
        user, item = torch.nonzero(torch.isnan(scores))[0].tolist()
        raise ValueError(f"scores hold NaN for item {item} of row {user}")


def _pairs(name: str, rows: Any, items: Any, n_users: int, n_items: int) -> tuple[Ints, Ints]:
    """Index pairs as int64 arrays, all inside the block."""
    row, item = np.asarray(rows), np.asarray(items)
    if row.ndim != 1 or row.shape != item.shape:
        raise ValueError(
            f"{name}_rows and {name}_items must have one length, got {row.shape} and {item.shape}"
        )
    for axis, index, size in (("rows", row, n_users), ("items", item, n_items)):
        if index.size == 0:
            continue
        if not np.issubdtype(index.dtype, np.integer):
            raise ValueError(f"{name}_{axis} must be integers, got {index.dtype}")
        if index.min() < 0 or index.max() >= size:
            wrong = index[(index < 0) | (index >= size)][0]
            raise ValueError(f"{name}_{axis} must be 0 to {size - 1}, got {wrong}")
    return row.astype(np.int64), item.astype(np.int64)


def _count(block: NDArray[Any], row: Ints, values: NDArray[Any]) -> tuple[Ints, Ints, Ints]:
    """Per relevant item: candidates strictly above and equal; per user: candidates.

    Two exact ways. A long row is compared with each of its relevant items while it stays in the
    cache of the processor. Short rows, and rows with more relevant items than a sort costs
    comparisons, are sorted (the scores alone, no indices), many at once.
    """
    n_users, n_items = block.shape
    above, equal = np.empty((2, len(row)), dtype=np.int64)
    candidates = np.zeros(n_users, dtype=np.int64)
    flags = np.empty(n_items, dtype=bool)
    greater, greater_equal, count = np.greater, np.greater_equal, np.count_nonzero
    few = 0 if n_items < _SHORT else n_items.bit_length() // 2
    users = np.unique(row)
    starts, ends = row.searchsorted(users), row.searchsorted(users, side="right")
    one_by_one = ends - starts <= few
    for user, start, end in zip(
        *(each[one_by_one].tolist() for each in (users, starts, ends)), strict=True
    ):
        line = np.ascontiguousarray(block[user])  # a transposed block would cost ten times
        for at in range(start, end):
            value = values[at]
            higher = count(greater(line, value, out=flags))
            above[at] = higher
            equal[at] = count(greater_equal(line, value, out=flags)) - higher
        candidates[user] = count(greater(line, -np.inf, out=flags))

    rest = np.flatnonzero(~one_by_one)
    step = max(1, _TABLE // n_items)
    for some in np.split(rest, range(step, len(rest), step)):
        lines = np.sort(block[users[some]], axis=1)
        each_line = np.arange(len(some))
        sizes = ends[some] - starts[some]
        line = np.repeat(each_line, sizes)
        here = np.repeat(starts[some] - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
        below = _how_many(np.less, lines, line, values[here])
        not_above = _how_many(np.less_equal, lines, line, values[here])
        above[here], equal[here] = n_items - not_above, not_above - below
        lowest = np.full(len(some), -np.inf, dtype=lines.dtype)
        candidates[users[some]] = n_items - _how_many(np.less_equal, lines, each_line, lowest)
    return above, equal, candidates


def _top(block: Tensor, row: Ints, values: NDArray[Any], k: int) -> tuple[Ints, Ints, Ints]:
    """What `_count` gives, right as far as the first k places go.

    An item beyond them has k or more above it, and what is equal to it does not matter. The number
    of candidates is right up to k. Only a tie that goes over the end of the list is counted out.
    """
    best = block.topk(min(k + 1, block.shape[1]), dim=1).values.cpu().numpy()
    candidates = (best > -np.inf).sum(axis=1)
    lines, value = best[row], values[:, None]
    above, equal = (lines > value).sum(axis=1), (lines == value).sum(axis=1)
    equal = np.maximum(equal, 1)  # itself
    open_ended = np.flatnonzero((above < k) & (above + equal > k))
    users, first = np.unique(row[open_ended], return_index=True)
    ties = np.zeros(len(candidates), dtype=np.int64)
    for user, value in zip(users.tolist(), values[open_ended[first]], strict=True):
        ties[user] = torch.count_nonzero(block[user] == float(value))
    equal[open_ended] = ties[row[open_ended]]
    return above, equal, candidates


def _how_many(than: np.ufunc, lines: NDArray[Any], line: Ints, values: NDArray[Any]) -> Ints:
    """How many entries of the ascending ``lines[line]`` are less (or equal), for each value.

    A binary search for all values together, by halving steps: ``numpy.searchsorted`` knows one
    line only, and a call for each would cost more than the sort.
    """
    n = lines.shape[1]
    flat, begin = lines.ravel(), line * n
    found = np.zeros(len(line), dtype=np.int64)
    for step in 2 ** np.arange(n.bit_length())[::-1]:
        further = found + step
        inside = further <= n
        inside &= than(flat.take(begin + further - 1, mode="clip"), values)
        found = np.where(inside, further, found)
    return found


def _from_counts(
    row: Ints,
    above: Ints,
    equal: Ints,
    candidates: Ints,
    n_positive: Ints,
    k: int,
    whole: bool,
) -> dict[str, Floats]:
    """Expectations of all statistics from the counts; rows without positives hold anything.

    A tie is the set of a user's relevant items with one score: ``p`` of them among ``t``
    candidates, ``a`` candidates above it, ``found`` relevant ones of those above.
    """
    n_users = len(n_positive)
    order = np.lexsort((above, row))
    row, above, equal = row[order], above[order], equal[order]
    starts = np.ones(len(row), dtype=bool)
    starts[1:] = (row[1:] != row[:-1]) | (above[1:] != above[:-1])
    first = np.flatnonzero(starts)
    user, a, t = row[first], above[first], equal[first]
    p = np.diff(np.append(first, len(row)))
    found = first - (np.cumsum(n_positive) - n_positive)[user]

    def total(per_tie: Floats, of: Ints = user) -> Floats:
        sums = np.bincount(of, weights=per_tie, minlength=n_users)
        return sums.astype(np.float64, copy=False)  # without any tie they come as integers

    n_ranks = int(candidates.max(initial=1))
    top = min(k, n_ranks)
    ranks = np.arange(1, n_ranks + 1)
    harmonic = np.append(0.0, np.cumsum(1 / ranks))
    discount = np.append(0.0, np.cumsum(1 / np.log2(ranks[:top] + 1)))
    low, high = np.minimum(a, top), np.minimum(a + t, top)  # the part of the tie in the top k
    share = p / t
    hits = total(share * (high - low))
    # rel * precision at rank i = a + j is share * (found + 1 + (j-1) (p-1)/(t-1)) / i: summed over
    # the ranks with the identity (j-1)/i = 1 - (a+1)/i.
    inverse = harmonic[high] - harmonic[low]
    others = (p - 1) / np.maximum(t - 1, 1)
    precisions = share * ((found + 1) * inverse + others * (high - low - (a + 1) * inverse))
    some = np.maximum(n_positive, 1)
    ideal = discount[np.minimum(some, top)]
    statistics = {
        "recall": hits / some,
        "precision": hits / k,
        "ndcg": total(share * (discount[high] - discount[low])) / ideal,
        "average_precision": total(precisions) / np.minimum(some, k),
    }
    if whole:
        leading = found == 0
        best = _first_hit(a[leading], t[leading], p[leading], harmonic)
        statistics["reciprocal_rank"] = total(best, user[leading])
        # Negatives above each of the tie's positives, on average over the orders of the tie.
        negatives = candidates - n_positive
        wrong = total(p * (a - found + (t - p) / 2))
        pairs = (n_positive * negatives).astype(np.float64)
        lost = np.divide(wrong, pairs, out=np.full(n_users, np.nan), where=pairs > 0)
        statistics["auc"] = 1 - lost
    return statistics


def _first_hit(a: Ints, t: Ints, p: Ints, harmonic: Floats) -> Floats:
    """Expectation of 1 / (rank of the first relevant item), one tie each.

    A single relevant item is anywhere in its tie with equal probability: a difference of harmonic
    numbers. With more, place j is the first hit with probability p / (t - j + 1), given that none
    came before; the table of these, one tie a line, is only built for ties that need it.
    """
    result = (harmonic[a + t] - harmonic[a]) / t
    several = np.flatnonzero(p > 1)
    several = several[np.argsort(t[several])]  # lines of about one length together
    start = 0
    while start < len(several):
        end = start + 1
        while end < len(several) and (end + 1 - start) * t[several[end]] <= _TABLE:
            end += 1
        some = several[start:end]
        places = np.arange(1, t[some[-1]] + 1)
        left = np.maximum(t[some, None] - places + 1, 1)
        hazard = np.minimum(p[some, None] / left, 1)
        missed = np.cumprod(1 - hazard, axis=1)
        here = hazard  # times the probability that nothing came before
        here[:, 1:] *= missed[:, :-1]
        result[some] = (here / (a[some, None] + places)).sum(axis=1)
        start = end
    return result
