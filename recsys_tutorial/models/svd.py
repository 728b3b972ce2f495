"""Vectors in closed form: the singular value decomposition of the whole table."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from scipy.sparse.linalg import svds
from torch import Tensor, nn

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import FoldedUser, at_least
from recsys_tutorial.models.linear import ClosedForm
from recsys_tutorial.models.state import counted


class FactorTables(ClosedForm):
    r"""$s_{ui} = p_u \cdot q_i$ with vectors that no gradient has made.

    Attributes:
        user_factors: p, (n_users, dim).
        item_factors: q, (n_items, dim).
    """

    def __init__(self, n_users: int, n_items: int, dim: int, seed: int = 0) -> None:
        at_least(1, dim=dim)
        super().__init__(n_users, n_items, seed=seed)
        self.dim = dim
        self.user_factors = nn.Parameter(torch.zeros(n_users, dim), requires_grad=False)
        self.item_factors = nn.Parameter(torch.zeros(n_items, dim), requires_grad=False)

    def forward(self, batch: Batch) -> Tensor:
        user, item = batch.need("user", "item")
        return (self.rows(self.user_factors, user) * self.rows(self.item_factors, item)).sum(-1)

    def score_items(self, batch: Batch) -> Tensor:
        (user,) = batch.need("user")
        return self.user_factors[user.reshape(-1)] @ self.item_factors.T

    def item_rows(self) -> tuple[Tensor, Tensor]:
        """q (n_items, dim) and zeros (n_items,): a new user scores q @ row."""
        return self.item_factors.detach(), self.item_factors.new_zeros(self.n_items)


class PureSVD(FactorTables):
    r"""Truncated SVD of x, zeros and all: $x \approx U \Sigma Q'$, and $p_u = x_u Q$.

    This is the SVD of a textbook. What is called SVD in libraries for ratings is `BiasedMF`: it
    leaves the missing ratings out instead of taking them for zeros. Vectors are in order of
    singular values, the largest number of each item column positive.

    Cremonesi, Koren, Turrin 2010, "Performance of recommender algorithms on top-N tasks".
    """

    def __init__(self, n_users: int, n_items: int, dim: int = 16, seed: int = 0) -> None:
        super().__init__(n_users, n_items, dim=dim, seed=seed)

    @torch.no_grad()
    def fit(self, train: Dataset) -> Self:
        """Compute the vectors; beyond the rank of x they are zero."""
        train = counted(train)
        self.read(train)
        x = self.table(train)
        if self.dim < min(x.shape):
            start = np.random.default_rng(self.seed).normal(size=min(x.shape))
            q = svds(x, k=self.dim, v0=start, return_singular_vectors="vh")[2][::-1].T
        else:
            q = np.linalg.svd(x.toarray(), full_matrices=False)[2].T
        q = q * np.sign(q[np.abs(q).argmax(0), np.arange(q.shape[1])])
        for table, values in ((self.item_factors, q), (self.user_factors, x @ q)):
            table.zero_()
            table[:, : q.shape[1]] = torch.from_numpy(values).to(table)
        self.reset_cold()
        return self

    @torch.no_grad()
    def fold_in(self, items: Tensor, ratings: Tensor) -> FoldedUser:
        """The row x Q of a user known by ratings alone: a sum over the rated items."""
        parts = self.item_factors[items] * self.strength(ratings).to(self.item_factors)[:, None]
        return FoldedUser(parts.sum(0), parts)
