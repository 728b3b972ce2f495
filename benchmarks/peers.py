"""All approaches of page 16 under one protocol, and the library `implicit` beside ours.

Settings are chosen among a few trials on the validation part of one random split (seed 42), by
NDCG@10; the test part of it is used once, for the comparison with `implicit`; the table is of the
official folds u1 to u5. A test film is relevant from 4 stars on, and is ranked among the whole
catalogue less the user's training films. One thread; seconds are CPU seconds of the fit.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

import recsys_tutorial as rt
from benchmarks import accuracy
from recsys_tutorial import Batch, losses, models
from recsys_tutorial.datasets import Dataset, concat
from recsys_tutorial.evaluation import rank_users
from recsys_tutorial.interpret.intervals import Interval, mean_interval
from recsys_tutorial.models import MF, Model

MOST_TIMES = 5  # the fit of ImplicitALS over that of `implicit`
LEAST_BPR = 1.2  # NDCG@10 of BPR over that of `implicit`
SWEEPS = (1, 2, 3, 5, 8, 12)
ROUNDS = 7


class RankedMF(MF):
    """MF for ranking losses: the penalty is paid by what was rated, not by what was drawn."""

    def penalty(self, batch: Batch) -> torch.Tensor:
        (item,) = batch.need("item")
        return super().penalty(replace(batch, item=item[..., :1]))


class Peer(MF):
    """Vectors that another library has learned, to be judged like ours."""

    ranks = True


def built(cls: type[Model]) -> Callable[..., Model]:
    """A fit with the model's own defaults but for `settings`."""

    def run(train: Dataset, **settings: Any) -> Model:
        model = cls.for_dataset(train, **settings)
        rt.fit(model, train, progress=False)
        return model

    return run


def ranked(cls: type[Model], loss: Callable[..., torch.Tensor], dim: int) -> Callable[..., Model]:
    """MF under a ranking loss; a row counts as much as its rating, as in the closed forms."""

    def run(train: Dataset, *, l2: float, **settings: Any) -> Model:
        model = cls.for_dataset(train, dim=dim, l2=l2)
        weighted = replace(train, weight=train.rating / train.scale[1])
        rt.fit(model, weighted, loss=loss, progress=False, **settings)
        return model

    return run


def implicit_library(name: str) -> Callable[..., Model]:
    """ALS or BPR of `implicit`. ALS gets the table that ours gets, its confidence is alpha x."""

    def run(train: Dataset, *, least: float = 0, **settings: Any) -> Model:
        from implicit.als import AlternatingLeastSquares
        from implicit.bpr import BayesianPersonalizedRanking

        kind = {"ALS": AlternatingLeastSquares, "BPR": BayesianPersonalizedRanking}[name]
        exact = {"use_cg": False} if name == "ALS" else {}
        peer = kind(use_gpu=False, num_threads=1, random_state=0, **exact, **settings)
        kept = train.take(train.rating >= least)
        x = models.EASE.for_dataset(train).table(kept).astype(np.float32)
        start = time.process_time()
        peer.fit(x, show_progress=False)
        spent = time.process_time() - start
        model = Peer.for_dataset(train, dim=np.asarray(peer.user_factors).shape[1])
        with torch.no_grad():
            model.user_factors.copy_(torch.from_numpy(np.asarray(peer.user_factors)))
            model.item_factors.copy_(torch.from_numpy(np.asarray(peer.item_factors)))
        model.fit_seconds = spent  # type: ignore[assignment]
        return model

    return run


class Contender(NamedTuple):
    """How one is fitted, its trials, and what somebody takes who does not look (None: no trial)."""

    run: Callable[..., Model]
    trials: list[dict[str, Any]] = [{}]  # noqa: RUF012
    careless: dict[str, Any] | None = None


def grid(**values: list[Any]) -> list[dict[str, Any]]:
    """All combinations."""
    return [dict(zip(values, v, strict=True)) for v in itertools.product(*values.values())]


_CLASSIC = {"worst": 0.2, "prior": 0.0, "sweeps": 8}  # targets x, as in page 16's table
_ALS = [(10.0, 2.0), (20.0, 4.0), (30.0, 6.0), (40.0, 8.0), (40.0, 12.0), (20.0, 2.0)]
_IMPLICIT_BPR = [  # the best of sixteen drawn at random, and others near them
    (8, 400, 0.002, 0.03),
    (8, 800, 0.002, 0.03),
    (16, 400, 0.002, 0.03),
    (16, 400, 0.002, 0.1),
    (8, 400, 0.005, 0.03),
    (32, 200, 0.01, 0.1),
]
_PAIRS = {"lr": 0.01, "batch_size": 1024, "negatives": 4}
_LINE_UP = {"lr": 0.01, "batch_size": 256}


def rankers() -> dict[str, Contender]:
    """Those that are tuned for ranking, with at most a dozen trials each."""
    return {
        "Popularity": Contender(built(models.Popularity)),
        "ItemKNN": Contender(
            built(models.ItemKNN),
            grid(k=[50, 100, 200, 400], shrink=[0.0, 10.0, 50.0]),
            {"k": 20, "shrink": 0.0},
        ),
        "EASE": Contender(
            built(models.EASE),
            grid(l2=[50.0, 100.0, 150.0, 200.0, 250.0, 300.0, 400.0, 600.0]),
            {"l2": 1.0},
        ),
        "PureSVD": Contender(
            built(models.PureSVD), grid(dim=[6, 8, 10, 12, 16, 20, 24, 32]), {"dim": 64}
        ),
        "ImplicitALS": Contender(
            built(models.ImplicitALS),
            [{"dim": d, "l2": r, "alpha": a} | _CLASSIC for d in (32, 64) for r, a in _ALS],
            {"dim": 64, "l2": 0.01, "alpha": 1.0} | _CLASSIC,
        ),
        "BPR": Contender(
            ranked(MF, losses.bpr, 64),
            [_PAIRS | s for s in grid(l2=[0.01, 0.015, 0.02, 0.03], epochs=[20, 30])],
            {"l2": 0.0, "epochs": 20, "lr": 0.01, "batch_size": 1024, "negatives": 1},
        ),
        "sampled softmax": Contender(
            ranked(RankedMF, losses.sampled_softmax, 32),
            [_LINE_UP | {"negatives": 32} | s for s in grid(l2=[0.04, 0.06, 0.08], epochs=[8])],
        ),
        "full softmax": Contender(
            ranked(RankedMF, losses.sampled_softmax, 32),
            [_LINE_UP | {"negatives": "all"} | s for s in grid(l2=[0.02, 0.03, 0.04], epochs=[4])],
        ),
        "implicit ALS": Contender(
            implicit_library("ALS"),
            [
                {"factors": d, "regularization": r, "alpha": a, "iterations": 8}
                for d in (32, 64)
                for r, a in _ALS
            ],
            {},
        ),
        "implicit BPR": Contender(
            implicit_library("BPR"),
            [
                {"factors": d, "iterations": n, "learning_rate": lr, "regularization": r}
                | {"least": least}
                for d, n, lr, r in _IMPLICIT_BPR
                for least in (0, 4)  # all pairs, or the films that were liked
            ],
            {},
        ),
    }


RATERS = (
    "biases only",
    "BiasedMF",
    "FactorizationMachine",
    "SVDpp",
    "SVDpp, features",
    "TensorFactorization",
    "HashedMF",
)


def raters() -> dict[str, Callable[..., Model]]:
    """Those that predict stars, as the accuracy benchmark has them."""
    found: dict[str, Callable[..., Model]] = {}
    for name in RATERS:
        known = accuracy.CONTENDERS[name]
        found[name] = partial(built(getattr(models, known.model)), **known.settings)
    return found


def timed(run: Callable[..., Model], train: Dataset, **settings: Any) -> tuple[Model, float]:
    """The model, and CPU seconds of its fit."""
    start = time.process_time()
    model = run(train, **settings)
    spent = time.process_time() - start
    return model, getattr(model, "fit_seconds", spent)


def judged(model: Model, test: Dataset, *seen: Dataset) -> dict[str, float]:
    every = rt.evaluate(model, test, train=list(seen))
    wanted = ("ndcg@10", "recall@10", "ranking_auc", "coverage", "rmse")
    return {key: every[key] for key in wanted if key in every}


def ndcg_of_each_user(model: Model, test: Dataset, train: Dataset) -> np.ndarray:
    """NDCG@10 (n_users,), NaN where no test film is relevant."""
    each = np.full(test.n_users, np.nan)
    users, values = rank_users(model, test, [train], 4, 10, ["ndcg@{k}"])
    each[users] = values["ndcg@10"]
    return each


def tune(data: Dataset) -> dict[str, dict[str, Any]]:
    """Per contender the trial that ranks the validation part best, and the careless one."""
    train, valid, _ = data.split("random", seed=42)
    found = {}
    for name, contender in rankers().items():
        scored = [
            judged(timed(contender.run, train, **trial)[0], valid, train)["ndcg@10"]
            for trial in contender.trials
        ]
        best = int(np.argmax(scored))
        row = {"settings": contender.trials[best], "trials": len(scored), "valid": scored[best]}
        if contender.careless is not None:
            model = contender.run(train, **contender.careless)
            row["careless"] = judged(model, valid, train)["ndcg@10"]
            row["careless_settings"] = contender.careless
        found[name] = row
        print(f"{name:18}{row['valid']:8.4f}  best of {len(scored)}: {row['settings']}", flush=True)
    return found


def on_test(data: Dataset, chosen: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Refitted on train and valid, once on test: differences to `implicit`, with intervals."""
    train, valid, test = data.split("random", seed=42)
    whole = concat(train, valid)
    names = ("EASE", "ImplicitALS", "BPR", "implicit ALS", "implicit BPR")
    ndcg = {}
    for name in names:
        model = rankers()[name].run(whole, **chosen[name]["settings"])
        ndcg[name] = ndcg_of_each_user(model, test, whole)
    result: dict[str, Any] = {"ndcg": {name: float(np.nanmean(v)) for name, v in ndcg.items()}}
    for name in ("EASE", "ImplicitALS"):
        interval = mean_interval(ndcg[name] - ndcg["implicit ALS"])
        result[f"{name} - implicit ALS"] = list(interval)
    result["bpr_times"] = result["ndcg"]["BPR"] / result["ndcg"]["implicit BPR"]
    return result


def curves(data: Dataset, chosen: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """NDCG@10 on the validation part against seconds, and seconds at equal settings."""
    train, valid, _ = data.split("random", seed=42)
    found: dict[str, Any] = {"ImplicitALS": [], "implicit ALS": [], "EASE": []}
    table = rankers()
    for sweeps in SWEEPS:
        for name, count in (("ImplicitALS", "sweeps"), ("implicit ALS", "iterations")):
            settings = chosen[name]["settings"] | {count: sweeps}
            model, spent = timed(table[name].run, train, **settings)
            found[name].append([spent, judged(model, valid, train)["ndcg@10"]])
    model, spent = timed(table["EASE"].run, train, **chosen["EASE"]["settings"])
    found["EASE"].append([spent, judged(model, valid, train)["ndcg@10"]])
    mine, theirs = [], []
    for _ in range(ROUNDS):  # interleaved, the same number of factors and sweeps
        mine.append(timed(table["ImplicitALS"].run, train, dim=32, **_CLASSIC)[1])
        same = {"factors": 32, "regularization": 20.0, "iterations": 8}
        theirs.append(timed(table["implicit ALS"].run, train, **same)[1])
    seconds = {"ImplicitALS": float(np.median(mine)), "implicit ALS": float(np.median(theirs))}
    times = float(np.median(np.array(mine) / np.array(theirs)))
    return {"curves": found, "als_seconds": seconds, "als_times": times, "dim": 32, "sweeps": 8}


def on_folds(data: Dataset, chosen: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The table: each contender on u1 to u5, mean and spread over the folds."""
    rows: dict[str, list[dict[str, float]]] = {}
    runs = {n: (c.run, chosen[n]["settings"]) for n, c in rankers().items()}
    runs |= {name: (run, {}) for name, run in raters().items()}
    for train, test in data.folds(5):
        for name, (run, settings) in runs.items():  # interleaved
            model, spent = timed(run, train, **settings)
            rows.setdefault(name, []).append({**judged(model, test, train), "seconds": spent})
    table: dict[str, dict[str, Any]] = {}
    for name, folds in rows.items():
        table[name] = {key: float(np.mean([f[key] for f in folds])) for key in folds[0]}
        table[name]["seconds"] = float(np.median([f["seconds"] for f in folds]))
        for key in sorted({"ndcg@10", "rmse"} & set(folds[0])):
            each = [f[key] for f in folds]
            table[name][f"{key}_sd"] = float(np.std(each, ddof=1))
            table[name][f"{key}_folds"] = [round(value, 4) for value in each]
    return table


def settings() -> dict[str, Any]:
    """What the figures belong to; the ledger's test compares it."""
    classes = sorted({accuracy.CONTENDERS[name].model for name in RATERS})
    defaults = {name: accuracy.settings()[name] for name in classes}
    trials = {name: contender.trials for name, contender in rankers().items()}
    return json.loads(json.dumps({"defaults": defaults, "trials": trials}))


def compare(data: Dataset) -> dict[str, Any]:
    chosen = tune(data)
    return {
        "chosen": chosen,
        "on_test": on_test(data, chosen),
        **curves(data, chosen),
        "folds": on_folds(data, chosen),
        "settings": settings(),
    }


def gates(result: dict[str, Any]) -> list[tuple[str, bool]]:
    checks = []
    for name in ("EASE", "ImplicitALS"):
        interval = Interval(*result["on_test"][f"{name} - implicit ALS"])
        text = f"NDCG@10 of {name} minus tuned implicit ALS: {interval} (not below 0)"
        checks.append((text, interval.high >= 0))
    times = result["als_times"]
    text = f"ALS: {times:.2f} times the CPU seconds of implicit (at most {MOST_TIMES})"
    checks.append((text, times <= MOST_TIMES))
    times = result["on_test"]["bpr_times"]
    text = f"BPR: {times:.2f} times the NDCG@10 of implicit's tuned BPR (at least {LEAST_BPR})"
    checks.append((text, times >= LEAST_BPR))
    return checks


def table(result: dict[str, Any]) -> str:
    lines = [f"{'u1 to u5':24}{'NDCG@10':>9}{'sd':>8}{'RMSE':>8}{'fit s':>8}"]
    for name, row in sorted(result["folds"].items(), key=lambda pair: -pair[1]["ndcg@10"]):
        stars = f"{row['rmse']:8.4f}" if "rmse" in row else f"{'-':>8}"
        lines.append(
            f"{name:24}{row['ndcg@10']:9.4f}{row['ndcg@10_sd']:8.4f}{stars}{row['seconds']:8.2f}"
        )
    return "\n".join(lines)


def page_entries(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What page 16 reads from the ledger."""
    how = {"seeds": [0], "settings": "benchmarks.peers in results.json"}
    return {
        "table": {"value": 5, "unit": "folds", "rows": result["folds"], **how},
        "tuning": {"value": len(result["chosen"]), "unit": "models", "rows": result["chosen"],
                   **how},
        "versus_implicit": {"value": result["als_times"], "unit": "times the CPU seconds",
                            "rows": result["on_test"], "curves": result["curves"], **how},
    }  # fmt: skip
