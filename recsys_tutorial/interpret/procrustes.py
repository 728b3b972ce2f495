"""Laying one map on another: the best rotation, judged where it was not fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from recsys_tutorial.interpret.axes import pca
from recsys_tutorial.models.base import Model


@dataclass(frozen=True, eq=False)
class Alignment:
    """The rotation R that lays `a` on `b`, and how well `a R` fits.

    Attributes:
        rotation: (d, d), orthogonal; it may mirror.
        fitted: Share of b's sum of squares that is met on the anchors (1 is perfect).
        held_out: The same on the items that R was not fitted on: the number to believe.
        before: The same on those items without turning anything.
        cosine: (n,), of each item in `a R` and in `b`; nan for items at the origin of either.
    """

    rotation: np.ndarray
    fitted: float
    held_out: float
    before: float
    cosine: np.ndarray

    def apply(self, x: ArrayLike) -> np.ndarray:
        """Turn rows (m, d' <= d), of users or of items: with both turned no score changes."""
        return _widen(np.asarray(x, dtype=np.float64), len(self.rotation)) @ self.rotation


def procrustes(a: Model | ArrayLike, b: Model | ArrayLike, anchors: ArrayLike) -> Alignment:
    """Rotate the items of `a` onto those of `b`.

    Args:
        a, b: Fitted models of one vocabulary (their items on the axes of `pca`), or arrays
            (n_items, d); the narrower is filled up with zeros.
        anchors: Positions or a bool mask (n_items,): the rotation is fitted on these items and
            judged on the others. Have several times more anchors than axes: fewer fit by
            themselves.

    R = U V^T from the SVD of A^T B minimises ||A R - B|| over orthogonal R (Schoenemann 1966).

    Raises ValueError for other vocabularies or shapes, no anchors, or nothing held out.
    """
    seen = None
    if isinstance(a, Model) and isinstance(b, Model):
        if a.item_vocab != b.item_vocab:
            raise ValueError("the two models number different items: build both for one Dataset")
        axes = pca(a), pca(b)
        seen = axes[0].seen_item & axes[1].seen_item
        x, y = axes[0].items, axes[1].items
    else:
        x, y = (pca(m).items if isinstance(m, Model) else np.asarray(m, float) for m in (a, b))
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        raise ValueError(f"procrustes needs two (n_items, d) tables, not {x.shape} and {y.shape}")
    width = max(x.shape[1], y.shape[1])
    x, y = _widen(x, width), _widen(y, width)
    fit = np.zeros(len(x), dtype=bool)
    fit[np.asarray(anchors)] = True
    rest = ~fit
    if seen is not None:
        fit, rest = fit & seen, rest & seen
    if not fit.any() or not rest.any():
        raise ValueError(
            f"{int(fit.sum())} anchors and {int(rest.sum())} items to judge by: both are needed"
        )
    u, _, vt = np.linalg.svd(x[fit].T @ y[fit])
    rotation = u @ vt
    turned = x @ rotation
    length = np.linalg.norm(turned, axis=1) * np.linalg.norm(y, axis=1)
    dot = np.einsum("id,id->i", turned, y)
    return Alignment(
        rotation=rotation,
        fitted=_met(turned[fit], y[fit]),
        held_out=_met(turned[rest], y[rest]),
        before=_met(x[rest], y[rest]),
        cosine=np.where(length > 0, dot / np.where(length > 0, length, 1.0), np.nan),
    )


def _met(x: np.ndarray, y: np.ndarray) -> float:
    return 1.0 - float(((x - y) ** 2).sum() / (y**2).sum())


def _widen(x: np.ndarray, width: int) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, width - x.shape[1])))
