"""Gradients and updates for the rows of the batch alone, in tables far larger than a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from recsys_tutorial.models.base import Model

BETAS = (0.9, 0.99)


class Optimisers:
    """Adam for small tables, its sparse form for tables far larger than a batch.

    Dense Adam updates every row in every step. That is fastest while a table is no larger than a
    few batches, and far too slow beyond: larger tables get gradients and updates for the rows of
    the batch alone. Their attribute `sparse_rows` is True, which `Model.rows` reads. `touched` is
    the number of rows of a table that a step looks up.
    """

    LARGE = 8  # batches; dense updates are faster in smaller tables

    def __init__(self, model: Model, lr: float, touched: int) -> None:
        tables = {id(p) for _, p in model.tables()}
        dense: list[torch.nn.Parameter] = []
        sparse: list[torch.nn.Parameter] = []
        for parameter in model.parameters():
            if parameter.requires_grad:
                large = id(parameter) in tables and len(parameter) > self.LARGE * touched
                parameter.sparse_rows = large  # type: ignore[attr-defined]
                (sparse if large else dense).append(parameter)
        self.parameters = dense + sparse
        self.each: list[torch.optim.Optimizer] = []
        if dense:
            fused = all(p.is_floating_point() for p in dense)
            self.each.append(torch.optim.Adam(dense, lr=lr, betas=BETAS, fused=fused))
        if sparse:
            self.each.append(torch.optim.SparseAdam(sparse, lr=lr, betas=BETAS))

    def step(self, lr: float) -> None:
        """One update by the current gradients."""
        for optimiser in self.each:
            for group in optimiser.param_groups:
                group["lr"] = lr
            optimiser.step()

    def zero_grad(self) -> None:
        """Clear the gradients; torch's own method would take a tenth of a small step."""
        for parameter in self.parameters:
            parameter.grad = None

    def state_dict(self) -> list[dict[str, Any]]:
        return [optimiser.state_dict() for optimiser in self.each]

    def load_state_dict(self, states: Sequence[dict[str, Any]]) -> None:
        for optimiser, state in zip(self.each, states, strict=True):
            optimiser.load_state_dict(state)
