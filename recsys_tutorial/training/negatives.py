"""Draws items that a user has not rated."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recsys_tutorial.datasets.dataset import Dataset


class Negatives:
    """Draws, for each user, uniformly among the items that the user has not rated in train.

    The r-th unrated item of a user is r plus the number of rated items before it, and one binary
    search finds that number: exact, and no draw is repeated.

    Attributes:
        room: (n_users,) how many items each user has not rated.
    """

    def __init__(self, train: Dataset, generator: torch.Generator) -> None:
        self.train, self.n_items, self.generator = train, train.n_items, generator
        order = np.lexsort((train.item, train.user))
        user, item = train.user[order].astype(np.int64), train.item[order]
        n_rated = train.counts("user")
        start = np.concatenate([[0], np.cumsum(n_rated)])[:-1]
        unrated_before = item - (np.arange(len(item)) - start[user])
        self.keys = torch.from_numpy(user * (self.n_items + 1) + unrated_before)
        self.start = torch.from_numpy(start)
        self.room = torch.from_numpy(self.n_items - n_rated)

    def draw(self, user: Tensor, m: int) -> Tensor:
        """Items (B, m) for users (B,), each with at least one unrated item."""
        room = self.room[user].unsqueeze(1)  # (B, 1)
        shape = (len(user), m)
        uniform = torch.rand(shape, generator=self.generator, dtype=torch.float64)
        rank = torch.minimum((uniform * room).long(), room - 1)
        sought = user.unsqueeze(1) * (self.n_items + 1) + rank
        before = torch.searchsorted(self.keys, sought, right=True) - self.start[user].unsqueeze(1)
        return rank + before
