"""BayesianFM level by level on the official folds u1 to u5, and myFM beside it where installed.

One setting, the library's own, for all levels: rank 10, 300 draws, as usual for myFM on this data.
`myfm` is no extra, since its wheels come without the project's pins: put it on PYTHONPATH.
"""

from __future__ import annotations

import importlib.util
import time
from typing import Any

import numpy as np
from scipy import sparse

import recsys_tutorial as rt
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
TIMES = 0.6  # at most so much of myFM's CPU seconds


def fitted(train: Dataset, **level: bool) -> tuple[BayesianFM, float]:
    model = BayesianFM.for_dataset(train, **level)
    start = time.process_time()
    rt.fit(model, train, progress=False)
    return model, time.process_time() - start


def judged(train: Dataset, test: Dataset, name: str) -> tuple[BayesianFM, dict[str, float]]:
    """A level fitted on a fold: metrics, CPU seconds, share of ratings inside."""
    model, spent = fitted(train, **LEVELS[name])
    columns = [c for c in model.columns if c != "rating"]
    belief = model(next(iter(test.batches(columns, batch_size=len(test)))))
    off = np.abs(test.rating - belief.score.numpy()) / belief.variance.sqrt().numpy()
    found = rt.evaluate(model, test, train=train, metrics=METRICS)
    found = {**found, "seconds": spent, "inside": float((off < 1.645).mean())}
    return model, {key: round(value, 4) for key, value in found.items()}


def compare(data: Dataset) -> dict[str, Any]:
    """Per level: RMSE of each fold, CPU seconds, share inside; and myFM on the first fold."""
    fitted(data.take(np.arange(1_000)))  # compiled before anything is timed
    found: dict[str, list[dict[str, float]]] = {name: [] for name in LEVELS}
    peer = None
    for train, test in data.folds(5):
        for name, rows in found.items():
            model, row = judged(train, test, name)
            rows.append(row)
            if name == "histories" and peer is None and importlib.util.find_spec("myfm"):
                peer = my_fm(model, train, test)
                peer["times"] = round(row["seconds"] / peer["seconds"], 3)
    return summed(found, peer)


def summed(found: dict[str, list[dict[str, float]]], peer: dict[str, Any] | None) -> dict[str, Any]:
    """Means over folds, and what each fold gave."""
    levels: dict[str, dict[str, Any]] = {}
    for name, rows in found.items():
        row = {key: [fold[key] for fold in rows] for key in rows[0]}
        levels[name] = {key: float(np.mean(values)) for key, values in row.items()}
        levels[name]["seconds"] = float(np.median(row["seconds"]))
        for key in ("rmse", "ndcg@10"):
            levels[name][f"{key}_folds"] = row[key]
            levels[name][f"{key}_sd"] = float(np.std(row[key], ddof=1))
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
    blocks = [
        [RelationBlock(code, table) for code, table in zip(codes, tables, strict=True)]
        for codes in ((train.user, train.item), (test.user, test.item))
    ]
    start = time.process_time()
    peer.fit(None, train.rating, X_rel=blocks[0], n_iter=model.samples,
             n_kept_samples=model.samples - model.burn,
             group_shapes=[n for shape in shapes for n in shape],
             callback=lambda *_: (False, None))  # fmt: skip
    spent = time.process_time() - start
    scores = peer.predict(None, X_rel=blocks[1]).clip(*test.scale)
    return {"rmse": rt.metrics.rmse(test.rating, scores), "seconds": round(spent, 2)}


def settings() -> dict[str, Any]:
    """What the figures belong to; the ledger's test compares it."""
    kept = BayesianFM(2, 2).settings()
    return {n: v for n, v in kept.items() if n not in ("n_users", "n_items")}


def gates(result: dict[str, Any]) -> list[tuple[str, bool]]:
    checks = []
    for name, row in result["levels"].items():
        text = f"BayesianFM, {name}: RMSE {row['rmse']:.4f} (at most {MOST[name]})"
        checks.append((text, row["rmse"] <= MOST[name]))
        text = f"BayesianFM, {name}: {row['inside']:.3f} inside of 90 % ({INSIDE[0]}-{INSIDE[1]})"
        checks.append((text, INSIDE[0] <= row["inside"] <= INSIDE[1]))
    if result["myfm"] is not None:
        times = result["myfm"]["times"]
        checks.append(
            (f"BayesianFM: {times} of myFM's CPU seconds (at most {TIMES})", times <= TIMES)
        )
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
