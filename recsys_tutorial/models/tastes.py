"""Several tastes a user: softly mixed, or one picked at a time."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from recsys_tutorial.batch import Batch
from recsys_tutorial.models.base import Model


class MixtureOfTastes(Model):
    r"""Mixture of tastes: each user has several, and the item decides which of them speaks,

    $s_{ui} = \mu + b_u + b_i + \sum_m w_{uim}\, (U_{um} \cdot q_i)$ with
    $w_{ui} = \mathrm{softmax}_m (A_{um} \cdot q_i)$: a softmax over *tastes*, of one product each.

    Tastes start different, since equal ones would get equal gradients for ever. Their order means
    nothing. With n_tastes=1 the softmax is 1 and this is BiasedMF, exactly. Scores are no linear
    function of a user's numbers, so that no `fold_in` by ridge regression exists: a new user takes
    part in training.

    Args:
        l2: Penalty on tastes and item factors.
        l2_attention: Penalty on attention, and much smaller: the logits have no unit, and must grow
            to several before the item decides anything.

    Attributes:
        user_tastes: U, (n_users, n_tastes, dim), what the user likes.
        user_attention: A, (n_users, n_tastes, dim), which items each taste is for.
        item_factors: q, (n_items, dim), the same for both (tied).
        user_bias, item_bias: As in BiasedMF, (n_users,) and (n_items,).

    Kula 2017, "Mixture-of-tastes models for representing users with diverse interests".
    """

    fit_defaults: ClassVar = {"epochs": 20, "lr": 0.01, "batch_size": 2048}
    least: ClassVar = {"n_tastes": 1}

    def __init__(
        self,
        n_users: int,
        n_items: int,
        dim: int = 16,
        n_tastes: int = 2,
        l2: float = 0.076,
        l2_attention: float = 0.0003,
        l2_bias: float = 0.012,
        seed: int = 0,
    ) -> None:
        super().__init__(n_users, n_items, seed=seed)
        self.dim, self.n_tastes = dim, n_tastes
        self.l2, self.l2_attention, self.l2_bias = l2, l2_attention, l2_bias
        self.user_tastes = self._tastes()
        self.item_factors = self.random_table(n_items, dim)
        self.user_attention = self._tastes()
        self.user_bias = nn.Parameter(torch.zeros(n_users))
        self.item_bias = nn.Parameter(torch.zeros(n_items))

    def _tastes(self) -> nn.Parameter:
        flat = self.random_table(self.n_users, self.n_tastes * self.dim)
        return nn.Parameter(flat.detach().view(self.n_users, self.n_tastes, self.dim))

    # ---- the equation ---------------------------------------------------------------------

    def forward(self, batch: Batch) -> Tensor:
        user, item = batch.need("user", "item")
        q = self.rows(self.item_factors, item).unsqueeze(-2)  # (*S, 1, dim)
        liking = (self.rows(self.user_tastes, user) * q).sum(-1)  # (*S, n_tastes)
        logits = (self.rows(self.user_attention, user) * q).sum(-1)  # (*S, n_tastes)
        personal = (self.mix(logits) * liking).sum(-1)  # (*S,)
        b_u, b_i = self.rows(self.user_bias, user), self.rows(self.item_bias, item)
        return self.mean + self.unit * (personal + b_u + b_i)

    def mix(self, logits: Tensor) -> Tensor:
        """Weights of the tastes, which lie along the last axis and sum to 1 there."""
        return logits.softmax(-1)

    def penalty(self, batch: Batch) -> Tensor:
        """BiasedMF's, with a user's row as long as all of its tastes together."""
        return self.paid(
            batch, user_tastes=self.l2, item_factors=self.l2, user_attention=self.l2_attention,
            user_bias=self.l2_bias, item_bias=self.l2_bias,
        )  # fmt: skip

    def score_items(self, batch: Batch) -> Tensor:
        user = batch.need("user")[0].reshape(-1)
        liking = self.of_catalogue(self.user_tastes, user).mT  # (B, n_items, n_tastes)
        logits = self.of_catalogue(self.user_attention, user).mT
        personal = (self.mix(logits) * liking).sum(-1)
        biases = self.user_bias[user].unsqueeze(-1) + self.item_bias
        return self.mean + self.unit * (personal + biases)

    def of_catalogue(self, table: Tensor, user: Tensor) -> Tensor:
        """Products of the users' rows of a table of tastes with all items: (B, m, n_items)."""
        rows = table[user].view(-1, self.dim)
        return (rows @ self.item_factors.T).view(len(user), self.n_tastes, self.n_items)

    @torch.no_grad()
    def weights(self, user: Tensor, item: Tensor) -> Tensor:
        """How likely each taste is to speak, softmax of its attention: (*S, n_tastes)."""
        q = self.rows(self.item_factors, item).unsqueeze(-2)
        return (self.rows(self.user_attention, user) * q).sum(-1).softmax(-1)


class GumbelTastes(MixtureOfTastes):
    r"""A mixture of tastes in which exactly one taste speaks for each item: groups with edges.

    In training the taste is drawn, $\arg\max_m (a_m + g_m)$ with $a_m = A_{um} \cdot q_i$ and
    Gumbel noise $g = -\ln(-\ln U)$; so taste m comes up with the chance softmax(a)_m. Gradients go
    through $\mathrm{softmax}((a + g) / \tau)$ in its place ("straight-through"). The temperature
    $\tau$ falls from `warm` to `cold` while `progress` goes from 0 to 1. Outside of training it is
    the most likely taste, without noise.

    Args:
        warm, cold: Temperatures; cold is not below 0.3, where gradients explode.
        **rest: As in MixtureOfTastes.

    Jang, Gu, Poole 2017, "Categorical reparameterization with Gumbel-softmax"; Maddison, Mnih, Teh
    2017.
    """

    COLDEST: ClassVar = 0.3

    def __init__(
        self,
        n_users: int,
        n_items: int,
        dim: int = 16,
        n_tastes: int = 2,
        *,
        warm: float = 1.0,
        cold: float = 0.5,
        **rest: Any,
    ) -> None:
        super().__init__(n_users, n_items, dim=dim, n_tastes=n_tastes, **rest)
        if not (self.COLDEST <= cold <= warm < math.inf):
            raise ValueError(
                f"warm={warm}, cold={cold}: temperatures must fall, and not below {self.COLDEST}, "
                "where gradients explode"
            )
        self.warm, self.cold = warm, cold

    @property
    def temperature(self) -> float:
        """`warm` at the start of training, `cold` at its end, falling by a constant factor."""
        return self.warm * (self.cold / self.warm) ** self.progress

    def mix(self, logits: Tensor) -> Tensor:
        if not self.training:
            return one_hot_max(logits)
        noisy = logits + gumbel(logits.shape, self.generator).to(logits)
        soft = (noisy / self.temperature).softmax(-1)
        return one_hot_max(noisy) + (soft - soft.detach())


def gumbel(shape: torch.Size | tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Standard Gumbel noise; argmax(logits + noise) is a draw from softmax(logits)."""
    uniform = torch.rand(shape, generator=generator)
    tiny = torch.finfo(uniform.dtype).tiny  # rand gives 0 now and then, and ln 0 is not finite
    return -(-uniform.clamp_min(tiny).log()).log()


def one_hot_max(logits: Tensor) -> Tensor:
    """1 for the largest along the last axis, the first of equals, 0 for the others."""
    return torch.zeros_like(logits).scatter_(-1, logits.argmax(-1, keepdim=True), 1.0)
