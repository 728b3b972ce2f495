"""Pages executed once for all tests that ask about them."""

from __future__ import annotations

import atexit
import functools
import importlib
import importlib.util
import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pagebuild.run import Run, run
from pagebuild.source import Source, read_all

ROOT = Path(__file__).resolve().parents[1]
SOURCES: dict[str, Source] = {source.name: source for source in read_all(ROOT)}


@dataclass(frozen=True)
class Executed(Run):
    """A run of a page, and the directory with what it left."""

    state: Path

    @property
    def passed(self) -> set[str]:
        """Names of the checks that passed."""
        return set(self._progress()["passed"])

    @property
    def tried(self) -> set[str]:
        """Names of the checks that were asked."""
        return set(self._progress()["tries"])

    def _progress(self) -> dict[str, dict[str, object]]:
        path = self.state / "progress.json"
        return json.loads(path.read_text()) if path.is_file() else {"passed": {}, "tries": {}}


@functools.cache
def executed(name: str, kind: str, mode: str) -> Executed:
    """A page run by "Run all" in a fresh kernel: kind "solutions" or "attendee", mode "fast"
    (planted data) or "full"."""
    state = Path(tempfile.mkdtemp(prefix="page-state-"))
    atexit.register(shutil.rmtree, state, ignore_errors=True)
    path = ROOT / "notebooks" / ("solutions" if kind == "solutions" else "") / f"{name}.ipynb"
    values = expressions(name) if kind == "solutions" else {}
    return Executed(**vars(run(path, mode=mode, state=state, values=values)), state=state)


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
