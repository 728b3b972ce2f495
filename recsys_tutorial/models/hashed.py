"""Matrix factorisation with fewer vectors than users and items."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.vocabulary import Vocabulary
from recsys_tutorial.models.base import Model, mean_square, rated
from recsys_tutorial.models.mf import BiasedMF

HASH_SEEDS = (101, 202)  # fixed: Python's hash() differs from process to process


class HashedMF(BiasedMF):
    r"""BiasedMF with hashed vectors, $p_u = \sum_{k=1,2} w_{uk} E[h_k(u)]$, and q alike.

    With one hash, all ids in a bucket have the same vector. With two, few pairs of ids share both
    buckets, and the weights tell these apart. Each id has its own bias.

    Args:
        compress: Ids per bucket.

    Attributes:
        hashed_users, hashed_items: E, (buckets, dim), shared by all ids in a bucket.
        user_weights, item_weights: w, (n, 2), the learned weights of an id's two buckets.
        user_buckets, item_buckets: h, (n, 2), murmurhash3 of the ids' text with two fixed seeds.

    Svenstrup, Hansen, Winther 2017, "Hash embeddings".
    """

    fit_defaults: ClassVar = {"epochs": 16, "lr": 0.02, "batch_size": 1024}
    least: ClassVar = {"compress": 1}

    def __init__(
        self,
        n_users: int,
        n_items: int,
        dim: int = 64,
        l2: float = 0.1,
        l2_bias: float = 0.01,
        compress: float = 4.0,
        seed: int = 0,
    ) -> None:
        Model.__init__(self, n_users, n_items, seed=seed)  # without BiasedMF's full tables
        self.dim, self.l2, self.l2_bias, self.compress = dim, l2, l2_bias, compress
        sd = 0.1 / 2**0.5  # the sum of two vectors starts as long as BiasedMF's
        self.hashed_users = self.random_table(max(1, round(n_users / compress)), dim, sd=sd)
        self.hashed_items = self.random_table(max(1, round(n_items / compress)), dim, sd=sd)
        self.user_weights = nn.Parameter(torch.ones(n_users, 2))
        self.item_weights = nn.Parameter(torch.ones(n_items, 2))
        self.user_bias = nn.Parameter(torch.zeros(n_users))
        self.item_bias = nn.Parameter(torch.zeros(n_items))
        self.register_buffer("user_buckets", torch.zeros(n_users, 2, dtype=torch.int64))
        self.register_buffer("item_buckets", torch.zeros(n_items, 2, dtype=torch.int64))

    def read(self, train: Dataset) -> None:
        super().read(train)
        self.user_buckets.copy_(buckets_of(train.user_vocab, len(self.hashed_users)))
        self.item_buckets.copy_(buckets_of(train.item_vocab, len(self.hashed_items)))

    def vectors(self, side: str, index: Tensor) -> Tensor:
        """p or q, (*S, dim), of these users or items."""
        buckets = getattr(self, f"{side}_buckets")[index]  # (*S, 2)
        w = self.rows(getattr(self, f"{side}_weights"), index)  # (*S, 2)
        return (w.unsqueeze(-1) * self.rows(getattr(self, f"hashed_{side}s"), buckets)).sum(-2)

    @property
    def user_factors(self) -> Tensor:  # type: ignore[override]
        """All users' vectors, (n_users, dim)."""
        return self.vectors("user", torch.arange(self.n_users, device=self.mean.device))

    @property
    def item_factors(self) -> Tensor:  # type: ignore[override]
        """All items' vectors, (n_items, dim)."""
        return self.vectors("item", torch.arange(self.n_items, device=self.mean.device))

    def of_users(self, batch: Batch) -> tuple[Tensor, Tensor]:
        (user,) = batch.need("user")
        return self.vectors("user", user), self.rows(self.user_bias, user)

    def of_items(self, item: Tensor) -> tuple[Tensor, Tensor]:
        return self.vectors("item", item), self.rows(self.item_bias, item)

    def penalty(self, batch: Batch) -> Tensor:
        rows, weight = rated(batch), rated(batch).weight
        (p, _), (q, _) = self.of_users(rows), self.of_items(*rows.need("item"))
        factors = self.l2 * (mean_square(p, weight) + mean_square(q, weight))
        return factors + self.paid(batch, user_bias=self.l2_bias, item_bias=self.l2_bias)


def buckets_of(vocabulary: Vocabulary, buckets: int) -> Tensor:
    """Two buckets (n, 2) of each id, computed from its text: the same on every machine."""
    from sklearn.utils import murmurhash3_32

    names = [str(name) for name in vocabulary.ids]
    hashes = [[murmurhash3_32(n, seed, positive=True) for n in names] for seed in HASH_SEEDS]
    return torch.from_numpy(np.array(hashes, dtype=np.int64).T % buckets)
