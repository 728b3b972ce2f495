"""Recsys Tutorial: the library behind the notebooks. `import recsys_tutorial as rt`.

Data flows one way: datasets -> models and losses -> fit -> predict, evaluate, recommend.
Everything below is loaded when it is first used, so that the import itself is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from recsys_tutorial import (
        checks,
        datasets,
        interpret,
        leakage,
        losses,
        maps,
        metrics,
        models,
        plots,
        rerank,
        sampling,
        serving,
        simulate,
        uncertainty,
        words,
    )
    from recsys_tutorial.batch import Batch
    from recsys_tutorial.checks import check, progress
    from recsys_tutorial.evaluation import evaluate, next_group, predict
    from recsys_tutorial.expecting import expect
    from recsys_tutorial.machine import readiness
    from recsys_tutorial.pages import page
    from recsys_tutorial.rating import rate_films
    from recsys_tutorial.recommending import recommend
    from recsys_tutorial.results import ledger
    from recsys_tutorial.sweeping import Sweep, sweep
    from recsys_tutorial.training import History, TrainingDiverged, fit, scalars, watch

_MODULES = (
    "checks",
    "datasets",
    "interpret",
    "leakage",
    "losses",
    "maps",
    "metrics",
    "models",
    "plots",
    "rerank",
    "sampling",
    "serving",
    "simulate",
    "uncertainty",
    "words",
)
_NAMES = {
    "Batch": "batch",
    "History": "training",
    "Sweep": "sweeping",
    "TrainingDiverged": "training",
    "check": "checks",
    "evaluate": "evaluation",
    "expect": "expecting",
    "fit": "training",
    "ledger": "results",
    "next_group": "evaluation",
    "page": "pages",
    "predict": "evaluation",
    "progress": "checks",
    "rate_films": "rating",
    "readiness": "machine",
    "recommend": "recommending",
    "scalars": "training",
    "sweep": "sweeping",
    "watch": "training",
}

__all__ = [
    "Batch",
    "History",
    "Sweep",
    "TrainingDiverged",
    "check",
    "checks",
    "datasets",
    "evaluate",
    "expect",
    "fit",
    "interpret",
    "leakage",
    "ledger",
    "losses",
    "maps",
    "metrics",
    "models",
    "next_group",
    "page",
    "plots",
    "predict",
    "progress",
    "rate_films",
    "readiness",
    "recommend",
    "rerank",
    "sampling",
    "scalars",
    "serving",
    "simulate",
    "sweep",
    "uncertainty",
    "watch",
    "words",
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
