"""Matrix factorisation, without and with biases."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recsys_tutorial.batch import Batch
from recsys_tutorial.models.base import FoldedUser, Model


class Factorised(Model):
    r"""Base of all models with $s_{ui} = \mu + b_u + b_i + p_u \cdot q_i$.

    A subclass computes vectors and biases in `of_users` and `of_items`; scores, lists and the row
    of a new user follow from them.
    """

    FEW: ClassVar = 40  # with fewer ratings a new user is pulled towards the average user

    def of_users(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Vectors (*S, dim) and biases (*S,) of the users of a batch."""
        raise NotImplementedError

    def of_items(self, item: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors (*S, dim) and biases (*S,) of items (*S,)."""
        raise NotImplementedError

    def forward(self, batch: Batch) -> Tensor:
        (p, b_u), (q, b_i) = self.of_users(batch), self.of_items(*batch.need("item"))
        return self.mean + self.unit * ((p * q).sum(-1) + b_u + b_i)

    def score_items(self, batch: Batch) -> Tensor:
        p, b_u = self.of_users(batch)
        q, b_i = self.all_items()
        p, b_u = self.unit * p.flatten(0, -2), self.unit * b_u.reshape(-1, 1)
        # add_ in place: the table (B, n_items) is large.
        return torch.addmm(self.mean + self.unit * b_i, p, q.T).add_(b_u)

    def all_items(self) -> tuple[Tensor, Tensor]:
        """`of_items` of the whole catalogue: (n_items, dim) and (n_items,)."""
        return self.of_items(torch.arange(self.n_items, device=self.mean.device))

    # ---- a new user -----------------------------------------------------------------------

    @torch.no_grad()
    def item_rows(self) -> tuple[Tensor, Tensor]:
        """Rows (n_items, d) and offset (n_items,), in stars: a folded-in user's scores are
        rows @ row + offset. If users have a bias, it is the last number of the user's row."""
        q, b_i = self.all_items()
        if hasattr(self, "user_bias"):
            q = torch.cat([q, q.new_ones(self.n_items, 1)], dim=1)
        return self.unit * q, self.mean + self.unit * b_i

    def ridge(self, n: int) -> Tensor:
        """The penalties (d,) on the row of a new user with n ratings.

        From FEW ratings on they are those of training, so a trained user gets the same row again.
        With fewer, the row is pulled towards the average user: the penalty of training is
        proportional to n, so alone it would trust a single rating.
        """
        raise NotImplementedError

    def fold_in(self, items: Tensor, ratings: Tensor) -> FoldedUser:
        """The row of a new user with n ratings, which minimises the objective of training.

        Args:
            items: (n,), positions of the rated items.
            ratings: (n,), in stars. A model fitted by a ranking loss ignores their values.

        Raises:
            TypeError: the model was fitted by a ranking loss that is not one of the library's.
        """
        return self.find_row(*self.item_rows(), items, ratings)

    @torch.no_grad()
    def find_row(self, rows: Tensor, offset: Tensor, items: Tensor, ratings: Tensor) -> FoldedUser:
        """`fold_in` for a user with the scores rows @ row + offset."""
        ridge = self.ridge(len(items)).double().clamp_min(1e-9)
        kind, negatives = self.fitted_to.tolist()
        if kind == 4:
            raise TypeError(
                f"no new user can be placed by this {type(self).__name__}: it was fitted by a "
                "ranking loss of your own. Use rt.losses.bpr, logistic or sampled_softmax"
            )
        if kind:
            return by_ranking(rows.double(), offset.double(), items, ridge, kind, negatives)
        error = (ratings.double() - offset[items].double()) / self.unit.double()
        return by_ridge(rows[items].double() / self.unit.double(), error, ridge)


class MF(Factorised):
    r"""Matrix factorisation: $s_{ui} = \mu + p_u \cdot q_i$.

    Attributes:
        user_factors: p, (n_users, dim).
        item_factors: q, (n_items, dim).
        mean: mu, the mean training rating in stars; it is computed, not learned.

    Products are in units of the scale, which are stars on a scale from 1 to 5.

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

    def of_users(self, batch: Batch) -> tuple[Tensor, Tensor]:
        (user,) = batch.need("user")
        return self.rows(self.user_factors, user), self.mean.new_zeros(user.shape)

    def of_items(self, item: Tensor) -> tuple[Tensor, Tensor]:
        return self.rows(self.item_factors, item), self.mean.new_zeros(item.shape)

    def penalty(self, batch: Batch) -> Tensor:
        return self.paid(batch, user_factors=self.l2, item_factors=self.l2)

    def ridge(self, n: int) -> Tensor:
        return self.mean.new_full((self.dim,), self.l2 * max(n, self.FEW))


class BiasedMF(MF):
    r"""Biased matrix factorisation: $s_{ui} = \mu + b_u + b_i + p_u \cdot q_i$.

    Attributes:
        user_bias: b_u, (n_users,), in units: how far above the mean the user rates.
        item_bias: b_i, (n_items,), in units: how far above the mean the item is rated.

    Otherwise as MF. With dim=0 only the biases remain.

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

    def of_users(self, batch: Batch) -> tuple[Tensor, Tensor]:
        (user,) = batch.need("user")
        return self.rows(self.user_factors, user), self.rows(self.user_bias, user)

    def of_items(self, item: Tensor) -> tuple[Tensor, Tensor]:
        return self.rows(self.item_factors, item), self.rows(self.item_bias, item)

    def penalty(self, batch: Batch) -> Tensor:
        l2 = self.l2_bias
        return super().penalty(batch) + self.paid(batch, user_bias=l2, item_bias=l2)

    def ridge(self, n: int) -> Tensor:
        # 0.1 per missing rating, at most 4: the variance of ratings over that of users' biases
        of_bias = self.l2_bias * n + 0.1 * max(self.FEW - n, 0)
        return torch.cat([super().ridge(n), self.mean.new_full((1,), of_bias)])


# ---- the row of a new user, while the items stay fixed ------------------------------------------


def by_ridge(z: Tensor, y: Tensor, ridge: Tensor) -> FoldedUser:
    """Least squares: the row x that minimises |y - z x|^2 + sum of ridge * x^2.

    Args:
        z: (n, d), the rated items' rows.
        y: (n,), the ratings minus what the items' offsets explain.
        ridge: (d,), all above 0.
    """
    parts = torch.linalg.solve(z.T @ z + ridge.diag(), z.T * y).T  # (n, d)
    return FoldedUser(parts.sum(0).float(), parts.float())


def by_ranking(
    rows: Tensor, offset: Tensor, items: Tensor, ridge: Tensor, kind: int, negatives: int
) -> FoldedUser:
    """The row that minimises the expected ranking loss of the rated items + sum of ridge * x^2.

    At the minimum the row is a sum over the rated items: of each item's negative gradient, divided
    by twice the ridge.

    Args:
        rows, offset: (n_items, d) and (n_items,): scores are rows @ x + offset.
        items: (n,), the rated items.
        ridge: (d,), all above 0.
        kind, negatives: As in `ModelState.fitted_to`.
    """
    x, n = rows.new_zeros(rows.shape[1], requires_grad=True), len(items)
    if n in (0, len(rows)):  # no rated item, or no other item to rank it above
        return FoldedUser(x.detach().float(), rows.new_zeros(n, len(x)).float())
    search = torch.optim.LBFGS([x], max_iter=60, line_search_fn="strong_wolfe")

    def of_items() -> tuple[Tensor, Tensor]:
        scores = (rows @ x + offset).expand(n, -1)
        return scores, expected_loss(scores, items, kind, negatives).sum()

    def closure() -> Tensor:
        search.zero_grad()
        loss = of_items()[1] + (ridge * x.square()).sum()
        loss.backward()
        return loss

    with torch.enable_grad():
        search.step(closure)
        scores, loss = of_items()
    (by_score,) = torch.autograd.grad(loss, scores)  # (n, n_items)
    x, parts = x.detach(), -(by_score @ rows) / (2 * ridge)
    parts = parts + (x - parts.sum(0)) / n  # the search ends near the minimum
    return FoldedUser(x.float(), parts.float())


def expected_loss(scores: Tensor, items: Tensor, kind: int, negatives: int) -> Tensor:
    """The expected loss (n,) of each rated item over draws of `negatives` unrated ones.

    For the sampled softmax the expectation is taken inside the logarithm.

    Args:
        scores: (n, n_items), the same in each row.
        items: (n,), the rated items.
        kind, negatives: As in `ModelState.fitted_to`; -1 is the whole catalogue.
    """
    own = scores.gather(1, items.unsqueeze(1))  # (n, 1)
    free = torch.ones(scores.shape[1], dtype=torch.bool, device=scores.device)
    free[items] = False
    others = scores if negatives < 0 else scores[:, free]
    if kind == 1:  # logistic
        n_drawn = scores.shape[1] if negatives < 0 else negatives
        return F.softplus(-own).squeeze(1) + n_drawn * F.softplus(others).mean(1)
    if kind == 2:  # bpr; the whole catalogue holds the rated item, whose loss of ln 2 is removed
        pairs = F.softplus(others - own)
        if negatives >= 0:
            return pairs.mean(1)
        return (pairs.sum(1) - math.log(2)) / (scores.shape[1] - 1)
    if negatives < 0:
        return (scores.logsumexp(1, keepdim=True) - own).squeeze(1)
    drawn = others.logsumexp(1, keepdim=True) + math.log(negatives / others.shape[1])
    return (torch.logaddexp(own, drawn) - own).squeeze(1)
