"""The classroom of the Recsys Tutorial: what the pages need beside the library.

`import recsys_workshop as ws`. Pages, exercises and their checks, figures, the rating widget and
the sweep of page 02; the laboratories of single pages are in `recsys_workshop.labs`. Nothing in
`recsys_tutorial` imports it. Everything is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recsys_workshop.checks import check, progress, use
    from recsys_workshop.figures import DIVERGING, PALETTE, SEQUENTIAL, show
    from recsys_workshop.local import expect
    from recsys_workshop.machine import readiness
    from recsys_workshop.pages import page
    from recsys_workshop.rating import rate_films
    from recsys_workshop.results import ledger
    from recsys_workshop.sweeping import Sweep, sweep
    from recsys_workshop.tables import films
    from recsys_workshop.waiting import steps

_HOME = {
    "DIVERGING": "figures",
    "PALETTE": "figures",
    "SEQUENTIAL": "figures",
    "Sweep": "sweeping",
    "check": "checks",
    "expect": "local",
    "films": "tables",
    "ledger": "results",
    "page": "pages",
    "progress": "checks",
    "rate_films": "rating",
    "readiness": "machine",
    "show": "figures",
    "steps": "waiting",
    "sweep": "sweeping",
    "use": "checks",
}
"""The public names, and the module that each one lives in."""

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
