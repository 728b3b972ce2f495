"""Alternating least squares over the whole table, from likes and dislikes; it ranks."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import FoldedUser
from recsys_tutorial.models.closed_form import FactorTables
from recsys_tutorial.models.state import counted

Cells = dict[str, tuple[sparse.csr_matrix, sparse.csr_matrix]]

CELLS = 1024 * 1024  # numbers gathered at once: 8 MB, about a core's cache


class ImplicitALS(FactorTables):
    r"""Weighted matrix factorisation of likes, dislikes and missing ratings.

    $s_{ui} = b_i + p_u \cdot q_i$, where $b_i$ is the item's popularity, and p and q minimise

    $\sum_{ui} c_{ui} (t_{ui} - s_{ui})^2 + \lambda (\sum_u |p_u|^2 + \sum_i |q_i|^2)$

    over *all* cells of the table. A cell without a rating has the target t = 0 and the confidence
    c = 1. The best rating has t = 1, the worst t = `worst`; the others are spaced evenly between
    them. With `worst` below 0 a dislike lowers the scores of similar items. The confidence of a
    rating is $1 + \alpha x_{ui}$, with the weighted x of `models.closed_form`.

    b is `prior` times the confidence-weighted mean target of the item's cells. Users without
    ratings have p = 0, so their scores are b.

    With one side fixed, each row of the other is a ridge regression. The cells without a rating
    enter its normal equations by one table, $Q'Q$, common to all users.

    Hu, Koren, Volinsky 2008, "Collaborative filtering for implicit feedback datasets" has this
    objective with b = 0 and t = 1 for every rated cell (prior=0, worst=1). The target of dislikes
    and the start at popularity are ours; settings were chosen on validation parts of
    MovieLens-100K.

    Args:
        alpha: Confidence that the best rating adds to that of a cell without one.
        worst: Target of the worst rating, at most 1.
        prior: From 0 (a score starts at 0) to 1 (it starts at the item's mean target).
        l2: lambda, in squared units of t. None: half the fourth root of the number of cells, 18 for
            MovieLens-100K, since the noise of a table grows with the root of its sides.
        sweeps: Each solves all items, then all users.
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
        seed: int = 0,
    ) -> None:
        super().__init__(n_users, n_items, dim=dim, seed=seed)
        l2 = 0.5 * (n_users * n_items) ** 0.25 if l2 is None else l2
        if not (l2 > 0 and worst <= 1 and prior <= 1):
            raise ValueError(f"l2={l2} must be positive, worst={worst} and prior={prior} at most 1")
        self.l2, self.alpha, self.worst, self.prior = l2, alpha, worst, prior
        self.sweeps = sweeps
        self.register_buffer("popularity", torch.zeros(n_items))
        for table in (self.user_factors, self.item_factors):
            table.copy_(torch.randn(table.shape, generator=self.generator) * 0.1)

    def item_rows(self) -> tuple[Tensor, Tensor]:
        """q (n_items, dim) and b (n_items,): a new user's scores are q @ row + b."""
        return self.item_factors.detach(), self.popularity

    # ---- fitting --------------------------------------------------------------------------

    def solve_for(self, train: Dataset) -> None:
        """Solve items and users in turn, `sweeps` times; warns if no p . q reaches 0.01."""
        self.reset_cold()
        cells = self.cells(train)
        for _ in range(self.sweeps):
            for side in ("item", "user"):
                self.solve(cells, side)
        largest = self.user_factors.norm(dim=1).max() * self.item_factors.norm(dim=1).max()
        if largest < 0.01:
            warnings.warn(
                "ImplicitALS learned almost nothing: its vectors are close to zero, so all users "
                "get the same list. If the ratings are counts, some of them huge, pass them as "
                "counts (from_frame(table, counts=...)), or lower l2",
                stacklevel=4,
            )

    def target(self, ratings: Tensor) -> Tensor:
        """t of ratings on the training scale; 1 for pairs without ratings."""
        low, high = self.scale.to(ratings)
        if low == high:
            return torch.ones_like(ratings)
        return self.worst + (1 - self.worst) * (ratings - low) / (high - low)

    @torch.no_grad()
    def cells(self, train: Dataset) -> Cells:
        """c - 1 and t of the rated cells, as two sparse tables for each side; sets b.

        Those of "user" have users as rows, those of "item" have items as rows.
        """
        train = counted(train)
        c = self.alpha * self.table(train)
        targets = self.target(torch.from_numpy(train.rating).double()).numpy()
        t = sparse.csr_matrix((targets, (train.user, train.item)), shape=c.shape)
        total = np.asarray(c.sum(0))[0] + len(np.unique(train.user))
        of_targets = np.asarray((t + c.multiply(t)).sum(0))[0]
        self.popularity.copy_(torch.from_numpy(self.prior * of_targets / np.maximum(total, 1)))
        return {"user": (c, t), "item": (c.T.tocsr(), t.T.tocsr())}

    @torch.no_grad()
    def solve(self, cells: Cells, side: str) -> None:
        """Half a sweep: solve all rows of one side, the other side fixed; in float64."""
        solved, fixed = self.user_factors, self.item_factors.double()
        if side == "item":
            solved, fixed = self.item_factors, self.user_factors.double()
        table, targets = cells[side]
        start, column = (torch.from_numpy(x).long() for x in (table.indptr, table.indices))
        c, t = torch.from_numpy(table.data), torch.from_numpy(targets.data)
        length, b = start.diff(), self.popularity.double()
        # b of each cell, (n,), and what unrated cells add to each row of equations, (n_rows, dim)
        if side == "user":
            b_cell, unrated = b[column], (b @ fixed).expand(len(length), -1)
        else:
            b_cell, unrated = b.repeat_interleave(length), b[:, None] * fixed.sum(0)
        residual = (1 + c) * t - c * b_cell
        gram = fixed.T @ fixed + self.l2 * torch.eye(self.dim).to(fixed)
        solved.zero_()
        for rows in _blocks(length, self.dim):
            cell = torch.arange(int(length[rows[0]]))
            real = cell < length[rows, None]  # (B, L): shorter rows are padded
            cell = torch.where(real, start[rows, None] + cell, 0)
            q = fixed[column[cell]]
            normal = gram + (q * (c[cell] * real)[..., None]).mT @ q  # (B, dim, dim)
            rhs = ((residual[cell] * real)[:, None] @ q)[:, 0] - unrated[rows]  # (B, dim)
            row = torch.cholesky_solve(rhs[..., None], torch.linalg.cholesky(normal))[..., 0]
            solved[rows] = row.to(solved)

    @torch.no_grad()
    def objective(self, train: Dataset) -> float:
        """What the sweeps minimise, as a sum over all cells."""
        c, t = (table.tocoo() for table in self.cells(train)["user"])
        p, q, b = (
            x.double().numpy() for x in (self.user_factors, self.item_factors, self.popularity)
        )
        score = b[c.col] + (p[c.row] * q[c.col]).sum(-1)
        # The sum of s^2 over all cells, without making the table of scores.
        all_cells = ((p.T @ p) * (q.T @ q)).sum() + 2 * p.sum(0) @ (b @ q)
        all_cells += self.n_users * (b**2).sum()
        rated = ((1 + c.data) * (t.data - score) ** 2 - score**2).sum()
        return float(all_cells + rated + self.l2 * ((p**2).sum() + (q**2).sum()))

    @torch.no_grad()
    def fold_in(self, items: Tensor, ratings: Tensor) -> FoldedUser:
        """The row of a new user who gave n items (n,) these stars (n,): the last half-sweep.

        The term of the cells without a rating is divided equally among the n parts.
        """
        gram, of_unrated = self.unrated_cells()
        q, b = self.item_factors[items].double(), self.popularity[items].double()
        ratings = ratings.double()
        c = self.alpha * self.strength(ratings)
        normal = gram + (q * c[:, None]).T @ q
        residual = (1 + c) * self.target(ratings) - c * b
        rhs = q * residual[:, None] - of_unrated / max(len(items), 1)
        parts = torch.linalg.solve(normal, rhs.T).T.to(self.item_factors)  # (n, dim)
        return FoldedUser(parts.sum(0), parts)

    def unrated_cells(self) -> tuple[Tensor, Tensor]:
        """The part of a new user's equations that is the same for all: (dim, dim) and (dim,)."""
        q, b = self.item_factors.detach().double(), self.popularity.double()
        return q.T @ q + self.l2 * torch.eye(self.dim).to(q), b @ q


def _blocks(length: Tensor, dim: int) -> Iterator[Tensor]:
    """Blocks of rows of about equal length, to save padding; without the empty rows."""
    length, rows = length.sort(descending=True, stable=True)
    start, end = 0, int((length > 0).sum())
    while start < end:
        longest = int(length[start])
        similar = int((length[:end] * 4 >= longest * 3).sum())
        stop = min(similar, start + max(1, CELLS // (longest * dim)))
        yield rows[start:stop]
        start = stop
