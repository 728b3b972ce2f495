"""Checks of page 12."""

from typing import Any

import numpy as np
import torch

from recsys_workshop.checks.registry import compare, register
from recsys_workshop.pages import Page


@register("12.network", asks="function")
def network(answer: Any, page: Page) -> str | None:
    """A function (z, W, c, v): one hidden layer with a cut, then a weighted sum."""
    generator = torch.Generator().manual_seed(3)
    z, w, c, v = (torch.randn(shape, generator=generator) for shape in ((7, 5), (5, 64), 64, 64))
    found = answer(z.clone(), w.clone(), c.clone(), v.clone())
    inside = z @ w + c
    slips = {
        "nothing is cut off: without the cut it is one more sum.": inside @ v,
        "cut the hidden numbers, not the result.": (inside @ v).relu(),
        "c is missing.": (z @ w).relu() @ v,
        "c belongs inside of the cut.": ((z @ w).relu() + c) @ v,
        "v is missing: the hidden numbers are not simply added up.": inside.relu().sum(-1),
    }
    other = "on rows of our own it gives other numbers than v · max(0, z W + c)."
    shape = "for 7 rows the result must have the shape (7,), not {shape}."
    return compare(found, inside.relu() @ v, slips, other, shape=shape, tolerance=1e-3)


@register("12.gaps", asks="function")
def gaps(answer: Any, page: Page) -> str | None:
    """A function: from sorted times the time from each to the next, NaN at the end."""
    times = np.array([100, 100, 130, 500])
    found = answer(times.copy())
    found = np.asarray(found, dtype=float)
    if found.shape != (4,):
        return f"four times must give four numbers; this has the shape {found.shape}."
    if np.isnan(found[0]):
        return "this is the time since the rating before; asked is the time to the next."
    if not np.isnan(found[-1]):
        return "after the last rating nothing is known: it must be NaN there."
    if not np.allclose(found[:-1], [0, 30, 370]):
        return f"the times 100, 100, 130, 500 gave {found.tolist()}."
    single = np.asarray(answer(np.array([7])), dtype=float)
    if single.shape != (1,) or not np.isnan(single[0]):
        return "a user with one rating must get one NaN."
    return None
