"""`evaluate` on catalogues that grow: seconds, memory, and the loop over users it stands in for.

Each size is evaluated in a process of its own that opens the ratings from disk, so that the memory
is that of evaluating and of nothing else. The data is planted and the model not trained: neither
changes what there is to compute. One thread, CPU seconds, the median of rounds with their range:
other work on the machine hardly counts. The loop over users is timed on some of them, and the
seconds of all are computed from that.
"""

from __future__ import annotations

import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch

import recsys_tutorial as rt
from benchmarks.ranking import sklearn_loop
from recsys_tutorial.datasets import Dataset
from recsys_tutorial.models import BiasedMF


class Size(NamedTuple):
    users: int
    items: int
    ratings: int


SIZES = (
    Size(943, 1_682, 100_000),  # as MovieLens-100K
    Size(6_040, 3_706, 1_000_000),  # as MovieLens-1M
    Size(70_000, 10_000, 10_000_000),  # as MovieLens-10M
    Size(160_000, 60_000, 25_000_000),  # as MovieLens-25M
)
WANTED = {"ndcg_seconds": "ndcg@10", "auc_seconds": "ranking_auc"}
MOST = {"ndcg_seconds": 60, "auc_seconds": 300, "peak_gib": 2}  # at the largest size
SAMPLE = 100  # users of the loop
ROUNDS = 3
DIM = 64


def compare(data: Dataset, sizes: tuple[Size, ...] = SIZES) -> dict[str, Any]:
    """One line per size; the data is planted here, whatever comes in."""
    fresh = multiprocessing.get_context("spawn")
    lines = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            for work in (_make, _measure):
                process = fresh.Process(target=work, args=(folder, size))
                process.start()
                process.join()
                if process.exitcode != 0:
                    raise RuntimeError(f"{work.__name__} of {size} ended with {process.exitcode}")
            lines.append(json.loads((Path(folder) / "line.json").read_text(encoding="utf-8")))
        print(lines[-1], flush=True)
    return {"lines": lines, "dim": DIM, "rounds": ROUNDS, "seed": 0}


def _make(folder: str, size: Size) -> None:
    data = rt.datasets.planted(*size, seed=0)
    train, _, test = data.split("random", valid=0, seed=42)
    train.save(Path(folder) / "train")
    test.save(Path(folder) / "test")


def _measure(folder: str, size: Size) -> None:
    torch.set_num_threads(1)
    train, test = (rt.datasets.open(Path(folder) / part) for part in ("train", "test"))
    model = BiasedMF.for_dataset(train, dim=DIM)
    model.mean.add_(0)  # counts as fitted
    few = np.unique(test.user[test.rating >= 4])
    few = np.random.default_rng(0).choice(few, min(SAMPLE, len(few)), replace=False)
    sample, seen = (part.take(np.isin(part.user, few)) for part in (test, train))
    by_hand, loop_seconds = _timed(lambda: sklearn_loop(model, sample, seen, np.sort(few)))
    line: dict[str, Any] = {**size._asdict()}
    for name, metric in WANTED.items():
        here = rt.evaluate(model, sample, train=train, metrics=metric)[metric]
        if abs(here - by_hand[metric]) > 1e-6:
            raise AssertionError(f"{metric}: {here} here, {by_hand[metric]} by scikit-learn")
        work = partial(rt.evaluate, model, test, train=train, metrics=[metric, "n_users"])
        rounds = [_timed(work) for _ in range(ROUNDS)]
        took = [seconds for _, seconds in rounds]
        line[name], line[f"{name}_range"] = median(took), [min(took), max(took)]
        line["ranked_users"] = rounds[0][0]["n_users"]
    line["loop_users"] = len(few)
    line["loop_seconds"] = loop_seconds * line["ranked_users"] / len(few)
    line["peak_gib"] = peak_gib()
    (Path(folder) / "line.json").write_text(json.dumps(line), encoding="utf-8")


def _timed(work: Callable[[], dict[str, float]]) -> tuple[dict[str, float], float]:
    start = time.process_time()
    return work(), time.process_time() - start


def peak_gib() -> float:
    """Most memory this process ever held, by Linux: ru_maxrss of a child starts at its parent's."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**20


def gates(result: dict[str, Any]) -> list[tuple[str, bool]]:
    largest = result["lines"][-1]
    return [
        (
            f"{largest['users']:,} x {largest['items']:,}: {name.replace('_', ' ')} "
            f"{largest[name]:.1f} (at most {most})",
            largest[name] <= most,
        )
        for name, most in MOST.items()
    ]


def page_entries(sections: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What page 19 quotes, of the ledger's sections as far as they are there."""
    entries: dict[str, tuple[float, str, int, dict[str, Any]]] = {}
    if evaluated := sections.get("planted_evaluation"):
        largest = evaluated["lines"][-1]
        n = largest["ratings"]
        entries["planted_ndcg_seconds"] = largest["ndcg_seconds"], "CPU seconds", n, evaluated
        entries["planted_auc_seconds"] = largest["auc_seconds"], "CPU seconds", n, evaluated
    if grown := sections.get("planted_scale"):
        largest = grown["sizes"][-1]
        n = largest["rows"]
        epoch = largest["cpu_seconds"] / largest["epochs"]
        entries["planted_epoch_seconds"] = epoch, "CPU seconds", n, grown
        entries["planted_peak_gib"] = largest["peak_gib"], "GiB", n, grown
    return {
        key: {
            "value": value,
            "unit": unit,
            "ratings": n,
            "data": "planted",
            "machine": section["machine"],
        }
        for key, (value, unit, n, section) in entries.items()
    }
