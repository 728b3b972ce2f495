"""Seconds of training until a stated RMSE: this library and what people would use instead.

Every way trains on the training rows of one random split (seed 42) and is judged on its validation
rows; the test rows stay untouched. Each runs in a process of its own on one thread, for several
numbers of epochs; the rounds are interleaved, so that all see the same state of the machine.
"MiB of": what training added to the memory of the process, and the peak of the whole process.
`implicit` has no place here: it ranks and predicts no stars (see `peers`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.training_worker import WAYS, Rows
from recsys_tutorial.datasets import Dataset

TARGET = 0.92  # stars of RMSE on the validation rows; biases only reach about 0.94
ROUNDS = 3
MOST_SECONDS = 600
MOST_TIMES_BARE = 1.25  # our seconds over those of the bare loop


def compare(data: Dataset, peer_python: str | None = None, rounds: int = ROUNDS) -> dict[str, Any]:
    """Per way: what it took to the target, its best RMSE, memory, versions.

    peer_python : an interpreter for the ways that this one cannot run (peers that ask for other
                  versions of common packages live in an environment of their own)
    """
    train, valid, _ = data.split("random", seed=42)
    rows = Rows(train.user, train.item, train.rating, valid.user, valid.item, valid.rating)
    rounds_of: dict[str, list[dict[str, Any]]] = {}
    absent: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.npz"
        np.savez(file, **rows._asdict())
        for _ in range(rounds):
            for name in (n for n in WAYS if n not in absent):
                try:
                    rounds_of.setdefault(name, []).append(_in_a_process(name, file, peer_python))
                except RuntimeError as error:
                    absent[name] = str(error)
                    rounds_of.pop(name, None)
    ways = {name: summary(found, len(train)) for name, found in rounds_of.items()}
    return {
        "target": TARGET,
        "rounds": rounds,
        "threads": 1,
        "split": "random, seed 42, valid",
        "train_rows": len(train),
        "ways": ways,
        "absent": absent,
    }


def _in_a_process(name: str, file: Path, peer_python: str | None) -> dict[str, Any]:
    """RuntimeError with the last line of what the process said where no interpreter can run it."""
    said = ""
    one = {f"{lib}_NUM_THREADS": "1" for lib in ("OMP", "MKL", "OPENBLAS", "NUMBA", "RAYON", "LK")}
    for python in [sys.executable, *([peer_python] if peer_python else [])]:
        command = [python, "-m", "benchmarks.training_worker", name, str(file)]
        run = subprocess.run(
            command,
            cwd=Path(__file__).parents[1],
            env=os.environ | one,
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
        )
        if run.returncode == 0:
            return json.loads(run.stdout)
        said = run.stderr.strip().splitlines()[-1] if run.stderr.strip() else "no word"
    raise RuntimeError(said)


def summary(found: list[dict[str, Any]], n: int) -> dict[str, Any]:
    """Of the rounds of one way: the shortest training that reaches the target, and the best one."""
    curve = [
        {
            "epochs": run["epochs"],
            "rmse": run["rmse"],
            "seconds": median(cpu := [one["runs"][k]["cpu"] for one in found]),
            "range": [min(cpu), max(cpu)],
        }
        for k, run in enumerate(found[0]["runs"])
    ]
    return {
        "to_target": next((run for run in curve if run["rmse"] <= TARGET), None),
        "best": min(curve, key=lambda run: run["rmse"]),
        "samples_per_second": n * curve[-1]["epochs"] / curve[-1]["seconds"],
        "mib": max(one["mib"] for one in found),
        "peak_mib": max(one["peak_mib"] for one in found),
        "versions": found[0]["versions"],
        "curve": curve,
    }


def gates(result: dict[str, Any]) -> list[tuple[str, bool]]:
    ours, bare = (result["ways"][name]["curve"][-1] for name in ("this library", "bare torch loop"))
    times = ours["seconds"] / bare["seconds"]
    return [
        (
            f"{ours['epochs']} epochs take {times:.2f} times the CPU seconds of a bare torch loop "
            f"(at most {MOST_TIMES_BARE})",
            times <= MOST_TIMES_BARE,
        ),
        (
            f"the target of {TARGET} is reached",
            result["ways"]["this library"]["to_target"] is not None,
        ),
    ]
