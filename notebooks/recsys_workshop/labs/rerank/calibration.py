"""Lists that keep the proportions of a taste: a third of the comedies you watch stays a third."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from recsys_tutorial.metrics.checks import Floats, whole
from recsys_workshop.labs.rerank.arguments import Ints, best, candidates, floats, rescaled, weight

NO_GENRE = "(no genre)"


def genre_shares(genres: Iterable[Iterable[str]]) -> tuple[Floats, list[str]]:
    """Each item as shares of its genres: (n, g) with rows that sum to 1, and the g names.

    An item of three genres is a third of each. Items without any share a genre of their own,
    `NO_GENRE`, since a row of zeros would be no share of anything.

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
    r"""How far a list is from the genres wanted, in nats: 0 if they agree.

    The divergence $\sum_g p_g \ln (p_g / \tilde q_g)$ of the target p from the mean q of the list's
    rows, with $\tilde q = (1 - \alpha) q + \alpha p$ so that a genre that the list lacks costs
    much, but not infinitely much.

    Args:
        target: (g,) p, the shares wanted; sums to 1.
        genres: (k, g) the shares of each item of the list, rows that sum to 1.
        alpha: above 0, below 1.

    Raises:
        ValueError: an empty list, shares that are negative or do not sum to 1, alpha out of range.

    Source: Steck, RecSys 2018, "Calibrated recommendations".

    Example:
        >>> round(miscalibration([0.7, 0.3], [[1.0, 0.0], [1.0, 0.0]]), 3)  # all of one genre
        1.134
    """
    p, rows = _shares("target", target, 1), _shares("genres", genres, 2)
    if len(rows) == 0 or rows.shape[1] != len(p):
        raise ValueError(f"genres must be (k, {len(p)}), k at least 1; got the shape {rows.shape}")
    return float(_divergence(p, rows.mean(axis=0, keepdims=True), _smoothing(alpha))[0])


def calibrated(
    scores: Any, genres: Any, target: Any, k: int = 10, lam: float = 0.5, alpha: float = 0.01
) -> Ints:
    r"""A list of good items whose genres come in the proportions of the target.

    The list S maximises, greedily, $\lambda \sum_{i \in S} \tilde s_i - (1 - \lambda)\,
    \mathrm{KL}(p \,\|\, \tilde q(S))$: scores rescaled to 0 to 1, and `miscalibration`. (In the
    source $\lambda$ weighs the divergence; here it is the weight of relevance, as in `dpp`.)

    Args:
        scores: (n,) in any unit; NaN or -inf masks a candidate.
        genres: (n, g) shares, rows that sum to 1; see `genre_shares`.
        target: (g,) shares wanted, as the mean of `genres` over what the user has rated.
        k: length of the list.
        lam: weight of relevance, 0 to 1; 1 gives the plain ranking.
        alpha: smoothing, see `miscalibration`.

    Returns:
        (min(k, candidates),) positions. The divergence knows no order, so the chosen ones come
        best first. O(nkg).

    Raises:
        ValueError: shapes that do not fit, shares that are negative or do not sum to 1, k below 1,
            lam or alpha out of range.

    Source: Steck, RecSys 2018, "Calibrated recommendations".

    Example:
        >>> calibrated([3.0, 2.9, 2.0], [[1, 0], [1, 0], [0, 1]], [0.5, 0.5], k=2).tolist()
        [0, 2]
    """
    k, lam, alpha = whole("k", k), weight(lam), _smoothing(alpha)
    keep, kept = candidates("scores", scores)
    everything = floats("genres", genres, ndim=2)
    p = _shares("target", target, 1)
    if everything.shape != (np.shape(scores)[0], len(p)):
        raise ValueError(
            f"genres must be {(np.shape(scores)[0], len(p))}, one row per candidate and one column "
            f"per genre of the target; got {everything.shape}"
        )
    rows = _shares("genres", everything[keep], 2)
    gain = rescaled(kept)
    total = np.zeros(len(p))  # rows of the list so far, summed
    chosen: list[int] = []
    for place in range(1, min(k, len(keep)) + 1):
        off = _divergence(p, (total + rows) / place, alpha)  # if each were the next
        i = best(lam * gain - (1 - lam) * off, kept, chosen)
        total = total + rows[i]
        chosen.append(i)
    shown = sorted(chosen, key=lambda i: (-kept[i], i))
    return keep[np.array(shown, dtype=np.int64)]


def _divergence(p: Floats, q: Floats, alpha: float) -> Floats:
    """KL(p || (1 - alpha) q + alpha p) for each row of q: p (g,), q (m, g) -> (m,)."""
    there = p > 0  # 0 ln 0 is 0
    smooth = (1 - alpha) * q[:, there] + alpha * p[there]
    return (p[there] * np.log(p[there] / smooth)).sum(axis=1)


def _shares(name: str, values: Any, ndim: int) -> Floats:
    array = floats(name, values, ndim)
    if not np.isfinite(array).all() or (array < 0).any():
        raise ValueError(f"{name} must be shares: finite numbers, none below 0")
    off = np.abs(array.sum(axis=-1) - 1)
    if off.max(initial=0.0) > 1e-6:
        raise ValueError(
            f"{name} must sum to 1, it is off by {off.max():.3g}: divide each item's row by its "
            "number of genres (rerank.genre_shares does)"
        )
    return array


def _smoothing(alpha: float) -> float:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha={alpha} must be between 0 and 1, both excluded")
    return float(alpha)
