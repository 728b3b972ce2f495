"""Rules for every source, whatever its subject: shape, headings, exercises, lengths."""

from __future__ import annotations

import re
from itertools import pairwise

from pagebuild import timing
from pagebuild.source import Cell, Entry, Source

SETUP = 'import recsys_tutorial as rt\nimport recsys_workshop as ws\n\npage = ws.page("{name}")'
LONGEST = 16  # lines of a code cell
LONGEST_SOLUTION = 25
TAGS = {"setup", "stub", "solution", "notes", "long", "hide-input", "raises-exception"}
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)


def problems(source: Source, series: list[Entry]) -> list[str]:
    """Everything wrong with a source, one line each, with the number of the cell."""
    found = [
        *_first_cells(source, series),
        *_headings(source),
        *_exercises(source),
        *timing.problems(source),
    ]
    names = {e.name for e in series}
    found += [
        f"needs {n!r}, which is no page of the series" for n in source.needs if n not in names
    ]
    for number, cell in enumerate(source.cells, start=1):
        if strange := set(cell.tags) - TAGS:
            found.append(f"cell {number}: unknown tags {sorted(strange)}; known: {sorted(TAGS)}")
        lines = len(cell.text.splitlines())
        longest = LONGEST_SOLUTION if {"solution", "long"} & set(cell.tags) else LONGEST
        if cell.kind == "code" and lines > longest:
            found.append(f"cell {number}: {lines} lines of code, at most {longest}")
    return [f"{source.name}: {text}" for text in found]


def headings(cells: list[Cell]) -> list[tuple[int, str]]:
    """Level and text of each heading of the markdown cells, outside of code fences."""
    found = []
    for cell in cells:
        if cell.kind != "markdown" or "notes" in cell.tags:
            continue
        for line in _FENCE.sub("", cell.text).splitlines():
            if match := re.match(r"(#{1,6})\s+(.*)", line):
                found.append((len(match[1]), match[2].strip()))
    return found


def _first_cells(source: Source, series: list[Entry]) -> list[str]:
    first, second = [*source.cells, Cell("", "", {}), Cell("", "", {})][:2]
    if first.kind != "markdown" or not first.text.startswith("# "):
        return ["the first cell must be markdown and begin with the H1, `# Title`"]
    found = []
    goal = "\n".join(first.text.splitlines()[1:]).strip()
    if not goal or "\n\n" in goal:
        found.append("the first cell must be the H1 and one paragraph, the goal in one sentence")
    titles = {e.name: e.title for e in series}
    if source.title != titles.get(source.name, source.title):
        found.append(f"its H1 is {source.title!r}, and series.toml says {titles[source.name]!r}")
    if second.text != SETUP.format(name=source.name) or second.tags != ["setup"]:
        found.append(
            'the second cell must be tagged `# %% tags=["setup"]` and read:\n'
            + SETUP.format(name=source.name)
        )
    return found


def _headings(source: Source) -> list[str]:
    found = []
    levels = headings(source.cells)
    ones = [text for level, text in levels if level == 1]
    if len(ones) != 1:
        found.append(f"a page has exactly one H1, and here are {len(ones)}: {ones}")
    for (before, _), (level, text) in pairwise(levels):
        if level > before + 1:
            found.append(f"heading {text!r} jumps from level {before} to {level}")
    return found


def _exercises(source: Source) -> list[str]:
    """A stub is followed by its solution, and that by a check."""
    found = []
    cells = source.cells
    for number, cell in enumerate(cells, start=1):
        after = cells[number] if number < len(cells) else Cell("", "", {})
        before = cells[number - 2] if number > 1 else Cell("", "", {})
        if "stub" in cell.tags and "solution" not in after.tags:
            found.append(f"cell {number}: a stub must be followed by its solution")
        if "solution" in cell.tags and "stub" not in before.tags:
            found.append(f"cell {number}: a solution must follow a stub")
        if "solution" in cell.tags and "ws.check(" not in after.text:
            found.append(f"cell {number}: a solution must be followed by a cell with ws.check")
    return found
