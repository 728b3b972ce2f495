"""Checks of page 14."""

from __future__ import annotations

from typing import Any

import numpy as np

from recsys_tutorial.checks.registry import register
from recsys_tutorial.pages import Page


@register("14.rotation", asks="function")
def rotation(answer: Any, page: Page) -> str | None:
    """A function (a, b): the rotation R for which a @ R is closest to b."""
    rng = np.random.default_rng(6)
    a = rng.normal(size=(40, 4)) * [3.0, 2.0, 1.0, 0.5]
    hidden = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    b = a @ hidden + 0.3 * rng.normal(size=a.shape)
    u, size, vt = np.linalg.svd(a.T @ b)
    found = answer(a.copy(), b.copy())
    found = np.asarray(found)
    if found.shape != (4, 4):
        return f"for two tables of 4 axes R must have the shape (4, 4), not {found.shape}."
    if np.allclose(found, vt.T @ u.T, atol=1e-6):
        return "this turns b onto a: the other way round is asked."
    if np.allclose(found, u @ np.diag(size) @ vt, atol=1e-6):
        return "the sizes of the SVD are still in it: a rotation must not stretch."
    if np.allclose(found, u @ vt.T, atol=1e-6):
        return "svd gives its last part transposed already; this transposes it once more."
    if not np.allclose(found.T @ found, np.eye(4), atol=1e-6):
        return "this is no rotation: R transposed times R must be the identity."
    if not np.allclose(found, u @ vt, atol=1e-6):
        return "it is a rotation, but on tables of our own another one brings a closer to b."
    return None


@register("14.kept", asks="function")
def kept(answer: Any, page: Page) -> str | None:
    """A function (a, b, k): the mean share of the k nearest that stay."""
    rng = np.random.default_rng(7)
    a = rng.normal(size=(60, 5)) * rng.uniform(0.2, 5, (60, 1)) + 0.3
    b = a + rng.normal(size=a.shape) * np.linalg.norm(a, axis=1, keepdims=True) * 0.3
    found = answer(a.copy(), b.copy(), 6)
    if np.ndim(found) != 0:
        return (
            f"one number is asked, the mean over the films; this has the shape {np.shape(found)}."
        )
    expected = _kept([_cosines(a), _cosines(b)], 6)
    inside = [_cosines(x) for x in (a, b)]
    for cosines in inside:
        np.fill_diagonal(cosines, 3)  # each film is its own nearest
    products = [_alone(x @ x.T) for x in (a, b)]
    distances = [_alone(-((x[:, None] - x) ** 2).sum(-1)) for x in (a, b)]
    farthest = [_alone(-_cosines(x)) for x in (a, b)]
    slips = {
        "each film is counted among its own neighbours: leave it out.": _kept(inside, 6),
        "these are neighbours by the plain product: divide by the lengths.": _kept(products, 6),
        "these are neighbours by distance; by cosine is asked.": _kept(distances, 6),
        "these are the films farthest away: mind the order of the sorting.": _kept(farthest, 6),
        "this is a number of films: divide by k.": 6 * expected,
    }
    for text, slip in slips.items():
        if np.isclose(float(found), slip, atol=1e-9) and not np.isclose(slip, expected, atol=1e-9):
            return text
    if abs(float(found) - expected) > 1e-6:
        return "on maps of our own it gives another share."
    return None


@register("14.together", asks="function")
def together(answer: Any, page: Page) -> str | None:
    """A function (speaks): share of people for whom the same taste speaks for both films."""
    speaks = np.random.default_rng(8).integers(0, 3, (30, 7))
    found = answer(speaks.copy())
    found = np.asarray(found)
    if found.shape != (7, 7):
        return f"for 7 films the table must have the shape (7, 7), not {found.shape}."
    expected = (speaks[:, :, None] == speaks[:, None, :]).mean(0)
    if found.dtype.kind == "b":
        return "this is a table of truth values: make numbers of them before the product."
    slips = {
        "these are numbers of people: divide by how many there are.": expected * len(speaks),
        "this is divided by the films: divide by the number of people.": expected * 30 / 7,
        "a product of truth values does not count: make numbers of them before.": (
            sum((speaks == m).T @ (speaks == m) for m in range(3)) / len(speaks)
        ),
        "one taste is missing: the first has the number 0.": (
            (speaks[:, :, None] == speaks[:, None, :]) & (speaks[:, :, None] > 0)
        ).mean(0),
    }
    for text, slip in slips.items():
        if np.allclose(found, slip, atol=1e-6):
            return text
    if not np.allclose(found, expected, atol=1e-6):
        return "on tastes of our own it gives other shares."
    return None


def _alone(alike: np.ndarray) -> np.ndarray:
    """The same table without the films themselves."""
    alike = alike.copy()
    np.fill_diagonal(alike, -np.inf)
    return alike


def _cosines(x: np.ndarray) -> np.ndarray:
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    return _alone(unit @ unit.T)


def _kept(maps: list[np.ndarray], k: int) -> float:
    near = [np.argsort(-alike, axis=1)[:, :k] for alike in maps]
    both = [len(np.intersect1d(r, s)) for r, s in zip(*near, strict=True)]
    return float(np.mean(both)) / k
