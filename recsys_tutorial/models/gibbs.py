"""Gibbs sampling for factorisation machines: each number is drawn in turn, given all the others.

All ids of one field are drawn at once. Features that ids share are drawn one after the other. That
needs two sums per id and no rows of ratings: Rendle 2013, "Scaling factorization machines to
relational data". Tables are (dim + 1, n), biases first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse


class Block:
    """Features of ids: `table` is sparse (n, m), and z (dim + 1, m) the current draw of theirs."""

    def __init__(self, table: sparse.spmatrix, dim: int) -> None:
        self.table = sparse.csc_matrix(table, dtype=float)
        self.table.sort_indices()
        self.z = np.zeros((dim + 1, self.table.shape[1]))

    def draw(
        self, f: int, a: np.ndarray, b: np.ndarray, alpha: float, g: np.random.Generator
    ) -> np.ndarray:
        """Draw factor f of all features; returns by how much each id's number grew, (n,).

        a and b (n,) are each id's sums over its rows, see `sweep_features`; b is kept up to date.
        """
        mean, precision = normal_gamma(self.z[f], g)
        x, noise = self.table, g.normal(size=self.z.shape[1])
        return sweep()(self.z[f], noise, x.indptr, x.indices, x.data, a, b, alpha, mean, precision)


class Field:
    """The n ids of one kind; `code` (n_rows,) has the id of each row of ratings.

    Attributes:
        own: (dim + 1, n), the current draw of the ids' own numbers.
        full: (dim + 1, n), `own` plus what the features add: what enters the score of a row.
        mean, precision: (dim + 1,), of the normal prior of `own`; they are drawn as well.
    """

    def __init__(
        self, code: np.ndarray, n: int, dim: int, g: np.random.Generator, blocks: Sequence[Block]
    ) -> None:
        self.code, self.n, self.blocks = code.astype(np.int64), n, blocks
        self.own = g.normal(0, 0.1, (dim + 1, n))
        self.own[0] = 0
        self.full = self.own.copy()
        self.mean, self.precision = np.zeros(dim + 1), np.ones(dim + 1)


class Sampler:
    r"""One chain for y = w0 + sum of biases + sum over pairs of fields of products + noise.

    The noise is N(0, 1 / alpha). Priors: w0 ~ N(0, 1) and alpha ~ Gamma(1, 1); each factor of each
    field and block is N(mean, 1 / precision), where precision ~ Gamma(1, 1) and mean ~ N(0, 1 /
    precision).

    Args:
        y: (n,), in units, around 0.
        weight: (n,), how many ratings a row stands for, or None.
    """

    def __init__(
        self,
        y: np.ndarray,
        weight: np.ndarray | None,
        fields: Sequence[Field],
        g: np.random.Generator,
    ) -> None:
        self.weight, self.fields, self.g = weight, fields, g
        self.n = float(len(y) if weight is None else weight.sum())
        self.w0, self.alpha = 0.0, 1.0
        self.error = y - self.expected()

    def expected(self) -> np.ndarray:
        """The expected value of each row by the current draw, (n,)."""
        numbers = np.stack([field.full[:, field.code] for field in self.fields])
        total = numbers.sum(0)
        pairs = (total[1:] ** 2 - (numbers[:, 1:] ** 2).sum(0)).sum(0) / 2
        return self.w0 + total[0] + pairs

    def step(self) -> None:
        """Draw everything once: the noise, the level, then every factor of every field."""
        g, e = self.g, self.error
        weighted = e if self.weight is None else self.weight * e
        self.alpha = g.gamma(1 + self.n / 2) / (1 + weighted @ e / 2)
        precision = self.alpha * self.n + 1
        mean = self.alpha * (weighted.sum() + self.n * self.w0) / precision
        w0 = mean + g.normal() / np.sqrt(precision)
        e -= w0 - self.w0
        self.w0 = w0
        for f in range(len(self.fields[0].own)):
            for field in self.fields:
                self.draw(field, f)

    def draw(self, field: Field, f: int) -> None:
        """Draw factor f of a field's ids, then of these ids' features."""
        g, e, alpha = self.g, self.error, self.alpha
        h = self.beside(field, f)
        weighted = h if self.weight is None else self.weight * h
        a = np.bincount(field.code, weighted * h, field.n)  # sums over each id's rows
        b = np.bincount(field.code, weighted * e, field.n)
        field.mean[f], field.precision[f] = normal_gamma(field.own[f], g)
        precision = alpha * a + field.precision[f]
        mean = alpha * (b + field.own[f] * a) + field.precision[f] * field.mean[f]
        new = mean / precision + g.normal(size=field.n) / np.sqrt(precision)
        grown = new - field.own[f]
        field.own[f] = new
        b -= grown * a
        for block in field.blocks:
            grown = grown + block.draw(f, a, b, alpha, g)
        field.full[f] += grown
        e -= h * grown[field.code]

    def beside(self, field: Field, f: int) -> np.ndarray:
        """In each row, the factor by which this field's number is multiplied, (n,)."""
        if f == 0:
            return np.ones(len(self.error))
        others = [o.full[f][o.code] for o in self.fields if o is not field]
        return sum(others[1:], others[0])


def normal_gamma(values: np.ndarray, g: np.random.Generator) -> tuple[float, float]:
    """Mean and precision of these numbers, drawn from their normal-gamma posterior."""
    n, m = len(values), values.mean()
    spread = ((values - m) ** 2).sum() + n * m * m / (n + 1)
    precision = g.gamma(1 + n / 2) / (1 + spread / 2)
    return g.normal(n * m / (n + 1), 1 / np.sqrt((n + 1) * precision)), precision


def sweep_features(
    z: np.ndarray, noise: np.ndarray, start: np.ndarray, who: np.ndarray, x: np.ndarray,
    a: np.ndarray, b: np.ndarray, alpha: float, mean: float, precision: float,
) -> np.ndarray:  # fmt: skip
    """Draw the features z (m,) in turn; returns by how much each id's number grew, (n,).

    Feature j belongs to the ids who[start[j] : start[j + 1]], with the values x there.

    Args:
        noise: (m,), standard normal.
        a, b: (n,), each id's sums of h^2 and of h times error, where h is what its number is
            multiplied by in a row; b is kept up to date.
    """
    grown = np.zeros(len(a))
    for j in range(len(z)):
        ids, value = who[start[j] : start[j + 1]], x[start[j] : start[j + 1]]
        size = a[ids]
        squares = (value * value * size).sum()
        total = alpha * squares + precision
        wanted = alpha * ((value * b[ids]).sum() + z[j] * squares) + precision * mean
        step = wanted / total + noise[j] / np.sqrt(total) - z[j]
        z[j] += step
        grown[ids] += value * step
        b[ids] -= value * step * size
    return grown


@functools.cache
def sweep() -> Callable[..., np.ndarray]:
    """`sweep_features`, compiled where numba is installed: the same draws, many times as fast."""
    try:
        from numba import njit
    except ImportError:
        return sweep_features
    return njit(cache=True)(sweep_features)
