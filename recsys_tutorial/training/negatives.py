"""Items that a user has not rated, drawn without an accidental rated one."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recsys_tutorial.datasets.dataset import Dataset


class Negatives:
    """Draws, for each user, among the items that the user has not rated in train.

    The r-th unrated item of a user is r plus the number of rated items that lie before it, and
    that number is one binary search: exact, and without trial and error.

    Args:
        train: Who has rated what.
        generator: Of the draws.
        popularity: An item is drawn in proportion to its number of ratings to this power: 0 is
            uniform, 0.75 as in word2vec (Mikolov et al. 2013), which divides out popularity. What
            is drawn and rated is drawn again; after `TRIES` times uniformly.

    Attributes:
        room: (n_users,) how many items can be drawn; a user with none cannot be drawn for.
    """

    TRIES = 8

    def __init__(self, train: Dataset, generator: torch.Generator, popularity: float = 0.0) -> None:
        self.train, self.n_items, self.generator = train, train.n_items, generator
        order = np.lexsort((train.item, train.user))
        user, item = train.user[order].astype(np.int64), train.item[order]
        n_rated = train.counts("user")
        start = np.concatenate([[0], np.cumsum(n_rated)])[:-1]
        unrated_before = item - (np.arange(len(item)) - start[user])
        self.keys = torch.from_numpy(user * (self.n_items + 1) + unrated_before)
        self.start = torch.from_numpy(start)
        self.room = torch.from_numpy(self.n_items - n_rated)
        self.rated = torch.from_numpy(user * self.n_items + item)  # sorted
        share = np.cumsum(train.counts("item").astype(float) ** popularity)
        self.share = torch.from_numpy(share / share[-1]) if popularity else None

    def draw(self, user: Tensor, m: int) -> Tensor:
        """Items (B, m) for users (B,) who have room."""
        if self.share is None:
            return self._uniform(user, m)
        shape = (len(user), m)
        drawn, who = user.new_zeros(shape), user.unsqueeze(1).expand(shape)
        again = torch.ones(shape, dtype=torch.bool)
        for _ in range(self.TRIES):
            uniform = torch.rand(int(again.sum()), generator=self.generator, dtype=torch.float64)
            drawn[again] = torch.searchsorted(self.share, uniform).clamp(max=self.n_items - 1)
            pair = who * self.n_items + drawn
            place = torch.searchsorted(self.rated, pair).clamp(max=len(self.rated) - 1)
            again = self.rated[place] == pair
            if not again.any():
                return drawn
        return torch.where(again, self._uniform(user, m), drawn)

    def _uniform(self, user: Tensor, m: int) -> Tensor:
        room = self.room[user].unsqueeze(1)  # (B, 1)
        shape = (len(user), m)
        uniform = torch.rand(shape, generator=self.generator, dtype=torch.float64)
        rank = torch.minimum((uniform * room).long(), room - 1)
        sought = user.unsqueeze(1) * (self.n_items + 1) + rank
        before = torch.searchsorted(self.keys, sought, right=True) - self.start[user].unsqueeze(1)
        return rank + before
