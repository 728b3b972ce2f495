"""How far a number can be trusted: intervals from resampling users.

Rows of one user are alike, so rows are not independent draws; users are. Every interval here draws
users with replacement (a cluster bootstrap) and keeps the middle part of the values. It shows how
far the value moves with other users, not with another split or another seed of the training: repeat
the experiment for those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from recsys_tutorial import evaluation, metrics
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import Model

ByDraw = Callable[[np.ndarray], Any]  # from how often each of n users was drawn to a metric


class Interval(NamedTuple):
    """A value with its bounds, in the value's own unit, from `n` users."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}, {self.n:,} users)"

    @property
    def off_zero(self) -> bool:
        """Whether the interval leaves out 0: for a difference, that there is one."""
        return self.low > 0 or self.high < 0


class Comparison(NamedTuple):
    """One model minus another, with the bounds of the difference, in the metric's own unit."""

    metric: str
    difference: float
    low: float
    high: float
    n_users: int

    def __str__(self) -> str:
        if self.low <= 0 <= self.high:
            verdict = "not told apart"
        else:
            lower_is_better = self.metric in ("rmse", "mae")
            first = (self.difference < 0) == lower_is_better
            verdict = f"the {'first' if first else 'second'} is better"
        bounds = f"{self.low:+.4f} to {self.high:+.4f}"
        of = f"{self.n_users:,} users"
        return f"{self.metric}: {self.difference:+.4f} ({bounds}, {of}), {verdict}"


def compare(
    a: Model,
    b: Model,
    test: Dataset,
    *,
    train: Dataset | Sequence[Dataset],
    metric: str,
    relevant: float | None = None,
    level: float = 0.95,
    samples: int = 2_000,
    seed: int = 0,
) -> Comparison:
    """How much better one model is than another on the same users, and how sure that is.

    Both are judged on the same drawn users, so what makes a user easy for both cancels. Where the
    interval holds 0 the two are not told apart.

    Args:
        a, b: Two fitted models of one vocabulary.
        test, train, relevant: As in `evaluate`.
        metric: A key of what `evaluate` returns, such as "ndcg@10" or "rmse".
        level: Share of the resampled differences inside the interval.
        samples: Number of resamples; for "auc" a quarter of them, since each one costs more.
        seed: Of the resampling.

    Raises:
        TypeError, ValueError: as `evaluate`; a metric that is no mean over users.
    """
    for model in (a, b):
        parts = evaluation.training_parts(model, test, train)
    k = int(metric.partition("@")[2] or 10)
    known = list(evaluation.list_metrics(k))
    if not test.implicit:
        known += ["auc", "conditional_auc"]
        known += ["rmse", "mae"] if a.predicts == b.predicts == "rating" else []
    if metric not in known:
        raise ValueError(f"metric={metric!r}: for these models compare knows {', '.join(known)}")
    (one, n), (other, _) = (_by_draw(m, test, parts, metric, relevant, k) for m in (a, b))
    samples = max(1, samples // 4) if metric == "auc" else samples
    found = _resampled(lambda often: one(often) - other(often), n, level, samples, seed)
    return Comparison(metric, *found)


def _by_draw(
    model: Model, test: Dataset, parts: list[Dataset], metric: str, relevant: float | None, k: int
) -> tuple[ByDraw, int]:
    """The metric as a function of how often each of n users was drawn, and n."""
    users, user = np.unique(test.user, return_inverse=True)
    if metric in ("rmse", "mae"):
        power, rows = 2 if metric == "rmse" else 1, np.bincount(user)
        error = np.abs(evaluation.predict(model, test) - test.rating) ** power
        mean = _mean(np.bincount(user, weights=error) / rows, rows)
        return lambda often: mean(often) ** (1 / power), len(users)
    good = evaluation.relevant_rows(test, relevant)
    if metric == "auc":
        return _pooled_auc(good, evaluation.predict(model, test, clip=False), user), len(users)
    if metric == "conditional_auc":
        each = metrics.group_auc(good, evaluation.predict(model, test, clip=False), user).auc
    else:
        each = evaluation.rank_users(model, test, parts, good, k, [metric])[1][metric]
    each = each[~np.isnan(each)]
    return _mean(each, np.ones(len(each))), len(each)


def mean_interval(
    values: Any, *, weights: Any = None, level: float = 0.95, samples: int = 2_000, seed: int = 0
) -> Interval:
    """Mean over users of one value per user, with a bootstrap interval.

    Args:
        values: (n_users,), one number per user; NaN where the user has none, which is left out. For
            two models on the same users pass the differences: what users have in common cancels.
        weights: (n_users,), how much each user counts: with the number of rows of each, the mean
            of users' means is the mean over rows. None: all count the same.
        level: share of the resampled means inside.
        samples: number of resamples.
        seed: of the resampling.

    Raises:
        ValueError: no value, weights of another shape or not positive.

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", the percentile interval.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1:
        raise ValueError(f"values must be (n_users,), got the shape {x.shape}")
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != x.shape or not (w > 0).all():
        raise ValueError(f"weights must be positive, one per user: {x.shape}, got {w.shape}")
    x, w = x[~np.isnan(x)], w[~np.isnan(x)]
    if len(x) == 0:
        raise ValueError("there is no value: every user is NaN, or there are no users")
    return _resampled(_mean(x, w), len(x), level, samples, seed)


def auc_interval(
    labels: Any,
    scores: Any,
    users: Any,
    *,
    minus: Any = None,
    level: float = 0.95,
    samples: int = 500,
    seed: int = 0,
) -> Interval:
    """Pooled `metrics.auc` with an interval over users: a drawn user brings all of their rows.

    Args:
        labels, scores, users: (n,).
        minus: (n,) scores of a second model; then the interval is of AUC(scores) - AUC(minus), both
            on the same drawn users.
        level, samples, seed: as in `mean_interval`.

    Raises:
        ValueError: as `metrics.auc`; one class only.
    """
    if np.isnan(metrics.auc(labels, scores)):
        raise ValueError("all labels are the same: an AUC needs both kinds")
    names, user = np.unique(np.asarray(users), return_inverse=True)
    one, *other = (_pooled_auc(labels, s, user) for s in (scores, minus) if s is not None)

    def value(often: np.ndarray) -> Any:
        return one(often) - sum(auc(often) for auc in other)

    return _resampled(value, len(names), level, samples, seed)


def _mean(values: np.ndarray, weights: np.ndarray) -> ByDraw:
    """The weighted mean over users of their values."""
    total = weights * values
    return lambda often: often @ total / (often @ weights)


def _pooled_auc(labels: Any, scores: Any, user: np.ndarray) -> ByDraw:
    """The AUC of all rows of the drawn users; NaN where they are of one class."""
    y = np.asarray(labels, dtype=np.float64)
    level = np.unique(np.asarray(scores), return_inverse=True)[1]  # equal for equal scores

    def auc(often: np.ndarray) -> Any:
        positives = np.bincount(level, weights=often[user] * y)
        negatives = np.bincount(level, weights=often[user] * (1 - y))
        right = positives @ (negatives.cumsum() - negatives / 2)  # a tie counts one half
        return right / (positives.sum() * negatives.sum() or np.nan)

    return auc


def _resampled(value: ByDraw, n: int, level: float, samples: int, seed: int) -> Interval:
    """The value for n users, and the middle part of its values for users drawn from them."""
    rng = np.random.default_rng(seed)
    draws = (np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(samples))
    low, high = np.nanquantile(
        [value(often) for often in draws], [0.5 - level / 2, 0.5 + level / 2]
    )
    return Interval(float(value(np.ones(n, dtype=int))), float(low), float(high), n)
