"""How far a number can be trusted: intervals from resampling users.

Rows of one user are alike, so a row is no independent draw: a user is. Every interval here draws
users with replacement (a cluster bootstrap) and is the middle part of what comes out. It covers
which users happened to be asked, not which split was drawn or how the training ended: repeat the
experiment for those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys_tutorial import evaluation, metrics
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.metrics.pairs import ordered_pairs
from recsys_tutorial.models.base import Model

Floats = NDArray[np.float64]


class Interval(NamedTuple):
    """A value with its bounds, in the value's own unit; `n` users stand behind it."""

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
    settings: dict[str, Any] = {"level": level, "samples": samples, "seed": seed}
    name, _, length = str(metric).partition("@")
    k = int(length) if length.isdigit() else 10
    for model in (a, b):
        parts = evaluation.training_parts(model, test, train)
        model.check_fitted()
        evaluation.wanted_metrics(model, test, metric, k)
    if metric in ("coverage", "n_users", "n_cold"):
        raise ValueError(f"metric={metric!r} is no mean over users: compare it by eye")
    if name in ("rmse", "mae"):
        found = _of_errors(a, b, test, 2 if name == "rmse" else 1, settings)
    elif name in ("auc", "conditional_auc"):
        good = evaluation.relevant_rows(test, relevant)
        one, other = (evaluation.predict(model, test, clip=False) for model in (a, b))
        if name == "auc":
            settings["samples"] = max(1, samples // 4)
            found = auc_interval(good, one, test.user, minus=other, **settings)
        else:
            both = [metrics.group_auc(good, scores, test.user).auc for scores in (one, other)]
            found = mean_interval(both[0] - both[1], **settings)
    else:
        key = name if name in ("mrr", "ranking_auc") else f"{name}@{{k}}"
        ranked = [evaluation.rank_users(m, test, parts, relevant, k, [key])[1] for m in (a, b)]
        found = mean_interval(ranked[0][metric] - ranked[1][metric], **settings)
    return Comparison(metric, *found)


def _of_errors(a: Model, b: Model, test: Dataset, power: int, settings: dict[str, Any]) -> Interval:
    """The difference of two errors over rows, all rows of a drawn user coming along."""
    _, user = np.unique(test.user, return_inverse=True)
    rows = np.bincount(user)
    errors = [np.abs(evaluation.predict(m, test) - test.rating) ** power for m in (a, b)]
    one, other = (np.bincount(user, weights=error) for error in errors)  # (n_users,)

    def difference(often: Floats) -> Floats:
        n = often @ rows
        return (often @ one / n) ** (1 / power) - (often @ other / n) ** (1 / power)

    return _resampled(difference, len(rows), **settings)


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
        ValueError: no value, weights of another shape or not positive, level outside of 0 to 1,
            no samples.

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
    return _resampled(lambda often: often @ (w * x) / (often @ w), len(x), level, samples, seed)


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
        ValueError: as `metrics.auc`, level outside of 0 to 1, no samples, one class only.
    """
    if np.isnan(metrics.auc(labels, scores)):
        raise ValueError("all labels are the same: an AUC needs both kinds")
    names, user = np.unique(np.asarray(users), return_inverse=True)
    y = np.asarray(labels, dtype=np.float64)
    one, other = (
        None if s is None else _pooled_auc(y, np.asarray(s), user) for s in (scores, minus)
    )
    assert one is not None

    def value(often: Floats) -> Floats:
        return one(often) if other is None else one(often) - other(often)

    return _resampled(value, len(names), level, samples, seed)


def _pooled_auc(y: Floats, s: Any, user: Any) -> Callable[[Floats], Floats]:
    """AUC (some,) when each row counts as often as its user was drawn, (some, n_users)."""
    order = np.argsort(s, kind="stable")  # once: to sort again what is sorted is quick
    y, s, user, one_group = y[order], s[order], user[order], np.zeros(len(y), dtype=np.intp)

    def auc(often: Any) -> float:
        right, positives, negatives = ordered_pairs(y, s, one_group, 1, often[user])
        pairs = float(positives[0] * negatives[0])
        return float(right[0]) / pairs if pairs else np.nan

    return lambda often: np.array([auc(each) for each in often])


def _resampled(
    value: Callable[[Floats], Floats], n: int, level: float, samples: int, seed: int
) -> Interval:
    """The value for each user once, and the middle part of the values for users drawn at random.

    Args:
        value: Of how often each user was drawn, (some, n), to one number per draw, (some,).
        n: Number of users.
    """
    if not 0 < level < 1 or samples < 1:
        raise ValueError(f"level={level} must be between 0 and 1, samples={samples} at least 1")
    rng, drawn = np.random.default_rng(seed), []
    for start in range(0, samples, some := max(1, 2_000_000 // n)):  # tables stay below 16 MB
        users = rng.integers(0, n, (min(some, samples - start), n))
        places = users + n * np.arange(len(users))[:, None]
        often = np.bincount(places.ravel(), minlength=users.size).reshape(users.shape)
        drawn.append(value(often.astype(np.float64)))
    low, high = np.nanquantile(np.concatenate(drawn), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(value(np.ones((1, n)))[0]), float(low), float(high), n)
