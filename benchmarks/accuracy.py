"""Stars: how far off.

Models that predict stars. The first table is for the five official folds, with mean and standard
deviation over the folds (some are harder, for all models). The second is for random 90/10 splits
with seeds 0 to 9. The models have seed 0.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

import recsys_tutorial as rt
from benchmarks.measuring import Gate, at_least, at_most, cpu, defaults, fitted, over_folds
from recsys_tutorial.datasets import Dataset, concat

SURPRISE_TUNED = {"n_factors": 128, "n_epochs": 40, "lr_all": 0.01, "reg_all": 0.09}
MOST_BEHIND = 0.002  # stars of RMSE: BiasedMF behind Surprise, and DeepMF behind BiasedMF


class Contender(NamedTuple):
    """A model of ours and what is promised of it on u1 to u5.

    gain    : smallest improvement over biases only, in stars of RMSE, mean over folds
    seconds : most CPU seconds of training per fold
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


def ours(contender: Contender, train: Dataset, test: Dataset) -> Fitted:
    model, seconds = fitted(contender.model, train, **contender.settings)
    return rt.predict(model, test), seconds


def surprise_svd(train: Dataset, test: Dataset) -> Fitted:
    """The tuned SVD of scikit-surprise: the well-known peer, the same model by plain SGD."""
    from surprise import SVD, Reader
    from surprise import Dataset as SurpriseDataset

    columns = ["user", "item", "rating"]
    rows = SurpriseDataset.load_from_df(train.ratings[columns], Reader(rating_scale=train.scale))
    trainset = rows.build_full_trainset()
    model = SVD(**SURPRISE_TUNED, random_state=0)
    _, seconds = cpu(lambda: model.fit(trainset))
    pairs = zip(test.ratings["user"], test.ratings["item"], strict=True)
    return np.array([model.predict(u, i).est for u, i in pairs]), seconds


def contenders() -> dict[str, Callable[[Dataset, Dataset], Fitted]]:
    found: dict[str, Any] = {name: partial(ours, c) for name, c in CONTENDERS.items()}
    if importlib.util.find_spec("surprise"):
        found["Surprise SVD, tuned"] = surprise_svd
    return found


def errors(splits: Iterable[tuple[Dataset, Dataset]]) -> dict[str, list[dict[str, float]]]:
    """Per contender its RMSE and CPU seconds on each split. On a split they take turns."""
    found: dict[str, list[dict[str, float]]] = {}
    for train, test in splits:
        for name, run in contenders().items():
            scores, seconds = run(train, test)
            row = {"rmse": rt.metrics.rmse(test.rating, scores), "fit_seconds": seconds}
            found.setdefault(name, []).append(row)
    return found


def on_folds(data: Dataset, first: int = 5) -> dict[str, dict[str, Any]]:
    """Per contender: RMSE on each of the first folds, gain over biases, CPU seconds per fit."""
    found = errors(itertools.islice(data.folds(5), first))
    base = [row["rmse"] for row in found["biases only"]]
    for rows in found.values():
        for row, biases in zip(rows, base, strict=True):
            row["gain"] = biases - row["rmse"]
    return {name: over_folds(rows, ("rmse", "gain")) for name, rows in found.items()}


def on_random_splits(data: Dataset, splits: int) -> dict[str, Any]:
    """The spread over random 90/10 splits: one split alone says little."""
    parts = (data.split("random", seed=seed) for seed in range(splits))
    found = errors((concat(train, valid), test) for train, valid, test in parts)
    return {name: over_folds(rows, ["rmse"]) for name, rows in found.items()}


def compare(data: Dataset, splits: int = 0) -> dict[str, Any]:
    """The official folds; and so many random 90/10 splits, which take long."""
    found = {"folds": on_folds(data), "settings": settings()}
    return found | ({"random_90_10": on_random_splits(data, splits)} if splits else {})


def settings() -> dict[str, Any]:
    """The defaults that the figures belong to; a test compares the ledger with them."""
    classes = (getattr(rt.models, c.model) for c in CONTENDERS.values())
    return {cls.__name__: {**defaults(cls), "seed": 0, **cls.fit_defaults} for cls in classes}


def gates(result: dict[str, Any]) -> list[Gate]:
    """What is promised on u1 to u5, and whether it holds."""
    folds = result["folds"]
    checks = []
    for name, promise in CONTENDERS.items():
        gain, seconds = folds[name]["gain"], folds[name]["fit_seconds"]
        if promise.gain is not None:
            checks.append(at_least(f"{name}: {gain:.4f} better than biases", gain, promise.gain))
        if promise.seconds is not None:
            checks.append(at_most(f"{name}: {seconds:.1f} s of CPU time", seconds, promise.seconds))
    best = min(CONTENDERS, key=lambda name: folds[name]["rmse"])
    checks.append((f"the best single model is {BEST!r} ({best!r} is)", best == BEST))
    pairs = [("DeepMF", "BiasedMF"), ("BiasedMF", "Surprise SVD, tuned")]
    for one, other in pairs if "Surprise SVD, tuned" in folds else pairs[:1]:
        behind = folds[one]["rmse"] - folds[other]["rmse"]
        checks.append(at_most(f"RMSE of {one} minus {other}: {behind:+.4f}", behind, MOST_BEHIND))
    if "Surprise SVD, tuned" in folds:
        mine, peer = (folds[name]["fit_seconds"] for name in pairs[1])
        checks.append((f"fit: {mine:.2f} s, Surprise {peer:.2f} s (no more time)", mine <= peer))
    return checks
