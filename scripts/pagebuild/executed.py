"""Executed solution notebooks, kept: slides and site show the outputs of one and the same run.

What is kept is found again by what it came from: the page's code (not its prose: a better word runs
nothing anew), the library (every file of it), the data and the versions of the tested packages. A
page that fails is never kept.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from pagebuild.run import Run, run

FOLDER = Path("build") / "executed"
SUFFIXES = (".py", ".toml", ".json", ".html", ".js", ".css")


class PageFailed(RuntimeError):
    """A page that cannot be shown: it raised, or wrote to stderr."""


def executed(root: Path, name: str, mode: str = "full") -> nbformat.NotebookNode:
    """The solution notebook of a page with its outputs, from `build/executed` or run now.

    mode : "full" (real data) or "fast" (planted data and fewer epochs)

    Raises PageFailed with the page's own error; also where `mode` is "full" and there is no real
    data, since invented films must not pass for real ones.
    """
    path = root / "notebooks" / "solutions" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    stem = f"{name.replace('/', '--')}-{mode}"
    kept = root / FOLDER / f"{stem}-{key(root, notebook, mode)[:16]}.ipynb"
    if not kept.is_file():
        try:
            with tempfile.TemporaryDirectory() as state:
                result = run(path, mode=mode, state=Path(state))
        except (CellTimeoutError, DeadKernelError) as error:
            first = str(error).strip().splitlines()[0]
            raise PageFailed(
                f"{name}: {first} Other work may have kept the machine busy, or its memory ran "
                "out: build this page again by its name; the others are kept"
            ) from None
        if wrong := problems(result, mode):
            raise PageFailed("\n".join(f"{name}: {line}" for line in wrong))
        _keep(result.notebook, kept, stem)
    shown = _code(nbformat.read(kept, as_version=4))
    for cell, ran in zip(_code(notebook), shown, strict=True):
        cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
    return notebook


def _code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _keep(notebook: nbformat.NotebookNode, kept: Path, stem: str) -> None:
    """In one move, so that two builds at a time do no harm; older runs of the page go."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    for old in kept.parent.glob(f"{stem}-*.ipynb"):
        old.unlink(missing_ok=True)
    part = kept.with_suffix(f".{os.getpid()}.part")
    nbformat.write(notebook, part)
    os.replace(part, kept)


def problems(result: Run, mode: str) -> list[str]:
    """Why a run must not be shown; empty for a good one."""
    found = list(result.errors)
    if result.stderr:
        found.append(f"wrote to stderr: {result.stderr[:300]}")
    if mode == "full" and "PLANTED DATA" in result.stdout:
        found.append(
            "there is no real data here: run python3 scripts/start.py, or build with --mode fast"
        )
    return found


def key(root: Path, notebook: nbformat.NotebookNode, mode: str) -> str:
    """sha256 over all that the outputs of a page depend on."""
    digest = hashlib.sha256(f"{mode} {_library(root)}".encode())
    for cell in _code(notebook):
        digest.update(cell.source.encode() + b"\0")
    return digest.hexdigest()


@cache
def _library(root: Path) -> str:
    digest = hashlib.sha256()
    for path in _sources(root):
        digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    yield from (root / n for n in ("constraints.txt", "benchmarks/results.json"))
    packages = (root / "recsys_tutorial", root / "notebooks" / "recsys_workshop")
    for path in sorted(p for package in packages for p in package.rglob("*")):
        if path.suffix in SUFFIXES and "__pycache__" not in path.parts:
            yield path
