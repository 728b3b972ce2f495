"""Recsys Tutorial: the library behind the notebooks. `import recsys_tutorial as rt`.

Data flows one way: datasets -> models and losses -> fit -> predict, evaluate, recommend.
Everything below is loaded at its first use, so the import itself is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from recsys_tutorial import (
        datasets,
        interpret,
        losses,
        metrics,
        models,
        serving,
    )
    from recsys_tutorial.batch import Batch
    from recsys_tutorial.evaluation import evaluate, next_group, predict
    from recsys_tutorial.interpret import compare
    from recsys_tutorial.recommending import recommend
    from recsys_tutorial.training import History, TrainingDiverged, fit, scalars, watch

_HOME = {
    "Batch": "batch",
    "History": "training",
    "TrainingDiverged": "training",
    "compare": "interpret",
    "datasets": "",
    "evaluate": "evaluation",
    "fit": "training",
    "interpret": "",
    "losses": "",
    "metrics": "",
    "models": "",
    "next_group": "evaluation",
    "predict": "evaluation",
    "recommend": "recommending",
    "scalars": "training",
    "serving": "",
    "watch": "training",
}
"""The module of each public name; "" if the name is a module."""

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{home or name}")
    value = getattr(module, name) if home else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
