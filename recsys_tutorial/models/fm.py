"""Factorisation machine over the fields of users and items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.features import MOST_CATEGORIES, feature_table, is_number
from recsys_tutorial.models.mf import BiasedMF

USUAL_FIELDS = ("age", "gender", "occupation", "year", "genres")


class FactorizationMachine(BiasedMF):
    r"""Factorisation machine: every pair of features that are on has an interaction,

    $s(x) = \mu + \sum_j w_j x_j + \sum_{j<k} (v_j \cdot v_k)\, x_j x_k$, computed in linear time as
    $\mu + \sum_j w_j x_j + \frac12 \sum_f [(\sum_j v_{jf} x_j)^2 - \sum_j v_{jf}^2 x_j^2]$.

    The features of a (user, item) are the two ids and the columns of their side fields, one field
    after the other: a field starts where the fields *before* it end, after the sum of their sizes.

    A column of text is a categorical field (one-hot). A column of tuples is multi-hot and enters
    as a *sum*: a film of three genres has three ones, not three thirds. A column of numbers is cut
    into ten ranges of equal training weight. A missing value is all zeros. Without side fields the
    model is BiasedMF, exactly.

    Args:
        l2: Penalty on the vectors of a row of the batch: frequency-weighted.
        l2_table, l2_bias_table: Penalties on whole tables, divided by the number of training
            ratings.
        l2_side: As l2, for the vectors of side features.
        fields: Columns of the users' and the items' table, () for none; None for those of
            USUAL_FIELDS that are there.

    Attributes:
        user_bias, item_bias, side_bias: w, (n_users,), (n_items,), (n_side,), in units as biases.
        user_factors, item_factors, side_factors: v, (n_users, dim), (n_items, dim), (n_side, dim).
        user_x, item_x: x of the side fields, (n_users, n_side) and (n_items, n_side).

    Rendle 2010, "Factorization machines", equations 1 and 5.
    """

    fit_defaults: ClassVar = {"epochs": 20, "lr": 0.01, "batch_size": 4096}

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
        fields: Sequence[str] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(n_users, n_items, dim=dim, l2=l2, l2_bias=l2_bias, seed=seed)
        self.l2_table, self.l2_bias_table, self.l2_side = l2_table, l2_bias_table, l2_side
        self.fields = None if fields is None else list(fields)
        self.register_buffer("field_sizes", torch.zeros(0, dtype=torch.int64))
        self.set_features(torch.zeros(n_users, 0), torch.zeros(n_items, 0))

    def set_features(self, x: Tensor, y: Tensor) -> None:
        """Take x of the users and y of the items, (n, n_side); their vectors start at random."""
        self.register_buffer("user_x", x)
        self.register_buffer("item_x", y)
        self.side_factors = self.random_table(x.shape[1], self.dim)
        self.side_bias = nn.Parameter(torch.zeros(x.shape[1]))
        on = (x != 0).T.double() @ self.user_count.double()
        on = on + (y != 0).T.double() @ self.item_count.double()
        self.register_buffer("side_count", on.long())

    @property
    def sizes(self) -> list[int]:
        """How many features each of `fields` has."""
        return self.field_sizes.tolist()

    @torch.no_grad()
    def read(self, train: Dataset) -> None:
        super().read(train)
        if self.fields is None:
            known = [*train.users.columns, *train.items.columns]
            self.fields = [f for f in USUAL_FIELDS if f in known]
        x, y = [torch.zeros(self.n_users, 0)], [torch.zeros(self.n_items, 0)]
        for field in self.fields:
            side, values = field_columns(train, field)
            size = values.shape[1]
            x.append(values if side == "user" else torch.zeros(self.n_users, size))
            y.append(values if side == "item" else torch.zeros(self.n_items, size))
        self.field_sizes = torch.tensor([values.shape[1] for values in x[1:]], dtype=torch.int64)
        self.set_features(torch.cat(x, dim=1), torch.cat(y, dim=1))

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
        return self.mean + self.unit * (w_u + w_i + 0.5 * pairs.sum(-1))

    def sums(self, side: str, who: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One side's features: sum of w x, (*S,); of v x and of (v x)^2, (*S, dim) each."""
        w = self.rows(getattr(self, f"{side}_bias"), who)
        v = self.rows(getattr(self, f"{side}_factors"), who)
        x = self.rows(getattr(self, f"{side}_x"), who)  # (*S, n_side)
        squares = v.square() + x.square() @ self.side_factors.square()
        return w + x @ self.side_bias, v + x @ self.side_factors, squares

    # For the catalogue and for new users it is a biased MF. Pairs of features of one side are part
    # of that side's bias; pairs across are the product of the two sums.

    def of_users(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return as_biased_mf(*self.sums("user", *batch.need("user")))

    def of_items(self, item: Tensor) -> tuple[Tensor, Tensor]:
        return as_biased_mf(*self.sums("item", item))

    def penalty(self, batch: Batch) -> Tensor:
        total = super().penalty(batch) + self.paid(
            batch, True, user_factors=self.l2_table, item_factors=self.l2_table,
            user_bias=self.l2_bias_table, item_bias=self.l2_bias_table,
        )  # fmt: skip
        # The penalty on a feature is weighted by its share of the ratings, as l2 of an id is.
        share = self.side_count / self.user_count.sum().clamp(min=1)
        total = total + self.l2_side * (share * self.side_factors.square().sum(-1)).sum()
        return total + self.paid_by_all(self.l2_bias_table * self.side_bias.square().sum())

    def ridge(self, n: int) -> Tensor:
        table = [self.l2_table] * self.dim + [self.l2_bias_table]
        return super().ridge(n) + self.mean.new_tensor(table)


def as_biased_mf(w: Tensor, total: Tensor, squares: Tensor) -> tuple[Tensor, Tensor]:
    """Vectors (*S, dim) and biases (*S,) of a side with these `sums`."""
    return total, w + 0.5 * (total.square() - squares).sum(-1)


def field_columns(train: Dataset, field: str) -> tuple[str, Tensor]:
    """("user" or "item", columns of the field): float32 (n_users or n_items, size)."""
    sides = {"user": train.users, "item": train.items}
    holders = [side for side, table in sides.items() if field in table.columns]
    if len(holders) != 1 or field in ("user", "item"):
        raise ValueError(
            f"field {field!r} must be a column of either the users' or the items' table: users "
            f"have {list(train.users.columns)}, items have {list(train.items.columns)}"
        )
    column, counts = sides[holders[0]][field], train.counts(holders[0])
    values, names = feature_table(column.to_frame(), counts, as_number=False)
    if not names and not is_number(column) and column[counts > 0].notna().any():
        raise ValueError(
            f"field {field!r} has more than {MOST_CATEGORIES} values, which tells rows apart and "
            "groups none: leave it out, or merge values before from_frame"
        )
    return holders[0], values
