"""Alternating least squares over the whole table: every unrated cell is a weak zero."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import torch
from scipy import sparse
from torch import Tensor

from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import FoldedUser
from recsys_tutorial.models.svd import FactorTables

CELLS = 2 * 1024 * 1024  # numbers gathered at once: 8 MB, about a core's cache


class ImplicitALS(FactorTables):
    r"""Weighted matrix factorisation: rated cells should be high, all others 0 with less weight.

    Minimises $\sum_{ui} c_{ui} (t_{ui} - p_u \cdot q_i)^2 + \sum_u \lambda_u |p_u|^2
    + \sum_i \lambda_i |q_i|^2$ over all cells, with the confidence $c_{ui} = 1 + \alpha x_{ui}$ and
    the target $t_{ui} = x_{ui}$, x as in `models.linear`; graded=False: 1 where there is a rating.

    alpha  : weight of the best rating over that of a cell without one
    l2, nu : lambda of a row is l2 * (mean confidence of the row's cells)^nu; nu=0: the same for all
    sweeps : each solves all items, then all users

    With one side fixed the other is a ridge regression for each row. The zeros cost nothing: their
    part of the normal equations is one table, $Q'Q$, common to all users.

    Hu, Koren, Volinsky 2008, "Collaborative filtering for implicit feedback datasets" (targets of
    0 and 1, as for clicks); lambda that grows with the row: Rendle et al. 2021, "Revisiting the
    performance of iALS on item recommendation benchmarks".
    """

    def __init__(
        self,
        n_users: int,
        n_items: int,
        dim: int = 64,
        l2: float = 40.0,
        alpha: float = 8.0,
        nu: float = 0.0,
        sweeps: int = 8,
        graded: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(n_users, n_items, dim=dim, seed=seed)
        if not (l2 > 0 and alpha >= 0 and sweeps >= 1):
            raise ValueError(f"l2={l2} must be positive, alpha={alpha} >= 0, sweeps={sweeps} >= 1")
        self.l2, self.alpha, self.nu, self.sweeps, self.graded = l2, alpha, nu, sweeps, graded
        for table in (self.user_factors, self.item_factors):
            table.copy_(torch.randn(table.shape, generator=self.generator) * 0.1)

    @torch.no_grad()
    def fit(self, train: Dataset) -> Self:
        """Sweep `sweeps` times, users last, so that they are exact for the final items."""
        self.read(train)
        self.reset_cold()
        x = self.table(train)
        by_item = x.T.tocsr()
        for _ in range(self.sweeps):
            self.solve(by_item, "item")
            self.solve(x, "user")
        return self

    @torch.no_grad()
    def solve(self, x: sparse.csr_matrix, side: str) -> None:
        """Half a sweep: all rows of one side, whose x is given row by row, the other side fixed."""
        mine, fixed = self.user_factors, self.item_factors
        if side == "item":
            mine, fixed = fixed, mine
        start = torch.from_numpy(x.indptr).long().to(mine.device)
        index = torch.from_numpy(x.indices).long().to(mine.device)
        value = torch.from_numpy(x.data).to(mine)
        many = start.diff()
        gram = fixed.T @ fixed
        mine.zero_()
        ridge = self.ridge(torch.from_numpy(x.sum(1)).to(mine).flatten(), len(fixed))
        for rows in _blocks(many, self.dim):
            place = torch.arange(int(many[rows[0]]), device=mine.device)
            there = place < many[rows, None]  # (B, L): shorter rows are padded
            place = torch.where(there, start[rows, None] + place, 0)
            q, strength = fixed[index[place]], value[place] * there
            more = self.alpha * strength
            left = gram + (q * more[..., None]).mT @ q
            left.diagonal(dim1=-2, dim2=-1).add_(ridge[rows, None])
            wanted = (1 + more) * self.target(strength) * there
            right = wanted[:, None] @ q  # (B, 1, dim)
            mine[rows] = torch.cholesky_solve(right.mT, torch.linalg.cholesky(left))[..., 0]

    def target(self, strength: Tensor) -> Tensor:
        """t of rated cells."""
        return strength if self.graded else torch.ones_like(strength)

    def ridge(self, strength: Tensor, n: int) -> Tensor:
        """lambda of rows with this sum of x among n cells."""
        return self.l2 * (1 + self.alpha * strength / n) ** self.nu

    @torch.no_grad()
    def objective(self, train: Dataset) -> float:
        """What the sweeps minimise, as a sum over all cells."""
        x = self.table(train)
        p, q = self.user_factors.double(), self.item_factors.double()
        cells = x.tocoo()
        score = (p[torch.from_numpy(cells.row)] * q[torch.from_numpy(cells.col)]).sum(-1)
        strength = torch.from_numpy(cells.data)
        error = self.target(strength) - score
        everywhere = ((p.T @ p) * (q.T @ q)).sum()  # sum of s^2, without the table of scores
        rated = ((1 + self.alpha * strength) * error.square() - score.square()).sum()
        users, items = (torch.from_numpy(x.sum(axis)).flatten() for axis in (1, 0))
        penalty = (self.ridge(users, self.n_items) * p.square().sum(1)).sum()
        penalty += (self.ridge(items, self.n_users) * q.square().sum(1)).sum()
        return float(everywhere + rated + penalty)

    @torch.no_grad()
    def fold_in(self, items: Tensor, ratings: Tensor) -> FoldedUser:
        """The row of a user known by n ratings alone: the ridge regression of the last half-sweep.

        items (n,) positions, ratings (n,) stars. A trained user's row comes out again.
        """
        q = self.item_factors.double()
        strength = self.strength(ratings.double())
        more = self.alpha * strength
        left = q.T @ q + (q[items] * more[:, None]).T @ q[items]
        left.diagonal().add_(self.ridge(strength.sum(), self.n_items))
        wanted = (1 + more) * self.target(strength)
        parts = torch.linalg.solve(left, (q[items] * wanted[:, None]).T).T  # (n, dim)
        return FoldedUser(parts.sum(0).to(self.item_factors), parts.to(self.item_factors))


def _blocks(many: Tensor, dim: int) -> Iterator[Tensor]:
    """Rows that are about equally long, so that padding costs little; none for empty rows."""
    length, rows = many.sort(descending=True, stable=True)
    start, end = 0, int((length > 0).sum())
    while start < end:
        longest = int(length[start])
        alike = int((length[:end] * 4 >= longest * 3).sum())
        stop = min(alike, start + max(1, CELLS // (longest * dim)))
        yield rows[start:stop]
        start = stop
