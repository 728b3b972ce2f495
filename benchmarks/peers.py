"""Lists: which films come first.

Rankings of the whole catalogue, compared with the library `implicit`. Eight settings of each model
were tried on u1: one hyperparameter takes eight values, and the others are fixed. The table shows
the mean and the standard deviation over u2 to u5 of the best setting. A test film is relevant from
4 stars on. Seed 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch

import recsys_tutorial as rt
from benchmarks import accuracy
from benchmarks.measuring import Gate, at_least, at_most, cpu, fitted, over_folds
from recsys_tutorial import Batch, losses
from recsys_tutorial.datasets import Dataset
from recsys_tutorial.evaluation import rank_users
from recsys_tutorial.interpret.intervals import Interval, mean_interval
from recsys_tutorial.models import EASE, MF, Model

MOST_TIMES = 5  # the fit of ImplicitALS over that of `implicit`
LEAST_BPR = 1.2  # NDCG@10 of BPR over that of `implicit`
SWEEPS = (1, 2, 3, 5, 8, 12)
ROUNDS = 7
CLOSED = ("EASE", "ImplicitALS, classic", "ImplicitALS")  # compared with ALS of `implicit`

Fit = Callable[..., tuple[Model, float]]
"""A training part and settings -> the fitted model, and CPU seconds."""


class RankedMF(MF):
    """MF for ranking losses: the penalty is for the rated item, not for the negatives."""

    def penalty(self, batch: Batch) -> torch.Tensor:
        (item,) = batch.need("item")
        return super().penalty(replace(batch, item=item[..., :1]))


class Peer(MF):
    """Vectors that another library has learned, to be evaluated like ours."""

    ranks = True


def ranked(
    cls: type[Model], loss: Callable[..., torch.Tensor], dim: int, weighted: bool = True
) -> Fit:
    """MF with a ranking loss; a row counts as much as its rating, as in the closed forms."""

    def run(train: Dataset, *, l2: float, **settings: Any) -> tuple[Model, float]:
        model = cls.for_dataset(train, dim=dim, l2=l2)
        rows = replace(train, weight=train.rating / train.scale[1]) if weighted else train
        return model, cpu(lambda: rt.fit(model, rows, loss=loss, progress=False, **settings))[1]

    return run


def implicit_library(name: str) -> Fit:
    """ALS or BPR of `implicit`. ALS gets the table that ours gets, its confidence is alpha x."""

    def run(train: Dataset, *, least: float = 0, **settings: Any) -> tuple[Model, float]:
        from implicit.als import AlternatingLeastSquares
        from implicit.bpr import BayesianPersonalizedRanking

        kind = {"ALS": AlternatingLeastSquares, "BPR": BayesianPersonalizedRanking}[name]
        exact = {"use_cg": False} if name == "ALS" else {}
        peer = kind(use_gpu=False, num_threads=1, random_state=0, **exact, **settings)
        kept = train.take(train.rating >= least)
        x = EASE.for_dataset(train).table(kept).astype(np.float32)
        _, seconds = cpu(lambda: peer.fit(x, show_progress=False))
        users, items = (
            torch.from_numpy(np.asarray(t)) for t in (peer.user_factors, peer.item_factors)
        )
        model = Peer.for_dataset(train, dim=users.shape[1])
        with torch.no_grad():
            model.user_factors.copy_(users)
            model.item_factors.copy_(items)
        return model, seconds

    return run


class Contender(NamedTuple):
    """How a row of the table is fitted, its trials, and settings that nobody thought about."""

    run: Fit
    trials: list[dict[str, Any]] = [{}]  # noqa: RUF012
    careless: dict[str, Any] | None = None
    by: str = "ndcg@10"  # the metric that chooses


def ladder(name: str, *values: float | None, **fixed: Any) -> list[dict[str, Any]]:
    """One trial per value."""
    return [{**fixed, name: value} for value in values]


CLASSIC = {"dim": 64, "alpha": 8.0, "worst": 0.2, "prior": 0.0, "sweeps": 8}  # its targets are x
_PAIRS = {"lr": 0.01, "batch_size": 1024, "negatives": 4, "epochs": 30}


def contenders() -> dict[str, Contender]:
    """Every row of the table, with eight trials where there is anything to set."""
    softmax = ranked(RankedMF, losses.sampled_softmax, 32)
    bpr = (0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.045, 0.07)
    sampled = {"lr": 0.01, "batch_size": 256, "epochs": 20, "negatives": 32}
    line_up = (0.01, 0.015, 0.025, 0.04, 0.06, 0.09, 0.13, 0.2)
    found = {
        "Popularity": Contender(partial(fitted, "Popularity")),
        "ItemKNN": Contender(
            partial(fitted, "ItemKNN"), ladder("k", 12, 25, 50, 100, 200, 400, 800, 1600),
            {"k": 20, "shrink": 0.0}),
        "EASE": Contender(
            partial(fitted, "EASE"),
            ladder("l2", 50.0, 75.0, 110.0, 160.0, 240.0, 360.0, 540.0, 800.0), {"l2": 1.0}),
        "PureSVD": Contender(
            partial(fitted, "PureSVD"), ladder("dim", 4, 6, 8, 12, 16, 24, 32, 48), {"dim": 64}),
        "ImplicitALS, classic": Contender(
            partial(fitted, "ImplicitALS"),
            ladder("l2", 10.0, 15.0, 22.0, 33.0, 50.0, 75.0, 110.0, 160.0, **CLASSIC),
            {**CLASSIC, "l2": 0.01, "alpha": 1.0}),
        "ImplicitALS": Contender(
            partial(fitted, "ImplicitALS"),
            ladder("l2", 4.0, 6.0, 9.0, 13.0, 18.0, 27.0, 40.0, 60.0)),
        "BPR": Contender(
            ranked(MF, losses.bpr, 64), ladder("l2", *bpr, **_PAIRS),
            {"l2": 0.0, "epochs": 20, "lr": 0.01, "batch_size": 1024, "negatives": 1}),
        "sampled softmax": Contender(softmax, ladder("l2", *line_up, **sampled)),
        "full softmax": Contender(
            softmax, ladder("l2", *line_up, lr=0.02, batch_size=256, epochs=10, negatives="all")),
        "implicit ALS": Contender(
            implicit_library("ALS"),
            ladder("regularization", 6.0, 9.0, 13.0, 20.0, 30.0, 45.0, 70.0, 100.0,
                   factors=32, alpha=6.0, iterations=8), {}),
        "implicit BPR": Contender(
            implicit_library("BPR"),
            ladder("regularization", 0.003, 0.006, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2,
                   factors=16, iterations=400, learning_rate=0.002, least=4), {}),
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
        run = partial(fitted, known.model, **known.settings)
        found[name] = Contender(run, trials, by="rmse")
    return found


def judged(model: Model, test: Dataset, *seen: Dataset) -> dict[str, float]:
    every = rt.evaluate(model, test, train=list(seen))
    wanted = ("ndcg@10", "recall@10", "ranking_auc", "coverage", "rmse")
    return {key: every[key] for key in wanted if key in every}


def ndcg_of_each_user(model: Model, test: Dataset, train: Dataset) -> np.ndarray:
    """NDCG@10 (n_users,), NaN where no test film is relevant."""
    each = np.full(test.n_users, np.nan)
    users, values = rank_users(model, test, [train], test.rating >= 4, 10, ["ndcg@10"])
    each[users] = values["ndcg@10"]
    return each


def choose(train: Dataset, valid: Dataset) -> dict[str, dict[str, Any]]:
    """Per contender the best of its trials, and NDCG@10 with the careless settings."""
    found = {}
    for name, contender in contenders().items():
        trials, by = contender.trials, contender.by
        tried = [judged(contender.run(train, **t)[0], valid, train)[by] for t in trials]
        best = int(np.argmin(tried) if by == "rmse" else np.argmax(tried))
        sets = next((k for k, v in trials[-1].items() if v != trials[0][k]), "")
        row = {"settings": trials[best], "trials": len(tried), "valid": tried[best], "sets": sets,
               "by": by, "tried": [round(value, 4) for value in tried],
               "at_edge": is_edge(trials, best)}  # fmt: skip
        if contender.careless is not None:
            model, _ = contender.run(train, **contender.careless)
            row["careless"] = judged(model, valid, train)["ndcg@10"]
            row["careless_settings"] = contender.careless
        found[name] = row
        print(f"{name:22}{row['valid']:8.4f}  {row['settings']}  {row['tried']}", flush=True)
    return found


def is_edge(trials: list[dict[str, Any]], best: int) -> bool:
    """Whether a longer ladder might have a better value; there is none below a penalty of 0."""
    first = best == 0 and 0.0 not in trials[0].values()
    return len(trials) > 1 and (first or best == len(trials) - 1)


def why_bpr(train: Dataset, valid: Dataset, l2: float) -> dict[str, float]:
    """NDCG@10 of our BPR, changed step by step into that of `implicit`."""
    steps: dict[str, dict[str, Any]] = {
        "all ratings count alike": {},
        "and one unrated film for each": {"negatives": 1},
        "and that one drawn by popularity": {"negatives": 1, "popularity": 1.0},
    }
    run = ranked(MF, losses.bpr, 64, weighted=False)
    return {
        name: judged(run(train, l2=l2, **{**_PAIRS, **more})[0], valid, train)["ndcg@10"]
        for name, more in steps.items()
    }


def curves(train: Dataset, valid: Dataset, chosen: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """NDCG@10 on validation rows against seconds, and seconds with equal settings."""
    ours, theirs, table = "ImplicitALS, classic", "implicit ALS", contenders()
    found: dict[str, Any] = {ours: [], theirs: [], "EASE": []}
    counts = [{ours: {"sweeps": n}, theirs: {"iterations": n}} for n in SWEEPS]
    for more in (*counts, {"EASE": {}}):
        for name, count in more.items():
            model, seconds = table[name].run(train, **chosen[name]["settings"] | count)
            found[name].append([seconds, judged(model, valid, train)["ndcg@10"]])
    same = {ours: {**CLASSIC, "dim": 32, "l2": 20.0},
            theirs: {"factors": 32, "regularization": 20.0, "iterations": 8}}  # fmt: skip
    rounds = [  # they take turns
        [table[name].run(train, **settings)[1] for name, settings in same.items()]
        for _ in range(ROUNDS)
    ]
    seconds = dict(
        zip(("ImplicitALS", theirs), map(median, zip(*rounds, strict=True)), strict=True)
    )
    times = median(a / b for a, b in rounds)
    return {"curves": found, "als_seconds": seconds, "als_times": times, "dim": 32, "sweeps": 8}


def on_folds(
    folds: Iterable[tuple[Dataset, Dataset]], chosen: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Each contender on the folds, and its NDCG@10 minus that of the first, paired over users."""
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in contenders()}
    users: dict[str, list[np.ndarray]] = {name: [] for name in rows}
    for train, test in folds:
        for name, contender in contenders().items():  # they take turns
            model, seconds = contender.run(train, **chosen[name]["settings"])
            factors = {"factors": model.dim} if hasattr(model, "dim") else {}
            rows[name].append({**judged(model, test, train), "seconds": seconds, **factors})
            users[name].append(ndcg_of_each_user(model, test, train))
    found = {name: over_folds(each, ("ndcg@10", "rmse")) for name, each in rows.items()}
    mean = {name: np.ma.masked_invalid(u).mean(0).filled(np.nan) for name, u in users.items()}
    first = max(found, key=lambda name: found[name]["ndcg@10"])
    for name, row in found.items():
        row["behind"] = list(mean_interval(mean[name] - mean[first]))
        if name in CLOSED:
            row["less implicit ALS"] = list(mean_interval(mean[name] - mean["implicit ALS"]))
    return found


def settings() -> dict[str, Any]:
    """What the figures belong to; a test compares the ledger with them."""
    known, table = accuracy.CONTENDERS, contenders()
    classes = {known[name].model for name in table if name in known}
    return {
        "defaults": {name: accuracy.settings()[name] for name in classes},
        "trials": {name: contender.trials for name, contender in table.items()},
    }


def compare(data: Dataset) -> dict[str, Any]:
    (train, valid), *reported = data.folds(5)
    chosen = choose(train, valid)
    bpr = chosen["BPR"]
    return {
        "chosen": chosen,
        "why_bpr": {"as chosen": bpr["valid"], **why_bpr(train, valid, bpr["settings"]["l2"])},
        **curves(train, valid, chosen),
        "folds": on_folds(reported, chosen),
        "settings": settings(),
    }


def gates(result: dict[str, Any]) -> list[Gate]:
    checks = []
    for name in CLOSED:
        interval = Interval(*result["folds"][name]["less implicit ALS"])
        text = f"NDCG@10 of {name} minus tuned implicit ALS: {interval} (not below 0)"
        checks.append((text, interval.high >= 0))
    times = result["als_times"]
    ours, theirs = (result["folds"][name]["ndcg@10"] for name in ("BPR", "implicit BPR"))
    better = f"BPR: {ours / theirs:.2f} times the NDCG@10 of implicit's"
    edge = [name for name, row in result["chosen"].items() if row["at_edge"]]
    return [
        *checks,
        at_most(f"ALS: {times:.2f} times the CPU seconds of implicit", times, MOST_TIMES),
        at_least(better, ours / theirs, LEAST_BPR),
        (f"chosen at the end of a ladder: {', '.join(edge) or 'none'}", not edge),
    ]


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
