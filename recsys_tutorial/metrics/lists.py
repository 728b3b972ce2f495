"""Properties of lists besides accuracy: coverage, diversity, novelty.

``lists`` has one list of positions of items per user: an array (n_users, k), or lists of different
lengths. Empty lists are left out. ValueError if no item is left, for positions outside of the
catalogue, and for NaN.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys_tutorial.metrics.checks import numbers, whole


def _positions(lists: Iterable[Any], n_items: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """All items one after the other, and the number of the list that each belongs to."""
    rows = [np.asarray(row) for row in lists if len(row) > 0]
    if not rows:
        raise ValueError("lists hold no item")
    items = np.concatenate(rows)
    if items.dtype.kind not in "iu":
        raise ValueError(f"lists must hold positions of items (integers), got {items[0]!r}")
    if ((items < 0) | (items >= n_items)).any():
        got = items.min() if items.min() < 0 else items.max()
        raise ValueError(f"lists must hold positions from 0 to {n_items - 1}, got {got}")
    return items, np.repeat(np.arange(len(rows)), [len(row) for row in rows])


def coverage(lists: Iterable[Any], n_items: int) -> float:
    """Share of the catalogue that is in at least one list: ``|union of lists| / n_items``.

    It grows with the number of lists: compare only at equal numbers of lists.

    Example:
        >>> coverage([[0, 1], [1, 2]], n_items=10)
        0.3
    """
    items, _ = _positions(lists, whole("n_items", n_items))
    return len(np.unique(items)) / n_items


def intra_list_diversity(lists: Iterable[Any], item_vectors: ArrayLike) -> float:
    """How different the items of a list are: 1 - mean cosine over its pairs, mean over lists.

    0 if all items have the same direction, 1 if they are orthogonal, at most 2. The cosine with a
    vector of zeros counts as 0. Lists with fewer than two items are left out; NaN if no list has
    two.

    Args:
        item_vectors: (n_items, d), for instance factors or genre indicators.

    Source: intra-list similarity, Ziegler et al., WWW 2005, here as 1 minus its mean.

    Example:
        >>> intra_list_diversity([[0, 1], [0, 2]], [[1, 0], [2, 0], [0, 1]])  # mean of 0 and 1
        0.5
    """
    vectors = numbers("item_vectors", item_vectors)
    if vectors.ndim != 2:
        raise ValueError(f"item_vectors must be (n_items, d), got shape {vectors.shape}")
    items, which = _positions(lists, len(vectors))
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = (vectors / np.where(norms > 0, norms, 1))[items]
    # The sum of the cosines of all ordered pairs is |sum of unit vectors|^2 - number of them.
    sizes = np.bincount(which)
    starts = np.cumsum(sizes) - sizes
    own = np.add.reduceat((norms[items, 0] > 0).astype(float), starts)
    sums = (np.add.reduceat(unit, starts) ** 2).sum(axis=1) - own
    pairs = (sizes * (sizes - 1))[sizes > 1]
    return float(np.mean(1 - sums[sizes > 1] / pairs)) if len(pairs) else float("nan")


def novelty(lists: Iterable[Any], item_counts: ArrayLike, n_users: int) -> float:
    """Mean self-information ``-log2 p`` of the recommended items, in bits.

    p = ``item_counts[i] / n_users`` is the share of users with item i in the training data: one bit
    more means half as well known. An item that nobody has counts as if one user had it. Mean over
    the items of a list, then over lists; from 0 to log2(n_users).

    Args:
        item_counts: (n_items,) number of users with each item, from the training part.
        n_users: number of users that were counted.

    Source: Zhou et al., PNAS 2010 (self-information of objects).

    Example:
        >>> novelty([[0, 1], [1, 2]], item_counts=[8, 4, 2], n_users=8)  # bits 0, 1 | 1, 2
        1.0
    """
    counts = numbers("item_counts", item_counts)
    if ((counts < 0) | (counts > whole("n_users", n_users))).any():
        raise ValueError(f"item_counts must lie between 0 and {n_users=}: it counts users")
    items, which = _positions(lists, counts.size)
    bits = np.log2(n_users) - np.log2(np.maximum(counts, 1))
    return float(np.mean(np.bincount(which, weights=bits[items]) / np.bincount(which)))
