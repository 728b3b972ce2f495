"""Principal axes of what a model says about people and items."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from recsys_tutorial.interpret.factors import factors
from recsys_tutorial.models.base import Model
from recsys_tutorial.recommending import fold

_SMALLEST = 1e-6  # of the largest singular value: below it is rounding of float32 tables


@dataclass(frozen=True, eq=False, repr=False)
class Axes:
    """The personal parts of all scores, taken apart into axes: the widest first.

    `users @ items.T` is the user-centred personal part `(p_u - mean p) . q_i` in stars.

    Attributes:
        users: (n_users, k), standard deviations: 0 is the average person, 1 is clearly different.
        items: (n_items, k), stars: what one standard deviation along the axis adds to the score.
        sd: (k,), stars: the spread of the axis over all people and items (root mean square).
        share: (k,), share of the variance of the personal parts; they sum to 1.
        seen_user: bool; rows without training ratings are zero and are ignored.
        seen_item: the same of the items.
    """

    users: np.ndarray
    items: np.ndarray
    sd: np.ndarray
    share: np.ndarray
    seen_user: np.ndarray
    seen_item: np.ndarray
    centre: np.ndarray
    into: np.ndarray

    def __len__(self) -> int:
        return len(self.sd)

    def __repr__(self) -> str:
        first = ", ".join(f"{s:.0%}" for s in self.share[:3])
        return f"<Axes: {len(self)} axes, of {first} ... of the personal variance>"

    def place(self, row: ArrayLike) -> np.ndarray:
        """Coordinates (k,) of one more user's row (d or more,) of factors; what follows the first
        d numbers, such as a bias, is left out."""
        return (np.asarray(row, dtype=np.float64)[: len(self.centre)] - self.centre) @ self.into


def pca(model: Model) -> Axes:
    """Principal axes of the user-centred scores of a fitted model.

    Taken of the product `(P - mean p) Q^T` and not of the tables: `(P M^-T, Q M)` gives the same
    scores for any invertible M, so axes of either table alone are an accident of training. The
    product is never made: thin QR of each side, then an SVD of a (d, d) matrix.
    Signs: on each axis the item farthest from zero is positive.

    Raises TypeError or ValueError for a model without factors.
    """
    f = factors(model)
    n = int(f.seen_user.sum())
    centre = f.user[f.seen_user].mean(0)
    left, r_left = np.linalg.qr((f.user - centre) * f.seen_user[:, None])
    right, r_right = np.linalg.qr(f.item)
    u, size, vt = np.linalg.svd(r_left @ r_right.T)
    k = int((size > _SMALLEST * size[0]).sum())
    if k == 0:
        raise ValueError("all users of this model are the same: train it first")
    u, size, v = u[:, :k], size[:k], vt[:k].T
    items = right @ v
    sign = np.sign(items[np.abs(items).argmax(0), np.arange(k)])
    return Axes(
        users=left @ u * sign * np.sqrt(n) * f.seen_user[:, None],  # exactly zero where unseen
        items=items * sign * size / np.sqrt(n) * f.seen_item[:, None],
        sd=size / np.sqrt(n * int(f.seen_item.sum())),
        share=size**2 / (size**2).sum(),
        seen_user=f.seen_user,
        seen_item=f.seen_item,
        centre=centre,
        into=r_right.T @ v * sign / size * np.sqrt(n),
    )


def place(axes: Axes, model: Model, ratings: Mapping[Hashable, float]) -> np.ndarray:
    """Where somebody with these ratings (item id to stars) is on the axes: (k,), in standard
    deviations of the users. With few ratings everybody is near the middle.

    Raises TypeError for a model that cannot fold in a new user, KeyError for an unknown item.
    """
    assert model.item_vocab is not None
    items = model.item_vocab.index(list(ratings))
    return axes.place(fold(model, items, np.array(list(ratings.values()))).row.cpu().numpy())


def matches(a: Axes, b: Axes, rows: np.ndarray | None = None, among: int = 10) -> np.ndarray:
    """For each axis of `a` how well `b` has it too: (min(k, among),), from 0 to 1.

    The largest |cosine| between the items' places on that axis and on the first `among` of `b`.

    Args:
        rows: bool or positions, the items that count; None for those that both have seen.
    """
    rows = a.seen_item & b.seen_item if rows is None else rows
    x, y = a.items[rows][:, :among], b.items[rows][:, :among]
    cosine = (x / np.linalg.norm(x, axis=0)).T @ (y / np.linalg.norm(y, axis=0))
    return np.abs(cosine).max(1)
