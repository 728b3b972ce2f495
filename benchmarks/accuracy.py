"""RMSE on the official folds u1 to u5, always beside biases only on the same fold."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import recsys_tutorial as rt
from recsys_tutorial.datasets import Dataset, concat
from recsys_tutorial.models import (
    MF,
    BiasedMF,
    FactorizationMachine,
    Model,
    SideFeatureMF,
    TemporalMF,
)

SURPRISE_TUNED = {"n_factors": 128, "n_epochs": 40, "lr_all": 0.01, "reg_all": 0.09}
LEAST_GAIN = 0.027  # stars of RMSE over biases only, mean of the folds
LEAST_GAIN_OF = {"SideFeatureMF": 0.043, "FactorizationMachine": 0.041}  # likewise
MOST_SECONDS = 5  # of training a fold, for these two
MOST_BEHIND_SURPRISE = 0.002  # stars of RMSE

Fitted = tuple[np.ndarray, float]  # predictions for the test rows, CPU seconds of the fit


def ours(cls: type[Model], **settings: Any) -> Callable[[Dataset, Dataset], Fitted]:
    def run(train: Dataset, test: Dataset) -> Fitted:
        model = cls.for_dataset(train, **settings)
        start = time.process_time()
        rt.fit(model, train, progress=False)
        return rt.predict(model, test), time.process_time() - start

    return run


def surprise_svd(train: Dataset, test: Dataset) -> Fitted:
    """The tuned SVD of scikit-surprise: the well-known peer, same model, plain SGD."""
    from surprise import SVD, Reader
    from surprise import Dataset as SurpriseDataset

    columns = ["user", "item", "rating"]
    rows = SurpriseDataset.load_from_df(train.ratings[columns], Reader(rating_scale=train.scale))
    trainset = rows.build_full_trainset()
    model = SVD(**SURPRISE_TUNED, random_state=0)
    start = time.process_time()
    model.fit(trainset)
    seconds = time.process_time() - start
    pairs = zip(test.ratings["user"], test.ratings["item"], strict=True)
    return np.array([model.predict(u, i).est for u, i in pairs]), seconds


def has_surprise() -> bool:
    try:
        import surprise  # noqa: F401
    except ImportError:
        return False
    return True


def contenders() -> dict[str, Callable[[Dataset, Dataset], Fitted]]:
    found = {
        "biases only": ours(BiasedMF, dim=0),
        "MF": ours(MF),
        "BiasedMF": ours(BiasedMF),
        "SideFeatureMF": ours(SideFeatureMF),
        "TemporalMF": ours(TemporalMF),
        "FactorizationMachine": ours(FactorizationMachine),
    }
    if has_surprise():
        found["Surprise SVD, tuned"] = surprise_svd
    return found


def on_folds(data: Dataset) -> dict[str, dict[str, Any]]:
    """Per contender: RMSE on each fold, gain over biases only, CPU seconds of each fit."""
    rmse: dict[str, list[float]] = {}
    seconds: dict[str, list[float]] = {}
    for train, test in data.folds(5):
        for name, run in contenders().items():  # interleaved: all see the same state of the machine
            scores, spent = run(train, test)
            rmse.setdefault(name, []).append(rt.metrics.rmse(test.rating, scores))
            seconds.setdefault(name, []).append(spent)
    base = np.array(rmse["biases only"])
    return {
        name: {
            "rmse": float(np.mean(values)),
            "rmse_folds": [round(v, 4) for v in values],
            "gain": float(np.mean(base - values)),
            "gain_sd": float(np.std(base - values, ddof=1)),
            "fit_seconds": float(np.median(seconds[name])),
        }
        for name, values in rmse.items()
    }


def on_random_splits(data: Dataset, seeds: range) -> dict[str, Any]:
    """The spread over random 90/10 splits: one split alone says little."""
    rmse: dict[str, list[float]] = {}
    for seed in seeds:
        train, valid, test = data.split("random", seed=seed)
        for name, run in contenders().items():
            scores, _ = run(concat(train, valid), test)
            rmse.setdefault(name, []).append(rt.metrics.rmse(test.rating, scores))
    return {
        name: {"rmse": float(np.mean(v)), "rmse_sd": float(np.std(v, ddof=1))}
        for name, v in rmse.items()
    }


def settings() -> dict[str, Any]:
    """The defaults that the figures belong to; the ledger's test compares them."""
    found = {}
    for cls in (MF, BiasedMF, SideFeatureMF, TemporalMF, FactorizationMachine):
        parameters = inspect.signature(cls).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        # as JSON has it: tuples become lists
        found[cls.__name__] = json.loads(json.dumps({**defaults, **cls.fit_defaults}))
    return found


def gates(folds: dict[str, dict[str, Any]]) -> list[tuple[str, bool]]:
    """What is promised on u1 to u5, and whether it holds."""
    mine = folds["BiasedMF"]
    checks = [
        (
            f"BiasedMF gains {mine['gain']:.4f} over biases only (at least {LEAST_GAIN})",
            mine["gain"] >= LEAST_GAIN,
        )
    ]
    for name, least in LEAST_GAIN_OF.items():
        row = folds[name]
        checks.append(
            (
                f"{name} gains {row['gain']:.4f} over biases only (at least {least}) in "
                f"{row['fit_seconds']:.1f} s of CPU time (at most {MOST_SECONDS})",
                row["gain"] >= least and row["fit_seconds"] <= MOST_SECONDS,
            )
        )
    peer = folds.get("Surprise SVD, tuned")
    if peer is not None:
        behind = mine["rmse"] - peer["rmse"]
        checks.append(
            (
                f"BiasedMF minus Surprise SVD: {behind:+.4f} (at most +{MOST_BEHIND_SURPRISE})",
                behind <= MOST_BEHIND_SURPRISE,
            )
        )
        checks.append(
            (
                f"fit: {mine['fit_seconds']:.2f} s, Surprise {peer['fit_seconds']:.2f} s "
                "(no more time)",
                mine["fit_seconds"] <= peer["fit_seconds"],
            )
        )
    return checks


def table(folds: dict[str, dict[str, Any]]) -> str:
    lines = [f"{'u1 to u5':22}{'RMSE':>8}{'gain':>8}{'sd':>8}{'fit s':>8}   each fold"]
    for name, row in folds.items():
        lines.append(
            f"{name:22}{row['rmse']:8.4f}{row['gain']:8.4f}{row['gain_sd']:8.4f}"
            f"{row['fit_seconds']:8.2f}   {' '.join(f'{v:.4f}' for v in row['rmse_folds'])}"
        )
    return "\n".join(lines)
