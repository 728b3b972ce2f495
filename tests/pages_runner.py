"""Pages executed once for all tests that ask about them."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import os
import pickle
import re
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from pagebuild.run import Run, run
from pagebuild.source import Source, read_all

ROOT = Path(__file__).resolve().parents[1]
FOLDER = "RECSYS_TUTORIAL_TEST_PAGES"
"""Environment variable: the directory in which this run of the tests keeps executed pages."""
SOURCES: dict[str, Source] = {source.name: source for source in read_all(ROOT)}


@dataclass(frozen=True)
class Executed(Run):
    """A run of a page, and the directory with what it left."""

    state: Path

    @property
    def passed(self) -> set[str]:
        """Names of the checks that passed."""
        path = self.state / "progress.json"
        return set(json.loads(path.read_text())["passed"]) if path.is_file() else set()

    @property
    def tried(self) -> set[str]:
        """Names of the checks that were asked."""
        return set(re.findall(r"^[✓✗] (\S+) (?:passed|not yet)", self.stdout, re.MULTILINE))


SHORT = """
def _shorten():
    import sys, recsys_workshop
    import recsys_tutorial as rt
    whole = rt.fit
    def fit(*args, epochs=2, **more):
        return whole(*args, epochs=min(epochs or 2, 2), **more)
    for module in list(sys.modules.values()):
        if getattr(module, "fit", None) is whole:
            module.fit = fit
_shorten()
"""
"""Two epochs for every training: where cells run twice, the question is whether they can."""


@functools.cache
def executed(name: str, kind: str, mode: str, twice: str = "") -> Executed:
    """A page run by "Run all" in a fresh kernel, once for all processes of the tests.

    kind : "solutions" or "attendee"
    mode : "fast" (planted data) or "full"
    twice : "cells" or "sections" runs each of them twice in a row, as readers do, with short
            trainings
    """
    stem = f"{name.replace('/', '--')}-{kind}-{mode}-{twice}"
    folder = Path(os.environ[FOLDER])
    kept, state = folder / f"{stem}.pickle", folder / stem
    with FileLock(folder / f"{stem}.lock"):
        if not kept.is_file():
            state.mkdir()
            inside = "solutions" if kind == "solutions" else ""
            path = ROOT / "notebooks" / inside / f"{name}.ipynb"
            values = expressions(name) if kind == "solutions" and not twice else {}
            first = SHORT if twice else ""
            result = run(path, mode=mode, state=state, values=values, twice=twice, first=first)
            kept.write_bytes(pickle.dumps(Executed(**vars(result), state=state)))
    return pickle.loads(kept.read_bytes())


def expressions(name: str) -> dict[str, str]:
    """What `tests/page_values/` wants to know of a page."""
    number = name.split("_")[0]
    module = f"page_values.page_{number}" if number.isdigit() else f"page_values.{Path(name).name}"
    if importlib.util.find_spec(module) is None:
        return {}
    return importlib.import_module(module).VALUES


def checks_of(source: Source) -> set[str]:
    """Names of the checks that a page's cells call."""
    code = "\n".join(c.text for c in source.cells if c.kind == "code")
    return set(re.findall(r"""ws\.check\(\s*["']([^"']+)["']""", code))
