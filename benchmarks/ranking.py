"""How fast a ranking is measured.

`rt.evaluate`, and a loop over users with scikit-learn that computes the same numbers: medians of
rounds in which the two take turns, split with seed 42, model with seed 0.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from sklearn.metrics import ndcg_score, roc_auc_score

import recsys_tutorial as rt
from benchmarks.measuring import Gate, at_least, fitted, middle
from recsys_tutorial import Batch
from recsys_tutorial.datasets import Dataset
from recsys_tutorial.models import Model

TIMES = 40
ROUNDS = 5


def sklearn_loop(
    model: Model, test: Dataset, train: Dataset, users: np.ndarray | None = None
) -> dict[str, float]:
    """NDCG@10 and AUC of each user's ranking, one call per user.

    users : ascending codes of those to rank; all by default
    """
    users = np.arange(test.n_users) if users is None else users
    with torch.no_grad():
        scores = model.score_items(Batch(user=torch.from_numpy(users))).numpy()
    candidate = np.ones(scores.shape, dtype=bool)
    relevant = np.zeros(scores.shape, dtype=bool)

    def cells(part: Dataset) -> tuple[np.ndarray, np.ndarray]:
        rows = np.isin(part.user, users)
        return users.searchsorted(part.user[rows]), part.item[rows]

    candidate[cells(train)] = False
    relevant[cells(test.take(test.rating >= 4))] = True
    ndcg, auc = [], []
    for labels, allowed, values in zip(relevant, candidate, scores, strict=True):
        labels, values = labels[allowed], values[allowed]
        if labels.any():
            ndcg.append(ndcg_score(labels[None], values[None], k=10))
            auc.append(roc_auc_score(labels, values))
    return {"ndcg@10": float(np.mean(ndcg)), "ranking_auc": float(np.mean(auc))}


def agree(here: dict[str, float], loop: dict[str, float]) -> None:
    """AssertionError where `rt.evaluate` and the loop over users found different values."""
    for metric, value in loop.items():
        if abs(here[metric] - value) > 1e-6:
            raise AssertionError(f"{metric}: {here[metric]} here, {value} by scikit-learn")


def compare(data: Dataset) -> dict[str, Any]:
    """Seconds of both, and that they agree."""
    train, _, test = data.split("random", valid=0, seed=42)
    model, _ = fitted("BiasedMF", train)
    rt.evaluate(model, test, train=train)  # the first call of a process loads what it needs
    rounds: dict[str, list[float]] = {"evaluate_seconds": [], "sklearn_seconds": [], "times": []}
    for _ in range(ROUNDS):
        start = time.perf_counter()
        result = rt.evaluate(model, test, train=train)
        between = time.perf_counter()
        loop = sklearn_loop(model, test, train)
        ours, theirs = between - start, time.perf_counter() - between
        for seconds, value in zip(rounds.values(), (ours, theirs, theirs / ours), strict=True):
            seconds.append(value)
    agree(result, loop)
    return middle(rounds)


def gates(result: dict[str, Any]) -> list[Gate]:
    ours, theirs = result["evaluate_seconds"] * 1e3, result["sklearn_seconds"]
    text = f"evaluate: {ours:.0f} ms, scikit-learn user by user {theirs:.2f} s"
    return [at_least(f"{text}: {result['times']:.0f} times", result["times"], TIMES)]
