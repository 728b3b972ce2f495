"""The best rotation of one map onto another, judged on items that it was not fitted on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import orthogonal_procrustes

from recsys_tutorial.interpret.axes import pca
from recsys_tutorial.models.base import Model


@dataclass(frozen=True, eq=False)
class Alignment:
    """The rotation R that lays `a` on `b`, and how well `a R` fits.

    Attributes:
        rotation: (d, d), orthogonal; it may mirror. Users and items both turned give the same
            scores.
        fitted: Share of b's sum of squares that `a R` explains on the anchors (1 is perfect).
        held_out: The same on the items that R was not fitted on: the number to believe.
        cosine: (n,), of each item in `a R` and in `b`; nan for items at the origin of either.
    """

    rotation: np.ndarray
    fitted: float
    held_out: float
    cosine: np.ndarray


def procrustes(a: Model | ArrayLike, b: Model | ArrayLike, anchors: ArrayLike) -> Alignment:
    """Rotate the items of `a` onto those of `b`.

    Args:
        a, b: Fitted models of one vocabulary (their items on the axes of `pca`), or arrays
            (n_items, d); the narrower is filled up with zeros. Items at the origin of either, such
            as those without training ratings, are ignored.
        anchors: Positions or a bool mask (n_items,): the rotation is fitted on these items and
            judged on the others. Use several times more anchors than axes: with fewer, any two
            maps fit.

    R minimises ||A R - B|| over orthogonal R (Schoenemann 1966).

    Raises ValueError for other vocabularies or shapes, no anchors, or nothing held out.
    """
    if isinstance(a, Model) and isinstance(b, Model) and a.item_vocab != b.item_vocab:
        raise ValueError("the two models number different items: build both for one Dataset")
    x, y = (pca(m).items if isinstance(m, Model) else np.asarray(m, float) for m in (a, b))
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        raise ValueError(f"procrustes needs two (n_items, d) tables, not {x.shape} and {y.shape}")
    width = max(x.shape[1], y.shape[1])
    x, y = (np.pad(one, ((0, 0), (0, width - one.shape[1]))) for one in (x, y))
    there = x.any(axis=1) & y.any(axis=1)
    fit = np.zeros(len(x), dtype=bool)
    fit[np.asarray(anchors)] = True
    fit, rest = fit & there, ~fit & there
    if not fit.any() or not rest.any():
        raise ValueError(
            f"{int(fit.sum())} anchors and {int(rest.sum())} items to judge by: both are needed"
        )
    rotation, _ = orthogonal_procrustes(x[fit], y[fit])
    turned = x @ rotation
    cosine = np.full(len(x), np.nan)
    length = np.linalg.norm(turned[there], axis=1) * np.linalg.norm(y[there], axis=1)
    cosine[there] = (turned[there] * y[there]).sum(1) / length

    def explained(rows: np.ndarray) -> float:
        return 1.0 - float(((turned[rows] - y[rows]) ** 2).sum() / (y[rows] ** 2).sum())

    return Alignment(rotation, explained(fit), explained(rest), cosine)
