"""What a page computes: its cells run in this process, and the variables that they leave."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import matplotlib

from pagebuild.source import read_source
from recsys_workshop import figures, local, pages

ROOT = Path(__file__).resolve().parents[1]


class Variables(dict[str, Any]):
    """The page's variables by name; `printed` is all that its cells printed."""

    printed: str


def run_cells(name: str, mode: str) -> Variables:
    """Run the cells of a page with its solutions, from top to bottom.

    mode : "fast" (planted data) or "full"
    """
    source = read_source(ROOT / "notebooks" / "source" / f"{name}.py", name)
    module = ModuleType(f"cells_of_{name}")  # pickle asks for the module of a class
    printed = io.StringIO()
    matplotlib.use("agg")
    sys.modules[module.__name__] = module
    with (
        tempfile.TemporaryDirectory() as state,
        mock.patch.dict(os.environ, {pages.SWITCH: mode, local.STATE: state}),
        mock.patch.object(pages, "_current", None),
        mock.patch.object(figures, "in_notebook", return_value=False),
        matplotlib.rc_context(),
        contextlib.redirect_stdout(printed),
    ):
        for number, cell in enumerate(source.cells, start=1):
            if cell.kind == "code" and "stub" not in cell.tags:
                exec(compile(cell.text, f"{name}, cell {number}", "exec"), module.__dict__)
    variables = Variables(vars(module))
    variables.printed = printed.getvalue()
    return variables
