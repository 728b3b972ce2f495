"""The same bits again: `python -m benchmarks reproduce`.

Every model of `rt.models` is fitted twice from one seed, in the background, and with a break after
an epoch from which it resumes: tables and predictions are compared bit by bit. `fit` works on one
thread unless it is told otherwise (`threads=n`). More threads sum in another order: what that may
change of a prediction is stated as a tolerance.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

import recsys_tutorial as rt
from recsys_tutorial import models
from recsys_tutorial.datasets import Dataset
from recsys_tutorial.models import Model
from recsys_tutorial.training import checkpoint

EPOCHS = 2
TOLERANCE = 1e-4  # stars or scores: between numbers of threads, relative to the largest
NAMES = tuple(
    name for name in models.__all__ if name != "Model" and issubclass(getattr(models, name), Model)
)


class Broken(Exception):
    """Ends a run on purpose."""


def build(name: str, train: Dataset) -> Model:
    return getattr(models, name).for_dataset(train)


def outcome(model: Model, test: Dataset) -> dict[str, np.ndarray]:
    """All that was learned, and what is predicted from it."""
    tables = {key: table.numpy() for key, table in model.state_dict().items()}
    return {**tables, "predictions": np.asarray(rt.predict(model, test))}


def fitted(name: str, train: Dataset, **settings: Any) -> Model:
    model = build(name, train)
    history = rt.fit(model, train, progress=False, **_epochs(model), **settings)
    if settings.get("background"):
        history.wait()
    return model


def resumed(name: str, train: Dataset) -> Model | None:
    """Fitted by one that broke in its second epoch and one that went on; None in closed form."""
    broken, whole = build(name, train), build(name, train)
    if not _epochs(broken):
        return None
    save, epochs = checkpoint.save, []
    with tempfile.TemporaryDirectory() as place:

        def save_once(path: Path, content: dict[str, Any]) -> None:
            save(path, content)
            epochs.append(path)
            raise Broken

        checkpoint.save = save_once
        try:
            rt.fit(broken, train, progress=False, checkpoint_dir=place, **_epochs(broken))
            raise AssertionError(f"{name} did not break")
        except Broken:
            pass
        finally:
            checkpoint.save = save
        where: dict[str, Any] = {"checkpoint_dir": place, "resume": True}
        rt.fit(whole, train, progress=False, **where, **_epochs(whole))
    return whole


def _epochs(model: Model) -> dict[str, int]:
    return {} if getattr(model, "fit", None) is not None else {"epochs": EPOCHS}


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Inside, torch and numpy's linear algebra predict and solve with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        with threadpool_limits(n, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)


def differ(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> list[str]:
    """Names of what is not equal to the bit."""
    same = one.keys() == other.keys()
    return [key for key in one if not same or not np.array_equal(one[key], other[key])]


def apart(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """Largest difference of two predictions, relative to the largest prediction."""
    mine, its = one["predictions"].astype(float), other["predictions"].astype(float)
    return float(np.abs(mine - its).max() / max(np.abs(mine).max(), 1e-12))


def of_model(name: str, train: Dataset, test: Dataset) -> dict[str, Any]:
    """For one model: what differs on a second run, in the background, after a break; and how far
    two and four threads are from one."""
    with threads(1):
        first = outcome(fitted(name, train), test)
        result: dict[str, Any] = {
            "again": differ(first, outcome(fitted(name, train), test)),
            "background": differ(first, outcome(fitted(name, train, background=True), test)),
        }
        went_on = resumed(name, train)
        result["resumed"] = [] if went_on is None else differ(first, outcome(went_on, test))
    apart_by = []
    for n in (2, 4):
        with threads(n):
            apart_by.append(apart(first, outcome(fitted(name, train, threads=n), test)))
    return {**result, "threads": max(apart_by)}


def compare(data: Dataset) -> dict[str, Any]:
    """`of_model` for every model."""
    train, _, test = data.split("random", seed=42)
    models = {name: of_model(name, train, test) for name in NAMES}
    return {"models": models, "tolerance": TOLERANCE, "threads": [1, 2, 4], "epochs": EPOCHS,
            "seed": 0}  # fmt: skip


def gates(result: dict[str, Any]) -> list[tuple[str, bool]]:
    table = result["models"]
    ways = ("again", "background", "resumed")
    other = [name for name, row in table.items() if any(row[way] for way in ways)]
    far = max(row["threads"] for row in table.values())
    same = f"{len(table)} models: same seed, same bits; not: {', '.join(other) or 'none'}"
    near = f"1, 2 and 4 threads: at most {far:.1e} apart (at most {TOLERANCE:g})"
    return [(same, not other), (near, far <= TOLERANCE)]
