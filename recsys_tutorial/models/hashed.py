"""Matrix factorisation whose vectors live in fewer rows than there are users and items."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.vocabulary import Vocabulary
from recsys_tutorial.models.base import Model, mean_square, rated
from recsys_tutorial.models.mf import BiasedMF

HASH_SEEDS = (101, 202)  # fixed and stored with the project: Python's hash() differs a process


class Collisions(NamedTuple):
    """Shares of the ids that share a bucket of the first hash, and both buckets, with another."""

    one: float
    both: float


class HashedMF(BiasedMF):
    r"""BiasedMF with hashed vectors, $p_u = \sum_{k=1,2} w_{uk} E[h_k(u)]$ and q alike:

    With one hash, everybody who shares a bucket shares a vector. With two, hardly any two ids share
    both, and the weights tell them apart. Biases are one number an id and stay exact.

    Args:
        compress: Ids per bucket: the tables hold 1 / compress as many vectors as there are ids.

    Attributes:
        hashed_users, hashed_items: E, (buckets, dim), shared by all ids that fall into a bucket.
        user_weights, item_weights: w, (n, 2), what each id makes of its two buckets; learned.
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
        Model.__init__(self, n_users, n_items, seed=seed)  # no full tables, as BiasedMF has them
        self.dim, self.l2, self.l2_bias, self.compress = dim, l2, l2_bias, compress
        sd = 0.1 / 2**0.5  # a vector is a sum of two, and starts as long as BiasedMF's
        self.hashed_users = self.random_table(max(1, round(n_users / compress)), dim, sd)
        self.hashed_items = self.random_table(max(1, round(n_items / compress)), dim, sd)
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

    def vectors(self, side: str, who: Tensor) -> Tensor:
        """p or q, (*S, dim), of these users or items: put together from their two buckets."""
        buckets = getattr(self, f"{side}_buckets")[who]  # (*S, 2)
        w = self.rows(getattr(self, f"{side}_weights"), who)  # (*S, 2)
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
        of_vectors = self.l2 * (mean_square(p, weight) + mean_square(q, weight))
        return of_vectors + self.paid(batch, user_bias=self.l2_bias, item_bias=self.l2_bias)

    def collisions(self, side: str) -> Collisions:
        """How many of the "user"s or "item"s are not alone in their buckets: shares, 0 to 1."""
        buckets = getattr(self, f"{side}_buckets")
        return Collisions(_shared(buckets[:, :1]), _shared(buckets.sort(dim=1).values))


def buckets_of(vocabulary: Vocabulary, buckets: int) -> Tensor:
    """Two buckets (n, 2) of each id, from its text alone: the same on any machine, any day."""
    from sklearn.utils import murmurhash3_32

    names = [str(name) for name in vocabulary.ids]
    hashes = [[murmurhash3_32(n, seed, positive=True) for n in names] for seed in HASH_SEEDS]
    return torch.from_numpy(np.array(hashes, dtype=np.int64).T % buckets)


def _shared(keys: Tensor) -> float:
    """Share of the rows (n, k) that are there more than once."""
    _, place, many = keys.unique(dim=0, return_inverse=True, return_counts=True)
    return float((many[place] > 1).double().mean())
