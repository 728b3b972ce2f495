"""Alternating least squares over the whole table: it ranks, from likes and from dislikes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import FoldedUser
from recsys_tutorial.models.closed_form import FactorTables
from recsys_tutorial.models.state import counted

CELLS = 1024 * 1024  # numbers gathered at once: 8 MB, about a core's cache


class Rows(NamedTuple):
    """The rated cells of each row of one side; row r has the cells start[r] to start[r + 1].

    Attributes:
        start: (n_rows + 1,).
        column: (n,), positions on the other side.
        more: (n,), confidence above that of a cell without a rating.
        target: (n,), the value t to be met.
    """

    start: Tensor
    column: Tensor
    more: Tensor
    target: Tensor


class ImplicitALS(FactorTables):
    r"""Weighted matrix factorisation that hears what people liked, disliked and passed over.

    $s_{ui} = b_i + p_u \cdot q_i$, where $b_i$ is how popular the item is, and the rest minimises

    $\sum_{ui} c_{ui} (t_{ui} - s_{ui})^2 + \lambda (\sum_u |p_u|^2 + \sum_i |q_i|^2)$

    over *all* cells of the table. A cell without a rating has the target t = 0 with the confidence
    c = 1: people pass over what they do not want, and over much that they do not know. The best
    rating has t = 1, the worst t = `worst`, the ratings between lie evenly between. With `worst`
    below 0 a dislike says more than a missing rating: it pushes items like it down. The confidence
    of a rating is $1 + \alpha x_{ui}$, x as in `models.closed_form`, times the row's weight.

    b is `prior` times the mean target of the item's cells, each counted by its confidence. Without
    ratings p = 0 remains, so that somebody unknown gets what most people like.

    With one side fixed the other is a ridge regression for each row. The cells without a rating
    cost nothing: their part of the normal equations is one table, $Q'Q$, common to all users.

    Hu, Koren, Volinsky 2008, "Collaborative filtering for implicit feedback datasets" has this
    objective with b = 0 and t = 1 for every rated cell (prior=0, graded=False). The target of
    dislikes and the start at popularity are ours; the settings were chosen on validation parts of
    MovieLens-100K.

    Args:
        alpha: confidence that the best rating adds to that of a cell without one.
        worst: target of the worst rating, at most 1.
        prior: from 0 (a score starts at 0) to 1 (it starts at the item's mean target).
        l2: lambda, in squared units of t. None: half the fourth root of the number of cells, 18 for
            MovieLens-100K, since the noise of a table grows with the root of its sides.
        sweeps: each solves all items, then all users.
        graded: False gives every rated cell t = 1, as pairs without ratings have it.
    """

    least: ClassVar = {"dim": 1, "sweeps": 1, "worst": -math.inf}

    def __init__(
        self,
        n_users: int,
        n_items: int,
        dim: int = 48,
        l2: float | None = None,
        alpha: float = 2.0,
        worst: float = -0.2,
        prior: float = 0.25,
        sweeps: int = 6,
        graded: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(n_users, n_items, dim=dim, seed=seed)
        l2 = 0.5 * (n_users * n_items) ** 0.25 if l2 is None else l2
        if not (l2 > 0 and worst <= 1 and prior <= 1):
            raise ValueError(f"l2={l2} must be positive, worst={worst} and prior={prior} at most 1")
        self.l2, self.alpha, self.worst, self.prior = l2, alpha, worst, prior
        self.sweeps, self.graded = sweeps, graded
        self.register_buffer("popularity", torch.zeros(n_items))
        for table in (self.user_factors, self.item_factors):
            table.copy_(torch.randn(table.shape, generator=self.generator) * 0.1)

    # ---- scoring --------------------------------------------------------------------------

    def forward(self, batch: Batch) -> Tensor:
        (item,) = batch.need("item")
        return self.rows(self.popularity, item) + super().forward(batch)

    def score_items(self, batch: Batch) -> Tensor:
        return self.popularity + super().score_items(batch)

    def item_rows(self) -> tuple[Tensor, Tensor]:
        """q (n_items, dim) and b (n_items,): a new user scores q @ row + b."""
        return self.item_factors.detach(), self.popularity

    # ---- fitting --------------------------------------------------------------------------

    def solve_for(self, train: Dataset) -> None:
        """Sweep `sweeps` times, users last, so that they are exact for the final items.

        Warns where nothing personal was learned: no score moves by a hundredth.
        """
        self.reset_cold()
        cells = self.cells(train)
        for _ in range(self.sweeps):
            for side in ("item", "user"):
                self.solve(cells, side)
        reach = self.user_factors.norm(dim=1).max() * self.item_factors.norm(dim=1).max()
        if reach < 0.01:
            warnings.warn(
                "ImplicitALS learned next to nothing: its vectors are all but zero, so that all "
                "users get the same list. Are the ratings counts with a few huge ones? Give them "
                "as counts (from_frame(table, counts=...)), or lower l2",
                stacklevel=4,
            )

    def target(self, ratings: Tensor) -> Tensor:
        """t of ratings on the training scale; 1 for pairs alone."""
        low, high = self.scale.to(ratings)
        if not (self.graded and high > low):
            return torch.ones_like(ratings)
        share = (ratings - low) / (high - low)
        return self.worst + (1 - self.worst) * share

    @torch.no_grad()
    def cells(self, train: Dataset) -> dict[str, Rows]:
        """The rated cells, by "user" and by "item"; sets b."""
        train = counted(train)
        user, item, ratings = train.user, train.item, torch.from_numpy(train.rating).double()
        more = self.alpha * self.strength(ratings).numpy()
        more = more if train.weight is None else more * train.weight
        target = self.target(ratings).numpy()
        pull = np.bincount(item, (1 + more) * target, minlength=self.n_items)
        unrated = len(np.unique(user)) - np.bincount(item, minlength=self.n_items)
        confidence = np.bincount(item, 1 + more, minlength=self.n_items) + unrated
        self.popularity.copy_(torch.from_numpy(self.prior * pull / np.maximum(confidence, 1)))
        sides = {"user": (user, item, self.n_users), "item": (item, user, self.n_items)}
        return {side: _rows(*of, more, target) for side, of in sides.items()}

    @torch.no_grad()
    def solve(self, cells: dict[str, Rows], side: str) -> None:
        """Half a sweep: all rows of one side, the other side fixed; in float64."""
        mine, fixed = self.user_factors, self.item_factors.double()
        if side == "item":
            mine, fixed = self.item_factors, self.user_factors.double()
        b = self.popularity.double()
        start, column, more, target = (part.to(fixed.device) for part in cells[side])
        length = start.diff()
        gram = fixed.T @ fixed
        gram.diagonal().add_(self.l2)
        start_at = b @ fixed if side == "user" else fixed.sum(0)  # what the zeros ask for
        mine.zero_()
        for rows in _blocks(length, self.dim):
            place = torch.arange(int(length[rows[0]]), device=fixed.device)
            there = place < length[rows, None]  # (B, L): shorter rows are padded
            place = torch.where(there, start[rows, None] + place, 0)
            q, extra = fixed[column[place]], more[place] * there
            popular = b[column[place]] * there if side == "user" else b[rows, None] * there
            left = gram + (q * extra[..., None]).mT @ q
            wanted = (1 + extra) * target[place] * there - extra * popular
            right = (wanted[:, None] @ q)[:, 0]  # (B, dim)
            right -= start_at if side == "user" else b[rows, None] * start_at
            solved = torch.cholesky_solve(right[..., None], torch.linalg.cholesky(left))[..., 0]
            mine[rows] = solved.to(mine)

    @torch.no_grad()
    def objective(self, train: Dataset) -> float:
        """What the sweeps minimise, as a sum over all cells."""
        start, column, more, target = self.cells(train)["user"]
        p, q, b = (t.double() for t in (self.user_factors, self.item_factors, self.popularity))
        user = torch.arange(self.n_users).repeat_interleave(start.diff())
        score = b[column] + (p[user] * q[column]).sum(-1)
        everywhere = ((p.T @ p) * (q.T @ q)).sum() + 2 * p.sum(0) @ (b @ q)  # sum of s^2, without
        everywhere += self.n_users * b.square().sum()  # the table of scores
        rated = ((1 + more) * (target - score).square() - score.square()).sum()
        return float(everywhere + rated + self.l2 * (p.square().sum() + q.square().sum()))

    @torch.no_grad()
    def fold_in(self, items: Tensor, ratings: Tensor) -> FoldedUser:
        """The row of a user known by n ratings alone: the ridge regression of the last half-sweep.

        A trained user's row comes out again. What the cells without a rating ask for belongs to
        no single rating; each of the n parts has an equal share of it.

        Args:
            items: positions (n,).
            ratings: stars (n,).
        """
        gram, pull = self.unrated_cells()
        own, b = self.item_factors[items].double(), self.popularity[items].double()
        ratings = ratings.double()
        more = self.alpha * self.strength(ratings)
        left = gram + (own * more[:, None]).T @ own
        wanted = (1 + more) * self.target(ratings) - more * b
        right = own * wanted[:, None] - pull / max(len(items), 1)
        parts = torch.linalg.solve(left, right.T).T.to(self.item_factors)  # (n, dim)
        return FoldedUser(parts.sum(0), parts)

    def unrated_cells(self) -> tuple[Tensor, Tensor]:
        """The part of a new user's ridge regression that all users share: (dim, dim) and (dim,)."""
        q, b = self.item_factors.detach().double(), self.popularity.double()
        return q.T @ q + self.l2 * torch.eye(self.dim).to(q), b @ q


def _rows(
    row: np.ndarray, column: np.ndarray, n_rows: int, more: np.ndarray, target: np.ndarray
) -> Rows:
    order = np.argsort(row, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n_rows))])
    sorted_parts = (part[order] for part in (column.astype(np.int64), more, target))
    return Rows(*(torch.from_numpy(np.ascontiguousarray(p)) for p in (start, *sorted_parts)))


def _blocks(length: Tensor, dim: int) -> Iterator[Tensor]:
    """Rows that are about equally long, so that padding costs little; none for empty rows."""
    length, rows = length.sort(descending=True, stable=True)
    start, end = 0, int((length > 0).sum())
    while start < end:
        longest = int(length[start])
        alike = int((length[:end] * 4 >= longest * 3).sum())
        stop = min(alike, start + max(1, CELLS // (longest * dim)))
        yield rows[start:stop]
        start = stop
