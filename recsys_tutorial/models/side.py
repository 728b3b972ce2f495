"""Matrix factorisation that knows something of users and items before they have ratings."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import mean_square, rated
from recsys_tutorial.models.features import feature_table, from_features
from recsys_tutorial.models.mf import BiasedMF


class SideFeatureMF(BiasedMF):
    r"""BiasedMF whose biases and vectors start from features, and deviate from there:

    $$s_{ui} = \mu + (b_u + a \cdot x_u) + (b_i + c \cdot y_i)
               + (p_u + A x_u) \cdot (q_i + C y_i)$$

    Without side tables (f = g = 0) it is BiasedMF. A row without training ratings has b = 0 and
    p = 0, so that it scores by its features.

    Two kinds of penalty, since there are two questions. `l2` is paid for each rating on the whole
    vector p + A x: how long may it be, given its ratings? `own` (and `own_bias`) is paid once for
    each user and item on its deviation p alone: how far may one row leave what its features say?
    `side` (and `side_bias`) is paid once for each feature on A and C (a and c): a feature that few
    rows share is not believed at once.

    Attributes:
        user_side, item_side: x, (n_users, f), and y, (n_items, g): see `feature_table`.
        side_user_factors, side_item_factors: A, (f, dim), and C, (g, dim).
        side_user_bias, side_item_bias: a, (f,), and c, (g,), in units as biases are.

    Rendle 2010, "Factorization machines", has features and ids share vectors in this way.
    """

    fit_defaults: ClassVar = {"epochs": 16, "lr": 0.02, "batch_size": 4096}

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
        seed: int = 0,
    ) -> None:
        super().__init__(n_users, n_items, dim=dim, l2=l2, l2_bias=l2_bias, seed=seed)
        self.own, self.own_bias, self.side, self.side_bias = own, own_bias, side, side_bias
        self.set_features(torch.zeros(n_users, 0), torch.zeros(n_items, 0))

    def read(self, train: Dataset) -> None:
        super().read(train)
        self.set_features(
            feature_table(train.users, train.counts("user")).values,
            feature_table(train.items, train.counts("item")).values,
        )

    def set_features(self, x: Tensor, y: Tensor) -> None:
        """Take these features; what they mean is zero until it is learned."""
        self.register_buffer("user_side", x)
        self.register_buffer("item_side", y)
        self.side_user_factors = nn.Parameter(torch.zeros(x.shape[1], self.dim))
        self.side_item_factors = nn.Parameter(torch.zeros(y.shape[1], self.dim))
        self.side_user_bias = nn.Parameter(torch.zeros(x.shape[1]))
        self.side_item_bias = nn.Parameter(torch.zeros(y.shape[1]))

    def of_users(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """p + A x, (*S, dim), and b + a x, (*S,)."""
        (user,), (p, b) = batch.need("user"), super().of_users(batch)
        return (
            p + from_features(self.user_side, self.side_user_factors, user),
            b + from_features(self.user_side, self.side_user_bias, user),
        )

    def of_items(self, item: Tensor) -> tuple[Tensor, Tensor]:
        """q + C y, (*S, dim), and b + c y, (*S,)."""
        q, b = super().of_items(item)
        return (
            q + from_features(self.item_side, self.side_item_factors, item),
            b + from_features(self.item_side, self.side_item_bias, item),
        )

    def penalty(self, batch: Batch) -> Tensor:
        rows, weight = rated(batch), rated(batch).weight
        (p, b_u) = SideFeatureMF.of_users(self, rows)  # without what models built on it add
        (q, b_i) = self.of_items(*rows.need("item"))
        whole = self.l2 * (mean_square(p, weight) + mean_square(q, weight))
        whole = whole + self.l2_bias * (mean_square(b_u, weight) + mean_square(b_i, weight))
        vectors = self.side_user_factors.square().sum() + self.side_item_factors.square().sum()
        of_biases = self.side_user_bias.square().sum() + self.side_item_bias.square().sum()
        meaning = self.paid_by_all(self.side * vectors + self.side_bias * of_biases)
        return whole + meaning + self.paid(
            batch, True, user_factors=self.own, item_factors=self.own,
            user_bias=self.own_bias, item_bias=self.own_bias,
        )  # fmt: skip

    # A new user's features are unknown and count as zero; those of the items count as ever.

    def ridge(self, n: int) -> Tensor:
        once = self.mean.new_full((self.dim + 1,), self.own)
        once[-1] = self.own_bias
        return super().ridge(n) + once
