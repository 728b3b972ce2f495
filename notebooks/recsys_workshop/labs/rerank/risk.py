"""Lists as portfolios: what they promise on average against how uncertain that is."""

from typing import Any, NamedTuple

import numpy as np

from recsys_tutorial.metrics.checks import Floats, whole
from recsys_workshop.labs.rerank.arguments import Ints, best, candidates, floats, square


class MeanRisk(NamedTuple):
    """Mean and standard deviation of a list's weighted mean score, in the score's unit."""

    mean: float
    sd: float


def _weights(k: int, weights: Any) -> Floats:
    if weights is None:
        return 1 / np.log2(np.arange(2, k + 2))
    array = floats("weights", weights, ndim=1)
    if len(array) < k or not (array[:k] > 0).all():
        raise ValueError(f"weights must be positive, one for each of the {k} places; got {array}")
    return array[:k]


def portfolio(
    mean: Any, covariance: Any, k: int = 10, risk: float = 0.0, weights: Any = None
) -> Ints:
    r"""Mean-variance ranking: high scores whose errors do not all point the same way.

    The list maximises, greedily from the top, $\sum_a w_a m_a - b \sum_{a,c} w_a w_c C_{ac}$ over
    its places a and c. So place a gets the candidate i with the largest
    $m_i - b\, w_a C_{ii} - 2 b \sum_{c < a} w_c C_{ic}$: being uncertain costs, and being wrong
    together with those above costs more.

    Args:
        mean: (n,) expected scores, in stars say; NaN or -inf masks a candidate.
        covariance: (n, n) of the scores given what is known of the user, in stars^2.
        k: length of the list.
        risk: b, in 1/stars. 0 is the plain ranking, above 0 averse to risk, below 0 seeking it.
        weights: w, (k or more,) how much each place counts; None: 1 / log2(place + 1), as in DCG.

    Returns:
        (min(k, candidates),) positions, best first. O(nk).

    Raises:
        ValueError: shapes that do not fit, covariance not finite, not symmetric or with a negative
            variance, k below 1, risk not finite, weights not positive.

    Source: Wang and Zhu, SIGIR 2009, "Portfolio theory of information retrieval".

    Example:
        >>> stars, twins = [4.0, 3.9, 3.8], [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
        >>> portfolio(stars, twins, k=2, risk=0.5).tolist()  # 1 fails whenever 0 does
        [0, 2]
    """
    k = whole("k", k)
    if not np.isfinite(risk):
        raise ValueError(f"risk={risk} must be finite")
    keep, scores = candidates("mean", mean)
    c = square("covariance", covariance, np.shape(mean)[0], keep)
    _check_variances(c)
    k = min(k, len(keep))
    w = _weights(k, weights)
    shared = np.zeros_like(scores)  # covariance with the weighted sum of the list so far
    chosen: list[int] = []
    for place in range(k):
        i = best(scores - risk * (w[place] * np.diag(c) + 2 * shared), scores, chosen)
        shared = shared + w[place] * c[i]
        chosen.append(i)
    return keep[np.array(chosen, dtype=np.int64)]


def mean_and_risk(chosen: Any, mean: Any, covariance: Any, weights: Any = None) -> MeanRisk:
    """What a list promises: its mean score, weighted by place, and the standard deviation of it.

    Args:
        chosen: (k,) positions, best first, k at least 1.
        mean, covariance: (n,) and (n, n), as in `portfolio`.
        weights: as in `portfolio`; scaled here to sum to 1, so that the results are in stars.

    Raises:
        ValueError: no item, a masked one, or as `portfolio`.
    """
    places = np.asarray(chosen, dtype=np.int64)
    if places.ndim != 1 or len(places) == 0:
        raise ValueError(f"chosen must hold at least one position, got the shape {places.shape}")
    m = floats("mean", mean, ndim=1)
    if not np.isfinite(m[places]).all():
        raise ValueError("chosen holds a masked candidate: its mean is not finite")
    c = square("covariance", covariance, len(m), places)
    _check_variances(c)
    w = _weights(len(places), weights)
    w = w / w.sum()
    return MeanRisk(float(w @ m[places]), float(np.sqrt(max(w @ c @ w, 0.0))))


def _check_variances(c: Floats) -> None:
    if (lowest := np.diag(c).min(initial=0.0)) < 0:
        raise ValueError(f"covariance has the negative variance {lowest:.3g} on its diagonal")
