"""Making the notebooks: the attendee's, the one with solutions, and the index."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import nbformat

from clean import clean
from pagebuild import lint
from pagebuild.book import TABLE, Book, beside, home
from pagebuild.plans import plans, run_sheet, timetables
from pagebuild.publishing import MARKS, published
from pagebuild.source import Cell, Source
from pagebuild.timing import sections

CONTENTS = "{contents}"
"""A markdown cell with just this becomes the table of contents."""

MARK = "recsys_tutorial"
"""Key in the metadata of a generated notebook: the source that it is made from."""

SERIES = re.compile(r"(<!-- series: [^\n]*-->)\n.*?(<!-- end of series -->)", re.DOTALL)
"""The build writes the text between these marks of README.md."""

SETUP = """\
# Run this cell first.{why}
try:
    import recsys_tutorial as rt
    import recsys_workshop as ws
except ModuleNotFoundError as error:
    if error.name not in ("recsys_tutorial", "recsys_workshop"):
        raise
    {remedy}

page = ws.page("{name}")"""

FETCH = """\
import sys

    !git clone --quiet --depth 1 {address} recsys-tutorial
    %pip install --quiet --editable recsys-tutorial
    sys.path[:0] = ["recsys-tutorial", "recsys-tutorial/notebooks"]
    import recsys_tutorial as rt
    import recsys_workshop as ws"""

NO_ADDRESS = """\
raise ModuleNotFoundError(
        "the project is not installed here: run python3 scripts/start.py in its folder, and open "
        "this page from the JupyterLab that it starts"
    ) from None"""


def setup_cell(name: str, address: str) -> str:
    """The setup cell of a page, which fetches the project where that has an address."""
    if not address:
        return SETUP.format(why="", remedy=NO_ADDRESS, name=name)
    why = " Where the project is missing (on Colab), it is fetched and installed."
    return SETUP.format(why=why, remedy=FETCH.format(address=address), name=name)


INDEX_TOP = """\
# Recsys Tutorial

Build recommenders that you understand: from the first ten film titles to a service that answers \
while people click. Start at the top and follow the links at the end of each page. You need some \
Python and numpy; if PyTorch is new to you, read the Primer first, *Beside the path* below.

*Minutes* are for reading, running and the exercises. *Computing* is the part of them that the \
machine needs, measured on two processors. Each page also runs on its own: it loads or trains what \
earlier pages would have left."""

INDEX_PROGRESS = """\
## How far you are

Run the next cell (Shift-Enter) to see the exercises that you have passed. They are recorded in \
`progress.json` beside the data, and nothing leaves this machine."""


def generate(root: Path) -> dict[str, str]:
    """Text of every generated file by its path from notebooks/.

    Raises SourceError that lists everything wrong with the sources.
    """
    book = Book.read(root)
    files = {"index.ipynb": index(book), **readme(root, book), **timetables(root, book)}
    for source in book.sources.values():
        files[f"{source.name}.ipynb"] = page(book, source, solutions=False)
        files[f"solutions/{source.name}.ipynb"] = page(book, source, solutions=True)
    return files


def teaching(root: Path, folder: Path) -> list[Path]:
    """The instructor's edition of all pages, and a run sheet of each plan, in a folder.

    The notebooks go two folders below the root, so that their links lead to the same places.
    """
    book = Book.read(root)
    files = {f"{n}.ipynb": instructor(book, s) for n, s in book.sources.items() if "/" not in n}
    files |= {
        f"run-sheet-{n}.html": run_sheet(n, rows, book) for n, rows in plans(root, book).items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return [folder / name for name in files]


def out_of_sync(root: Path, files: dict[str, str]) -> list[str]:
    """Paths below notebooks/ of files that differ from `files`, are missing, or have no source.

    The reader's own notebooks do not count.
    """
    folder = root / "notebooks"
    there = {n: (folder / n).read_text(encoding="utf-8") for n in files if (folder / n).is_file()}
    for path in folder.rglob("*.ipynb"):
        name, text = path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8")
        if _is_generated(name, text):
            there[name] = text
    return sorted(name for name in {*files, *there} if files.get(name) != there.get(name))


def write(root: Path, files: dict[str, str]) -> None:
    """Write the notebooks that changed, and remove generated ones without a source."""
    for name in out_of_sync(root, files):
        path = root / "notebooks" / name
        if name in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[name], encoding="utf-8", newline="\n")
        else:
            path.unlink()


def _is_generated(name: str, text: str) -> bool:
    """Whether the build wrote it to this place; a reader may have copied it to another."""
    try:
        origin = str(json.loads(text)["metadata"][MARK]["source"])
    except (ValueError, KeyError, TypeError):
        return False
    page = origin.removeprefix("notebooks/source/").removesuffix(".py")
    return name in (f"{page}.ipynb", f"solutions/{page}.ipynb")


# ---------------------------------------------------------------------------- a page, the index


def instructor(book: Book, source: Source) -> str:
    """The instructor's edition of a page: with notes, minutes of each section, and solutions."""
    cells = []
    minutes = {f"## {s.title}": s.minutes for s in sections(source)[1:]}
    for cell in source.cells:
        text, tags = cell.text, {"tags": list(cell.tags)}
        if "notes" in cell.tags:
            text = "> **For the instructor.** " + " ".join(text.split())
            cell = Cell("markdown", text, {})
        elif cell.kind == "markdown":
            lines = [
                f"{x} *({minutes[x.strip()]} min)*" if x.strip() in minutes else x
                for x in text.splitlines()
            ]
            cell = Cell("markdown", "\n".join(lines), cell.metadata)
        elif "solution" in tags["tags"]:
            cell = Cell("code", text, {**cell.metadata, "jupyter": {"source_hidden": True}})
        cells.append(cell)
    return page(book, replace(source, cells=cells), solutions=True, dropped=frozenset())


def page(
    book: Book, source: Source, *, solutions: bool, dropped: frozenset[str] | None = None
) -> str:
    """The text of one notebook of a page."""
    up = home(source, solutions)
    cells = []
    for number, cell in enumerate(source.cells):
        text, metadata = cell.text, dict(cell.metadata)
        if number == 0:
            text = f"{text}\n\n{book.header(source, solutions)}"
        elif number == 1:
            text = setup_cell(source.name, book.address)
        elif cell.kind == "code":
            text = _quiet(text)
        elif text == CONTENTS:
            folder = beside(source, "").removesuffix(".ipynb")
            text = "\n".join([*TABLE, *book.rows(book.series, folder)])
        elif up:
            text = re.sub(r"(\]\(|src=\")images/", rf"\1{up}images/", text)
        if {"setup", "hide-input"} & set(cell.tags):
            metadata["jupyter"] = {"source_hidden": True}
        cells.append(Cell(cell.kind, text, metadata))
    cells.append(Cell("markdown", book.footer(source, solutions), {"tags": ["footer"]}))
    if dropped is None:
        dropped = frozenset({"notes", "stub" if solutions else "solution"})
    return notebook_text(cells, f"{source.name}.py", dropped)


def index(book: Book) -> str:
    """The text of index.ipynb: all pages with their minutes, and the reader's progress."""
    cells = [Cell("markdown", INDEX_TOP, {})]
    for part, entries in groupby(book.series, key=lambda e: e.part):
        rows = [f"## {part}", "", *TABLE, *book.rows(entries, "")]
        cells.append(Cell("markdown", "\n".join(rows), {}))
    if hunts := [s for s in book.sources.values() if s.name.startswith("bug_hunts/")]:
        rows = ["## Bug hunts", "", "Each has one real bug. Find it, and prove it.", ""]
        after = {s.name: ", ".join(n.split("_")[0] for n in s.needs) for s in hunts}
        rows += [
            f"* [{s.title}]({s.name}.ipynb), {s.minutes} minutes"
            + (f", after page {after[s.name]}" if after[s.name] else "")
            for s in hunts
        ]
        cells.append(Cell("markdown", "\n".join(rows), {}))
    cells.append(Cell("markdown", INDEX_PROGRESS, {}))
    cells.append(Cell("code", "import recsys_workshop as ws\n\nws.progress()", {}))
    return notebook_text(cells, "series.toml")


def readme(root: Path, book: Book) -> dict[str, str]:
    """README.md with the series, and docs/online.md, between the marks that they have."""
    rows = "\n".join([*TABLE, *book.rows(book.series, "notebooks/")])
    files = {}
    for name in ("README.md", "docs/online.md"):
        path = root / name
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        made = SERIES.sub(lambda mark: f"{mark[1]}\n{rows}\n{mark[2]}", text)
        if SERIES.search(text) or MARKS.search(text):
            files[f"../{name}"] = published(made, name, book.address)
    return files


def _quiet(code: str) -> str:
    """A cell that ends in ws.check(...) gets a semicolon, which hides the value True.

    (In a source the formatter would remove it.)
    """
    try:
        statements = ast.parse(code).body
    except SyntaxError:  # a magic
        return code
    last = statements[-1] if statements else None
    is_check = isinstance(last, ast.Expr) and ast.unparse(last).startswith("ws.check(")
    return f"{code.rstrip(';')};" if is_check else code


# ---------------------------------------------------------------------------- as a file


def notebook_text(
    cells: Sequence[Cell], origin: str, dropped: frozenset | set = frozenset()
) -> str:
    """The file's text. There are no outputs, and an id depends only on the section and the place in
    it, so that a changed word is a changed line."""
    made = []
    used: Counter[str] = Counter()
    section = "top"
    for cell in cells:
        if found := lint.headings([cell]):
            section = re.sub(r"[^a-z0-9]+", "-", found[0][1].lower()).strip("-")[:48] or "section"
        used[section] += 1
        if dropped & set(cell.tags):
            continue
        make: Any = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
        node = make[cell.kind](cell.text, id=f"{section}-{used[section]}")
        node.metadata = nbformat.from_dict(cell.metadata)
        made.append(node)
    notebook = nbformat.v4.new_notebook(cells=made)
    notebook.metadata = nbformat.from_dict({MARK: {"source": f"notebooks/source/{origin}"}})
    nbformat.validate(notebook)
    return clean(nbformat.writes(notebook, version=4))
