"""Errors of predictions taken one by one: ratings in stars, probabilities."""

import numpy as np
from numpy.typing import ArrayLike

from recsys_tutorial.metrics.checks import Floats, labels_and_scores, numbers, same_shape, whole


def _differences(truth: ArrayLike, scores: ArrayLike) -> Floats:
    t, s = numbers("truth", truth), numbers("scores", scores)
    same_shape("truth", t, "scores", s)
    return s - t


def rmse(truth: ArrayLike, scores: ArrayLike) -> float:
    """Root mean squared error, in the units of the ratings (stars).

    ``sqrt(mean((scores - truth)^2))`` over all entries at once: the mean of the errors of batches
    or users is a different number. ``truth`` and ``scores`` have the same shape; NaN is a
    ValueError.

    Example:
        >>> rmse([1.0, 2.0], [1.0, 4.0])  # errors 0 and 2
        1.4142135623730951
    """
    return float(np.sqrt(np.mean(_differences(truth, scores) ** 2)))


def mae(truth: ArrayLike, scores: ArrayLike) -> float:
    """Mean absolute error ``mean(|scores - truth|)``, in the units of the ratings (stars).

    Example:
        >>> mae([1.0, 2.0], [1.0, 4.0])
        1.0
    """
    return float(np.mean(np.abs(_differences(truth, scores))))


def calibration_error(labels: ArrayLike, probabilities: ArrayLike, n_bins: int = 10) -> float:
    """Expected calibration error: how far predicted probabilities are from observed shares.

    ``sum_b n_b / n * |mean(labels in b) - mean(probabilities in b)|`` over ``n_bins`` bins of
    equal width on [0, 1]; a value on an edge belongs to the bin above it, 1 to the last one. From 0
    (calibrated within bins) to 1.

    Args:
        labels: (n,), 0 or 1.
        probabilities: (n,), between 0 and 1; others are a ValueError.
        n_bins: More bins show finer errors and more noise: compare models at one number of bins.

    Source: Naeini, Cooper and Hauskrecht, AAAI 2015; Guo et al., ICML 2017.

    Example:
        >>> round(calibration_error([0, 0, 1, 1], [0.2, 0.2, 0.2, 0.9]), 3)  # .75 |1/3-.2| + .25*.1
        0.125
    """
    y, p = labels_and_scores(labels, probabilities)
    n_bins = whole("n_bins", n_bins)
    outside = p[(p < 0) | (p > 1)]
    if outside.size:
        raise ValueError(f"probabilities must lie in [0, 1], got {outside[0]:g}")
    bins = np.digitize(p, np.arange(1, n_bins) / n_bins)
    gaps = np.bincount(bins, weights=y - p, minlength=n_bins)  # n_b times the difference of means
    return float(np.abs(gaps).sum() / y.size)
