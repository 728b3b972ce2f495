"""The baseline that every ranking must beat."""

from __future__ import annotations

import torch
from torch import Tensor

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.closed_form import ClosedForm


class Popularity(ClosedForm):
    r"""$s_{ui} = n_i$, the number of the item's training ratings, weighted."""

    def __init__(self, n_users: int, n_items: int, seed: int = 0) -> None:
        super().__init__(n_users, n_items, seed=seed)
        self.register_buffer("score", torch.zeros(n_items))

    def solve_for(self, train: Dataset) -> None:
        self.score.copy_(self.item_weight)

    def forward(self, batch: Batch) -> Tensor:
        user, item = batch.need("user", "item")
        return self.rows(self.score, item).expand(torch.broadcast_shapes(user.shape, item.shape))
