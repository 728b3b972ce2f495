"""How fast a model reaches a target error.

CPU seconds until a model reaches the target RMSE on validation rows (split with seed 42, models
with seed 0). Each round runs in its own process, and the libraries take turns. `implicit` does not
predict stars, so it is not here. An empty cell: the target was never reached.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.measuring import Gate, at_most, in_a_process
from benchmarks.training_worker import WAYS, Rows
from recsys_tutorial.datasets import Dataset

TARGET = 0.92  # stars of RMSE on the validation rows; biases alone reach about 0.94
ROUNDS = 3
MOST_TIMES_BARE = 1.25  # our seconds over those of the bare loop


def compare(data: Dataset, peer_python: str = "", rounds: int = ROUNDS) -> dict[str, Any]:
    """Per way: what it took to the target, its best RMSE, memory, versions.

    peer_python : an interpreter for the ways that this one cannot run (peers that need other
                  versions of common packages live in an environment of their own)
    """
    train, valid, _ = data.split("random", seed=42)
    rows = Rows(train.user, train.item, train.rating, valid.user, valid.item, valid.rating)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in WAYS}
    absent: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "rows.npz")
        np.savez(file, **rows._asdict())
        for _ in range(rounds):
            for name in (n for n in WAYS if n not in absent):
                for python in filter(None, (sys.executable, peer_python)):
                    try:
                        run = in_a_process("training_worker", "timed", name, file, python=python)
                    except RuntimeError as error:
                        absent[name] = str(error)
                    else:
                        found[name].append(run)
                        absent.pop(name, None)
                        break
    return {
        "target": TARGET,
        "rounds": rounds,
        "threads": 1,
        "split": "random, seed 42, valid",
        "train_rows": len(train),
        "ways": {n: summary(runs, len(train)) for n, runs in found.items() if n not in absent},
        "absent": absent,
    }


def summary(found: list[dict[str, Any]], n: int) -> dict[str, Any]:
    """Of the rounds of one way: the shortest training that reaches the target, and the best one."""
    curve = []
    for k, run in enumerate(found[0]["runs"]):
        cpu = [one["runs"][k]["cpu"] for one in found]
        ends = {"seconds": median(cpu), "range": [min(cpu), max(cpu)]}
        curve.append({"epochs": run["epochs"], "rmse": run["rmse"], **ends})
    return {
        "to_target": next((run for run in curve if run["rmse"] <= TARGET), None),
        "best": min(curve, key=lambda run: run["rmse"]),
        "samples_per_second": n * curve[-1]["epochs"] / curve[-1]["seconds"],
        "mib": max(one["mib"] for one in found),
        "peak_mib": max(one["peak_mib"] for one in found),
        "versions": found[0]["versions"],
        "curve": curve,
    }


def gates(result: dict[str, Any]) -> list[Gate]:
    mine, bare = (result["ways"][name]["curve"][-1] for name in ("this library", "bare torch loop"))
    times = mine["seconds"] / bare["seconds"]
    text = f"{mine['epochs']} epochs take {times:.2f} times the CPU seconds of a bare torch loop"
    reached = result["ways"]["this library"]["to_target"] is not None
    return [
        at_most(text, times, MOST_TIMES_BARE),
        (f"the target of {TARGET} is reached", reached),
    ]
