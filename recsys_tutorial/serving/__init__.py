"""From fitted models to a page that people use: export, a web service, a static site.

    rt.serving.export(ranker, dataset, "data/export", stars=model)  # weights, and a card as JSON
    rt.serving.load("data/export")                     # the same models, or one clear error
    rt.serving.serve("data/export")                    # a service in the background, with a page
    rt.serving.build_site("data/export", "_site")      # the same page without any server

From a shell: `python -m recsys_tutorial.serving serve data/export`. The service needs the extra
`serve` (FastAPI, uvicorn); exporting, loading and the static site work without it.
"""

from __future__ import annotations

from recsys_tutorial.serving.engine import Engine
from recsys_tutorial.serving.exporting import Exported, ExportError, export, load
from recsys_tutorial.serving.server import Served, serve
from recsys_tutorial.serving.site import build_site

__all__ = [
    "Engine",
    "ExportError",
    "Exported",
    "Served",
    "build_site",
    "export",
    "load",
    "serve",
]
