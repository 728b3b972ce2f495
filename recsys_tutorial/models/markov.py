"""First-order Markov chain: what follows the last item, by counting."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import Model, at_least
from recsys_tutorial.models.closed_form import check_pairs_fit
from recsys_tutorial.models.sequences import PADDING, in_order
from recsys_tutorial.models.state import counted


class Markov(Model):
    r"""$s_{ui} = $ mean over the user's last items $j$ of
    $P(i | j) = (c_{ji} + \alpha\, p_i) / (\sum_i c_{ji} + \alpha)$.

    c is how often i came at the next later time after j (where several j share a time, each counts
    for its part), p the share of i among all training rows: what is said where little was counted.
    The last items are those of the user's last time in training (the newest `length` of them). Rows
    count as often as their weights say.

    Args:
        smoothing: alpha, in transitions: how many it takes to be believed as much as popularity is.
        max_gib: Memory that `fit` may take, in GiB: it grows with the square of the catalogue.
    """

    columns = ("user", "item")
    ranks = True
    follows: Tensor
    last: Tensor

    def __init__(
        self,
        n_users: int,
        n_items: int,
        smoothing: float = 10.0,
        length: int = 20,
        max_gib: float = 4.0,
        seed: int = 0,
    ) -> None:
        at_least(0, smoothing=smoothing)
        at_least(1, length=length)
        super().__init__(n_users, n_items, seed=seed)
        check_pairs_fit(type(self).__name__, n_items, max_gib)
        self.smoothing, self.length, self.max_gib = smoothing, length, max_gib
        self.register_buffer("follows", torch.zeros(n_items, n_items))
        self.register_buffer("last", torch.full((n_users, length), PADDING))

    @torch.no_grad()
    def fit(self, train: Dataset) -> Markov:
        """Count what followed what; no epochs, no learning rate."""
        train = counted(train)
        self.read(train)
        order, moment = in_order(train)
        user, item = train.user[order], train.item[order].astype(np.int64)
        starts = np.append(True, (np.diff(user) != 0) | (np.diff(moment) != 0))
        group = np.cumsum(starts) - 1  # rows of one user and one time
        start = np.flatnonzero(starts)
        size = np.diff(np.append(start, len(user)))
        follows = np.append(False, np.diff(user[start]) == 0)  # an earlier group of this user
        after = np.flatnonzero(follows[group])
        many = size[group[after] - 1]
        offset = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        before = np.repeat(start[group[after] - 1], many) + offset
        pair = item[before] * self.n_items + item[np.repeat(after, many)]
        weight = np.ones(len(train)) if train.weight is None else train.weight[order]
        of_group = np.bincount(group, weight)  # a transition counts as what came, shared among
        part = weight[before] / of_group[group[before]]  # what it came after
        counts = np.bincount(pair, part * np.repeat(weight[after], many), self.n_items**2)
        c = torch.from_numpy(counts).view(self.n_items, self.n_items)
        share = self.item_weight.double() / self.item_weight.double().sum()
        n = c.sum(1, keepdim=True) + self.smoothing
        self.follows.copy_(torch.where(n > 0, (c + self.smoothing * share) / n, share))
        from_end = np.cumsum(self.user_count.numpy())[user] - 1 - np.arange(len(user))
        newest = (group == group[np.arange(len(user)) + from_end]) & (from_end < self.length)
        self.last.fill_(PADDING)
        self.last[user[newest], from_end[newest]] = torch.from_numpy(item[newest])
        return self

    def forward(self, batch: Batch) -> Tensor:
        user, item = batch.need("user", "item")
        last = self.last[user]  # (*S, length)
        chance = self.follows[last.clamp(min=0), item.unsqueeze(-1)]
        return _mean_where(last != PADDING, chance)

    def score_items(self, batch: Batch) -> Tensor:
        (user,) = batch.need("user")
        last = self.last[user.reshape(-1)]
        known = (last != PADDING).to(self.follows.dtype)  # (B, length)
        among = torch.zeros(len(last), self.n_items).scatter_add_(1, last.clamp(min=0), known)
        return among @ self.follows / known.sum(1, keepdim=True).clamp(min=1)


def _mean_where(mask: Tensor, values: Tensor) -> Tensor:
    return (values * mask).sum(-1) / mask.sum(-1).clamp(min=1)
