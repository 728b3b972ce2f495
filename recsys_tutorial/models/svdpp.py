"""SVD++: which items a user has rated says something about the user, whatever the ratings are."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import FoldedUser, runs
from recsys_tutorial.models.mf import BiasedMF
from recsys_tutorial.models.side import SideFeatureMF


class SVDpp(SideFeatureMF):
    r"""SideFeatureMF whose user vector also sums over the items that the user has rated:

    $$s_{ui} = \mu + b_u + b_i
               + \Big(p_u + |N(u)|^{-1/2} \sum_{j \in N(u)} y_j\Big) \cdot q_i$$

    With `features` the terms of SideFeatureMF are added. N(u) includes the item of the training row
    itself; leaving it out changed the validation error only in the fourth decimal.

    Args:
        own: As in SideFeatureMF; a large one keeps the user vectors close to the histories' sums.
        history: Penalty on y, once per item.
        features: Whether side tables are read.
        **rest: As in SideFeatureMF.

    Attributes:
        item_implicit: y, (n_items, dim), added to the vectors of all users who rated the item.
        rated: N(u), the users' training items, those of user 0 first, (n_ratings,).

    Koren 2008, "Factorization meets the neighborhood", equation 15.
    """

    def __init__(
        self,
        n_users: int,
        n_items: int,
        dim: int = 32,
        l2: float = 0.06,
        own: float = 7.0,
        history: float = 60.0,
        features: bool = False,
        **rest: Any,
    ) -> None:
        super().__init__(n_users, n_items, dim=dim, l2=l2, own=own, **rest)
        self.history, self.features = history, features
        self.item_implicit = nn.Parameter(torch.zeros(n_items, dim))
        self.register_buffer("rated", torch.zeros(0, dtype=torch.int64))

    def read(self, train: Dataset) -> None:
        if self.features:
            super().read(train)
        else:
            BiasedMF.read(self, train)  # not that of SideFeatureMF
        by_user = np.argsort(train.user, kind="stable")
        self.rated = torch.from_numpy(train.item[by_user].astype(np.int64))

    def of_users(self, batch: Batch) -> tuple[Tensor, Tensor]:
        p, b_u = super().of_users(batch)
        return p + self.from_history(*batch.need("user")), b_u

    def from_history(self, user: Tensor) -> Tensor:
        """|N(u)|^(-1/2) sum of y over N(u): (*S, dim); zero for users without ratings."""
        users, inverse = user.unique(return_inverse=True)  # one sum per user of the batch
        n = self.user_count[users]
        rated, begins = runs((self.user_count.cumsum(0) - self.user_count)[users], n)
        sparse = getattr(self.item_implicit, "sparse_rows", False) and torch.is_grad_enabled()
        total = F.embedding_bag(
            self.rated[rated], self.item_implicit, begins, mode="sum", sparse=sparse
        )
        return self.rows(total / n.clamp_min(1).sqrt().unsqueeze(-1), inverse)

    def penalty(self, batch: Batch) -> Tensor:
        return super().penalty(batch) + self.paid(batch, True, item_implicit=self.history)

    @torch.no_grad()
    def fold_in(self, items: Tensor, ratings: Tensor) -> FoldedUser:
        y = self.item_implicit[items] / max(len(items), 1) ** 0.5  # (n, dim)
        history = F.pad(y, (0, 1))  # (n, dim + 1): nothing is added to the user's bias
        rows, offset = self.item_rows()
        own = self.find_row(rows, offset + rows @ history.sum(0), items, ratings)  # p and b
        return FoldedUser(own.row + history.sum(0), own.parts + history)
