"""Recsys Tutorial: the library behind the notebooks. `import recsys_tutorial as rt`.

Data flows one way: datasets -> models and losses -> fit -> predict, evaluate, recommend.
Everything below is loaded when it is first used, so that the import itself is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from recsys_tutorial import datasets, losses, metrics, models
    from recsys_tutorial.batch import Batch
    from recsys_tutorial.evaluation import evaluate, predict
    from recsys_tutorial.recommending import recommend
    from recsys_tutorial.training import History, TrainingDiverged, fit

_MODULES = ("datasets", "losses", "metrics", "models")
_NAMES = {
    "Batch": "batch",
    "History": "training",
    "TrainingDiverged": "training",
    "evaluate": "evaluation",
    "fit": "training",
    "predict": "evaluation",
    "recommend": "recommending",
}

__all__ = [
    "Batch",
    "History",
    "TrainingDiverged",
    "datasets",
    "evaluate",
    "fit",
    "losses",
    "metrics",
    "models",
    "predict",
    "recommend",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES, *_NAMES])
