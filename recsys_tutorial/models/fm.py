"""Factorisation machine over the fields of users and items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.mf import BiasedMF


class FactorizationMachine(BiasedMF):
    r"""Factorisation machine: every pair of features that are on has an interaction,

    $s(x) = \mu + \sum_j w_j x_j + \sum_{j<k} (v_j \cdot v_k)\, x_j x_k$, computed in linear time as
    $\mu + \sum_j w_j x_j + \frac12 \sum_f [(\sum_j v_{jf} x_j)^2 - \sum_j v_{jf}^2 x_j^2]$.

    The features of a (user, item) are who it is, which item it is, and the columns of their side
    fields, laid one field after the other: field k starts at `offsets[k]`, the sum of the sizes of
    the fields *before* it (user, item, then `fields`).

    user_bias, item_bias, side_bias          : w, (n_users,), (n_items,), (n_side,), in stars
    user_factors, item_factors, side_factors : v, (n_users, dim), (n_items, dim), (n_side, dim)
    user_x, item_x                           : x of the side fields, (n_users, n_side) ...

    A column of texts is a categorical field (one-hot). A column of tuples is multi-hot and enters
    as a *sum*: a film of three genres has three ones, not three thirds. A column of numbers is cut
    into `bins` parts of equal training weight, or with bins=0 enters as one number (standardised).
    What is missing is all zeros. Without side fields this is BiasedMF, exactly.

    l2                   : a row of the batch pays for its vectors: frequency-weighted
    l2_table, l2_bias_table : the whole table pays once, divided by the number of training ratings
    l2_side              : as l2, for the vectors of side features

    Rendle 2010, "Factorization machines", equations 1 and 5.
    """

    fit_defaults: ClassVar = {"epochs": 20, "lr": 0.01, "batch_size": 4096}

    user_x: Tensor
    item_x: Tensor
    side_count: Tensor

    def __init__(
        self,
        n_users: int,
        n_items: int,
        dim: int = 32,
        l2: float = 0.056,
        l2_bias: float = 0.0,
        *,
        l2_table: float = 7.2,
        l2_bias_table: float = 3.1,
        l2_side: float = 0.1,
        fields: Sequence[str] = (),
        sizes: Sequence[int] = (),
        bins: int = 10,
        seed: int = 0,
    ) -> None:
        super().__init__(n_users, n_items, dim=dim, l2=l2, l2_bias=l2_bias, seed=seed)
        self.l2_table, self.l2_bias_table, self.l2_side = l2_table, l2_bias_table, l2_side
        self.fields, self.sizes, self.bins = list(fields), list(sizes), bins
        self.n_side = sum(self.sizes)
        self.side_factors = self.random_table(self.n_side, dim)
        self.side_bias = nn.Parameter(torch.zeros(self.n_side))
        self.register_buffer("user_x", torch.zeros(n_users, self.n_side))
        self.register_buffer("item_x", torch.zeros(n_items, self.n_side))
        self.register_buffer("side_count", torch.ones(self.n_side, dtype=torch.int64))

    @property
    def offsets(self) -> list[int]:
        """Where each field starts among all features: user, item, then `fields`."""
        sizes = [self.n_users, self.n_items, *self.sizes]
        return [sum(sizes[:k]) for k in range(len(sizes))]

    # ---- the fields -----------------------------------------------------------------------

    @classmethod
    def for_dataset(
        cls, train: Dataset, fields: Sequence[str] | None = None, bins: int = 10, **settings: Any
    ) -> Self:
        """As for every model. fields : columns of `train.users` and `train.items`, () for none;
        None for those of age, gender, occupation, year and genres that are there.

        Raises ValueError for a field that neither table has, or both.
        """
        if fields is None:
            known = [*train.users.columns, *train.items.columns]
            fields = [f for f in ("age", "gender", "occupation", "year", "genres") if f in known]
        sizes = [_encode(train, field, bins)[1].shape[1] for field in fields] if len(train) else []
        settings |= {"fields": fields, "sizes": sizes, "bins": bins}
        return super().for_dataset(train, **settings)

    @torch.no_grad()
    def read(self, train: Dataset) -> None:
        """Besides what every model takes: x of users and items, and how often each is on."""
        super().read(train)
        for field, start in zip(self.fields, self.offsets[2:], strict=True):
            side, columns = _encode(train, field, self.bins)
            first = start - self.offsets[2]
            x = self.user_x if side == "user" else self.item_x
            x[:, first : first + columns.shape[1]] = torch.from_numpy(columns)
        on = (self.user_x != 0).T.double() @ self.user_count.double()
        on += (self.item_x != 0).T.double() @ self.item_count.double()
        self.side_count.copy_(on)

    @torch.no_grad()
    def reset_cold(self) -> None:
        """Zero what training never saw, side features too."""
        super().reset_cold()
        self.side_factors[self.side_count == 0] = 0
        self.side_bias[self.side_count == 0] = 0

    # ---- the equation ---------------------------------------------------------------------

    def forward(self, batch: Batch) -> Tensor:
        user, item = batch.need("user", "item")
        w_u, sum_u, squares_u = self.sums("user", user)
        w_i, sum_i, squares_i = self.sums("item", item)
        pairs = (sum_u + sum_i).square() - squares_u - squares_i  # (*S, dim)
        return self.mean + w_u + w_i + 0.5 * pairs.sum(-1)

    def sums(self, side: str, who: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One side's features: sum of w x, (*S,); of v x and of (v x)^2, (*S, dim) each."""
        w = self.rows(getattr(self, f"{side}_bias"), who)
        v = self.rows(getattr(self, f"{side}_factors"), who)
        if not self.n_side:
            return w, v, v.square()
        x = self.rows(getattr(self, f"{side}_x"), who)  # (*S, n_side)
        squares = v.square() + x.square() @ self.side_factors.square()
        return w + x @ self.side_bias, v + x @ self.side_factors, squares

    def as_biased_mf(self, side: str) -> tuple[Tensor, Tensor]:
        """Vectors (n, dim) and biases (n,) whose biased MF gives the same scores.

        A pair of features is either of one side, and then part of its bias, or meets across.
        """
        n = self.n_users if side == "user" else self.n_items
        w, total, squares = self.sums(side, torch.arange(n, device=self.mean.device))
        return total, w + 0.5 * (total.square() - squares).sum(-1)

    def penalty(self, batch: Batch) -> Tensor:
        user, item = batch.need("user", "item")
        total = super().penalty(batch)  # per row: l2 and l2_bias
        for side, who in (("user", user), ("item", item)):
            # Each row of the batch pays its n-th part: on average the whole table, once.
            share = 1 / getattr(self, f"{side}_count")[who].clamp(min=1)
            v = self.rows(getattr(self, f"{side}_factors"), who).square().sum(-1)
            w = self.rows(getattr(self, f"{side}_bias"), who).square()
            total = total + ((self.l2_table * v + self.l2_bias_table * w) * share).mean()
        if self.n_side:
            n = self.user_count.sum().clamp(min=1)
            share = self.side_count / n  # how often a feature is on, per rating
            v = self.side_factors.square().sum(-1)
            total = total + (self.l2_side * share * v).sum()
            total = total + self.l2_bias_table * self.side_bias.square().sum() / n
        return total

    def score_items(self, batch: Batch) -> Tensor:
        (user,) = batch.need("user")
        p, b_u = (part[user.reshape(-1)] for part in self.as_biased_mf("user"))
        q, b_i = self.as_biased_mf("item")
        return torch.addmm(self.mean + b_i, p, q.T).add_(b_u.unsqueeze(-1))

    @torch.no_grad()
    def item_rows(self) -> tuple[Tensor, Tensor]:
        q, b_i = self.as_biased_mf("item")  # nothing but ratings is known of a new user
        return torch.cat([q, q.new_ones(self.n_items, 1)], dim=1), self.mean + b_i

    def ridge(self, n: int) -> Tensor:
        table = [self.l2_table] * self.dim + [self.l2_bias_table]
        return super().ridge(n) + self.mean.new_tensor(table)


def _encode(train: Dataset, field: str, bins: int) -> tuple[str, np.ndarray]:
    """("user" or "item", columns of the field): float32 (n_users or n_items, size)."""
    sides = [s for s, t in (("user", train.users), ("item", train.items)) if field in t.columns]
    if len(sides) != 1 or field in ("user", "item"):
        raise ValueError(
            f"field {field!r} must be a column of either the users' or the items' table: users "
            f"have {list(train.users.columns)}, items have {list(train.items.columns)}"
        )
    side = sides[0]
    column: pd.Series[Any] = (train.users if side == "user" else train.items)[field]
    if any(isinstance(value, tuple) for value in column):
        return side, _multi_hot([v if isinstance(v, tuple) else () for v in column])
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return side, _numeric(values, train.user if side == "user" else train.item, bins)
    return side, _multi_hot(
        [() if missing else (v,) for v, missing in zip(column, column.isna(), strict=True)]
    )


def _multi_hot(rows: list[tuple[Any, ...]]) -> np.ndarray:
    names = sorted({name for row in rows for name in row}, key=str)
    place = {name: k for k, name in enumerate(names)}
    x = np.zeros((len(rows), len(names)), dtype=np.float32)
    for r, row in enumerate(rows):
        for name in row:
            x[r, place[name]] = 1
    return x


def _numeric(values: np.ndarray, trained: np.ndarray, bins: int) -> np.ndarray:
    """Bins of equal weight, or the standardised number; both from training rows alone."""
    there = ~np.isnan(values)
    seen = values[trained][there[trained]]
    if not bins:
        centre, spread = (seen.mean(), seen.std() or 1.0) if len(seen) else (0.0, 1.0)
        return np.where(there, (values - centre) / spread, 0).astype(np.float32)[:, None]
    edges = np.unique(np.quantile(seen, np.arange(1, bins) / bins)) if len(seen) else np.array([])
    x = np.zeros((len(values), len(edges) + 1), dtype=np.float32)
    x[there, np.searchsorted(edges, values[there], side="right")] = 1
    return x
