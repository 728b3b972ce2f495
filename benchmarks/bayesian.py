"""Stars: draws of the posterior.

BayesianFM on the five official folds. It reads ids alone, then also side tables, then also
histories, then also days. Each has the defaults of the library: rank 10 and 300 draws, as is usual
on this data. `inside` is the share of test ratings in their 90 % intervals. `myfm` is the library
myFM on u1, with our rank, draws, ids, side tables and histories (measured where it can be
imported). `times` is our CPU time divided by that of myFM. Seed 0.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from scipy import sparse

import recsys_tutorial as rt
from benchmarks.measuring import Gate, at_most, cpu, defaults, fitted, over_folds
from recsys_tutorial.datasets import Dataset
from recsys_tutorial.models import BayesianFM

LEVELS: dict[str, dict[str, bool]] = {
    "ids": {"features": False, "histories": False},
    "side tables": {"histories": False},
    "histories": {},
    "days": {"days": True},
}
MOST = {"ids": 0.8985, "side tables": 0.8910, "histories": 0.8805, "days": 0.8775}  # RMSE
INSIDE = (0.88, 0.92)  # ratings in their 90 % intervals
METRICS = ("rmse", "ndcg@10", "recall@10", "coverage")
TIMES = 0.6  # most of myFM's CPU seconds


def judged(train: Dataset, test: Dataset, name: str) -> tuple[BayesianFM, dict[str, float]]:
    """A level fitted on a fold: metrics, CPU seconds, share of ratings inside."""
    model, seconds = fitted("BayesianFM", train, **LEVELS[name])
    columns = [c for c in model.columns if c != "rating"]
    belief = model(next(iter(test.batches(columns, batch_size=len(test)))))
    off = np.abs(test.rating - belief.score.numpy()) / belief.variance.sqrt().numpy()
    every = rt.evaluate(model, test, train=train)
    found = {name: every[name] for name in METRICS}
    found |= {"seconds": seconds, "inside": float((off < 1.645).mean())}
    return model, {key: round(value, 4) for key, value in found.items()}


def compare(data: Dataset) -> dict[str, Any]:
    """Per level: RMSE of each fold, CPU seconds, share inside; and myFM on the first fold."""
    fitted("BayesianFM", data.take(np.arange(1_000)))  # compiles what is timed below
    found: dict[str, list[dict[str, float]]] = {name: [] for name in LEVELS}
    peer = None
    for train, test in data.folds(5):
        for name, rows in found.items():
            model, row = judged(train, test, name)
            rows.append(row)
            if name == "histories" and peer is None and importlib.util.find_spec("myfm"):
                peer = my_fm(model, train, test)
                peer["times"] = round(row["seconds"] / peer["seconds"], 3)
    levels = {name: over_folds(rows, ("rmse", "ndcg@10")) for name, rows in found.items()}
    return {"levels": levels, "myfm": peer, "settings": settings()}


def my_fm(model: BayesianFM, train: Dataset, test: Dataset) -> dict[str, Any]:
    """myFM with the same features, histories as relation blocks, equal rank and draws."""
    from myfm import MyFMGibbsRegressor, RelationBlock

    sides = model.sampler(train).fields
    tables = [
        sparse.csr_matrix(sparse.hstack([sparse.identity(f.n), *(b.table for b in f.blocks)]))
        for f in sides
    ]
    shapes = [[f.n, *(b.table.shape[1] for b in f.blocks)] for f in sides]
    peer = MyFMGibbsRegressor(rank=model.dim, random_seed=0)
    of_train, of_test = (
        [RelationBlock(code, table) for code, table in zip(codes, tables, strict=True)]
        for codes in ((train.user, train.item), (test.user, test.item))
    )
    _, seconds = cpu(lambda: peer.fit(
        None, train.rating, X_rel=of_train, n_iter=model.samples,
        n_kept_samples=model.samples - model.burn,
        group_shapes=[n for shape in shapes for n in shape], callback=lambda *_: (False, None),
    ))  # fmt: skip
    scores = peer.predict(None, X_rel=of_test).clip(*test.scale)
    return {"rmse": rt.metrics.rmse(test.rating, scores), "seconds": round(seconds, 2)}


def settings() -> dict[str, Any]:
    """What the figures belong to; a test compares the ledger with them."""
    return defaults(BayesianFM)


def gates(result: dict[str, Any]) -> list[Gate]:
    checks = []
    for name, row in result["levels"].items():
        rmse, inside = row["rmse"], row["inside"]
        checks.append(at_most(f"BayesianFM, {name}: RMSE {rmse:.4f}", rmse, MOST[name]))
        text = f"BayesianFM, {name}: {inside:.3f} inside of 90 % ({INSIDE[0]} to {INSIDE[1]})"
        checks.append((text, INSIDE[0] <= inside <= INSIDE[1]))
    if result["myfm"] is not None:
        times = result["myfm"]["times"]
        checks.append(at_most(f"BayesianFM: {times} of myFM's CPU seconds", times, TIMES))
    return checks


def page_entries(sections: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What pages 13 and 16 read from the ledger: draws, and models that learn one best guess."""
    result, accuracy = sections["bayesian"], sections["accuracy"]["folds"]
    how = {"unit": "folds", "seeds": [0], "settings": result["settings"]}
    guesses = {
        name: {"seconds": row["fit_seconds"], **{k: row[k] for k in ("rmse", "rmse_folds")}}
        for name, row in accuracy.items()
    }
    return {
        "levels": {"value": 5, "rows": result["levels"], **how},
        "guesses": {"value": 5, "rows": guesses, **how, "settings": "benchmarks.accuracy"},
    }
