"""What the functions of `rerank` share: who is a candidate, common scales, and who is best."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_tutorial.metrics.checks import Floats

Ints = NDArray[np.int64]


def floats(name: str, values: Any, ndim: int) -> Floats:
    """float64 with `ndim` axes; ValueError otherwise. NaN may be inside."""
    if hasattr(values, "detach"):  # a torch tensor
        values = values.detach().cpu()
    array = np.asarray(values).astype(np.float64)
    if array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} axes, got the shape {array.shape}")
    return array


def candidates(name: str, scores: Any) -> tuple[Ints, Floats]:
    """Positions (m,) of the candidates that are not masked, and their scores (m,)."""
    array = floats(name, scores, ndim=1)
    if np.isposinf(array).any():
        where = int(np.argmax(np.isposinf(array)))
        raise ValueError(f"{name} is infinite at {where}: mask candidates with -inf or NaN")
    keep = np.flatnonzero(np.isfinite(array))
    return keep, array[keep]


def square(name: str, matrix: Any, n: int, keep: Ints) -> Floats:
    """The rows and columns (m, m) of the candidates in a symmetric (n, n).

    Raises ValueError for another shape, a value that is not finite, or no symmetry.
    """
    array = floats(name, matrix, ndim=2)
    if array.shape != (n, n):
        raise ValueError(f"{name} must be {(n, n)}, one row per candidate; got {array.shape}")
    part = array[np.ix_(keep, keep)]
    if not np.isfinite(part).all():
        raise ValueError(f"{name} holds NaN or infinity for a candidate that is not masked")
    gap = np.abs(part - part.T).max(initial=0.0)
    if gap > 1e-5 * np.abs(part).max(initial=0.0):
        raise ValueError(f"{name} is not symmetric: two mirrored entries differ by {gap:.3g}")
    return (part + part.T) / 2


def weight(lam: float) -> float:
    if not 0 <= lam <= 1:
        raise ValueError(f"lam={lam} must be between 0 (relevance ignored) and 1 (plain ranking)")
    return float(lam)


def rescaled(scores: Floats) -> Floats:
    """Scores mapped linearly to 0 (the worst) to 1 (the best); all 0 if they are equal.

    Order is kept, so far as rounding can: where two scores become one, `best` looks at the scores.
    """
    if len(scores) == 0:
        return scores
    above = scores / 2 - scores.min() / 2  # halves, since the full range may overflow
    return above / above.max() if above.max() > 0 else above


def best(value: Floats, scores: Floats, taken: list[int]) -> int:
    """The position of the largest value not taken; ties: the higher score, then the first."""
    value = value.copy()
    value[taken] = -np.inf
    top = np.flatnonzero(value == value.max())
    return int(top[np.argmax(scores[top])])
