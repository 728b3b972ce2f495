"""Matrix factorisation that knows something of users and items before they have ratings."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.features import feature_table
from recsys_tutorial.models.mf import BiasedMF


class SideFeatureMF(BiasedMF):
    r"""BiasedMF whose biases and vectors start from features, and deviate from there:

    $$s_{ui} = \mu + (b_u + a \cdot x_u) + (b_i + c \cdot y_i)
               + (p_u + A x_u) \cdot (q_i + C y_i)$$

    user_side, item_side : x, (n_users, f), and y, (n_items, g): see `feature_table`
    side_user_factors    : A, (f, dim); side_item_factors : C, (g, dim)
    side_user_bias       : a, (f,) in stars; side_item_bias : c, (g,) in stars
    Otherwise as BiasedMF. Without side tables (f = g = 0) it is BiasedMF. A row without training
    ratings has b = 0 and p = 0, so that it scores by its features.

    Two kinds of penalty, since there are two questions. `l2` is paid for each rating on the whole
    vector p + A x: how long may it be, given its ratings? `own` (and `own_bias`) is paid once for
    each user and item on its deviation p alone: how far may one row leave what its features say?
    In a batch, where user u turns up n_u times an epoch, once means 1 / n_u. `side` (and
    `side_bias`) is paid once for each feature on A and C (a and c): a feature that few rows share
    is not believed at once.

    Rendle 2010, "Factorization machines", has features and ids share vectors in this way.
    """

    fit_defaults: ClassVar = {"epochs": 16, "lr": 0.02, "batch_size": 4096}

    user_side: Tensor
    item_side: Tensor

    def __init__(
        self,
        n_users: int,
        n_items: int,
        dim: int = 32,
        l2: float = 0.058,
        l2_bias: float = 0.0,
        own: float = 5.5,
        own_bias: float = 2.8,
        side: float = 10.0,
        side_bias: float = 200.0,
        n_user_features: int = 0,
        n_item_features: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(n_users, n_items, dim=dim, l2=l2, l2_bias=l2_bias, seed=seed)
        self.own, self.own_bias, self.side, self.side_bias = own, own_bias, side, side_bias
        self._know(torch.zeros(n_users, n_user_features), torch.zeros(n_items, n_item_features))

    def read(self, train: Dataset) -> None:
        super().read(train)
        self._know(
            feature_table(train.users, train.counts("user")).values,
            feature_table(train.items, train.counts("item")).values,
        )

    def _know(self, x: Tensor, y: Tensor) -> None:
        """Take these features; what they mean is zero until it is learned."""
        self.n_user_features, self.n_item_features = x.shape[1], y.shape[1]
        self.register_buffer("user_side", x)
        self.register_buffer("item_side", y)
        self.side_user_factors = nn.Parameter(torch.zeros(x.shape[1], self.dim))
        self.side_item_factors = nn.Parameter(torch.zeros(y.shape[1], self.dim))
        self.side_user_bias = nn.Parameter(torch.zeros(x.shape[1]))
        self.side_item_bias = nn.Parameter(torch.zeros(y.shape[1]))

    def of_users(self, user: Tensor) -> tuple[Tensor, Tensor]:
        """p + A x, (*S, dim), and b + a x, (*S,)."""
        p = self.rows(self.user_factors, user) + told(self.user_side, self.side_user_factors, user)
        b = self.rows(self.user_bias, user) + told(self.user_side, self.side_user_bias, user)
        return p, b

    def whole_users(self, user: Tensor) -> tuple[Tensor, Tensor]:
        """What of the users meets the items; more than `of_users` in models built on this one."""
        return self.of_users(user)

    def of_items(self, item: Tensor) -> tuple[Tensor, Tensor]:
        """q + C y, (*S, dim), and b + c y, (*S,)."""
        q = self.rows(self.item_factors, item) + told(self.item_side, self.side_item_factors, item)
        b = self.rows(self.item_bias, item) + told(self.item_side, self.side_item_bias, item)
        return q, b

    def forward(self, batch: Batch) -> Tensor:
        user, item = batch.need("user", "item")
        (p, b_u), (q, b_i) = self.whole_users(user), self.of_items(item)
        return self.mean + (p * q).sum(-1) + b_u + b_i

    def penalty(self, batch: Batch) -> Tensor:
        user, item = batch.need("user", "item")
        (p, b_u), (q, b_i) = self.of_users(user), self.of_items(item)
        total = self.l2 * (losses.l2(p) + losses.l2(q))
        total = total + self.l2_bias * (b_u.square().mean() + b_i.square().mean())
        for side, who in (("user", user), ("item", item)):
            once = self.rows(getattr(self, f"{side}_count"), who).clamp_min(1).reciprocal()  # (*S,)
            deviation = self.rows(getattr(self, f"{side}_factors"), who).square().sum(-1)
            of_bias = self.rows(getattr(self, f"{side}_bias"), who).square()
            total = total + (once * (self.own * deviation + self.own_bias * of_bias)).mean()
        vectors = self.side_user_factors.square().sum() + self.side_item_factors.square().sum()
        of_biases = self.side_user_bias.square().sum() + self.side_item_bias.square().sum()
        n_ratings = self.user_count.sum().clamp_min(1)
        return total + (self.side * vectors + self.side_bias * of_biases) / n_ratings

    def score_items(self, batch: Batch) -> Tensor:
        (user,) = batch.need("user")
        p, b_u = self.whole_users(user.reshape(-1))
        q, b_i = self.of_items(torch.arange(self.n_items, device=user.device))
        return torch.addmm(self.mean + b_i, p, q.T).add_(b_u.unsqueeze(-1))

    # A new user's features are unknown and count as zero; those of the items count as ever.

    def item_rows(self) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            q, b_i = self.of_items(torch.arange(self.n_items, device=self.mean.device))
            return torch.cat([q, q.new_ones(self.n_items, 1)], dim=1), self.mean + b_i

    def ridge(self, n: int) -> Tensor:
        once = self.mean.new_full((self.dim + 1,), self.own)
        once[-1] = self.own_bias
        return super().ridge(n) + once


def told(side: Tensor, meaning: Tensor, index: Tensor) -> Tensor:
    """What features say of these rows, `(side @ meaning)[index]`: (*S,) or (*S, dim).

    A batch larger than the table holds rows again and again: then the product is taken once a row.
    """
    if index.numel() < len(side):
        return side[index] @ meaning
    rows = (side @ meaning).index_select(0, index.reshape(-1))
    return rows.view(index.shape + meaning.shape[1:])
