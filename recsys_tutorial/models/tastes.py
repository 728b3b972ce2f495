"""Several tastes per user: mixed by a softmax, or one chosen per item."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from recsys_tutorial.batch import Batch
from recsys_tutorial.models.base import Model


class MixtureOfTastes(Model):
    r"""Each user has several tastes, and the item decides how much each of them counts:

    $s_{ui} = \mu + b_u + b_i + \sum_m w_{uim}\, (U_{um} \cdot q_i)$ with
    $w_{ui} = \mathrm{softmax}_m (A_{um} \cdot q_i)$, a softmax over the *tastes* m.

    With n_tastes=1 it is BiasedMF. The order of tastes means nothing. They start at random, because
    equal tastes would get equal gradients. Scores are not linear in a user's numbers, so there is
    no `fold_in`.

    Args:
        l2: Penalty on tastes and item factors.
        l2_attention: Penalty on attention; much smaller, because the softmax needs large logits.

    Attributes:
        user_tastes: U, (n_users, n_tastes, dim), what the user likes.
        user_attention: A, (n_users, n_tastes, dim), which items each taste is for.
        item_factors: q, (n_items, dim), used with both.
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
        self.user_tastes = self.random_table(n_users, n_tastes, dim)
        self.item_factors = self.random_table(n_items, dim)
        self.user_attention = self.random_table(n_users, n_tastes, dim)
        self.user_bias = nn.Parameter(torch.zeros(n_users))
        self.item_bias = nn.Parameter(torch.zeros(n_items))

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
        """Weights (*S, n_tastes) of the tastes, which sum to 1."""
        return logits.softmax(-1)

    def penalty(self, batch: Batch) -> Tensor:
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
        """Products of the users' rows of a table with all items: (B, n_tastes, n_items)."""
        rows = table[user].view(-1, self.dim)
        return (rows @ self.item_factors.T).view(len(user), self.n_tastes, self.n_items)


class GumbelTastes(MixtureOfTastes):
    r"""A mixture of tastes in which exactly one taste counts for each item.

    In training the taste is drawn, $\arg\max_m (a_m + g_m)$ with $a_m = A_{um} \cdot q_i$ and
    Gumbel noise $g = -\ln(-\ln U)$: taste m is drawn with probability softmax(a)_m. Gradients go
    through $\mathrm{softmax}((a + g) / \tau)$ instead ("straight-through"). The temperature
    $\tau$ falls from WARM to COLD while `progress` goes from 0 to 1. Outside of training the most
    likely taste counts, without noise.

    Jang, Gu, Poole 2017, "Categorical reparameterization with Gumbel-softmax"; Maddison, Mnih, Teh
    2017.
    """

    WARM: ClassVar = 1.0
    COLD: ClassVar = 0.5  # below 0.3 gradients explode

    @property
    def temperature(self) -> float:
        """WARM at the start of training, COLD at its end; it falls by a constant factor."""
        return self.WARM * (self.COLD / self.WARM) ** self.progress

    def mix(self, logits: Tensor) -> Tensor:
        if not self.training:
            return one_hot_max(logits)
        noisy = logits + gumbel(logits.shape, self.generator).to(logits)
        soft = (noisy / self.temperature).softmax(-1)
        return one_hot_max(noisy) + (soft - soft.detach())


def gumbel(shape: torch.Size | tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Standard Gumbel noise; argmax(logits + noise) is a draw from softmax(logits)."""
    uniform = torch.rand(shape, generator=generator)
    tiny = torch.finfo(uniform.dtype).tiny  # rand may give 0, and ln 0 is not finite
    return -(-uniform.clamp_min(tiny).log()).log()


def one_hot_max(logits: Tensor) -> Tensor:
    """1 for the (first) largest along the last axis, 0 for the others."""
    return torch.zeros_like(logits).scatter_(-1, logits.argmax(-1, keepdim=True), 1.0)
