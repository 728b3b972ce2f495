"""Checks of page 10."""

from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from recsys_workshop.checks.registry import compare, no_gradient, register
from recsys_workshop.pages import Page


class _Numbers(TorchDispatchMode):
    """How many numbers the tensor operations inside of it compute."""

    computed = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.computed += result.numel() if isinstance(result, torch.Tensor) else 1
        return result


def _places(sizes: Any, positions: Any) -> list[int]:
    offsets = np.cumsum([0, *sizes])
    return [int(start + p) for start, own in zip(offsets, positions, strict=False) for p in own]


def _pairs(a: torch.Tensor) -> torch.Tensor:
    return 0.5 * (a.sum(-2).square() - a.square().sum(-2)).sum(-1)


def _centred(table: Any) -> Any:
    table = table - table.mean(1, keepdims=True)
    return table - table.mean(0, keepdims=True)


@register("10.places", asks="function", solution=_places)
def places(answer: Any, page: Page) -> str | None:
    """A function (sizes, positions): the places of the long row that are on."""
    sizes, positions = [5, 7, 3, 4], [[4], [0], [2], [1, 3]]
    found = answer(list(sizes), [list(own) for own in positions])
    if len(found) != 5 or any(np.ndim(place) for place in found):
        return f"five places are on here, so return a flat list of five numbers, not {found}."
    own_too = np.cumsum(sizes)  # the field's own size as well
    slips = {
        "a field begins after the fields *before* it; its own size does not count.": (
            [own_too[f] + p for f, own in enumerate(positions) for p in own]
        ),
        "these are the positions within each field; add where the field begins.": [4, 0, 2, 1, 3],
        "add the sizes of *all* fields before it, not only the last one.": [4, 5, 9, 4, 6],
    }
    other = f"for the sizes {sizes} and the positions {positions} it gives {list(found)}."
    off = compare(np.asarray(found), np.array(_places(sizes, positions)), slips, other)
    if off is None and list(answer([2, 3], [[], [1]])) != [3]:
        off = "a field in which nothing is on adds no place, but the next field begins after it."
    return off


@register("10.pairs", asks="function", solution=_pairs)
def pairs(answer: Any, page: Page) -> str | None:
    """A function (..., k, d) -> (...,): sum over pairs of rows of their products, in one pass."""
    a = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(2)).requires_grad_()
    square, squares = a.detach().sum(-2).square().sum(-1), a.detach().square().sum((-2, -1))
    flat = 0.5 * (a.detach().sum((-2, -1)).square() - squares)
    slips = {
        "each pair is in it twice: take half of it.": square - squares,
        "the square of the sum still pairs each place with itself: subtract those.": 0.5 * square,
        "the numbers of each vector got mixed up: sum over places first, then square.": flat,
        "the minus sign applies to the sum of the squares.": 0.5 * (square + squares),
        "these are pairs within a vector: the places are the last axis but one.": (
            _pairs(a.detach().mT)
        ),
    }
    other = "for the rows that we tried it does not return the sum over all pairs."
    shape = "for 4 ratings with 6 places each it must return 4 numbers; this has the shape {shape}."
    found = answer(a)
    off = compare(found, _pairs(a.detach()), slips, other, shape=shape, tolerance=1e-4)
    off = off or no_gradient(found)
    work = []
    for k in (16, 64) if off is None else ():
        with _Numbers() as numbers:
            answer(torch.ones(1, k, 2))
        work.append(numbers.computed)
    if work and work[1] > 8 * work[0]:  # in one pass it grows by the factor 4, over pairs by 16
        off = f"right, but it visits every pair: {work[1]:,} numbers computed for 64 places."
    return off


@register("10.centred", asks="function", solution=_centred)
def centred(answer: Any, page: Page) -> str | None:
    """A function: the table without the means of its rows and of its columns."""
    table = np.random.default_rng(3).normal(1.0, 1.0, (4, 6))
    found = answer(table.copy())
    if np.shape(found) != table.shape:
        return f"the result must have the table's shape {table.shape}, not {np.shape(found)}."
    found = np.asarray(found, dtype=float)
    for axis, name in ((1, "row"), (0, "column")):
        worst = float(np.abs(found.mean(axis)).max())
        if worst > 1e-6:
            return f"a {name} still has a mean of {worst:.2f}."
    if np.abs(found - _centred(table)).max() > 1e-6:
        return "the means are zero, but something else in the table has changed too."
    return None
