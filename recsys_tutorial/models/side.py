"""Matrix factorisation with side features, which can score users and items without ratings."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import mean_square, rated
from recsys_tutorial.models.features import from_features, side_tables
from recsys_tutorial.models.mf import BiasedMF


class SideFeatureMF(BiasedMF):
    r"""BiasedMF whose biases and vectors are a part from features plus a deviation per id:

    $$s_{ui} = \mu + (b_u + a \cdot x_u) + (b_i + c \cdot y_i)
               + (p_u + A x_u) \cdot (q_i + C y_i)$$

    Without side tables (f = g = 0) it is BiasedMF. A user or item without training ratings has
    b = 0 and p = 0, so only its features count.

    Args:
        l2, l2_bias: Penalties on p + A x and on b + a x, per rating; for items alike.
        own, own_bias: Penalties on p and b, once per user and item: they limit how far each may
            deviate from its features.
        side, side_bias: Penalties on A, C and on a, c, once per feature.

    Attributes:
        user_side, item_side: x, (n_users, f), and y, (n_items, g): see `feature_table`.
        side_user_factors, side_item_factors: A, (f, dim), and C, (g, dim).
        side_user_bias, side_item_bias: a, (f,), and c, (g,), in units.

    Features and ids share vectors as in Rendle 2010, "Factorization machines".
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
        self.set_features(*side_tables(train))

    def set_features(self, x: Tensor, y: Tensor) -> None:
        """Set the features; their factors and biases start at zero."""
        for side, values in (("user", x), ("item", y)):
            n = values.shape[1]
            self.register_buffer(f"{side}_side", values)
            self.register_parameter(f"side_{side}_factors", nn.Parameter(torch.zeros(n, self.dim)))
            self.register_parameter(f"side_{side}_bias", nn.Parameter(torch.zeros(n)))

    def of_users(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """p + A x, (*S, dim), and b + a x, (*S,)."""
        (user,), (p, b), x = batch.need("user"), super().of_users(batch), self.user_side
        p = p + from_features(x, self.side_user_factors, user)
        return p, b + from_features(x, self.side_user_bias, user)

    def of_items(self, item: Tensor) -> tuple[Tensor, Tensor]:
        """q + C y, (*S, dim), and b + c y, (*S,)."""
        (q, b), y = super().of_items(item), self.item_side
        q = q + from_features(y, self.side_item_factors, item)
        return q, b + from_features(y, self.side_item_bias, item)

    def penalty(self, batch: Batch) -> Tensor:
        rows, weight = rated(batch), rated(batch).weight
        p, b_u = SideFeatureMF.of_users(self, rows)  # SVDpp's also holds the history
        q, b_i = self.of_items(*rows.need("item"))
        per_rating = self.l2 * (mean_square(p, weight) + mean_square(q, weight))
        per_rating += self.l2_bias * (mean_square(b_u, weight) + mean_square(b_i, weight))
        factors = self.side_user_factors.square().sum() + self.side_item_factors.square().sum()
        biases = self.side_user_bias.square().sum() + self.side_item_bias.square().sum()
        per_feature = self.paid_by_all(self.side * factors + self.side_bias * biases)
        return per_rating + per_feature + self.paid(
            batch, True, user_factors=self.own, item_factors=self.own,
            user_bias=self.own_bias, item_bias=self.own_bias,
        )  # fmt: skip

    def ridge(self, n: int) -> Tensor:  # a new user's features are unknown and count as zero
        return super().ridge(n) + self.mean.new_tensor([self.own] * self.dim + [self.own_bias])
