"""Laboratories: what a single page simulates, plants or draws. `from recsys_workshop import labs`.

One module or package for each: leaks, sampled metrics, words, shops and bandits, maps, reranking.
"""

import importlib
from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")
