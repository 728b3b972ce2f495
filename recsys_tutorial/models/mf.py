"""Matrix factorisation, without and with biases."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.models.base import FoldedUser, Model


class MF(Model):
    r"""Matrix factorisation: $s_{ui} = \mu + p_u \cdot q_i$.

    user_factors : p, (n_users, dim)
    item_factors : q, (n_items, dim)
    mean         : mu, the mean training rating in stars; it is counted, not learned

    Koren, Bell, Volinsky 2009, "Matrix factorization techniques for recommender systems".
    """

    fit_defaults: ClassVar = {"epochs": 20, "lr": 0.01, "batch_size": 2048}

    def __init__(
        self, n_users: int, n_items: int, dim: int = 64, l2: float = 0.1, seed: int = 0
    ) -> None:
        super().__init__(n_users, n_items, seed=seed)
        self.dim, self.l2 = dim, l2
        self.user_factors = self.random_table(n_users, dim)
        self.item_factors = self.random_table(n_items, dim)

    def forward(self, batch: Batch) -> Tensor:
        user, item = batch.need("user", "item")
        p = self.rows(self.user_factors, user)  # (*S, dim)
        q = self.rows(self.item_factors, item)  # (*S, dim)
        return self.mean + (p * q).sum(-1)

    def penalty(self, batch: Batch) -> Tensor:
        user, item = batch.need("user", "item")
        p, q = self.rows(self.user_factors, user), self.rows(self.item_factors, item)
        return self.l2 * (losses.l2(p) + losses.l2(q))

    def score_items(self, batch: Batch) -> Tensor:
        (user,) = batch.need("user")
        return self.mean + self.user_factors[user.reshape(-1)] @ self.item_factors.T

    # A new user: ridge regression on the items' vectors. From FEW ratings on it minimises the very
    # objective of training, so that a trained user's row comes out again. Below, each missing
    # rating adds some pull towards the average user: training's penalty shrinks with the number of
    # ratings, and would believe a single one.

    FEW: ClassVar = 40

    def item_rows(self) -> tuple[Tensor, Tensor]:
        """(n_items, d) and (n_items,) such that a folded-in user scores rows @ row + offset."""
        return self.item_factors.detach(), self.mean.expand(self.n_items)

    def ridge(self, n: int) -> Tensor:
        """The penalties (d,) on the row of a user with n ratings."""
        return self.mean.new_full((self.dim,), self.l2 * max(n, self.FEW))

    @torch.no_grad()
    def fold_in(self, items: Tensor, ratings: Tensor) -> FoldedUser:
        """The row of a user known by n ratings alone: items (n,) positions, ratings (n,) stars.

        Shares sum to the row, so that every recommendation can be traced to ratings.
        """
        rows, offset = (t.double() for t in self.item_rows())
        z, y = rows[items], ratings.double() - offset[items]
        gram = z.T @ z + torch.diag(self.ridge(len(items)).double().clamp_min(1e-9))
        parts = torch.linalg.solve(gram, z.T * y).T  # (n, d)
        return FoldedUser(parts.sum(0).float(), parts.float())


class BiasedMF(MF):
    r"""Biased matrix factorisation: $s_{ui} = \mu + b_u + b_i + p_u \cdot q_i$.

    user_bias : b_u, (n_users,) in stars: how far above the mean the user rates
    item_bias : b_i, (n_items,) in stars: how far above the mean the item is rated
    Otherwise as MF. With dim=0 it is the model of biases only.

    Koren, Bell, Volinsky 2009, equation 4.
    """

    fit_defaults: ClassVar = {"epochs": 12, "lr": 0.01, "batch_size": 1024}

    def __init__(
        self,
        n_users: int,
        n_items: int,
        dim: int = 64,
        l2: float = 0.11,
        l2_bias: float = 0.01,
        seed: int = 0,
    ) -> None:
        super().__init__(n_users, n_items, dim=dim, l2=l2, seed=seed)
        self.l2_bias = l2_bias
        self.user_bias = nn.Parameter(torch.zeros(n_users))
        self.item_bias = nn.Parameter(torch.zeros(n_items))

    def forward(self, batch: Batch) -> Tensor:
        user, item = batch.need("user", "item")
        b_u = self.rows(self.user_bias, user)  # (*S,)
        b_i = self.rows(self.item_bias, item)  # (*S,)
        return super().forward(batch) + b_u + b_i

    def penalty(self, batch: Batch) -> Tensor:
        user, item = batch.need("user", "item")
        b_u, b_i = self.rows(self.user_bias, user), self.rows(self.item_bias, item)
        of_biases = losses.l2(b_u.unsqueeze(-1)) + losses.l2(b_i.unsqueeze(-1))
        return super().penalty(batch) + self.l2_bias * of_biases

    def score_items(self, batch: Batch) -> Tensor:
        (user,) = batch.need("user")
        p, b_u = self.user_factors[user.reshape(-1)], self.user_bias[user.reshape(-1)]
        scores = torch.addmm(self.mean + self.item_bias, p, self.item_factors.T)
        return scores.add_(b_u.unsqueeze(-1))  # in place: the table is as large as the catalogue

    def item_rows(self) -> tuple[Tensor, Tensor]:
        q = self.item_factors.detach()
        rows = torch.cat([q, q.new_ones(self.n_items, 1)], dim=1)  # the last column meets b_u
        return rows, self.mean + self.item_bias.detach()

    def ridge(self, n: int) -> Tensor:
        # 0.1 a missing rating, 4 in all: the variance of ratings over that of users' biases.
        of_bias = self.l2_bias * n + 0.1 * max(self.FEW - n, 0)
        return torch.cat([super().ridge(n), self.mean.new_full((1,), of_bias)])
