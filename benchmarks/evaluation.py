"""Evaluation of large catalogues.

The exact ranking of every item for every user, on planted ratings (seed 0). The loop over users was
timed for 100 users, and the seconds for all are computed from that. Seconds without a range come
from one run. Each size has its own process, which opens the ratings from disk, so its peak of
memory does not include making them. The model is not trained, which does not change what there is
to compute.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import recsys_tutorial as rt
from benchmarks.measuring import Gate, answer, at_most, cpu, in_a_process, memory_gib, middle
from benchmarks.ranking import agree, sklearn_loop
from recsys_tutorial.datasets import Dataset
from recsys_tutorial.evaluation import rank_users


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
    lines = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            in_a_process("evaluation", "make", folder, size)
            lines.append({**size._asdict(), **in_a_process("evaluation", "measure", folder)})
        print(lines[-1], flush=True)
    return {"lines": lines, "dim": DIM, "rounds": ROUNDS, "seed": 0}


def make(folder: str, size: tuple[int, int, int]) -> None:
    train, _, test = rt.datasets.planted(*size, seed=0).split("random", valid=0, seed=42)
    train.save(Path(folder) / "train")
    test.save(Path(folder) / "test")


def measure(folder: str) -> dict[str, Any]:
    train, test = (rt.datasets.open(Path(folder) / part) for part in ("train", "test"))
    model = rt.models.BiasedMF.for_dataset(train, dim=DIM)
    model.mean.add_(0)  # counts as fitted
    few = np.unique(test.user[test.rating >= 4])
    few = np.sort(np.random.default_rng(0).choice(few, min(SAMPLE, len(few)), replace=False))
    sample, seen = (part.take(np.isin(part.user, few)) for part in (test, train))
    loop, loop_seconds = cpu(lambda: sklearn_loop(model, sample, seen, few))
    agree(rt.evaluate(model, sample, train=train), loop)
    seconds = {}
    for name, metric in WANTED.items():
        work = partial(rank_users, model, test, [train], test.rating >= 4, 10, [metric])
        rounds = [cpu(work) for _ in range(ROUNDS)]
        seconds[name], ranked = [spent for _, spent in rounds], len(rounds[0][0][0])
    return {
        **middle(seconds),
        "ranked_users": ranked,
        "loop_users": len(few),
        "loop_seconds": loop_seconds * ranked / len(few),
        "peak_gib": memory_gib(),
    }


def gates(result: dict[str, Any]) -> list[Gate]:
    line = result["lines"][-1]
    largest = f"{line['users']:,} x {line['items']:,}"
    return [
        at_most(f"{largest}: {name.replace('_', ' ')} {line[name]:.1f}", line[name], most)
        for name, most in MOST.items()
    ]


def page_entries(sections: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What page 19 quotes, of the ledger's sections as far as they are there."""
    entries: dict[str, dict[str, Any]] = {}

    def quote(key: str, value: float, unit: str, ratings: int, section: dict[str, Any]) -> None:
        about = {"ratings": ratings, "data": "planted", "machine": section["machine"]}
        entries[f"planted_{key}"] = {"value": value, "unit": unit, **about}

    if evaluated := sections.get("planted_evaluation"):
        line = evaluated["lines"][-1]
        for name in WANTED:
            quote(name, line[name], "CPU seconds", line["ratings"], evaluated)
    if grown := sections.get("planted_scale"):
        size = grown["sizes"][-1]
        epoch = size["cpu_seconds"] / size["epochs"]
        quote("epoch_seconds", epoch, "CPU seconds", size["rows"], grown)
        quote("peak_gib", size["peak_gib"], "GiB", size["rows"], grown)
    return entries


if __name__ == "__main__":
    answer(make, measure)
