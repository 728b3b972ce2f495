"""Closed forms: models that are computed from the table of ratings, without gradient steps.

All of them read the same table x (n_users, n_items): 1 for the best rating, less for a worse one,
and 0 for a missing one, which counts as "not chosen". So they rank, and predict no stars. The
weight of a row multiplies its x.
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F
from scipy import sparse
from scipy.sparse.linalg import svds
from torch import Tensor, nn

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import FoldedUser, Model, runs
from recsys_tutorial.models.state import counted

MOST_GIB = 4.0  # the memory that a table of all pairs of items may take, at 32 bytes per pair


class ClosedForm(Model):
    """Base of the closed forms: they rank, and they read the table x."""

    columns = ("user", "item")
    ranks = True

    @torch.no_grad()
    def fit(self, train: Dataset) -> Self:
        """Compute everything from the training part; no epochs, no learning rate."""
        train = counted(train)
        self.read(train)
        self.solve_for(train)
        self.reset_cold()
        return self

    def solve_for(self, train: Dataset) -> None:
        """Fill the model's tables from `train`, whose weights have the median 1."""
        raise NotImplementedError

    def strength(self, ratings: Tensor) -> Tensor:
        """x of ratings on the training scale: r / 5 for 1 to 5 stars, 1 for pairs."""
        low, high = self.scale
        return (ratings - low + 1) / (high - low + 1)

    def table(self, train: Dataset) -> sparse.csr_matrix:
        """x as a sparse float64 table (n_users, n_items)."""
        x = self.strength(torch.from_numpy(train.rating).double()).numpy()
        x = x if train.weight is None else x * train.weight
        return sparse.csr_matrix((x, (train.user, train.item)), shape=(self.n_users, self.n_items))

    def check_memory(self) -> None:
        """ValueError if a table of all pairs of items takes more than MOST_GIB."""
        needed = self.n_items**2 * 32 / 2**30  # sparse, float64, its inverse and float32
        if needed > MOST_GIB:
            raise ValueError(
                f"{type(self).__name__} holds a number for each pair of {self.n_items:,} items and "
                f"would need about {needed:,.1f} GiB of memory, more than {MOST_GIB:g}: use "
                "ImplicitALS or PureSVD, keep the items with most ratings, or raise "
                "recsys_tutorial.models.closed_form.MOST_GIB"
            )


class ItemToItem(ClosedForm):
    r"""$s_{ui} = \sum_j x_{uj} W_{ji}$: each rated item adds to the scores of the others.

    Attributes:
        weights: W, (n_items, n_items).
        row_start, row_item, row_value: x of the training users as a sparse table by rows.
    """

    def __init__(self, n_users: int, n_items: int, seed: int = 0) -> None:
        super().__init__(n_users, n_items, seed=seed)
        self.check_memory()
        self.register_buffer("weights", torch.zeros(n_items, n_items))
        self.register_buffer("row_start", torch.zeros(n_users + 1, dtype=torch.int64))
        self.register_buffer("row_item", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("row_value", torch.zeros(0))

    def item_weights(self, gram: np.ndarray) -> Tensor:
        """W from the Gram matrix x'x, (n_items, n_items) float64, which may be overwritten."""
        raise NotImplementedError

    def solve_for(self, train: Dataset) -> None:
        x = self.table(train)
        self.weights.copy_(self.item_weights((x.T @ x).toarray()))
        self.row_start.copy_(torch.from_numpy(x.indptr.astype(np.int64)))
        self.row_item = torch.from_numpy(x.indices.astype(np.int64)).to(self.mean.device)
        self.row_value = torch.from_numpy(x.data).to(self.weights)

    def forward(self, batch: Batch) -> Tensor:
        user, item = batch.need("user", "item")
        users, inverse = torch.unique(user, return_inverse=True)
        return self.score_items(Batch(user=users))[inverse, item]

    def score_items(self, batch: Batch) -> Tensor:
        user = batch.need("user")[0].reshape(-1)
        start = self.row_start[user]
        cells, begins = runs(start, self.row_start[user + 1] - start)
        item, x = self.row_item[cells], self.row_value[cells]
        # x @ W over the rated items alone
        return F.embedding_bag(item, self.weights, begins, mode="sum", per_sample_weights=x)

    def item_rows(self) -> tuple[Tensor, Tensor]:
        """W' (n_items, n_items) and zeros (n_items,): the row of a new user is x."""
        return self.weights.T, self.weights.new_zeros(self.n_items)

    def fold_in(self, items: Tensor, ratings: Tensor) -> FoldedUser:
        """The row x (n_items,) of a new user."""
        parts = self.weights.new_zeros(len(items), self.n_items)
        parts[torch.arange(len(items)), items] = self.strength(ratings).to(parts)
        return FoldedUser(parts.sum(0), parts)


class EASE(ItemToItem):
    r"""Linear autoencoder: the W with zero diagonal that best reconstructs x from itself.

    Minimises $\|x - xW\|^2 + \lambda \|W\|^2$ under $W_{ii} = 0$: with $P = (x'x + \lambda I)^{-1}$
    it is $W_{ji} = -P_{ji} / P_{ii}$.

    Args:
        l2: lambda, in squared ratings of x.

    Steck 2019, "Embarrassingly shallow autoencoders for sparse data".
    """

    def __init__(self, n_users: int, n_items: int, l2: float = 200.0, seed: int = 0) -> None:
        super().__init__(n_users, n_items, seed=seed)
        if not l2 > 0:
            raise ValueError(f"l2={l2} must be positive: else x'x may have no inverse")
        self.l2 = l2

    def item_weights(self, gram: np.ndarray) -> Tensor:
        gram[np.diag_indices_from(gram)] += self.l2
        p = torch.cholesky_inverse(torch.linalg.cholesky(torch.from_numpy(gram)))
        w = p.div_(-p.diagonal().clone())  # column i over -P_ii
        w.fill_diagonal_(0)
        return w


class ItemKNN(ItemToItem):
    r"""Neighbours: $W_{ji}$ is a cosine, for the k items j most similar to i; others have 0.

    The cosine is shrunken, $x_j \cdot x_i / (|x_j| |x_i| + h)$, more so for items with few ratings.

    Args:
        k: Neighbours of each item.
        shrink: h, in squared ratings of x.

    Deshpande and Karypis 2004, "Item-based top-N recommendation algorithms".
    """

    least: ClassVar = {"k": 1}

    def __init__(
        self, n_users: int, n_items: int, k: int = 200, shrink: float = 10.0, seed: int = 0
    ) -> None:
        super().__init__(n_users, n_items, seed=seed)
        self.k, self.shrink = k, shrink

    def item_weights(self, gram: np.ndarray) -> Tensor:
        length = np.sqrt(np.diag(gram))
        cosine = torch.from_numpy(gram / np.maximum(np.outer(length, length) + self.shrink, 1e-12))
        cosine.fill_diagonal_(0)
        largest, neighbour = cosine.topk(min(self.k, self.n_items), dim=0)
        return torch.zeros_like(cosine).scatter_(0, neighbour, largest)


class FactorTables(ClosedForm):
    r"""$s_{ui} = p_u \cdot q_i$ with computed vectors; a subclass may add a term per item.

    Attributes:
        user_factors: p, (n_users, dim).
        item_factors: q, (n_items, dim).
    """

    least: ClassVar = {"dim": 1}

    def __init__(self, n_users: int, n_items: int, dim: int = 16, seed: int = 0) -> None:
        super().__init__(n_users, n_items, seed=seed)
        self.dim = dim
        self.user_factors = nn.Parameter(torch.zeros(n_users, dim), requires_grad=False)
        self.item_factors = nn.Parameter(torch.zeros(n_items, dim), requires_grad=False)

    def forward(self, batch: Batch) -> Tensor:
        (user, item), (q, offset) = batch.need("user", "item"), self.item_rows()
        product = (self.rows(self.user_factors, user) * self.rows(q, item)).sum(-1)
        return self.rows(offset, item) + product

    def score_items(self, batch: Batch) -> Tensor:
        (user,), (q, offset) = batch.need("user"), self.item_rows()
        return offset + self.user_factors[user.reshape(-1)] @ q.T

    def item_rows(self) -> tuple[Tensor, Tensor]:
        """q (n_items, dim) and zeros (n_items,): a new user's scores are q @ row."""
        return self.item_factors.detach(), self.item_factors.new_zeros(self.n_items)


class PureSVD(FactorTables):
    r"""Truncated SVD of x with its zeros: $x \approx U \Sigma Q'$, and $p_u = x_u Q$.

    What libraries for ratings call SVD is `BiasedMF`, which leaves the missing ratings out. Vectors
    are in order of singular values, the largest number of each item column positive.

    Cremonesi, Koren, Turrin 2010, "Performance of recommender algorithms on top-N tasks".
    """

    def solve_for(self, train: Dataset) -> None:
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

    @torch.no_grad()
    def fold_in(self, items: Tensor, ratings: Tensor) -> FoldedUser:
        """The row x Q of a new user, a sum over the rated items."""
        parts = self.item_factors[items] * self.strength(ratings).to(self.item_factors)[:, None]
        return FoldedUser(parts.sum(0), parts)
