"""From scores to a list: choose k items that are good *together*.

The functions take plain arrays over n candidates and return positions, int64
(min(k, candidates),). Candidates with a score of NaN or -inf are never chosen. `lam` is the weight
of relevance: 1 gives the plain ranking. Relevance is mapped linearly to 0 (the worst candidate) to
1 (the best), so pass the best hundred, not the catalogue. Both methods are greedy. Of candidates
with the same value they take the one with the higher score, then the first.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_tutorial.metrics.checks import Floats

Ints = NDArray[np.int64]
NO_GENRE = "(no genre)"


def cosine(features: Any) -> Floats:
    """Similarity (n, n): cosines of the rows (n, d). A row of zeros is similar only to itself.

    Example:
        >>> cosine([[1, 0], [2, 0], [0, 1]])[0].tolist()
        [1.0, 1.0, 0.0]
    """
    rows = np.asarray(features, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(lengths > 0, lengths, 1)
    result: Floats = unit @ unit.T
    np.fill_diagonal(result, 1.0)
    return result


def genre_shares(genres: Iterable[Iterable[str]]) -> tuple[Floats, list[str]]:
    """Each item as shares of its genres: (n, g) with rows that sum to 1, and the g names.

    Items without a genre get the genre `NO_GENRE`.

    Example:
        >>> genre_shares([("Comedy", "Drama"), ("Drama",)])[0].tolist()
        [[0.5, 0.5], [0.0, 1.0]]
    """
    rows = [tuple(dict.fromkeys(several)) or (NO_GENRE,) for several in genres]
    names = sorted({name for row in rows for name in row})
    column = {name: j for j, name in enumerate(names)}
    shares = np.zeros((len(rows), len(names)))
    for i, row in enumerate(rows):
        shares[i, [column[name] for name in row]] = 1 / len(row)
    return shares, names


def miscalibration(target: Any, genres: Any, alpha: float = 0.01) -> float:
    r"""How far the genres of a list are from a target, in nats: 0 if they agree.

    $\sum_g p_g \ln (p_g / \tilde q_g)$ with the target p (g,), the mean q of the list, and
    $\tilde q = (1 - \alpha) q + \alpha p$. Source: Steck, "Calibrated recommendations", 2018.

    Example:
        >>> round(miscalibration([0.7, 0.3], [[1.0, 0.0], [1.0, 0.0]]), 3)  # all of one genre
        1.134
    """
    q = np.mean(genres, axis=0, keepdims=True)
    return float(_divergence(np.asarray(target, dtype=np.float64), q, alpha)[0])


def calibrated(
    scores: Any, genres: Any, target: Any, k: int = 10, lam: float = 0.5, alpha: float = 0.01
) -> Ints:
    r"""Greedily, $\lambda \sum_{i \in S} \tilde s_i - (1 - \lambda) \mathrm{KL}(p \| \tilde q(S))$.

    The divergence (`miscalibration`) ignores the order, so the result is sorted by score.

    Example:
        >>> calibrated([3.0, 2.9, 2.0], [[1, 0], [1, 0], [0, 1]], [0.5, 0.5], k=2).tolist()
        [0, 2]
    """
    keep, kept = _candidates(scores)
    rows, p = np.asarray(genres)[keep], np.asarray(target, dtype=np.float64)
    gain, total = _rescaled(kept), np.zeros(len(p))  # the sum of the chosen rows
    chosen: list[int] = []
    for place in range(1, min(k, len(keep)) + 1):
        off = _divergence(p, (total + rows) / place, alpha)  # for each candidate, as the next film
        chosen.append(_best(lam * gain - (1 - lam) * off, kept, chosen))
        total = total + rows[chosen[-1]]
    return keep[np.array(sorted(chosen, key=lambda i: (-kept[i], i)), dtype=np.int64)]


def dpp(relevance: Any, similarity: Any, k: int = 10, lam: float = 0.7) -> Ints:
    r"""The greedy list of a determinantal point process, in the order of choosing.

    It maximises $\lambda \sum_{i \in S} \tilde r_i + (1 - \lambda) \ln\det s_S$ for a positive
    semidefinite `similarity` s (n, n). A Cholesky factor of $s_S$ grows by one row per film:
    O(nk^2). When no candidate adds volume, relevance alone decides the rest. Source: Chen, Zhang,
    Zhou, NeurIPS 2018.

    Example:
        >>> alike = [[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]]
        >>> dpp([5.0, 4.9, 4.0], alike, k=2, lam=0.5).tolist()
        [0, 2]
    """
    keep, scores = _candidates(relevance)
    s = np.asarray(similarity, dtype=np.float64)[np.ix_(keep, keep)]
    k, gain = min(k, len(keep)), _rescaled(scores)
    left = np.diag(s).copy()  # the part of each squared length that the chosen films do not span
    nothing = 1e-10 * left.max(initial=0.0)
    rows = np.zeros((k, len(keep)))  # the Cholesky factor, one row per chosen film
    chosen: list[int] = []
    while lam < 1 and len(chosen) < k:
        left[chosen] = 0
        adds = left > nothing
        if not adds.any():
            break
        volume = np.log(left, where=adds, out=np.full_like(left, -np.inf))
        i = _best(lam * gain + (1 - lam) * volume, scores, chosen)
        above = rows[: len(chosen)]
        rows[len(chosen)] = (s[i] - above[:, i] @ above) / np.sqrt(left[i])
        left = left - rows[len(chosen)] ** 2
        chosen.append(i)
    while len(chosen) < k:
        chosen.append(_best(scores, scores, chosen))
    return keep[np.array(chosen, dtype=np.int64)]


def _candidates(scores: Any) -> tuple[Ints, Floats]:
    """Positions (m,) of the candidates with a finite score, and these scores (m,)."""
    array = np.asarray(scores, dtype=np.float64)
    keep = np.flatnonzero(np.isfinite(array))
    return keep, array[keep]


def _rescaled(scores: Floats) -> Floats:
    """Scores mapped linearly to 0 (the worst) to 1 (the best); all 0 if they are equal."""
    if len(scores) == 0:
        return scores
    above = scores / 2 - scores.min() / 2  # halved, since the full range may overflow
    return above / above.max() if above.max() > 0 else above


def _best(value: Floats, scores: Floats, taken: list[int]) -> int:
    """The position of the largest value not taken; ties: the higher score, then the first."""
    value = value.copy()
    value[taken] = -np.inf
    top = np.flatnonzero(value == value.max())
    return int(top[np.argmax(scores[top])])


def _divergence(p: Floats, q: Floats, alpha: float) -> Floats:
    """KL(p || (1 - alpha) q + alpha p) for each row of q: p (g,), q (m, g) -> (m,)."""
    there = p > 0  # 0 ln 0 is 0
    smooth = (1 - alpha) * q[:, there] + alpha * p[there]
    result: Floats = (p[there] * np.log(p[there] / smooth)).sum(axis=1)
    return result
