"""Checks of page 19."""

import tracemalloc
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from recsys_workshop.checks.registry import near, register
from recsys_workshop.pages import Page


class _Dense(TorchDispatchMode):
    """Notes whether an operation reads or writes a tensor of `size` numbers besides the table."""

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        self.table, self.size, self.found = table.data_ptr(), table.numel(), False

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        for one in (*args, *(result if isinstance(result, tuple | list) else (result,))):
            strided = isinstance(one, torch.Tensor) and one.layout == torch.strided
            if strided and one.data_ptr() != self.table:
                self.found |= one.numel() >= self.size // 2
        return result


def _step(table: Any, rows: Any, gradients: Any, lr: float) -> Any:
    return table.index_add_(0, rows, gradients, alpha=-lr)


@register("19.sparse_step", asks="function", solution=_step)
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
        return "it must return the table that it was given, in the same shape."
    if not torch.equal(found[[2, 3, 5]], table[[2, 3, 5]]):
        return "a row that is not in the batch has changed."
    if not torch.allclose(found[[0, 1]], expected[[0, 1]], atol=1e-6):
        return "a row that occurs once must lose lr times its gradient: look at sign and lr."
    if not torch.allclose(found[4], expected[4], atol=1e-6):
        return "a row that occurs three times did not get the sum of its three gradients."
    if not torch.equal(changed, found):
        return "right numbers, but in a new table: change the one that was given, in place."
    large = torch.zeros(20_000, 3)
    with _Dense(large) as watch:
        answer(large, rows.clone(), gradients.clone(), 0.5)
    tracemalloc.start()  # of what numpy takes; torch's tensors were watched
    answer(large, rows.clone(), gradients.clone(), 0.5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    if watch.found or peak > large.nbytes / 2:
        return "right numbers, but it builds something as large as the table: touch only the rows."
    return None


@register("19.combine", asks="function")
def combine(answer: Any, page: Page) -> str | None:
    """A function (gradients, sizes): the gradient of the mean over the rows of all parts."""
    draw = torch.Generator().manual_seed(1)
    for sizes in ([4, 4], [3, 1], [5, 2, 1]):
        rows = torch.randn(sum(sizes), 2, 3, generator=draw)
        parts = [part.mean(0) for part in rows.split(sizes)]
        found = answer([part.clone() for part in parts], list(sizes))
        if isinstance(found, list) or np.shape(found) != (2, 3):
            return "return one gradient, in the same shape as each of the given ones."
        if not near(found, rows.mean(0), 1e-6):
            if near(found, sum(part * n for part, n in zip(parts, sizes, strict=True)), 1e-6):
                return "weighted by rows, as it should be; now divide by the number of all rows."
            if len(set(sizes)) == 1:
                return "even for parts of equal size it is not the mean over all rows."
            return f"right for equal parts, but not for {sizes} rows: which part counts too much?"
    return None
