"""Checks of page 19."""

from typing import Any

import torch

from recsys_workshop.checks.registry import register
from recsys_workshop.pages import Page


@register("19.sparse_step", asks="function")
def sparse_step(answer: Any, page: Page) -> str | None:
    """A function (table, rows, gradients, lr): the table after a step on these rows alone."""
    draw = torch.Generator().manual_seed(0)
    table = torch.randn(6, 3, generator=draw)
    rows = torch.tensor([4, 1, 4, 0, 4])
    gradients = torch.randn(5, 3, generator=draw)
    expected = table.clone()
    for row, gradient in zip(rows.tolist(), gradients, strict=True):
        expected[row] -= 0.5 * gradient
    changed = table.clone()
    found = answer(changed, rows.clone(), gradients.clone(), 0.5)
    if not isinstance(found, torch.Tensor) or found.shape != table.shape:
        return "the table itself is asked back, in its shape."
    if not torch.equal(found[[2, 3, 5]], table[[2, 3, 5]]):
        return "a row moved that is not among the rows of the batch."
    if not torch.allclose(found[[0, 1]], expected[[0, 1]], atol=1e-6):
        return "a row that occurs once should lose lr times its gradient: look at sign and lr."
    if not torch.allclose(found[4], expected[4], atol=1e-6):
        return "a row that occurs three times did not get the sum of its three gradients."
    if not torch.equal(changed, found):
        return "right numbers, but in a new table: the one that was given has not changed."
    return None


@register("19.combine", asks="function")
def combine(answer: Any, page: Page) -> str | None:
    """A function (gradients, sizes): the gradient of the mean over the rows of all parts."""
    draw = torch.Generator().manual_seed(1)
    for sizes in ([4, 4], [3, 1], [5, 2, 1]):
        rows = torch.randn(sum(sizes), 2, 3, generator=draw)
        parts = [part.mean(0) for part in rows.split(sizes)]
        found = answer([part.clone() for part in parts], list(sizes))
        if not isinstance(found, torch.Tensor) or found.shape != parts[0].shape:
            return "one gradient is asked, in the shape that each part's has."
        if not torch.allclose(found, rows.mean(0), atol=1e-6):
            if len(set(sizes)) == 1:
                return "even for parts of equal size it is not the mean over all rows."
            return f"right for equal parts, not for parts of {sizes} rows: whose say is too large?"
    return None


@register("19.most_factors")
def most_factors(answer: Any, page: Page) -> str | None:
    """Factors a row, so that the weights and Adam's two means of 52 million rows fit 64 GB."""
    room = 64e9 / (52_000_000 * 4)  # numbers a row
    known = {
        int(room) - 1: "that leaves no room for Adam's two means.",
        int(room / 3): "nearly: each row has a bias too.",
        int(room / 4) - 1: "that has room for a dense gradient as well, and there is none.",
        round(64 * 2**30 / (52_000_000 * 12)) - 1: "64 GB are 64 times 10^9 bytes here.",
    }
    number = float(answer)
    expected = int(room / 3) - 1
    if number != int(number):
        return "the number of factors is a whole number: round down."
    if int(number) != expected:
        return known.get(
            int(number), "multiply again: rows, numbers a row, 4 bytes, three of each."
        )
    return None
