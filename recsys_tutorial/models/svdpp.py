"""SVD++: what a user rated says something, whatever the rating was."""

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
    r"""SideFeatureMF whose user is also the sum of what it has rated:

    $$s_{ui} = \mu + b_u + b_i
               + \Big(p_u + |N(u)|^{-1/2} \sum_{j \in N(u)} y_j\Big) \cdot q_i$$

    Without `features` (the default) its features are absent, which leaves the equation above.

    The item that a training row asks about is itself in N(u), a test row's never is. Taking it out
    during training changed the validation error in the fourth decimal, so it stays in.

    Args:
        history: Penalty on y, paid once for each item; `own` holds p near zero, so that a user is
            what its history says unless its ratings insist.
        features: Whether side tables are read.
        **rest: As in SideFeatureMF.

    Attributes:
        item_implicit: y, (n_items, dim): what it says of a user to have rated the item at all.
        rated: N(u), the user's *training* items, those of user 0 first, (n_ratings,).

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
            BiasedMF.read(self, train)  # passes over SideFeatureMF, which would take them
        by_user = np.argsort(train.user, kind="stable")
        self.rated = torch.from_numpy(train.item[by_user].astype(np.int64))

    def of_users(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """SideFeatureMF's vectors plus the sum over the history, (*S, dim); its biases, (*S,)."""
        p, b_u = super().of_users(batch)
        return p + self.from_history(*batch.need("user")), b_u

    def from_history(self, user: Tensor) -> Tensor:
        """|N(u)|^(-1/2) sum of y over N(u): (*S, dim); zero for users without ratings."""
        each, place = user.unique(return_inverse=True)  # a user's sum is taken once a batch
        many = self.user_count[each]
        past, begins = runs((self.user_count.cumsum(0) - self.user_count)[each], many)
        sparse = getattr(self.item_implicit, "sparse_rows", False) and torch.is_grad_enabled()
        total = F.embedding_bag(
            self.rated[past], self.item_implicit, begins, mode="sum", sparse=sparse
        )
        scaled = total / many.clamp_min(1).sqrt().unsqueeze(-1)
        return scaled.index_select(0, place.reshape(-1)).view(*user.shape, self.dim)

    def penalty(self, batch: Batch) -> Tensor:
        return super().penalty(batch) + self.paid(batch, True, item_implicit=self.history)

    # A new user's history is known from the ratings: only p is sought, and starts at zero.

    @torch.no_grad()
    def fold_in(self, items: Tensor, ratings: Tensor) -> FoldedUser:
        y = self.item_implicit[items] / max(len(items), 1) ** 0.5  # (n, dim), sums to the history
        known = F.pad(y, (0, 1))  # the last number of a row is the user's bias: nothing here
        rows, offset = self.item_rows()
        own = self.find_row(rows, offset + rows @ known.sum(0), items, ratings)
        return FoldedUser(own.row + known.sum(0), own.parts + known)
