"""Is it reproducible?

Every model was fitted again from seed 0, also in the background and with a break. `same bits` means
that all numbers are identical. The last column compares training on 2 and 4 threads with training
on one: the largest change of a prediction, divided by the largest prediction. It may not exceed the
tolerance. `rt.fit` works on one thread unless told otherwise (`threads=n`); more threads add up
numbers in another order.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from threadpoolctl import threadpool_limits

import recsys_tutorial as rt
from benchmarks.measuring import Gate, at_most
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


def outcome(model: Model, test: Dataset) -> dict[str, np.ndarray]:
    """All that was learned, and what is predicted from it."""
    tables = {key: table.numpy() for key, table in model.state_dict().items()}
    return {**tables, "predictions": np.asarray(rt.predict(model, test))}


def fitted(name: str, train: Dataset, **settings: Any) -> Model:
    """A model of `rt.models`, fitted for two epochs if it has any."""
    model = getattr(models, name).for_dataset(train)
    closed = getattr(model, "fit", None) is not None
    history = rt.fit(
        model, train, progress=False, **({} if closed else {"epochs": EPOCHS}), **settings
    )
    if settings.get("background"):
        history.wait()
    return model


def resumed(name: str, train: Dataset) -> Model | None:
    """Fitted by a run that broke after its first epoch and another that went on.

    None for a model without epochs.
    """
    save = checkpoint.save

    def save_once(path: Path, content: dict[str, Any]) -> None:
        save(path, content)
        raise Broken

    if getattr(getattr(models, name), "fit", None) is not None:
        return None
    with tempfile.TemporaryDirectory() as place:
        with patch.object(checkpoint, "save", save_once), suppress(Broken):
            fitted(name, train, checkpoint_dir=place)
            raise AssertionError(f"{name} did not break")
        return fitted(name, train, checkpoint_dir=place, resume=True)


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Inside, torch and numpy's linear algebra use so many threads."""
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
    a, b = one["predictions"].astype(float), other["predictions"].astype(float)
    return float(np.abs(a - b).max() / max(np.abs(a).max(), 1e-12))


def of_model(name: str, train: Dataset, test: Dataset) -> dict[str, Any]:
    """What differs on a second run, in the background and after a break; and how far the
    predictions of two and four threads are from those of one."""
    with threads(1):
        first = outcome(fitted(name, train), test)
        others = {
            "again": fitted(name, train),
            "background": fitted(name, train, background=True),
            "resumed": resumed(name, train),
        }
        result: dict[str, Any] = {
            way: [] if model is None else differ(first, outcome(model, test))
            for way, model in others.items()
        }
    far = []
    for n in (2, 4):
        with threads(n):
            far.append(apart(first, outcome(fitted(name, train, threads=n), test)))
    return {**result, "threads": max(far)}


def compare(data: Dataset) -> dict[str, Any]:
    """`of_model` for every model."""
    train, _, test = data.split("random", seed=42)
    about = {"tolerance": TOLERANCE, "threads": [1, 2, 4], "epochs": EPOCHS, "seed": 0}
    return {"models": {name: of_model(name, train, test) for name in NAMES}, **about}


def gates(result: dict[str, Any]) -> list[Gate]:
    table = result["models"]
    ways = ("again", "background", "resumed")
    other = [name for name, row in table.items() if any(row[way] for way in ways)]
    far = max(row["threads"] for row in table.values())
    same = f"{len(table)} models: same seed, same bits; not: {', '.join(other) or 'none'}"
    return [(same, not other), at_most(f"1, 2 and 4 threads: {far:.1e} apart", far, TOLERANCE)]
