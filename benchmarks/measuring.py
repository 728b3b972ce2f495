"""What the benchmarks share: timing a fit, summing up rounds and folds, processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

import recsys_tutorial as rt

if TYPE_CHECKING:
    from recsys_tutorial.datasets import Dataset

ROOT = Path(__file__).parents[1]
ONE_THREAD = {
    f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS", "NUMBA", "RAYON", "LK")
}
Gate = tuple[str, bool]  # a promise with what was measured, and whether it holds


def at_most(text: str, value: float, limit: float) -> Gate:
    return f"{text} (at most {limit:,g})", value <= limit


def at_least(text: str, value: float, limit: float) -> Gate:
    return f"{text} (at least {limit:,g})", value >= limit


def cpu(work: Callable[[], Any]) -> tuple[Any, float]:
    """What the work returns, and its CPU seconds: other work on the machine hardly counts."""
    start = time.process_time()
    return work(), time.process_time() - start


def fitted(name: str, train: Dataset, **settings: Any) -> tuple[rt.models.Model, float]:
    """A model of `rt.models`, fitted, and the CPU seconds of its fit.

    settings : `epochs` and `lr` are for `rt.fit`, all others for the model
    """
    how = {key: settings.pop(key) for key in ("epochs", "lr") if key in settings}
    model = getattr(rt.models, name).for_dataset(train, **settings)
    return model, cpu(lambda: rt.fit(model, train, progress=False, **how))[1]


def defaults(cls: type[rt.models.Model]) -> dict[str, Any]:
    """The default hyperparameters of a model."""
    settings = cls(2, 2).settings()
    return {name: v for name, v in settings.items() if name not in ("n_users", "n_items")}


def middle(rounds: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """The median of each measurement, and its smallest and largest value as `NAME_range`."""
    ends = {f"{name}_range": [min(v), max(v)] for name, v in rounds.items() if len(v) > 1}
    return {name: median(values) for name, values in rounds.items()} | ends


def over_folds(rows: Sequence[Mapping[str, float]], spread: Iterable[str] = ()) -> dict[str, Any]:
    """Means over folds, but medians of seconds.

    spread : of these also the value of each fold, and the standard deviation
    """
    each = {key: [row[key] for row in rows] for key in rows[0]}
    found: dict[str, Any] = {
        key: float(np.median(values) if key.endswith("seconds") else np.mean(values))
        for key, values in each.items()
    }
    for key in (key for key in spread if key in each):
        found[f"{key}_folds"] = [round(value, 4) for value in each[key]]
        found[f"{key}_sd"] = float(np.std(each[key], ddof=1)) if len(rows) > 1 else None
    return found


def memory_gib(name: str = "VmHWM") -> float:
    """Memory of this process: VmHWM is the most that it ever held, VmRSS what it holds now.

    From Linux's /proc, since `ru_maxrss` of a new process starts at the value of its parent.
    """
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 2**20


def in_a_process(module: str, step: str, *given: Any, python: str = sys.executable) -> Any:
    """Run a function of `benchmarks.MODULE` on one thread of a new process, and return its result.

    What goes in and comes out is JSON. RuntimeError with the last line of a process that fails.
    """
    ran = subprocess.run(
        [python, "-m", f"benchmarks.{module}", step],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | ONE_THREAD,
    )
    if ran.returncode:
        raise RuntimeError((ran.stderr.strip() or f"{module} {step} failed").splitlines()[-1])
    return json.loads(ran.stdout)


def answer(*steps: Callable[..., Any]) -> None:
    """The other side of `in_a_process`: run the step that the command line names."""
    out = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not get between the JSON
    found = {step.__name__: step for step in steps}[sys.argv[1]](*json.load(sys.stdin))
    os.write(out, json.dumps(found).encode())
