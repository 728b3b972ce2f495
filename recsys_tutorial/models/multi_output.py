"""One pair of vectors, three outputs: the rating, whether there is one, the time to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.mf import BiasedMF


class Outputs(NamedTuple):
    """What MultiOutputMF says of each (user, item) of a batch.

    Attributes:
        score: (*S,), the rating in stars.
        seen: (*S,), log-odds that the user rates the item, among one rated and m drawn ones.
        gap: (*S, 2), the time until the user rates again: log-odds that it is 0 seconds, and the
            expected ln(1 + seconds) if it is not.
    """

    score: Tensor
    seen: Tensor
    gap: Tensor


def time_to_next(rows: Dataset, train: Dataset) -> np.ndarray:
    """Seconds (n,) from each of `rows` to the same user's next row in `train`.

    Next in the order of (time, row). NaN if no row follows or if there are no times.
    """
    if rows.timestamp is None or train.timestamp is None:
        return np.full(len(rows), np.nan)
    columns = (
        np.concatenate([getattr(train, name), getattr(rows, name)])
        for name in ("row", "timestamp", "user")
    )
    place, n = np.empty(len(train) + len(rows), dtype=np.int64), len(train)
    place[np.lexsort(tuple(columns))] = np.arange(len(place))
    order = np.argsort(place[:n])
    following = np.searchsorted(place[:n], place[n:], sorter=order)  # in the order of `train`
    following = order[following.clip(max=n - 1)]
    known = (train.user[following] == rows.user) & (place[following] > place[n:])
    return np.where(known, train.timestamp[following] - rows.timestamp, np.nan)


class MultiOutputMF(BiasedMF):
    r"""Three outputs that share the vectors p and q, like a trunk with three heads:

    $$s = \mu + b_u + b_i + \sum_f p_{uf} q_{if}, \quad
      z = c_0 + a_i + \sum_f w_{0f}\, p_{uf} q_{if}, \quad
      g_k = c_k + d_{uk} + e_{ik} + \sum_f w_{kf}\, p_{uf} q_{if}, \; k = 1, 2$$

    The score s is that of BiasedMF, in stars; z and g are explained at `Outputs`. The model folds
    in a new user by the ratings, as BiasedMF does.

    Args:
        l2_heads: Penalty on a, d and e per rated row, as on biases.
        **rest: As in BiasedMF.

    Attributes:
        heads: w, (3, dim), the weight of each product p_f q_f in the other outputs; zero at first.
        shift: c, (3,), the outputs for a user and an item about which nothing is known.
        item_seen: a, (n_items,). Users have no such number: the same number of unrated items is
            drawn for each rated one, so the share of rated items is the same for all users.
        user_gap, item_gap: d and e, (n_users, 2) and (n_items, 2).

    Caruana 1997, "Multitask learning", on the gain of tasks that share a representation.
    """

    default_loss: Callable[..., Tensor] = staticmethod(losses.multi_output())

    def __init__(self, n_users: int, n_items: int, *, l2_heads: float = 0.002, **rest: Any) -> None:
        super().__init__(n_users, n_items, **rest)
        self.l2_heads = l2_heads
        self.heads = nn.Parameter(torch.zeros(3, self.dim))
        self.shift = nn.Parameter(torch.zeros(3))
        self.item_seen = nn.Parameter(torch.zeros(n_items))
        self.user_gap = nn.Parameter(torch.zeros(n_users, 2))
        self.item_gap = nn.Parameter(torch.zeros(n_items, 2))

    @torch.no_grad()
    def read(self, train: Dataset) -> None:
        super().read(train)
        gap = time_to_next(train, train)
        gap = gap[~np.isnan(gap)]
        zero, longer = (gap == 0).sum(), gap[gap > 0]
        self.shift[1] = float(np.log((zero + 0.5) / (len(longer) + 0.5)))
        self.shift[2] = float(np.log1p(longer).mean()) if len(longer) else 0.0

    def forward(self, batch: Batch) -> Outputs:  # type: ignore[override]
        user, item = batch.need("user", "item")
        (p, b_u), (q, b_i) = self.of_users(batch), self.of_items(item)
        both = p * q  # (*S, dim): the trunk
        other = both @ self.heads.T + self.shift  # (*S, 3)
        of_gap = self.rows(self.user_gap, user) + self.rows(self.item_gap, item)
        return Outputs(
            score=self.mean + self.unit * (both.sum(-1) + b_u + b_i),
            seen=other[..., 0] + self.rows(self.item_seen, item),
            gap=other[..., 1:] + of_gap,
        )

    def penalty(self, batch: Batch) -> Tensor:
        l2 = self.l2_heads
        return super().penalty(batch) + self.paid(batch, item_seen=l2, user_gap=l2, item_gap=l2)
