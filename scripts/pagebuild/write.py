"""Making the notebooks: the attendee's, the one with solutions, and the index."""

from __future__ import annotations

import ast
import json
import math
import re
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

import nbformat

from pagebuild import lint
from pagebuild.source import (
    Cell,
    Entry,
    Source,
    SourceError,
    read_all,
    read_minutes,
    read_series,
    repository,
)

DROPPED = {"attendee": {"solution", "notes"}, "solutions": {"stub", "notes"}}

SETUP = """\
# Run this cell first. Where the project is missing (on Colab), it is fetched and installed.
try:
    import recsys_tutorial as rt
except ModuleNotFoundError as error:
    if error.name != "recsys_tutorial":
        raise
    import sys

    !git clone --quiet --depth 1 {repository} recsys-tutorial
    %pip install --quiet --editable recsys-tutorial
    sys.path.insert(0, "recsys-tutorial")
    import recsys_tutorial as rt

page = rt.page("{name}")"""


def generate(root: Path) -> dict[str, str]:
    """Text of every generated notebook by its path below notebooks/.

    Raises SourceError that lists everything wrong with the sources.
    """
    series, sources, minutes = read_series(root), read_all(root), read_minutes(root)
    wrong = [line for source in sources for line in lint.problems(source, series)]
    if wrong:
        raise SourceError("\n".join(wrong))
    files = {"index.ipynb": _index(series, sources, minutes)}
    for source in sources:
        for kind in DROPPED:
            path = f"{source.name}.ipynb" if kind == "attendee" else f"{kind}/{source.name}.ipynb"
            files[path] = _page(source, kind, series, minutes, repository(root))
    return files


def out_of_sync(root: Path, files: dict[str, str]) -> list[str]:
    """Paths below notebooks/ that differ from what they should be, are missing, or too many."""
    folder = root / "notebooks"
    there = {
        p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8")
        for p in folder.rglob("*.ipynb")
        if ".ipynb_checkpoints" not in p.parts
    }
    return sorted(name for name in {*files, *there} if files.get(name) != there.get(name))


def write(root: Path, files: dict[str, str]) -> None:
    """Write the notebooks that changed, and remove those without a source."""
    folder = root / "notebooks"
    for name in out_of_sync(root, files):
        path = folder / name
        if name in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[name], encoding="utf-8", newline="\n")
        else:
            path.unlink()


# ---------------------------------------------------------------------------- a page


def _page(
    source: Source,
    kind: str,
    series: list[Entry],
    minutes: dict[str, dict[str, Any]],
    address: str,
) -> str:
    home = "../" * (source.name.count("/") + (kind == "solutions"))  # to notebooks/
    cells = []
    for number, cell in enumerate(source.cells):
        text, metadata = cell.text, dict(cell.metadata)
        if number == 0:
            text = f"{text}\n\n{_header(source, kind, series, minutes, home)}"
        elif number == 1:
            text = SETUP.format(name=source.name, repository=address)
            metadata["jupyter"] = {"source_hidden": True}
        elif cell.kind == "code":
            text = _quiet(text)
        elif home:
            text = re.sub(r"(\]\(|src=\")images/", rf"\1{home}images/", text)
        cells.append(Cell(cell.kind, text, metadata))
    cells.append(Cell("markdown", _footer(source, series, home), {"tags": ["footer"]}))
    return _notebook(cells, DROPPED[kind])


def _quiet(code: str) -> str:
    """A cell that ends in rt.check(...) gets a semicolon: no bare True below what it printed.

    (In a source the formatter would take it away.)
    """
    try:
        statements = ast.parse(code).body
    except SyntaxError:  # a magic
        return code
    last = statements[-1] if statements else None
    if isinstance(last, ast.Expr) and ast.unparse(last).startswith("rt.check("):
        return f"{code};"
    return code


def _header(
    source: Source,
    kind: str,
    series: list[Entry],
    minutes: dict[str, dict[str, Any]],
    home: str,
) -> str:
    titles = {e.name: e for e in series}
    needs = [_link(titles[name], _beside(source, name)) for name in source.needs]
    if source.knows:
        needs.append(source.knows)
    lines = [
        f"**{_duration(source, minutes)}** · Before this page: {', '.join(needs) or 'nothing'}"
    ]
    before, after = _neighbours(source, series)
    links = [f"[Contents]({home}index.ipynb)"]
    if before:
        links.insert(0, f"← [{_named(before)}]({_beside(source, before.name)})")
    if after:
        links.append(f"[{_named(after)}]({_beside(source, after.name)}) →")
    lines.append(" · ".join(links))
    if kind == "solutions":
        page = f"{home}{source.name}.ipynb"
        lines.append(f"*This is the page with its solutions; [the page to work on]({page}).*")
    return "\n\n".join(lines)


def _footer(source: Source, series: list[Entry], home: str) -> str:
    _, after = _neighbours(source, series)
    contents = f"[Contents]({home}index.ipynb)"
    if after is not None:
        return f"**Next:** [{_named(after)}]({_beside(source, after.name)}) · {contents}"
    names = [e.name for e in series]
    place = names.index(source.name) if source.name in names else len(names)
    if place + 1 < len(names) and source.name[0].isdigit() and names[place + 1][0].isdigit():
        return f"**Next:** {_named(series[place + 1])} (coming) · {contents}"
    return f"**Back to:** {contents}"


def _neighbours(source: Source, series: list[Entry]) -> tuple[Entry | None, Entry | None]:
    """The written pages before and after; an appendix and a bug hunt have none."""
    path = [e for e in series if e.name[0].isdigit() and e.written]
    names = [e.name for e in path]
    if source.name not in names:
        return None, None
    place = names.index(source.name)
    return (
        path[place - 1] if place else None,
        path[place + 1] if place + 1 < len(path) else None,
    )


def _beside(source: Source, name: str) -> str:
    """Link from a page to another: solutions link to solutions, so one rule serves both."""
    return "../" * source.name.count("/") + f"{name}.ipynb"


def _named(entry: Entry) -> str:
    number = entry.name.split("_")[0]
    return f"{number} {entry.title}" if number.isdigit() else entry.title


def _link(entry: Entry, target: str) -> str:
    return f"[{_named(entry)}]({target})" if entry.written else f"{_named(entry)} (coming)"


def _duration(source: Source, minutes: dict[str, dict[str, Any]]) -> str:
    """About 10 minutes; rounded, so that measuring again changes nothing that matters."""
    text = f"About {source.minutes} minutes"
    seconds = minutes.get(source.name, {}).get("seconds")
    if seconds is None:
        return text
    return f"{text}, of which the machine works {_rounded(seconds)}"


def _rounded(seconds: float) -> str:
    if seconds < 55:
        return f"{max(5, math.ceil(seconds / 5) * 5)} seconds"
    halves = math.ceil(seconds / 30) / 2
    return f"{halves:g} minute{'' if halves == 1 else 's'}"


# ---------------------------------------------------------------------------- the index


def _index(series: list[Entry], sources: list[Source], minutes: dict[str, dict[str, Any]]) -> str:
    by_name = {s.name: s for s in sources}
    cells = [Cell("markdown", _INDEX_TOP, {})]
    for part, entries in groupby(series, key=lambda e: e.part):
        rows = [f"## {part}", "", "| page | minutes | the machine works |", "|---|---:|---:|"]
        for entry in entries:
            source = by_name.get(entry.name)
            if source is None:
                rows.append(f"| {_named(entry)} | coming | |")
            else:
                seconds = minutes.get(entry.name, {}).get("seconds")
                works = "" if seconds is None else _rounded(seconds)
                rows.append(
                    f"| {_link(entry, f'{entry.name}.ipynb')} | {source.minutes} | {works} |"
                )
        cells.append(Cell("markdown", "\n".join(rows), {}))
    if hunts := [s for s in sources if s.name.startswith("bug_hunts/")]:
        rows = ["## Bug hunts", "", "One real bug each. Find it, and prove it.", ""]
        rows += [f"* [{s.title}]({s.name}.ipynb), {s.minutes} minutes" for s in hunts]
        cells.append(Cell("markdown", "\n".join(rows), {}))
    cells.append(Cell("markdown", _INDEX_PROGRESS, {}))
    cells.append(Cell("code", "import recsys_tutorial as rt\n\nrt.progress()", {}))
    return _notebook(cells, set())


_INDEX_TOP = """\
# Recsys Tutorial

Build recommenders that you understand: from the first ten film titles to a service that answers \
while people click. Start at the top and follow the links at the end of each page.

*Minutes* are for reading, running and the exercises; what *the machine works* was measured on two \
processors. A page runs on its own, too: it brings along what earlier pages would have left."""

_INDEX_PROGRESS = """\
## How far you are

Run the next cell (Shift-Enter): exercises passed of each page, read from `progress.json` beside \
the data on this machine. Nothing of it leaves the machine."""


# ---------------------------------------------------------------------------- as notebooks


def _notebook(cells: list[Cell], dropped: set[str]) -> str:
    """The file's text: no outputs, and ids that depend on the section and the place in it only."""
    made = []
    used: Counter[str] = Counter()
    section = "top"
    for cell in cells:
        if found := lint.headings([cell]):
            section = re.sub(r"[^a-z0-9]+", "-", found[0][1].lower()).strip("-")[:48] or "section"
        used[section] += 1
        if dropped & set(cell.tags):
            continue
        identifier = f"{section}-{used[section]}"
        if cell.kind == "markdown":
            node = nbformat.v4.new_markdown_cell(cell.text, id=identifier)
        else:
            node = nbformat.v4.new_code_cell(cell.text, id=identifier)
        node.metadata = nbformat.from_dict(cell.metadata)
        made.append(node)
    notebook = nbformat.v4.new_notebook(cells=made)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        }
    )
    nbformat.validate(notebook)
    content = json.loads(nbformat.writes(notebook, version=4))
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
