"""Lists whose items differ: similarity, and determinantal point processes."""

from typing import Any

import numpy as np

from recsys_tutorial.metrics.checks import Floats, whole
from recsys_workshop.labs.rerank.arguments import (
    Ints,
    best,
    candidates,
    floats,
    rescaled,
    square,
    weight,
)


def cosine(features: Any) -> Floats:
    """Similarity (n, n): cosines of the rows of features (n, d), as item factors or genres.

    It is positive semidefinite, as `dpp` needs it. A row of zeros is similar to itself alone.

    Example:
        >>> cosine([[1, 0], [2, 0], [0, 1]])[0].tolist()
        [1.0, 1.0, 0.0]
    """
    rows = floats("features", features, ndim=2)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(lengths > 0, lengths, 1)
    result = unit @ unit.T
    np.fill_diagonal(result, 1.0)
    return result


def dpp(relevance: Any, similarity: Any, k: int = 10, lam: float = 0.7) -> Ints:
    r"""The greedy best list of a determinantal point process: relevant, and of large volume.

    A list S has the probability $\propto \det L_S$ with $L = \mathrm{diag}(q)\, s\,
    \mathrm{diag}(q)$ and the quality $q_i = \exp(\frac{\lambda}{2 (1 - \lambda)} \tilde r_i)$, so
    that its logarithm is, up to a factor,
    $\lambda \sum_{i \in S} \tilde r_i + (1 - \lambda) \ln\det s_S$, with $\tilde r$ the relevance
    rescaled to 0 to 1. The determinant is the squared volume that the items' vectors span: near 0
    as soon as *any* of them is nearly a mixture of the others; maximal marginal relevance, which
    page 18 writes out, sees pairs only.

    Each place gets what increases this most. A Cholesky factor of $s_S$ grows by one row per place,
    so a list costs O(nk^2) after a check of `similarity` that is O(n^3 / 3). Where no candidate
    adds volume any more (k above the rank of `similarity`), the rest comes by relevance alone.

    Args:
        relevance: (n,) scores in any unit; NaN or -inf masks a candidate.
        similarity: (n, n) symmetric positive semidefinite; see `cosine`.
        k: length of the list.
        lam: weight of relevance, 0 to 1; 1 gives the plain ranking.

    Returns:
        (min(k, candidates),) positions, best first.

    Raises:
        ValueError: shapes that do not fit, similarity not finite, not symmetric or not positive
            semidefinite, k below 1, lam outside of 0 to 1.

    Source: Kulesza and Taskar 2012, "Determinantal point processes for machine learning"; the
    greedy search with Cholesky increments: Chen, Zhang, Zhou, NeurIPS 2018.

    Example:
        >>> alike = [[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]]
        >>> dpp([5.0, 4.9, 4.0], alike, k=2, lam=0.5).tolist()
        [0, 2]
    """
    k, lam = whole("k", k), weight(lam)
    keep, scores = candidates("relevance", relevance)
    s = square("similarity", similarity, np.shape(relevance)[0], keep)
    _check_semidefinite(s)
    k = min(k, len(keep))
    gain = rescaled(scores)
    left = np.diag(s).copy()  # of each item's squared length, what the chosen ones do not span
    nothing = 1e-10 * left.max(initial=0.0)
    rows = np.zeros((k, len(keep)))  # of the Cholesky factor, one a place
    chosen: list[int] = []
    while lam < 1 and len(chosen) < k:
        left[chosen] = 0
        adds = left > nothing
        if not adds.any():
            break
        volume = np.log(left, where=adds, out=np.full_like(left, -np.inf))
        i = best(lam * gain + (1 - lam) * volume, scores, chosen)
        above = rows[: len(chosen)]
        rows[len(chosen)] = (s[i] - above[:, i] @ above) / np.sqrt(left[i])
        left = left - rows[len(chosen)] ** 2
        chosen.append(i)
    while len(chosen) < k:
        chosen.append(best(scores, scores, chosen))
    return keep[np.array(chosen, dtype=np.int64)]


def _check_semidefinite(s: Floats) -> None:
    """ValueError for an eigenvalue that is negative beyond rounding (of float32 numbers)."""
    slack = 1e-7 * np.abs(np.diag(s)).sum()
    try:
        np.linalg.cholesky(s + np.diag(np.full(len(s), slack + np.finfo(float).tiny)))
    except np.linalg.LinAlgError:
        lowest = np.linalg.eigvalsh(s)[0]
        raise ValueError(
            f"similarity is not positive semidefinite: its lowest eigenvalue is {lowest:.3g}. "
            "Take inner products of vectors, as rerank.cosine(features) does; a table of cosines "
            "with entries cut to 0 is none any more"
        ) from None
