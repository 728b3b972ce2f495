"""What follows the last items, by counting: a Markov chain, and rules that look further back."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import Model, at_least
from recsys_tutorial.models.closed_form import check_pairs_fit
from recsys_tutorial.models.sequences import PADDING, in_order
from recsys_tutorial.models.state import counted


class SequentialRules(Model):
    r"""$s_{ui} = $ mean over the user's last items $j$, weighted by $d^k$, of
    $P(i | j) = (c_{ji} + \alpha\, p_i) / (\sum_i c_{ji} + \alpha)$.

    An item that came k moments before the last one weighs $d^k$, and c adds up $d^{k-1}$ wherever i
    came k moments after j; a moment is all that a user rated at one time (where several j share
    one, each counts for its part). p is the share of i among all training rows: what is said where
    little was counted. Rows count as often as their weights say.

    Args:
        window: Moments that both look back.
        decay: d, from 0 to 1.
        length: The newest items looked at, at most.
        smoothing: alpha, in transitions: how many it takes to be believed as much as popularity is.
        max_gib: Memory that `fit` may take, in GiB: it grows with the square of the catalogue.

    Ludewig and Jannach 2018, "Evaluation of session-based recommendation algorithms".
    """

    columns = ("user", "item")
    ranks = True
    follows: Tensor
    last: Tensor
    recent: Tensor

    def __init__(
        self,
        n_users: int,
        n_items: int,
        window: int = 10,
        decay: float = 0.8,
        length: int = 20,
        smoothing: float = 10.0,
        max_gib: float = 4.0,
        seed: int = 0,
    ) -> None:
        at_least(0, smoothing=smoothing, decay=decay)
        at_least(1, length=length, window=window)
        super().__init__(n_users, n_items, seed=seed)
        check_pairs_fit(type(self).__name__, n_items, max_gib)
        self.window, self.decay = window, decay
        self.smoothing, self.length, self.max_gib = smoothing, length, max_gib
        self.register_buffer("follows", torch.zeros(n_items, n_items))
        self.register_buffer("last", torch.full((n_users, length), PADDING))
        self.register_buffer("recent", torch.zeros(n_users, length))

    @torch.no_grad()
    def fit(self, train: Dataset) -> Self:
        """Count what followed what; no epochs, no learning rate."""
        train = counted(train)
        self.read(train)
        order, moment = in_order(train)
        user, item = train.user[order], train.item[order].astype(np.int64)
        starts = np.append(True, (np.diff(user) != 0) | (np.diff(moment) != 0))
        group = np.cumsum(starts) - 1  # rows of one user and one time
        start = np.flatnonzero(starts)
        size = np.diff(np.append(start, len(user)))
        nth = np.arange(len(start)) - np.searchsorted(user[start], user[start])  # of its user
        weight = np.ones(len(train)) if train.weight is None else train.weight[order]
        of_group = np.bincount(group, weight)
        counts = np.zeros(self.n_items**2)
        for back in range(1, self.window + 1):
            after = np.flatnonzero(nth[group] >= back)
            many = size[group[after] - back]
            offset = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
            before = np.repeat(start[group[after] - back], many) + offset
            pair = item[before] * self.n_items + item[np.repeat(after, many)]
            # A transition counts as what came, shared among what it came after.
            part = weight[before] / of_group[group[before]] * np.repeat(weight[after], many)
            counts += self.decay ** (back - 1) * np.bincount(pair, part, self.n_items**2)
        c = torch.from_numpy(counts).view(self.n_items, self.n_items)
        share = self.item_weight.double() / self.item_weight.double().sum()
        n = c.sum(1, keepdim=True) + self.smoothing
        self.follows.copy_(torch.where(n > 0, (c + self.smoothing * share) / n, share))
        row = np.cumsum(self.user_count.numpy())[user] - 1  # the user's newest
        from_end, back = row - np.arange(len(user)), nth[group[row]] - nth[group]
        newest = (back < self.window) & (from_end < self.length)
        self.last.fill_(PADDING)
        self.recent.zero_()
        at = user[newest], from_end[newest]
        self.last[at] = torch.from_numpy(item[newest])
        self.recent[at] = torch.from_numpy(self.decay ** back[newest]).to(self.recent)
        return self

    def forward(self, batch: Batch) -> Tensor:
        user, item = batch.need("user", "item")
        weight = self.recent[user]  # (*S, length)
        chance = self.follows[self.last[user].clamp(min=0), item.unsqueeze(-1)]
        return (weight * chance).sum(-1) / weight.sum(-1).clamp(min=1)

    def score_items(self, batch: Batch) -> Tensor:
        user = batch.need("user")[0].reshape(-1)
        weight = self.recent[user]  # (B, length)
        among = torch.zeros(len(user), self.n_items)
        among.scatter_add_(1, self.last[user].clamp(min=0), weight)
        return among @ self.follows / weight.sum(1, keepdim=True).clamp(min=1)


class Markov(SequentialRules):
    """SequentialRules that look one moment back: what follows the items of the last time.

    Args: `smoothing`, `length` and `max_gib`, as there.
    """

    def __init__(self, n_users: int, n_items: int, smoothing: float = 10.0, **rest: Any) -> None:
        super().__init__(n_users, n_items, **{"window": 1, "smoothing": smoothing, **rest})
