"""Answers to the checks of page 06."""

import numpy as np
import pandas as pd

import recsys_tutorial as rt
from check_cases import Case


def _damped(part, test):
    total = np.bincount(part.item, part.rating, part.n_items)
    return (total + 5 * part.rating.mean()) / (part.counts("item") + 5)


def _plain(train, test):
    total = np.bincount(train.item, train.rating, train.n_items)
    return total / np.maximum(train.counts("item"), 1)


def _nan(train, test):
    with np.errstate(invalid="ignore"):
        return np.full(train.n_items, np.nan)


def _mean_of_all(train, test):
    total = np.bincount(train.item, train.rating, train.n_items)
    mean = np.append(train.rating, test.rating).mean()
    return (total + 5 * mean) / (train.counts("item") + 5)


def _means(size=1.0, replace=True, fixed=False):
    def draw(values, draws, seed):
        rng = np.random.default_rng(0 if fixed else seed)
        n = int(size * len(values))
        return np.array([rng.choice(values, n, replace).mean() for _ in range(draws)])

    return draw


def _unseeded(values, draws, seed):
    rng = np.random.default_rng()
    return np.array([rng.choice(values, len(values)).mean() for _ in range(draws)])


def _never_the_last(values, draws, seed):
    rng, n = np.random.default_rng(seed), len(values)
    return values[rng.integers(0, n - 1, (draws, n))].mean(1)


def _bell_curve(values, draws, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(values.mean(), values.std() / np.sqrt(len(values)), draws)


def _fifty(values, draws, seed):  # as many as the check's own example has
    return values[np.random.default_rng(seed).integers(0, 50, (draws, 50))].mean(1)


def _by_rows(labels, scores, users):
    each, rows = _each(labels, scores, users), np.bincount(users)
    return np.average(each[each.notna()], weights=rows[each.notna()])


def _each(labels, scores, users):
    return pd.Series(rt.metrics.group_auc(labels, scores, users).auc)


CASES = {
    "06.bootstrap": Case(
        right=lambda page: _means(),
        stub=lambda page: lambda values, draws, seed: None,
        wrong=[
            lambda page: _means(replace=False),
            lambda page: _means(size=0.5),  # too few, so too wide
            lambda page: _means(fixed=True),
            lambda page: lambda values, draws, seed: values.mean(),
            lambda page: _unseeded,
            lambda page: _never_the_last,
            lambda page: _bell_curve,
            lambda page: _fifty,
        ],
    ),
    "06.prepare": Case(
        right=lambda page: _damped,
        stub=lambda page: lambda train, test: None,
        wrong=[
            lambda page: lambda train, test: _damped(rt.datasets.concat(train, test), test),
            lambda page: _mean_of_all,
            lambda page: _plain,
            lambda page: _nan,
            lambda page: lambda train, test: train.counts("item"),
            lambda page: lambda train, test: train.rating.mean(),
            lambda page: 3.5,
            lambda page: lambda train, test: _damped(page.data, test),
            lambda page: lambda train, test: _damped(train, test).astype(str),
        ],
    ),
    "06.conditional_auc": Case(
        right=lambda page: lambda y, s, u: _each(y, s, u).mean(),
        stub=lambda page: lambda y, s, u: None,
        wrong=[
            lambda page: lambda y, s, u: rt.metrics.auc(y, s),
            lambda page: lambda y, s, u: rt.metrics.conditional_auc(y, s, u, average="pairs"),
            lambda page: lambda y, s, u: _each(y, s, u).fillna(0.5).mean(),
            lambda page: lambda y, s, u: _each(y, s, u).fillna(0).mean(),
            lambda page: lambda y, s, u: np.mean(_each(y, s, u).to_numpy()),
            lambda page: lambda y, s, u: _each(y, s, u).to_numpy(),
            lambda page: 0.7,
            lambda page: _by_rows,
        ],
    ),
    "06.true_rank": Case(
        right=lambda page: lambda s, n, m: 1 + (n - 1) * (s - 1) / m,
        stub=lambda page: lambda s, n, m: None,
        wrong=[
            lambda page: lambda s, n, m: s * n / m,
            lambda page: lambda s, n, m: s,
            lambda page: lambda s, n, m: (n - 1) * (s - 1) / m,
            lambda page: lambda s, n, m: 1 + n * (s - 1) / m,
            lambda page: lambda s, n, m: round(1 + (n - 1) * (s - 1) / m),
            lambda page: 50,
            lambda page: lambda s, n, m: 1 + 999 * (s - 1) / 99,
            lambda page: lambda s, n, m: str(1 + (n - 1) * (s - 1) / m),
        ],
    ),
    "06.which_metric": Case(
        right=lambda page: ["ndcg", "auc", "rmse"],
        stub=lambda page: None,
        wrong=[
            lambda page: ["conditional_auc", "auc", "rmse"],
            lambda page: ["ndcg", "conditional_auc", "rmse"],
            lambda page: ["ndcg", "auc", "conditional_auc"],
            lambda page: ["ndcg", "auc"],
            lambda page: ["recall", "auc", "rmse"],
            lambda page: "rmse",
            lambda page: {"ndcg", "auc", "rmse"},
        ],
    ),
}
