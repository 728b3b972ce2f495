"""Executed solution notebooks, kept so that slides and site show the outputs of the same run.

A page runs again when its code has changed (not its prose), or a file of the packages, the data, or
the versions of the tested packages. A page that fails is not kept.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from pagebuild.run import run

FOLDER = Path("build") / "executed"
SUFFIXES = (".py", ".toml", ".json", ".html", ".js", ".css")


class PageFailed(RuntimeError):
    """A page that cannot be shown: it raised an error, or wrote to stderr."""


def executed(root: Path, name: str, mode: str = "full") -> nbformat.NotebookNode:
    """The solution notebook of a page with its outputs, from `build/executed` or run now.

    Args:
        root: the checkout.
        name: the page.
        mode: "full" (real data) or "fast" (planted data and fewer epochs).

    Raises:
        PageFailed: with the page's own error; also if `mode` is "full" and there is no real data,
            since readers would take invented films for real ones.
    """
    path = root / "notebooks" / "solutions" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    code = "\0".join(cell.source for cell in _code(notebook))
    key = hashlib.sha256(f"{mode} {_library(root)} {code}".encode()).hexdigest()[:16]
    stem = f"{name.replace('/', '--')}-{mode}"
    kept = root / FOLDER / f"{stem}-{key}.ipynb"
    if not kept.is_file():
        made = _run(path, name, mode)
        kept.parent.mkdir(parents=True, exist_ok=True)
        for old in kept.parent.glob(f"{stem}-*.ipynb"):
            old.unlink(missing_ok=True)
        part = kept.with_suffix(f".{os.getpid()}.part")  # two builds may run at the same time
        nbformat.write(made, part)
        part.replace(kept)
    ran = _code(nbformat.read(kept, as_version=4))
    for cell, other in zip(_code(notebook), ran, strict=True):
        cell.outputs, cell.execution_count = other.outputs, other.execution_count
    return notebook


def _run(path: Path, name: str, mode: str) -> nbformat.NotebookNode:
    try:
        with tempfile.TemporaryDirectory() as state:
            result = run(path, mode=mode, state=Path(state))
    except (CellTimeoutError, DeadKernelError) as error:
        first = str(error).strip().splitlines()[0]
        raise PageFailed(
            f"{name}: {first} The machine may be busy, or its memory ran out: build this page "
            "again by its name; the others are kept"
        ) from None
    wrong = [f"{name}: {line}" for line in result.errors]
    if result.stderr:
        wrong.append(f"{name}: wrote to stderr: {result.stderr[:300]}")
    if mode == "full" and "PLANTED DATA" in result.stdout:
        advice = "run python3 scripts/start.py, or build with --mode fast"
        wrong.append(f"{name}: there is no real data here: {advice}")
    if wrong:
        raise PageFailed("\n".join(wrong))
    return result.notebook


def _code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@cache
def _library(root: Path) -> str:
    """A checksum of everything else that the outputs of a page depend on."""
    paths = [root / "constraints.txt", root / "benchmarks" / "results.json"]
    for package in (root / "recsys_tutorial", root / "notebooks" / "recsys_workshop"):
        paths += sorted(p for p in package.rglob("*") if p.suffix in SUFFIXES)
    texts = [str(p.relative_to(root)).encode() + p.read_bytes() for p in paths]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()
