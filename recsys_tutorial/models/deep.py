"""Biased matrix factorisation plus a small network over the same vectors."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.features import from_features, side_tables
from recsys_tutorial.models.mf import BiasedMF


class DeepMF(BiasedMF):
    r"""BiasedMF plus a multilayer perceptron (MLP) over all that is known of a rating:

    $$s_{ui}(t) = \mu + b_u + b_i + p_u \cdot q_i + v \cdot \max(0, h), \qquad
      h = c + (P p_u + X x_u) + (Q q_i + Y y_i) + \tau t$$

    t is the time in standard deviations of the training times, kept within their range. A model
    for data without timestamps has no t (timed=False).

    Args:
        l2_deep: Penalty on the network's weights: their sum of squares divided by the number of
            training ratings. Without it the network learns the training ratings by heart, and
            the model is worse than BiasedMF.
        **rest: As in BiasedMF.

    Attributes:
        user_side, item_side: x, (n_users, f), and y, (n_items, g): see `feature_table`; without
            side tables f = g = 0.
        deep_user, deep_item: P and Q, (dim, width).
        deep_user_side, deep_item_side: X, (f, width), and Y, (g, width).
        deep_time, deep_shift: tau, (1, width), and c, (width,).
        deep_last: v, (width,) in units, as biases are. It starts at zero, so at first the model
            is BiasedMF.

    Scores are not linear in p_u, so no ridge regression finds the row of a new user: there is no
    `fold_in`.

    He et al. 2017, "Neural collaborative filtering", add a network to a product in this way;
    Rendle et al. 2020, "Neural collaborative filtering vs. matrix factorization revisited", show
    how hard a product is to beat.
    """

    fold_in: Any = None

    least: ClassVar = {"width": 1}

    def __init__(
        self,
        n_users: int,
        n_items: int,
        *,
        width: int = 64,
        l2_deep: float = 200.0,
        timed: bool = True,
        **rest: Any,
    ) -> None:
        super().__init__(n_users, n_items, **rest)
        self.width, self.l2_deep, self.timed = width, l2_deep, timed
        # mean, standard deviation, first and last of the training times, in seconds
        self.register_buffer("clock", torch.tensor([0.0, 1.0, 0.0, 0.0], dtype=torch.float64))
        self.set_features(torch.zeros(n_users, 0), torch.zeros(n_items, 0))

    @torch.no_grad()
    def read(self, train: Dataset) -> None:
        super().read(train)
        self.timed = self.timed and train.timestamp is not None
        if train.timestamp is not None:
            t = torch.from_numpy(train.timestamp).double()
            spread = t.std(correction=0).clamp_min(1.0)
            self.clock.copy_(torch.stack([t.mean(), spread, t.min(), t.max()]))
        self.set_features(*side_tables(train))

    def set_features(self, x: Tensor, y: Tensor) -> None:
        """Take these features, and make the network that reads them."""
        times = ("time",) if self.timed else ()
        self.columns = ("user", "item", "rating", *times)  # type: ignore[misc]
        self.register_buffer("user_side", x)
        self.register_buffer("item_side", y)
        self.deep_user, self.deep_user_side, self.deep_item, self.deep_item_side = (
            self.random_table(n, self.width, sd=0.4)
            for n in (self.dim, x.shape[1], self.dim, y.shape[1])
        )
        self.deep_time = self.random_table(1, self.width, sd=0.4)
        self.deep_shift = nn.Parameter(torch.zeros(self.width))
        self.deep_last = nn.Parameter(torch.zeros(self.width))

    # ---- the equation ---------------------------------------------------------------------

    def forward(self, batch: Batch) -> Tensor:
        return super().forward(batch) + self.unit * self.deep(batch)

    def deep(self, batch: Batch) -> Tensor:
        """What the network adds, (*S,), in units."""
        (item,) = batch.need("item")
        return self.last_layer(self.hidden_of_users(batch) + self.hidden_of_items(item))

    def hidden_of_users(self, batch: Batch) -> Tensor:
        """P p + X x + tau t, the part of h that users at these times add: (*S, width)."""
        (user,) = batch.need("user")
        part = self.rows(self.user_factors, user) @ self.deep_user
        part = part + from_features(self.user_side, self.deep_user_side, user)
        if not self.timed:
            return part
        (time,), (mean, spread, first, last) = batch.need("time"), self.clock
        t = (time.double().clamp(first, last) - mean) / spread
        return part + t.to(part.dtype).unsqueeze(-1) @ self.deep_time

    def hidden_of_items(self, item: Tensor) -> Tensor:
        """c + Q q + Y y, the part of h that items add: (*S, width)."""
        part = self.deep_shift + self.rows(self.item_factors, item) @ self.deep_item
        return part + from_features(self.item_side, self.deep_item_side, item)

    def last_layer(self, h: Tensor) -> Tensor:
        """v . max(0, h): (*S, width) -> (*S,)"""
        return h.relu() @ self.deep_last

    def penalty(self, batch: Batch) -> Tensor:
        weights = (p for name, p in self.named_parameters() if name.startswith("deep_"))
        squares = torch.stack([w.square().sum() for w in weights]).sum()
        return super().penalty(batch) + self.paid_by_all(self.l2_deep * squares)

    def score_items(self, batch: Batch) -> Tensor:
        """The first layer runs once per user and per item, the last one per pair."""
        users = self.hidden_of_users(batch).reshape(-1, self.width)
        items = self.hidden_of_items(torch.arange(self.n_items, device=self.mean.device))
        deep = torch.stack([self.last_layer(user + items) for user in users])
        return super().score_items(batch) + self.unit * deep  # (B, n_items)
