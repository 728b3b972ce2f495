"""The timetables of the instructor's guide, from `plans.toml` and the measured times."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from pagebuild.book import Book
from pagebuild.source import SourceError

GUIDE = Path("docs") / "instructor.md"
TABLE = ["| from | minutes | page | in the room | computing |", "|---|---:|---|---|---:|"]


def timetables(root: Path, book: Book) -> dict[str, str]:
    """The guide with each plan between its marks; nothing where there are no plans.

    Raises SourceError for a plan that names a page which is not in the series.
    """
    plans, guide = root / "notebooks" / "source" / "plans.toml", root / GUIDE
    if not (plans.is_file() and guide.is_file()):
        return {}
    text = guide.read_text(encoding="utf-8")
    for plan in tomllib.loads(plans.read_text(encoding="utf-8"))["plan"]:
        name = plan["name"]
        marks = re.compile(rf"(<!-- plan {name}: [^\n]*-->)\n.*?(<!-- end of plan -->)", re.DOTALL)
        table = "\n".join(timetable(plan, book)).replace("\\", r"\\")
        text, found = marks.subn(rf"\1\n{table}\n\2", text)
        if not found:
            raise SourceError(f"{GUIDE.as_posix()} has no marks for the plan {name!r}")
    return {f"../{GUIDE.as_posix()}": text}


def timetable(plan: dict, book: Book) -> list[str]:
    """The rows of one plan: each begins when the one before has ended."""
    hour, minute = map(int, plan["start"].split(":"))
    now, rows = 60 * hour + minute, list(TABLE)
    for number, minutes, what in plan["rows"]:
        page, works = "", ""
        if number:
            entry = next((e for e in book.series if e.name.startswith(f"{number}_")), None)
            if entry is None:
                raise SourceError(f"plan {plan['name']!r}: no page {number!r} in the series")
            page, works = entry.label, book.works(entry.name)
        rows.append(f"| {now // 60:02}:{now % 60:02} | {minutes} | {page} | {what} | {works} |")
        now += minutes
    return [*rows, f"| {now // 60:02}:{now % 60:02} | | | end | |"]
