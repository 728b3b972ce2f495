"""Biased matrix factorisation plus a small network over the same vectors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.features import feature_table
from recsys_tutorial.models.mf import BiasedMF
from recsys_tutorial.models.side import told

CELLS = 4 * 1024 * 1024  # hidden numbers that score_items holds at once: 16 MB


class DeepMF(BiasedMF):
    r"""BiasedMF plus a multilayer perceptron (MLP) over all that is known of a rating:

    $$s_{ui}(t) = \mu + b_u + b_i + p_u \cdot q_i + v \cdot \max(0, h), \qquad
      h = c + (P p_u + X x_u) + (Q q_i + Y y_i) + \tau t$$

    user_side, item_side : x, (n_users, f), and y, (n_items, g): see `feature_table`; without side
                           tables f = g = 0
    t          : the time in standard deviations of the training times, kept within their range; a
                 model for data without timestamps has none (timed=False)
    deep_user, deep_item           : P and Q, (dim, width)
    deep_user_side, deep_item_side : X, (f, width), and Y, (g, width)
    deep_time, deep_shift          : tau, (1, width), and c, (width,)
    deep_last  : v, (width,) in stars. It starts at zero, and so the model starts as BiasedMF: what
                 the network says beyond it has to be learned

    l2_deep : penalty on the network's weights, paid once: their sum of squares divided by the
              number of training ratings. Without it the network learns the training ratings by
              heart, and the whole is worse than BiasedMF
    dropout : share of the hidden numbers left out at random in a training step; none in evaluation

    Scores are not linear in p_u: no ridge regression places a new user, so there is no `fold_in`.

    He et al. 2017, "Neural collaborative filtering", add a network to a product in this way;
    Rendle et al. 2020, "Neural collaborative filtering vs. matrix factorization revisited", show
    how hard a product is to beat.
    """

    fold_in: Any = None

    user_side: Tensor
    item_side: Tensor
    clock: Tensor

    def __init__(
        self,
        n_users: int,
        n_items: int,
        dim: int = 64,
        l2: float = 0.11,
        l2_bias: float = 0.01,
        *,
        width: int = 64,
        l2_deep: float = 200.0,
        dropout: float = 0.0,
        timed: bool = True,
        n_user_features: int = 0,
        n_item_features: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(n_users, n_items, dim=dim, l2=l2, l2_bias=l2_bias, seed=seed)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout={dropout} must be a share, from 0 to below 1")
        self.width, self.l2_deep, self.dropout, self.timed = width, l2_deep, dropout, timed
        # mean, standard deviation, first and last of the training times, in seconds
        self.register_buffer("clock", torch.tensor([0.0, 1.0, 0.0, 0.0], dtype=torch.float64))
        self._know(torch.zeros(n_users, n_user_features), torch.zeros(n_items, n_item_features))

    @torch.no_grad()
    def read(self, train: Dataset) -> None:
        """Besides what every model takes: features, and how times are spread."""
        super().read(train)
        if train.timestamp is None:
            self.timed = False
        else:
            t = torch.from_numpy(train.timestamp).double()
            spread = t.std(correction=0).clamp_min(1.0)
            self.clock.copy_(torch.stack([t.mean(), spread, t.min(), t.max()]))
        self._know(
            feature_table(train.users, train.counts("user")).values,
            feature_table(train.items, train.counts("item")).values,
        )

    def _know(self, x: Tensor, y: Tensor) -> None:
        """Take these features, and make the network that reads them."""
        self.n_user_features, self.n_item_features = x.shape[1], y.shape[1]
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
        return super().forward(batch) + self.deep(batch)

    def deep(self, batch: Batch) -> Tensor:
        """What the network adds, (*S,), in stars."""
        (item,) = batch.need("item")
        return self.last_layer(self.of_users(batch) + self.of_items(item))

    def of_users(self, batch: Batch) -> Tensor:
        """P p + X x + tau t: what the users, at these times, bring to h; (*S, width)."""
        (user,) = batch.need("user")
        part = self.rows(self.user_factors, user) @ self.deep_user
        part = part + told(self.user_side, self.deep_user_side, user)
        if self.timed:
            (time,) = batch.need("time")
            mean, spread, first, last = self.clock
            t = (time.double().clamp(first, last) - mean) / spread
            part = part + t.to(part.dtype).unsqueeze(-1) @ self.deep_time
        return part

    def of_items(self, item: Tensor) -> Tensor:
        """c + Q q + Y y: what the items bring to h; (*S, width)."""
        part = self.deep_shift + self.rows(self.item_factors, item) @ self.deep_item
        return part + told(self.item_side, self.deep_item_side, item)

    def last_layer(self, h: Tensor) -> Tensor:
        """v . max(0, h): (*S, width) -> (*S,)"""
        h = h.relu()
        if self.training and self.dropout:
            noise = torch.rand(h.shape, generator=self.generator).to(h.device)
            h = h * (noise >= self.dropout) / (1 - self.dropout)
        return h @ self.deep_last

    def penalty(self, batch: Batch) -> Tensor:
        weights = (p for name, p in self.named_parameters() if name.startswith("deep_"))
        squares = torch.stack([w.square().sum() for w in weights]).sum()
        n_ratings = self.user_count.sum().clamp_min(1)
        return super().penalty(batch) + self.l2_deep * squares / n_ratings

    def score_items(self, batch: Batch) -> Tensor:
        """Users and items go through the network's first layer once, and meet in blocks."""
        users = self.of_users(batch).reshape(-1, 1, self.width)
        items = self.of_items(torch.arange(self.n_items, device=self.mean.device))
        scores = super().score_items(batch)  # (B, n_items)
        some = max(1, min(self.n_items, CELLS // self.width))  # items at once
        many = max(1, CELLS // (self.width * some))  # users at once
        for u in range(0, len(users), many):
            for i in range(0, self.n_items, some):
                added = self.last_layer(users[u : u + many] + items[i : i + some])
                scores[u : u + many, i : i + some] += added
        return scores
