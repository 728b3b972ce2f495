"""From fitted models to a page that people use: export, a web service, a static site.

    rt.serving.export(ranker, dataset, "data/export", stars=model)  # weights, and a card as JSON
    rt.serving.load("data/export")                     # the same models, or one clear error
    rt.serving.serve("data/export")                    # a service in the background, with a page
    rt.serving.build_site("data/export", "_site")      # the same page without any server

From a shell: `python -m recsys_tutorial.serving serve data/export`. The service needs the extra
`serve` (FastAPI, uvicorn); exporting, loading and the static site work without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from recsys_tutorial.serving.engine import Engine
from recsys_tutorial.serving.exporting import Exported, ExportError, export, load
from recsys_tutorial.serving.site import build_site

if TYPE_CHECKING:
    from recsys_tutorial.serving.app import create_app
    from recsys_tutorial.serving.server import Served, serve

__all__ = [
    "Engine",
    "ExportError",
    "Exported",
    "Served",
    "build_site",
    "create_app",
    "export",
    "load",
    "serve",
]

_NEEDING_THE_EXTRA = {"Served": "server", "create_app": "app", "serve": "server"}


def __getattr__(name: str) -> Any:
    if name not in _NEEDING_THE_EXTRA:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f"{__name__}.{_NEEDING_THE_EXTRA[name]}"), name)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"the service needs the extra `serve`, and {error.name} is not installed: run  "
            'pip install "recsys-tutorial[serve]"  or, in a checkout,  pip install -e ".[serve]"',
            name=error.name,
        ) from None
