"""From a fitted model to people who click: export, a web service with its page, a static site.

    rt.serving.export(model, dataset, "data/export")   # weights as safetensors, a card as JSON
    rt.serving.load("data/export")                     # the very same model, or one clear error
    rt.serving.serve("data/export")                    # a service in the background, with a page
    rt.serving.build_site("data/export", "_site")      # the same page without any server

From a shell: `python -m recsys_tutorial.serving serve data/export`. The service needs the extra
`serve` (FastAPI, uvicorn); exporting, loading and the static site need nothing but the core.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recsys_tutorial.serving.app import create_app
    from recsys_tutorial.serving.engine import Engine
    from recsys_tutorial.serving.exporting import Exported, ExportError, export, load
    from recsys_tutorial.serving.server import Served, serve
    from recsys_tutorial.serving.site import build_site

_NAMES = {
    "Engine": "engine",
    "ExportError": "exporting",
    "Exported": "exporting",
    "Served": "server",
    "build_site": "site",
    "create_app": "app",
    "export": "exporting",
    "load": "exporting",
    "serve": "server",
}

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


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    globals()[name] = value
    return value
