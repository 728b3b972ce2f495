"""What a set of recommendation lists is like, apart from being right: coverage, diversity, novelty.

``lists`` is one list of items a user: an array (n_users, k), or lists of different lengths. A flat
list of items is taken as the list of one user.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys_tutorial.metrics.checks import numbers, position, whole


def _flatten(lists: Iterable[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    """All items one after the other, and the number of the list that each belongs to."""
    if hasattr(lists, "detach"):  # a torch tensor
        lists = lists.detach().cpu()
    rows = lists.tolist() if hasattr(lists, "tolist") else list(lists)
    if rows and all(np.ndim(row) == 0 for row in rows):
        rows = [rows]
    rows = [row.tolist() if hasattr(row, "tolist") else row for row in rows if len(row) > 0]
    items = list(chain.from_iterable(rows))
    if not items:
        raise ValueError("lists hold no item")
    if missing := [at for at, item in enumerate(items) if item is None or item != item]:
        raise ValueError(f"lists miss an item at position {missing[0]}")
    return items, np.repeat(np.arange(len(rows)), [len(row) for row in rows])


def _positions(lists: Iterable[Any], n_items: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    items, which = _flatten(lists)
    for item in items:
        if not isinstance(item, (int, np.integer)):
            raise ValueError(f"lists must hold positions of items (integers), got {item!r}")
        if not 0 <= item < n_items:
            raise ValueError(f"lists must hold positions from 0 to {n_items - 1}, got {item}")
    return np.array(items, dtype=np.int64), which


def coverage(lists: Iterable[Any], n_items: int) -> float:
    """Share of the catalogue that is in at least one list: ``|union of lists| / n_items``.

    Args:
        lists: (n_users, k) items, or lists of different lengths; any hashable ids.
        n_items: size of the catalogue.

    Returns:
        A number in (0, 1]. It grows with the number of lists: compare at equal numbers only.

    Raises:
        ValueError: no item, more distinct items than ``n_items``, a missing or negative item.

    Example:
        >>> coverage([[0, 1], [1, 2]], n_items=10)
        0.3
    """
    n_items = whole("n_items", n_items)
    distinct = set(_flatten(lists)[0])
    if negative := [item for item in distinct if isinstance(item, (int, float)) and item < 0]:
        raise ValueError(f"lists hold the negative item {negative[0]}: remove the padding")
    if len(distinct) > n_items:
        raise ValueError(f"lists hold {len(distinct)} distinct items, more than {n_items=}")
    return len(distinct) / n_items


def intra_list_diversity(lists: Iterable[Any], item_vectors: ArrayLike) -> float:
    """How unlike the items of a list are: 1 - mean cosine over its pairs, mean over lists.

    A vector of zeros has no direction; its cosine with anything counts as 0, also with another
    vector of zeros. Lists with fewer than two items have no pair and are left out; NaN if no list
    has two.

    Args:
        lists: (n_users, k) positions of items, or lists of different lengths.
        item_vectors: (n_items, d), for instance factors or genre indicators.

    Returns:
        A number without unit: 0 if all items point the same way, 1 if they are orthogonal, at most
        2. For vectors without negative entries at most 1.

    Raises:
        ValueError: no item, a position outside the vectors, vectors that are NaN or infinite.

    Source: intra-list similarity, Ziegler et al., WWW 2005, here as 1 minus its mean.

    Example:
        >>> intra_list_diversity([[0, 1], [0, 2]], [[1, 0], [2, 0], [0, 1]])  # mean of 0 and 1
        0.5
    """
    vectors = numbers("item_vectors", item_vectors)
    if vectors.ndim != 2 or np.isinf(vectors).any():
        raise ValueError(f"item_vectors must be finite, (n_items, d); got shape {vectors.shape}")
    items, which = _positions(lists, len(vectors))
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    vectors = vectors / np.where(largest > 0, largest, 1)  # no overflow in the squares
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(norms > 0, norms, 1)
    # The cosines of all ordered pairs sum to |sum of unit vectors|^2 - number of unit vectors.
    sizes = np.bincount(which)
    sums = np.zeros((len(sizes), unit.shape[1]))
    np.add.at(sums, which, unit[items])
    own = np.bincount(which, weights=(norms[items, 0] > 0).astype(float))
    many = sizes > 1
    if not many.any():
        return float("nan")
    cosines = ((sums**2).sum(axis=1) - own)[many] / (sizes * (sizes - 1))[many]
    return float(np.mean(1 - cosines))


def novelty(lists: Iterable[Any], item_counts: ArrayLike, n_users: int) -> float:
    """Mean self-information ``-log2 p`` of the recommended items, in bits.

    p = ``item_counts[i] / n_users`` is the share of users who have item i in the training data: one
    bit more means half as well known. An item nobody has would be infinitely novel; it counts as if
    one user had it. Mean over the items of a list, then over lists.

    Args:
        lists: (n_users, k) positions of items, or lists of different lengths.
        item_counts: (n_items,) number of users with each item, from the training part.
        n_users: number of users that were counted.

    Returns:
        A number between 0 (everybody has everything recommended) and log2(n_users).

    Raises:
        ValueError: no item, a position outside the counts, a count below 0 or above ``n_users``.

    Source: Zhou et al., PNAS 2010 (self-information of objects).

    Example:
        >>> novelty([[0, 1], [1, 2]], item_counts=[8, 4, 2], n_users=8)  # bits 0, 1 | 1, 2
        1.0
    """
    n_users = whole("n_users", n_users)
    counts = numbers("item_counts", item_counts)
    if counts.ndim != 1:
        raise ValueError(f"item_counts must have one dimension, got shape {counts.shape}")
    wrong = (counts < 0) | (counts > n_users)
    if wrong.any():
        where = position(wrong)
        raise ValueError(
            f"item_counts must lie in [0, n_users = {n_users}], got {counts[where]:g} at {where}"
        )
    items, which = _positions(lists, counts.size)
    bits = np.log2(n_users) - np.log2(np.maximum(counts, 1))
    means = np.bincount(which, weights=bits[items]) / np.bincount(which)
    return float(np.mean(means))
