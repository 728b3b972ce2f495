"""Checks of page 14."""

from typing import Any

import numpy as np

from recsys_workshop.checks.registry import compare, cosines, near, register
from recsys_workshop.pages import Page


def _rotation(a: np.ndarray, b: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    u, _, vt = np.linalg.svd(a[anchors].T @ b[anchors])
    return np.asarray(u @ vt)


@register("14.rotation", asks="function", solution=_rotation)
def rotation(answer: Any, page: Page) -> str | None:
    """A function (a, b, anchors): the rotation R for which a @ R is closest to b on the anchors."""
    rng = np.random.default_rng(6)
    a = rng.normal(size=(40, 4)) * [3.0, 2.0, 1.0, 0.5]
    hidden = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    hidden[:, 0] *= -np.sign(np.linalg.det(hidden))  # a reflection
    b, anchors = a @ hidden + 0.3 * rng.normal(size=a.shape), np.arange(0, 40, 2)
    u, size, vt = np.linalg.svd(a[anchors].T @ b[anchors])
    given = answer(a.copy(), b.copy(), anchors.copy())
    if isinstance(given, tuple):
        return f"return one matrix; this returns {len(given)} things: compute R from them."
    found, middle = np.asarray(given), (a[anchors].mean(0), b[anchors].mean(0))
    slips = {
        "this is fitted on the films that are not anchors.": _rotation(a, b, anchors + 1),
        "the maps were centred first; do not move them: R turns them around 0.": _rotation(
            a - middle[0], b - middle[1], anchors
        ),
        "these are the right factors in the wrong order: solve Z = I for R again.": vt @ u,
        "this is fitted on all films: use the rows of the anchors only.": _rotation(
            a, b, np.arange(40)
        ),
        "this excludes reflections: they are allowed here, since they change no score.": (
            u * [1, 1, 1, -1] @ vt
        ),
        "this turns b onto a; turn a onto b.": vt.T @ u.T,
        "the singular values are still in it: a rotation must not stretch.": u * size @ vt,
        "svd gives its last part transposed already; this transposes it once more.": u @ vt.T,
    }
    other = "it is a rotation, but on the maps that we tried another one brings a closer to b."
    if found.shape == (4, 4) and not near(found.T @ found, np.eye(4)):
        other = "this stretches: R transposed times R must be the identity."
    shape = "for two maps with 4 axes R must have the shape (4, 4), not {shape}."
    return compare(found, u @ vt, slips, other, shape=shape)


def _kept_neighbours(a: np.ndarray, b: np.ndarray, k: int) -> float:
    return _kept([cosines(x) - np.diag(np.full(len(x), 1e9)) for x in (a, b)], k)


@register("14.kept", asks="function", solution=_kept_neighbours)
def kept(answer: Any, page: Page) -> str | None:
    """A function (a, b, k): the mean share of the k nearest that stay."""
    rng = np.random.default_rng(7)
    a = rng.normal(size=(60, 5)) * rng.uniform(0.2, 5, (60, 1)) + 0.3
    b = a + rng.normal(size=a.shape) * np.linalg.norm(a, axis=1, keepdims=True) * 0.3
    itself = np.diag(np.full(60, 1e9))
    angles = [cosines(x) for x in (a, b)]
    products = [x @ x.T - itself for x in (a, b)]
    distances = [-((x[:, None] - x) ** 2).sum(-1) - itself for x in (a, b)]
    farthest = [-alike - itself for alike in angles]
    right = _kept([alike - itself for alike in angles], 6)
    slips = {
        "each film is counted among its own neighbours: leave it out.": _kept(angles, 6),
        "these are neighbours by the plain product: divide by the lengths.": _kept(products, 6),
        "these are neighbours by distance; use the cosine.": _kept(distances, 6),
        "these are the films farthest away: check the order of sorting.": _kept(farthest, 6),
        "this is a number of films: divide by k.": 6 * right,
        "return a share from 0 to 1; this is in percent.": 100 * right,
        "a neighbour may change its rank among the k: compare sets, not ranks.": (
            np.equal(*_nearest([alike - itself for alike in angles], 6)).mean()
        ),
        "each film is still among the k + 1 that are counted: leave it out on both sides.": (
            _kept(angles, 7)
        ),
    }
    shape = "return one number, the mean over the films; this has the shape {shape}."
    other = "on the maps that we tried it gives the wrong share."
    return compare(answer(a.copy(), b.copy(), 6), right, slips, other, shape=shape)


def _together(speaks: np.ndarray) -> np.ndarray:
    hits = [(speaks == m).astype(float) for m in range(int(speaks.max()) + 1)]
    return np.asarray(sum(hit.T @ hit for hit in hits) / len(speaks))


@register("14.together", asks="function", solution=_together)
def together(answer: Any, page: Page) -> str | None:
    """A function (speaks): share of people for whom the same taste speaks for both films."""
    speaks = np.random.default_rng(8).integers(0, 3, (30, 7))
    found = np.asarray(answer(speaks.copy()))
    if found.shape == (7, 7) and found.dtype.kind == "b":
        return "this is a table of True and False: use .astype(float) before the product."
    same = speaks[:, :, None] == speaks[:, None, :]
    right = same.mean(0)
    truths = sum((speaks == m).T @ (speaks == m) for m in range(3))
    slips = {
        "these are numbers of people: divide by how many there are.": right * 30,
        "this is divided by the number of films: divide by the number of people.": right * 30 / 7,
        "a product of booleans does not count: use .astype(float) first.": truths / 30,
        "one taste is missing: the first has the number 0.": (
            (same & (speaks > 0)[:, None]).mean(0)
        ),
        "one taste is missing: the last one has the number speaks.max().": (
            (same & (speaks < 2)[:, None]).mean(0)
        ),
        "a film is always together with itself: the diagonal is 1.": right - np.eye(7),
        "return shares from 0 to 1; these are in percent.": 100 * right,
        "this multiplies the numbers of the tastes; they are only names.": (
            speaks.T @ speaks / len(speaks)
        ),
    }
    shape = "for 7 films the table must have the shape (7, 7), not {shape}."
    other = "on the tastes that we tried it gives wrong shares."
    return compare(found, right, slips, other, shape=shape)


def _kept(maps: list[np.ndarray], k: int) -> float:
    both = [len(np.intersect1d(r, s)) for r, s in zip(*_nearest(maps, k), strict=True)]
    return float(np.mean(both)) / k


def _nearest(maps: list[np.ndarray], k: int) -> list[np.ndarray]:
    return [np.argsort(-alike, axis=1)[:, :k] for alike in maps]
