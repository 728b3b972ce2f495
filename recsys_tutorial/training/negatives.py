"""Items that a user has not rated, drawn without trial and error."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recsys_tutorial.datasets.dataset import Dataset


class Negatives:
    """Draws, for each user, uniformly among the items that the user has not rated in train.

    room : (n_users,) how many items that are; a user with none cannot be drawn for

    The r-th unrated item of a user is r plus the number of rated items that lie before it, and
    that number is one binary search: exact, and never an accidental positive.
    """

    def __init__(self, train: Dataset, generator: torch.Generator) -> None:
        self.train, self.n_items, self.generator = train, train.n_items, generator
        order = np.lexsort((train.item, train.user))
        user, item = train.user[order], train.item[order]
        n_rated = train.counts("user")
        start = np.concatenate([[0], np.cumsum(n_rated)])[:-1]
        unrated_before = item - (np.arange(len(item)) - start[user])
        self.keys = torch.from_numpy(user.astype(np.int64) * (self.n_items + 1) + unrated_before)
        self.start = torch.from_numpy(start)
        self.room = torch.from_numpy(self.n_items - n_rated)

    def draw(self, user: Tensor, m: int) -> Tensor:
        """Items (B, m) for users (B,) who have room."""
        room = self.room[user].unsqueeze(1)  # (B, 1)
        shape = (len(user), m)
        uniform = torch.rand(shape, generator=self.generator, dtype=torch.float64)
        rank = torch.minimum((uniform * room).long(), room - 1)
        sought = user.unsqueeze(1) * (self.n_items + 1) + rank
        before = torch.searchsorted(self.keys, sought, right=True) - self.start[user].unsqueeze(1)
        return rank + before
