"""Everything known about the series when the notebooks are made; links and tables from it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pagebuild import lint
from pagebuild.source import (
    Entry,
    Source,
    SourceError,
    read_all,
    read_minutes,
    read_series,
    repository,
)

TABLE = ["| page | minutes | computing |", "|---|---:|---:|"]


@dataclass(frozen=True)
class Book:
    """The table of the series, the pages, the minutes measured, the address."""

    series: list[Entry]
    sources: dict[str, Source]
    minutes: dict[str, dict[str, Any]]
    address: str

    @classmethod
    def read(cls, root: Path) -> Book:
        """Read all sources. Raises SourceError that lists everything wrong with them."""
        series, sources = read_series(root), read_all(root)
        wrong = [line for source in sources for line in lint.problems(source, series)]
        if wrong:
            raise SourceError("\n".join(wrong))
        return cls(series, {s.name: s for s in sources}, read_minutes(root), repository(root))

    def entry(self, name: str) -> Entry:
        return next(e for e in self.series if e.name == name)

    def neighbours(self, name: str) -> tuple[Entry | None, Entry | None]:
        """The pages before and after; an appendix and a bug hunt have none."""
        path = [e for e in self.series if e.numbered]
        names = [e.name for e in path]
        if name not in names:
            return None, None
        place = names.index(name)
        after = path[place + 1] if place + 1 < len(path) else None
        return (path[place - 1] if place else None), after

    def header(self, source: Source, solutions: bool) -> str:
        """The lines below the goal: minutes, prerequisites, links."""
        needs = [link(self.entry(n), beside(source, n)) for n in source.needs]
        needs += [source.knows] if source.knows else []
        lines = [f"**{self.duration(source)}** · Before this page: {', '.join(needs) or 'nothing'}"]
        before, after = self.neighbours(source.name)
        up = home(source, solutions)
        links = [f"[Contents]({up}index.ipynb)", f"[Glossary]({up}../docs/glossary.md)"]
        if before:
            links.insert(0, f"← {link(before, beside(source, before.name))}")
        if after:
            links.append(f"{link(after, beside(source, after.name))} →")
        lines.append(" · ".join(links))
        if solutions:
            target = f"{up}{source.name}.ipynb"
            lines.append(f"*With solutions. [The page to work on]({target}) has none.*")
        return "\n\n".join(lines)

    def footer(self, source: Source, solutions: bool) -> str:
        up = home(source, solutions)
        contents = f"[Contents]({up}index.ipynb)"
        contents += f" · [Further reading]({up}../docs/further_reading.md)"
        _, after = self.neighbours(source.name)
        if after is None:
            return f"**Back to:** {contents}"
        return f"**Next:** {link(after, beside(source, after.name))} · {contents}"

    def duration(self, source: Source) -> str:
        text = f"About {source.minutes} minutes"
        works = self.works(source.name)
        return f"{text}; the cells run for {works} in all" if works else text

    def minutes_of(self, name: str) -> int:
        """The author's estimate; known even if only other pages are built."""
        source = self.sources.get(name)
        return source.minutes if source else self.minutes.get(name, {}).get("minutes", 0)

    def works(self, name: str) -> str:
        """Seconds or minutes measured, in words; empty before the first measurement."""
        seconds = self.minutes.get(name, {}).get("seconds")
        return "" if seconds is None else in_words(seconds)

    def rows(self, entries: Iterable[Entry], folder: str) -> list[str]:
        """Rows of a table of contents, links relative to `folder` ("" or "../")."""
        return [
            f"| {link(e, f'{folder}{e.name}.ipynb')} | {self.minutes_of(e.name)} | "
            f"{self.works(e.name)} |"
            for e in entries
        ]


def link(entry: Entry, target: str) -> str:
    return f"[{entry.label}]({target})"


def home(source: Source, solutions: bool) -> str:
    """The relative path from a notebook to notebooks/."""
    return "../" * (source.name.count("/") + solutions)


def beside(source: Source, name: str) -> str:
    """The relative path from a page to another; solutions link to solutions in the same way."""
    return "../" * source.name.count("/") + f"{name}.ipynb"


def in_words(seconds: float) -> str:
    """Rounded up generously, so that a new measurement changes little."""
    if seconds <= 55:
        return f"{max(5, math.ceil(seconds / 5) * 5)} seconds"
    halves = math.ceil(seconds / 30) / 2
    return f"{halves:g} minute{'' if halves == 1 else 's'}"
