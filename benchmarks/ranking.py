"""`evaluate` beside a loop over users that calls scikit-learn, on the same scores."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import numpy as np
import torch
from sklearn.metrics import ndcg_score, roc_auc_score

import recsys_tutorial as rt
from recsys_tutorial import Batch
from recsys_tutorial.datasets import Dataset
from recsys_tutorial.models import BiasedMF, Model

TIMES = 40
ROUNDS = 5


def sklearn_loop(
    model: Model, test: Dataset, train: Dataset, users: np.ndarray | None = None, k: int = 10
) -> dict[str, float]:
    """NDCG@k and AUC of each user's ranking, one call a user.

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
    for labels, mine, values in zip(relevant, candidate, scores, strict=True):
        labels, values = labels[mine], values[mine]
        if labels.any():
            ndcg.append(ndcg_score(labels[None], values[None], k=k))
            auc.append(roc_auc_score(labels, values))
    return {f"ndcg@{k}": float(np.mean(ndcg)), "ranking_auc": float(np.mean(auc))}


def compare(data: Dataset) -> dict[str, Any]:
    """Seconds of both (median of interleaved rounds), and that they agree."""
    train, _, test = data.split("random", valid=0, seed=42)
    model = BiasedMF.for_dataset(train)
    rt.fit(model, train, progress=False)
    rt.evaluate(model, test, train=train)  # the first call of a process loads what it needs
    ours, theirs = [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        result = rt.evaluate(model, test, train=train)
        middle = time.perf_counter()
        oracle = sklearn_loop(model, test, train)
        ours.append(middle - start)
        theirs.append(time.perf_counter() - middle)
    for key, value in oracle.items():
        if abs(result[key] - value) > 1e-6:
            raise AssertionError(f"{key}: {result[key]} here, {value} by scikit-learn")
    times = [t / o for o, t in zip(ours, theirs, strict=True)]
    found = {"evaluate_seconds": ours, "sklearn_seconds": theirs, "times": times}
    return {name: median(values) for name, values in found.items()} | {
        f"{name}_range": [min(values), max(values)] for name, values in found.items()
    }


def gates(result: dict[str, Any]) -> list[tuple[str, bool]]:
    text = (
        f"evaluate: {result['evaluate_seconds'] * 1e3:.0f} ms, scikit-learn user by user "
        f"{result['sklearn_seconds']:.2f} s: {result['times']:.0f} times (at least {TIMES})"
    )
    return [(text, result["times"] >= TIMES)]
