"""Counts of which item followed which: a Markov chain, and rules that look further back."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.closed_form import ClosedForm
from recsys_tutorial.models.sequences import PADDING, in_order


class SequentialRules(ClosedForm):
    r"""$s_{ui} = $ weighted mean over the user's last items $j$ of
    $P(i | j) = (c_{ji} + \alpha\, p_i) / (\sum_i c_{ji} + \alpha)$.

    The k-th item from the end has the weight $d^{k-1}$, and c sums $d^{k-1}$ over all rows of i
    that came k rows after j for the same user; rows of equal time keep their order. p is the share
    of i among all training rows. All counts are weighted.

    Args:
        window: How many rows counting and scoring look back.
        decay: d, from 0 to 1.
        smoothing: alpha, in transitions: so many transitions count as much as the popularity p.

    Ludewig and Jannach 2018, "Evaluation of session-based recommendation algorithms".
    """

    least: ClassVar = {"window": 1, "length": 1}

    def __init__(
        self,
        n_users: int,
        n_items: int,
        window: int = 10,
        decay: float = 0.8,
        smoothing: float = 10.0,
        seed: int = 0,
    ) -> None:
        super().__init__(n_users, n_items, seed=seed)
        self.check_memory()
        self.window, self.decay, self.smoothing = window, decay, smoothing
        self.register_buffer("follows", torch.zeros(n_items, n_items))  # P(column | row)
        self.register_buffer("last", torch.full((n_users, window), PADDING))  # items
        self.register_buffer("recent", torch.zeros(n_users, window))  # and their weights

    def solve_for(self, train: Dataset) -> None:
        order, moment = in_order(train)
        user, item = train.user[order], train.item[order].astype(np.int64)
        weight = np.ones(len(train)) if train.weight is None else train.weight[order]
        from_end = np.cumsum(self.user_count.numpy())[user] - 1 - np.arange(len(user))
        counts, recent = self.look(user, item, moment, weight, from_end)
        c = torch.from_numpy(counts)
        share = self.item_weight.double() / self.item_weight.double().sum()
        n = c.sum(1, keepdim=True) + self.smoothing
        self.follows.copy_(torch.where(n > 0, (c + self.smoothing * share) / n, share))
        newest = (recent > 0) & (from_end < self.window)
        at = user[newest], from_end[newest]
        self.last.fill_(PADDING)[at] = torch.from_numpy(item[newest])
        self.recent.zero_()[at] = torch.from_numpy(recent[newest]).to(self.recent)

    def look(self, *rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The counts c, (n_items, n_items), and each row's weight as one of the user's last, (n,).

        Args:
            *rows: User, item, moment and weight of the rows, sorted by user and time, and how many
                rows of the user come later; (n,) each.
        """
        user, item, _, weight, from_end = rows
        counts = np.zeros((self.n_items, self.n_items))
        for back in range(1, min(self.window, len(user) - 1) + 1):
            same = user[back:] == user[:-back]
            part = self.decay ** (back - 1) * weight[back:][same]
            np.add.at(counts, (item[:-back][same], item[back:][same]), part)
        return counts, self.decay ** from_end.astype(float)

    def forward(self, batch: Batch) -> Tensor:
        user, item = batch.need("user", "item")
        weight = self.recent[user]  # (*S, window)
        chance = self.follows[self.last[user].clamp(min=0), item.unsqueeze(-1)]
        return (weight * chance).sum(-1) / weight.sum(-1).clamp(min=1)

    def score_items(self, batch: Batch) -> Tensor:
        user = batch.need("user")[0].reshape(-1)
        weight = self.recent[user]  # (B, window)
        of_items = torch.zeros(len(user), self.n_items)
        of_items.scatter_add_(1, self.last[user].clamp(min=0), weight)
        return of_items @ self.follows / weight.sum(1, keepdim=True).clamp(min=1)


class Markov(SequentialRules):
    r"""$s_{ui} = $ mean of $P(i | j)$ over the items $j$ of the user's last time in training.

    P is as in SequentialRules, but rows of equal time have no order: c counts how often i came at
    the user's next time after j, and n items of one time count 1 / n each.

    Args:
        smoothing: As in SequentialRules.
        length: Of the last time the newest `length` items count.
    """

    def __init__(
        self, n_users: int, n_items: int, smoothing: float = 10.0, length: int = 20, seed: int = 0
    ) -> None:
        super().__init__(n_users, n_items, length, 1.0, smoothing, seed)
        self.length = length

    def look(self, *rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        user, item, moment, weight, from_end = rows
        first = np.append(True, (np.diff(user) != 0) | (np.diff(moment) != 0))
        group = np.cumsum(first) - 1  # rows of one user and one time
        shape = (int(group[-1]) + 1, self.n_items)
        items = sparse.csr_matrix((weight, (group, item)), shape)
        total = np.asarray(items.sum(1)).ravel()
        share = sparse.csr_matrix((weight / total[group], (group, item)), shape)
        later = np.flatnonzero(np.diff(user[first]) == 0) + 1  # groups after one of the same user
        counts = (share[later - 1].T @ items[later]).toarray()
        return counts, (group == group[np.arange(len(user)) + from_end]).astype(float)
