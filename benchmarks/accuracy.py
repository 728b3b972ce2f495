"""RMSE on the official folds u1 to u5, always beside biases only on the same fold."""

from __future__ import annotations

import importlib.util
import itertools
import json
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

import recsys_tutorial as rt
from recsys_tutorial.datasets import Dataset, concat
from recsys_tutorial.models import Model

SURPRISE_TUNED = {"n_factors": 128, "n_epochs": 40, "lr_all": 0.01, "reg_all": 0.09}
MOST_BEHIND_SURPRISE = 0.002  # stars of RMSE
MOST_BEHIND_BIASED_MF = 0.002  # likewise, for DeepMF


class Contender(NamedTuple):
    """A model of ours and what is promised of it on u1 to u5.

    gain    : least gain over biases only in stars of RMSE, mean of the folds
    seconds : most CPU seconds of training a fold
    """

    model: str
    settings: Mapping[str, Any] = MappingProxyType({})
    gain: float | None = None
    seconds: float | None = None


CONTENDERS = {
    "biases only": Contender("BiasedMF", {"dim": 0}),
    "MF": Contender("MF"),
    "BiasedMF": Contender("BiasedMF", gain=0.027),
    "SideFeatureMF": Contender("SideFeatureMF", gain=0.043, seconds=5),
    "TemporalMF": Contender("TemporalMF"),
    "FactorizationMachine": Contender("FactorizationMachine", gain=0.041, seconds=5),
    "MixtureOfTastes": Contender("MixtureOfTastes", gain=0.025),
    "GumbelTastes": Contender("GumbelTastes", gain=0.025),
    "DeepMF": Contender("DeepMF"),
    "VariationalMF": Contender("VariationalMF", gain=0.025),
    "SVDpp": Contender("SVDpp", gain=0.027, seconds=10),
    "SVDpp, features": Contender("SVDpp", {"features": True}, gain=0.047),
    "TensorFactorization": Contender("TensorFactorization"),
    "HashedMF": Contender("HashedMF"),
}
BEST = "SVDpp, features"  # promised to be the best single model

Fitted = tuple[np.ndarray, float]  # predictions for the test rows, CPU seconds of the fit


def ours(name: str, settings: Mapping[str, Any]) -> Callable[[Dataset, Dataset], Fitted]:
    cls: type[Model] = getattr(rt.models, name)

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


def contenders() -> dict[str, Callable[[Dataset, Dataset], Fitted]]:
    found = {name: ours(c.model, c.settings) for name, c in CONTENDERS.items()}
    if importlib.util.find_spec("surprise"):
        found["Surprise SVD, tuned"] = surprise_svd
    return found


def on_folds(data: Dataset, first: int = 5) -> dict[str, dict[str, Any]]:
    """Per contender: RMSE on each of the first folds, gain over biases, CPU seconds per fit."""
    rmse: dict[str, list[float]] = {}
    seconds: dict[str, list[float]] = {}
    for train, test in itertools.islice(data.folds(5), first):
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
            "gain_sd": float(np.std(base - values, ddof=1)) if first > 1 else None,
            "fit_seconds": float(np.median(seconds[name])),
        }
        for name, values in rmse.items()
    }


def compare(data: Dataset, splits: int = 0) -> dict[str, Any]:
    """The official folds; and so many random 90/10 splits, which take long."""
    found = {"folds": on_folds(data), "settings": settings()}
    return found | ({"random_90_10": on_random_splits(data, splits)} if splits else {})


def on_random_splits(data: Dataset, splits: int) -> dict[str, Any]:
    """The spread over random 90/10 splits: one split alone says little."""
    rmse: dict[str, list[float]] = {}
    for seed in range(splits):
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
    for cls in (getattr(rt.models, c.model) for c in CONTENDERS.values()):
        defaults = {**cls(2, 2).settings(), "seed": 0}
        defaults = {n: v for n, v in defaults.items() if n not in ("n_users", "n_items")}
        # as JSON has it: tuples become lists
        found[cls.__name__] = json.loads(json.dumps({**defaults, **cls.fit_defaults}))
    return found


def gates(result: dict[str, Any]) -> list[tuple[str, bool]]:
    """What is promised on u1 to u5, and whether it holds."""
    folds = result["folds"]
    mine, deep = folds["BiasedMF"], folds["DeepMF"]
    checks = []
    for name, promise in CONTENDERS.items():
        row = folds[name]
        if promise.gain is not None:
            text = f"{name} gains {row['gain']:.4f} over biases only (at least {promise.gain})"
            checks.append((text, row["gain"] >= promise.gain))
        if promise.seconds is not None:
            text = f"{name}: {row['fit_seconds']:.1f} s of CPU time (at most {promise.seconds})"
            checks.append((text, row["fit_seconds"] <= promise.seconds))
    behind = deep["rmse"] - mine["rmse"]
    checks.append(
        (
            f"DeepMF minus BiasedMF: {behind:+.4f} (at most +{MOST_BEHIND_BIASED_MF})",
            behind <= MOST_BEHIND_BIASED_MF,
        )
    )
    best = min(CONTENDERS, key=lambda name: folds[name]["rmse"])
    checks.append((f"the best single model is {BEST!r} ({best!r} is)", best == BEST))
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
