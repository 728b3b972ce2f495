"""Draws items that a user has not rated."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recsys_tutorial.datasets.dataset import Dataset


class Negatives:
    """Draws, for each user, among the items that the user has not rated in train.

    Uniformly: the r-th unrated item of a user is r plus the number of rated items before it, and
    one binary search finds that number. By popularity: in proportion to an item's number of ratings
    to that power, 0.75 in word2vec (Mikolov et al. 2013), which divides popularity out of the
    scores; a rated item is drawn again, eight times at most, then uniformly.

    Attributes:
        room: (n_users,) how many items each user has not rated.
    """

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
        """Items (B, m) for users (B,), each with at least one unrated item."""
        if self.share is None:
            return self._uniform(user, m)
        drawn, rated = torch.zeros(len(user), m, dtype=torch.long), torch.ones(len(user), m) > 0
        for _ in range(8):
            uniform = torch.rand(drawn.shape, generator=self.generator, dtype=torch.float64)
            drawn = torch.where(rated, torch.searchsorted(self.share, uniform), drawn)
            pair = user.unsqueeze(1) * self.n_items + drawn
            place = torch.searchsorted(self.rated, pair).clamp(max=len(self.rated) - 1)
            rated = self.rated[place] == pair
            if not rated.any():
                return drawn
        return torch.where(rated, self._uniform(user, m), drawn)

    def _uniform(self, user: Tensor, m: int) -> Tensor:
        room = self.room[user].unsqueeze(1)  # (B, 1)
        shape = (len(user), m)
        uniform = torch.rand(shape, generator=self.generator, dtype=torch.float64)
        rank = torch.minimum((uniform * room).long(), room - 1)
        sought = user.unsqueeze(1) * (self.n_items + 1) + rank
        before = torch.searchsorted(self.keys, sought, right=True) - self.start[user].unsqueeze(1)
        return rank + before
