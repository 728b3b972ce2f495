"""All approaches of page 16 under one protocol, and the library `implicit` beside ours.

Each row gets the same number of trials: one setting on a ladder of eight values, the others fixed.
They are judged on the test part of the official fold u1, rankers by NDCG@10 and models of stars by
RMSE; the table is of the folds u2 to u5, whose test parts hold none of its rows. A test film is
relevant from 4 stars on, and is ranked among the whole catalogue less the user's training films.
One thread; seconds are CPU seconds of the fit.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

import recsys_tutorial as rt
from benchmarks import accuracy
from recsys_tutorial import Batch, losses, models
from recsys_tutorial.datasets import Dataset
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


def ranked(
    cls: type[Model], loss: Callable[..., torch.Tensor], dim: int, weighted: bool = True
) -> Callable[..., Model]:
    """MF under a ranking loss; a row counts as much as its rating, as in the closed forms."""

    def run(train: Dataset, *, l2: float, **settings: Any) -> Model:
        model = cls.for_dataset(train, dim=dim, l2=l2)
        rows = replace(train, weight=train.rating / train.scale[1]) if weighted else train
        rt.fit(model, rows, loss=loss, progress=False, **settings)
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
    by: str = "ndcg@10"  # what the choice looks at


def ladder(name: str, *values: float | None, **fixed: Any) -> list[dict[str, Any]]:
    """One trial per value."""
    return [{**fixed, name: value} for value in values]


CLASSIC = {"dim": 64, "alpha": 8.0, "worst": 0.2, "prior": 0.0, "sweeps": 8}  # its targets are x
_PAIRS = {"lr": 0.01, "batch_size": 1024, "negatives": 4, "epochs": 30}


def contenders() -> dict[str, Contender]:
    """Every row of the table, with eight trials where there is anything to set."""
    m, softmax = models, partial(ranked, RankedMF, losses.sampled_softmax, 32)
    bpr = (0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.045, 0.07)
    sampled = {"lr": 0.01, "batch_size": 256, "epochs": 20, "negatives": 32}
    line_up = (0.01, 0.015, 0.025, 0.04, 0.06, 0.09, 0.13, 0.2)
    found = {
        "Popularity": Contender(built(m.Popularity)),
        "ItemKNN": Contender(
            built(m.ItemKNN), ladder("k", 12, 25, 50, 100, 200, 400, 800, 1600),
            {"k": 20, "shrink": 0.0},
        ),
        "EASE": Contender(
            built(m.EASE), ladder("l2", 50.0, 75.0, 110.0, 160.0, 240.0, 360.0, 540.0, 800.0),
            {"l2": 1.0},
        ),
        "PureSVD": Contender(
            built(m.PureSVD), ladder("dim", 4, 6, 8, 12, 16, 24, 32, 48), {"dim": 64}
        ),
        "ImplicitALS, classic": Contender(
            built(m.ImplicitALS),
            ladder("l2", 10.0, 15.0, 22.0, 33.0, 50.0, 75.0, 110.0, 160.0, **CLASSIC),
            {**CLASSIC, "l2": 0.01, "alpha": 1.0},
        ),
        "ImplicitALS": Contender(
            built(m.ImplicitALS), ladder("l2", 4.0, 6.0, 9.0, 13.0, 18.0, 27.0, 40.0, 60.0)
        ),
        "BPR": Contender(
            ranked(MF, losses.bpr, 64), ladder("l2", *bpr, **_PAIRS),
            {"l2": 0.0, "epochs": 20, "lr": 0.01, "batch_size": 1024, "negatives": 1},
        ),
        "sampled softmax": Contender(
            softmax(), ladder("l2", *line_up, **sampled)
        ),
        "full softmax": Contender(
            softmax(), ladder("l2", *line_up, lr=0.02, batch_size=256, epochs=10, negatives="all")
        ),
        "implicit ALS": Contender(
            implicit_library("ALS"),
            ladder("regularization", 6.0, 9.0, 13.0, 20.0, 30.0, 45.0, 70.0, 100.0,
                   factors=32, alpha=6.0, iterations=8),
            {},
        ),
        "implicit BPR": Contender(
            implicit_library("BPR"),
            ladder("regularization", 0.003, 0.006, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2,
                   factors=16, iterations=400, learning_rate=0.002, least=4),
            {},
        ),
    }  # fmt: skip
    of_stars = {
        "biases only": ladder("l2_bias", 0.0, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16),
        "BiasedMF": ladder("l2", 0.03, 0.045, 0.065, 0.09, 0.11, 0.14, 0.19, 0.26),
        "FactorizationMachine": ladder("l2", 0.018, 0.027, 0.038, 0.056, 0.08, 0.11, 0.16, 0.22),
        "SVDpp": ladder("l2", 0.02, 0.03, 0.042, 0.06, 0.085, 0.12, 0.17, 0.24),
        "SVDpp, features": ladder("l2", 0.02, 0.03, 0.042, 0.06, 0.085, 0.12, 0.17, 0.24),
        "TensorFactorization": ladder("l2", 0.03, 0.045, 0.065, 0.09, 0.11, 0.14, 0.19, 0.26),
        "HashedMF": ladder("l2", 0.03, 0.045, 0.065, 0.08, 0.1, 0.14, 0.19, 0.26),
    }
    for name, trials in of_stars.items():
        known = accuracy.CONTENDERS[name]
        run = partial(built(getattr(models, known.model)), **known.settings)
        found[name] = Contender(run, trials, by="rmse")
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


def choose(train: Dataset, valid: Dataset) -> dict[str, dict[str, Any]]:
    """Per contender the best of its trials, where on the ladder it is, and the careless one."""
    found = {}
    for name, contender in contenders().items():
        sign = -1 if contender.by == "rmse" else 1
        tried = [
            judged(timed(contender.run, train, **trial)[0], valid, train)[contender.by]
            for trial in contender.trials
        ]
        best, first = int(np.argmax(sign * np.array(tried))), contender.trials[0]
        row = {"settings": contender.trials[best], "trials": len(tried), "valid": tried[best],
               "sets": next((k for k, v in contender.trials[-1].items() if v != first[k]), ""),
               "by": contender.by, "tried": [round(value, 4) for value in tried],
               "at_edge": is_edge(contender.trials, best)}  # fmt: skip
        if contender.careless is not None:
            model = contender.run(train, **contender.careless)
            row["careless"] = judged(model, valid, train)["ndcg@10"]
            row["careless_settings"] = contender.careless
        found[name] = row
        print(f"{name:22}{row['valid']:8.4f}  {row['settings']}  {row['tried']}", flush=True)
    return found


def is_edge(trials: list[dict[str, Any]], best: int) -> bool:
    """Whether a longer ladder might have gone on; below a strength of 0 there is nothing."""
    first = best == 0 and 0.0 not in trials[0].values()
    return len(trials) > 1 and (first or best == len(trials) - 1)


def why_bpr(train: Dataset, valid: Dataset, l2: float) -> dict[str, float]:
    """NDCG@10 of our BPR made like that of `implicit`, step by step, else as it was chosen."""
    steps: dict[str, dict[str, Any]] = {
        "all ratings count alike": {},
        "and one unrated film for each": {"negatives": 1},
        "and that one drawn by popularity": {"negatives": 1, "popularity": 1.0},
    }
    run = ranked(MF, losses.bpr, 64, weighted=False)
    return {
        name: judged(run(train, l2=l2, **{**_PAIRS, **more}), valid, train)["ndcg@10"]
        for name, more in steps.items()
    }


def curves(train: Dataset, valid: Dataset, chosen: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """NDCG@10 on validation rows against seconds, and seconds at equal settings."""
    found: dict[str, Any] = {"ImplicitALS, classic": [], "implicit ALS": [], "EASE": []}
    table = contenders()
    for sweeps in SWEEPS:
        for name, count in (("ImplicitALS, classic", "sweeps"), ("implicit ALS", "iterations")):
            settings = chosen[name]["settings"] | {count: sweeps}
            model, spent = timed(table[name].run, train, **settings)
            found[name].append([spent, judged(model, valid, train)["ndcg@10"]])
    model, spent = timed(table["EASE"].run, train, **chosen["EASE"]["settings"])
    found["EASE"].append([spent, judged(model, valid, train)["ndcg@10"]])
    mine, theirs = [], []
    for _ in range(ROUNDS):  # interleaved, the same number of factors and sweeps
        small = {**CLASSIC, "dim": 32, "l2": 20.0}
        mine.append(timed(table["ImplicitALS, classic"].run, train, **small)[1])
        same = {"factors": 32, "regularization": 20.0, "iterations": 8}
        theirs.append(timed(table["implicit ALS"].run, train, **same)[1])
    seconds = {"ImplicitALS": float(np.median(mine)), "implicit ALS": float(np.median(theirs))}
    times = float(np.median(np.array(mine) / np.array(theirs)))
    return {"curves": found, "als_seconds": seconds, "als_times": times, "dim": 32, "sweeps": 8}


def on_folds(
    folds: Iterable[tuple[Dataset, Dataset]], chosen: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The table: each contender on the folds."""
    rows: dict[str, list[dict[str, float]]] = {}
    users: dict[str, list[np.ndarray]] = {}
    for train, test in folds:
        for name, contender in contenders().items():  # interleaved
            model, spent = timed(contender.run, train, **chosen[name]["settings"])
            dim = getattr(model, "dim", None)
            factors = {} if dim is None else {"factors": dim}
            rows.setdefault(name, []).append(
                {**judged(model, test, train), "seconds": spent, **factors}
            )
            users.setdefault(name, []).append(ndcg_of_each_user(model, test, train))
    return summed(rows, users)


def summed(
    rows: dict[str, list[dict[str, float]]], users: dict[str, list[np.ndarray]]
) -> dict[str, dict[str, Any]]:
    """Mean and spread over folds, and NDCG@10 less that of the first row, paired over users."""
    found: dict[str, dict[str, Any]] = {}
    for name, each in rows.items():
        found[name] = {key: float(np.mean([f[key] for f in each])) for key in each[0]}
        found[name]["seconds"] = float(np.median([f["seconds"] for f in each]))
        for key in sorted({"ndcg@10", "rmse"} & set(each[0])):
            values = [f[key] for f in each]
            found[name][f"{key}_sd"] = float(np.std(values, ddof=1))
            found[name][f"{key}_folds"] = [round(value, 4) for value in values]
    mean = {name: np.ma.masked_invalid(u).mean(0).filled(np.nan) for name, u in users.items()}
    first = max(found, key=lambda name: found[name]["ndcg@10"])
    for name in found:
        found[name]["behind"] = list(mean_interval(mean[name] - mean[first]))
    for name in ("EASE", "ImplicitALS, classic", "ImplicitALS"):
        found[name]["less implicit ALS"] = list(mean_interval(mean[name] - mean["implicit ALS"]))
    return found


def settings() -> dict[str, Any]:
    """What the figures belong to; the ledger's test compares it."""
    known = accuracy.CONTENDERS
    classes = sorted({known[name].model for name in contenders() if name in known})
    defaults = {name: accuracy.settings()[name] for name in classes}
    trials = {name: contender.trials for name, contender in contenders().items()}
    return json.loads(json.dumps({"defaults": defaults, "trials": trials}))


def compare(data: Dataset) -> dict[str, Any]:
    (train, valid), *reported = data.folds(5)
    chosen = choose(train, valid)
    return {
        "chosen": chosen,
        "why_bpr": {"as chosen": chosen["BPR"]["valid"],
                    **why_bpr(train, valid, chosen["BPR"]["settings"]["l2"])},
        **curves(train, valid, chosen),
        "folds": on_folds(reported, chosen),
        "settings": settings(),
    }  # fmt: skip


def gates(result: dict[str, Any]) -> list[tuple[str, bool]]:
    checks = []
    for name in ("EASE", "ImplicitALS, classic", "ImplicitALS"):
        interval = Interval(*result["folds"][name]["less implicit ALS"])
        text = f"NDCG@10 of {name} minus tuned implicit ALS: {interval} (not below 0)"
        checks.append((text, interval.high >= 0))
    times = result["als_times"]
    text = f"ALS: {times:.2f} times the CPU seconds of implicit (at most {MOST_TIMES})"
    checks.append((text, times <= MOST_TIMES))
    ours, theirs = (result["folds"][name]["ndcg@10"] for name in ("BPR", "implicit BPR"))
    text = f"BPR: {ours / theirs:.2f} times the NDCG@10 of implicit's (at least {LEAST_BPR})"
    checks.append((text, ours / theirs >= LEAST_BPR))
    edge = [name for name, row in result["chosen"].items() if row["at_edge"]]
    checks.append((f"chosen at the end of a ladder: {', '.join(edge) or 'none'}", not edge))
    return checks


def page_entries(sections: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What page 16 reads from the ledger."""
    result = sections["peers"]
    how = {"seeds": [0], "settings": "benchmarks.peers in results.json"}
    return {
        "table": {"value": 4, "unit": "folds", "rows": result["folds"], **how},
        "tuning": {"value": len(result["chosen"]), "unit": "models", "rows": result["chosen"],
                   **how},
        "versus_implicit": {"value": result["als_times"], "unit": "times the CPU seconds",
                            "rows": result["why_bpr"], "curves": result["curves"], **how},
    }  # fmt: skip
