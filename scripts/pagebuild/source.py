"""Reading a page's source (py:percent), the table of the series, and the minutes measured."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import yaml

KEYS = {"minutes", "needs", "knows"}


class SourceError(ValueError):
    """A source with mistakes; the message lists them with their places."""


@dataclass(frozen=True)
class Cell:
    """A cell of the source: `kind` is "markdown" or "code"."""

    kind: str
    text: str
    metadata: dict[str, Any]

    @property
    def tags(self) -> list[str]:
        return list(self.metadata.get("tags", []))


@dataclass(frozen=True)
class Source:
    """A page as its author wrote it.

    name    : path below notebooks/source without the suffix: "00_setup", "bug_hunts/01_axis"
    minutes : the author's estimate of reading, running and exercises
    needs   : names of the pages that it builds on
    knows   : other knowledge that it needs, in words
    """

    name: str
    cells: list[Cell]
    minutes: int
    needs: tuple[str, ...] = ()
    knows: str = ""

    @property
    def title(self) -> str:
        return self.cells[0].text.splitlines()[0].removeprefix("# ").strip()

    @property
    def goal(self) -> str:
        """The paragraph below the title."""
        return " ".join(self.cells[0].text.partition("\n\n")[2].split())

    @property
    def first_sentence(self) -> str:
        """The first sentence of the goal."""
        return re.split(r"(?<=[.!?]) ", self.goal)[0]


@dataclass(frozen=True)
class Entry:
    """A row of the series."""

    name: str
    title: str
    part: str

    @property
    def numbered(self) -> bool:
        """Whether it is on the path from page to page; an appendix is not."""
        return self.name[0].isdigit()

    @property
    def label(self) -> str:
        return f"{self.name.split('_')[0]} {self.title}" if self.numbered else self.title


def read_source(path: Path, name: str) -> Source:
    """Parse one source. Raises SourceError for a front block or cells that cannot be read."""
    text = path.read_text(encoding="utf-8")
    front, body = _front(text, name)
    unknown = set(front) - KEYS
    if unknown or not isinstance(front.get("minutes"), int):
        raise SourceError(
            f"{name}: the front block needs `minutes` (a whole number) and may have `needs` and "
            f"`knows`; it has {sorted(front)}"
        )
    notebook = jupytext.reads(body, fmt="py:percent")
    cells = [
        Cell(c.cell_type, c.source.strip("\n"), dict(c.metadata))
        for c in notebook.cells
        if c.source.strip()
    ]
    return Source(
        name, cells, front["minutes"], tuple(front.get("needs") or ()), front.get("knows") or ""
    )


def _front(text: str, name: str) -> tuple[dict[str, Any], str]:
    """The YAML between the first two lines `# ---`, and the rest of the file."""
    lines = text.splitlines()
    if not lines or lines[0] != "# ---" or "# ---" not in lines[1:]:
        raise SourceError(f"{name}: it must begin with a front block between two lines `# ---`")
    end = lines.index("# ---", 1)
    try:
        front = yaml.safe_load("\n".join(line.removeprefix("# ") for line in lines[1:end]))
    except yaml.YAMLError as error:
        raise SourceError(f"{name}: the front block is no YAML: {error}") from error
    if not isinstance(front, dict):
        raise SourceError(f"{name}: the front block holds no `key: value` lines")
    return front, "\n".join(lines[end + 1 :])


def read_series(root: Path) -> list[Entry]:
    """The rows of series.toml in order."""
    folder = root / "notebooks" / "source"
    content = tomllib.loads((folder / "series.toml").read_text(encoding="utf-8"))
    return [
        Entry(name, title, part["title"])
        for part in content["part"]
        for name, title in part["pages"]
    ]


def read_all(root: Path, names: Sequence[str] = ()) -> list[Source]:
    """All sources (or those named), in the order of the series, then bug hunts by name.

    Raises SourceError for a page that is not in the table of the series, or an unknown name.
    """
    folder = root / "notebooks" / "source"
    order = [e.name for e in read_series(root)]
    there = sorted(p.stem for p in folder.glob("*.py"))
    if strangers := [n for n in there if n not in order]:
        raise SourceError(f"not in notebooks/source/series.toml: {', '.join(strangers)}")
    order += [f"bug_hunts/{p.stem}" for p in sorted((folder / "bug_hunts").glob("*.py"))]
    if unknown := [n for n in names if n not in order]:
        raise SourceError(f"no such page: {', '.join(unknown)}; there are {', '.join(order)}")
    return [read_source(folder / f"{n}.py", n) for n in order if not names or n in names]


def read_minutes(root: Path) -> dict[str, dict[str, Any]]:
    """Page name to `seconds`, `peak_mib`, `minutes`, as measured; empty before the first time."""
    path = root / "notebooks" / "minutes.json"
    if not path.is_file():
        return {}
    return json.loads(path.read_text(encoding="utf-8"))["pages"]


def repository(root: Path) -> str:
    """The project's address, `[project.urls] Repository` of pyproject.toml; empty for none."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project.get("urls", {}).get("Repository", "")
