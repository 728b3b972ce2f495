"""Matrix factorisation that knows how sure it is: each number is a normal distribution."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import FoldedUser, rated
from recsys_tutorial.models.mf import BiasedMF


class RatingBelief(NamedTuple):
    """What the model expects of ratings, each of shape S: score in stars, variance in stars^2."""

    score: Tensor
    variance: Tensor


class VariationalMF(BiasedMF):
    r"""BiasedMF in which every number x is a normal distribution N(m, v), v = e^logvar:

    $$r_{ui} \sim N(\mu + b_u + b_i + p_u \cdot q_i,\ \sigma^2)$$

    Minimises the mean negative log-likelihood plus `kl` times KL(posterior | prior) / N, where N is
    the number of training ratings: with kl=1 that is -ELBO / N. A row of weight 4 counts as four
    ratings, in N and wherever uncertainty falls with their number. Users and items without training
    ratings stay at the prior, with mean 0: the model is least certain about them. Numbers that the
    data does not need stay at their prior too and widen every prediction, so take a small `dim` if
    there are few ratings.

    In training the score of each row of the batch is drawn from its mean and variance. A Gaussian
    likelihood needs no more than that; p and q themselves are not drawn. The variance of the output
    is then the noise alone. In evaluation nothing is drawn, and the variance is that of a rating:
    the noise plus all that is unknown about user and item.

    Attributes:
        user_factors, item_factors, user_bias, item_bias: The means m, as in BiasedMF.
        user_logvar, item_logvar: (n_users, dim), (n_items, dim), of the factors.
        user_bias_logvar, item_bias_logvar: (n_users,), (n_items,).
        log_noise: ln sigma^2, in units^2, as all variances of parameters; learned.
        bias_prior: ln of the prior variance of b_u and b_i, (2,); learned.
        factor_prior: ln s^2, the prior variance of each number in p and q. It is computed from the
            training part: the prior variance of p . q, dim * s^4, is `prior` times the variance
            that biases leave; the rest is noise. (If it were learned, it would fall to zero.)

    Lim and Teh 2007, "Variational Bayesian approach to movie rating prediction"; drawing scores:
    Kingma, Salimans and Welling 2015, "Variational dropout and the local reparameterization trick".
    """

    default_loss = staticmethod(losses.gaussian_nll)
    fit_defaults: ClassVar = {"epochs": 30, "lr": 0.02, "batch_size": 2048}

    START: ClassVar = -4.0  # of log-variances: a posterior as wide as 1 would drown the signal

    def __init__(
        self,
        n_users: int,
        n_items: int,
        dim: int = 16,
        kl: float = 1.0,
        prior: float = 0.3,
        seed: int = 0,
    ) -> None:
        super().__init__(n_users, n_items, dim=dim, l2=0.0, l2_bias=0.0, seed=seed)
        self.kl, self.prior = kl, prior
        self.user_logvar = nn.Parameter(torch.full((n_users, dim), self.START))
        self.item_logvar = nn.Parameter(torch.full((n_items, dim), self.START))
        self.user_bias_logvar = nn.Parameter(torch.full((n_users,), self.START))
        self.item_bias_logvar = nn.Parameter(torch.full((n_items,), self.START))
        self.log_noise = nn.Parameter(torch.zeros(()))
        self.bias_prior = nn.Parameter(torch.full((2,), math.log(0.2)))
        self.register_buffer("factor_prior", torch.full((), -0.5 * math.log(max(dim, 1))))

    @torch.no_grad()
    def read(self, train: Dataset) -> None:
        super().read(train)
        error = (train.rating - _biases(train)) / float(self.unit)
        unexplained = max(float(np.average(np.square(error), weights=train.weight)), 1e-6)
        variance = math.sqrt(max(self.prior, 1e-6) * unexplained / max(self.dim, 1))
        self.factor_prior.fill_(math.log(variance))
        self.log_noise.fill_(math.log(unexplained))

    @torch.no_grad()
    def reset_cold(self) -> None:
        """Set users and items without training ratings to the prior: mean 0, prior variance."""
        super().reset_cold()
        for count, factors, bias, prior in (
            (self.user_count, self.user_logvar, self.user_bias_logvar, self.bias_prior[0]),
            (self.item_count, self.item_logvar, self.item_bias_logvar, self.bias_prior[1]),
        ):
            factors[count == 0] = self.factor_prior
            bias[count == 0] = prior

    # ---- the equation ---------------------------------------------------------------------

    def forward(self, batch: Batch) -> Any:  # a RatingBelief
        user, item = batch.need("user", "item")
        score = super().forward(batch)
        unknown = self.unknown(user, item)
        noise = self.unit.square() * self.log_noise.exp()
        if self.training:
            drawn = torch.randn(score.shape, generator=self.generator).to(score.device)
            return RatingBelief(score + unknown.sqrt() * drawn, noise.expand(score.shape))
        return RatingBelief(score, unknown + noise)

    def numbers(self, side: str, index: Tensor) -> tuple[Tensor, ...]:
        """Mean and log-variance of these vectors, (*S, dim), and of these biases, (*S,)."""
        names = ("factors", "logvar", "bias", "bias_logvar")
        return tuple(self.rows(getattr(self, f"{side}_{name}"), index) for name in names)

    def unknown(self, user: Tensor, item: Tensor) -> Tensor:
        """Variance of the expected rating, in stars^2: without the noise of ratings."""
        p, logvar_p, _, logvar_u = self.numbers("user", user)
        q, logvar_q, _, logvar_i = self.numbers("item", item)
        v_p, v_q = logvar_p.exp(), logvar_q.exp()
        of_product = (p.square() * v_q + v_p * (q.square() + v_q)).sum(-1)
        return self.unit.square() * (of_product + logvar_u.exp() + logvar_i.exp())

    def penalty(self, batch: Batch) -> Tensor:
        """Each row pays 1/n of its user's and its item's divergence: on average KL / N."""
        total, rows = self.mean.new_zeros(()), rated(batch)
        for side, bias_prior in (("user", self.bias_prior[0]), ("item", self.bias_prior[1])):
            (index,) = rows.need(side)
            mean, logvar, bias, bias_logvar = self.numbers(side, index)
            divergence = losses.kl_normal(mean, logvar, self.factor_prior).sum(-1)
            divergence = divergence + losses.kl_normal(bias, bias_logvar, bias_prior)
            each = divergence * self.share(side, index)
            total = total + losses.weighted_mean(each, rows.weight)
        return self.kl * total

    # ---- one user, many items -------------------------------------------------------------

    @torch.no_grad()
    def fold_in(self, items: Tensor, ratings: Tensor) -> FoldedUser:
        """What n ratings say about a new user: the mean row, its parts and its covariance.

        Bayes' rule for a normal prior and normal noise, given what is known of the items. Unlike
        in training the covariance is the full one. Without ratings the result is the prior.

        Args:
            items: (n,), positions of the rated items.
            ratings: (n,), in stars.

        Raises:
            TypeError: the model was fitted by a ranking loss, so ratings mean nothing to it.
        """
        if not self.in_stars:
            raise TypeError(
                "a VariationalMF that ranks cannot place a new user: its doubts are about ratings. "
                "Fit it with its own loss, or rank with BiasedMF"
            )
        rows, offset = (t.double() for t in self.item_rows())
        z, y = rows[items] / self.unit, (ratings.double() - offset[items]) / self.unit.double()
        # An uncertain item says less: its variance keeps the user's number closer to zero.
        blur = F.pad(self.item_logvar[items].double().exp().sum(0), (0, 1))  # (dim + 1,)
        prior = torch.cat([self.factor_prior.expand(self.dim), self.bias_prior[:1]]).double()
        noise = self.log_noise.double().exp()
        precision = (z.T @ z + blur.diag()) / noise + (-prior).exp().diag()
        covariance = torch.linalg.inv(precision)
        parts = (covariance @ z.T * y / noise).T
        return FoldedUser(parts.sum(0).float(), parts.float(), covariance.float())

    @torch.no_grad()
    def expect(self, user: FoldedUser, items: Tensor) -> RatingBelief:
        """Expected ratings (n,) of one user for n items, in stars, and their covariance (n, n).

        What is unknown about the user affects all items together. What is unknown about an item is
        added on the diagonal.
        """
        assert user.covariance is not None
        rows, offset = self.item_rows()
        z, stars2 = rows[items], self.unit.square()
        p, spread = user.row[:-1], user.covariance.diagonal()[:-1]
        own = self.item_logvar[items].exp() @ (p.square() + spread)
        own = own + self.item_bias_logvar[items].exp()
        covariance = z @ user.covariance @ z.T + stars2 * own.diag()
        return RatingBelief(offset[items] + z @ user.row, covariance)


def _biases(train: Dataset, credit: float = 5.0) -> np.ndarray:
    """Mean plus the item's and then the user's deviation from it, (n,).

    Deviations are pulled towards zero, as if `credit` ratings without any were added.
    """
    weight = np.ones(len(train)) if train.weight is None else train.weight
    fitted = np.full(len(train), np.average(train.rating, weights=weight))
    for index, size in ((train.item, train.n_items), (train.user, train.n_users)):
        error = np.bincount(index, weight * (train.rating - fitted), size)
        fitted = fitted + (error / (np.bincount(index, weight, size) + credit))[index]
    return fitted
