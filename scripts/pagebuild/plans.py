"""Plans of a day, from `plans.toml`: tables for the guide, and run sheets of one printed page.

A row is `[page, parts, activity]`. Parts are numbers such as "1-3, 5", or "" for all, and take the
minutes of `timing`. A plain number instead is minutes, for a break or for what the room chooses.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment

from pagebuild.book import Book
from pagebuild.source import SourceError
from pagebuild.timing import Section, sections

GUIDE = Path("docs") / "instructor.md"
TABLE = ["| from | minutes | page | in the room | computing |", "|---|---:|---|---|---:|"]
ASKED = re.compile(r"Ask the room[^:?]*: (.+?\?)")


@dataclass(frozen=True)
class Row:
    """A row of a plan: `page` is None for a break, `parts` are the chosen sections of a page."""

    start: str
    minutes: int
    page: str | None
    parts: list[tuple[int, Section]]
    what: str
    said: str

    @property
    def asked(self) -> list[str]:
        """The questions for the room in the notes of its parts, the first of each note."""
        notes = [ASKED.search(note) for _, part in self.parts for note in part.notes]
        return [re.sub(r"[*`]", "", found[1]) for found in notes if found]


def plans(root: Path, book: Book) -> dict[str, list[Row]]:
    """The rows of each plan by its name; the last row is the end, without minutes.

    Raises SourceError for a page or a part that does not exist.
    """
    path, made = root / "notebooks" / "source" / "plans.toml", {}
    for plan in tomllib.loads(path.read_text(encoding="utf-8"))["plan"] if path.is_file() else []:
        hour, minute = map(int, plan["start"].split(":"))
        now, rows = 60 * hour + minute, []
        for number, parts, what in [*plan["rows"], ["", 0, "end"]]:
            name, done = None, list[tuple[int, Section]]()
            if number:
                name = next((n for n in book.sources if n.startswith(f"{number}_")), None)
                if name is None:
                    raise SourceError(f"plan {plan['name']!r}: no page {number!r} in the series")
                done = _chosen(book, name, parts) if isinstance(parts, str) else []
            minutes = sum(s.minutes for _, s in done) if isinstance(parts, str) else parts
            said = what
            if isinstance(parts, str) and parts:
                many = "s" * (not parts.isdecimal())
                said = f"part{many} {parts.replace('-', ' to ')}: {what}"
            clock = f"{now // 60:02}:{now % 60:02}"
            rows.append(Row(clock, minutes, name, done, what, said))
            now += minutes
        made[plan["name"]] = rows
    return made


def _chosen(book: Book, name: str, wanted: str) -> list[tuple[int, Section]]:
    there = list(enumerate(sections(book.sources[name])))[1:]
    numbers = {n for n, _ in there}
    if wanted:
        ends = [[int(end) for end in span.split("-")] for span in wanted.split(",")]
        numbers = {n for end in ends for n in range(end[0], end[-1] + 1)}
    if strange := numbers - {n for n, _ in there}:
        raise SourceError(f"plans.toml: {name} has no part {min(strange)}, it has {len(there)}")
    return [(n, section) for n, section in there if n in numbers]


def timetables(root: Path, book: Book) -> dict[str, str]:
    """The guide with each plan, and the pages that no plan has, between their marks."""
    made = plans(root, book)
    if not made or not (root / GUIDE).is_file():
        return {}
    text = (root / GUIDE).read_text(encoding="utf-8")
    blocks = {f"plan {name}": _table(rows, book) for name, rows in made.items()}
    taken = {row.page for rows in made.values() for row in rows}
    left = [e.name.split("_")[0] for e in book.series if e.numbered and e.name not in taken]
    blocks["self-study"] = f"Pages {', '.join(left)} are for self-study, or for a second day."
    for name, block in blocks.items():
        marks = re.compile(rf"(<!-- {name}: [^\n]*-->)\n.*?(<!-- end of [\w-]+ -->)", re.DOTALL)
        text, found = marks.subn(lambda m, block=block: f"{m[1]}\n{block}\n{m[2]}", text)  # type: ignore[misc]
        if not found and name in {f"plan {plan}" for plan in made}:
            raise SourceError(f"{GUIDE.as_posix()} has no marks for {name!r}")
    return {f"../{GUIDE.as_posix()}": text}


def _table(rows: list[Row], book: Book) -> str:
    lines = list(TABLE)
    for row in rows:
        page = works = ""
        if row.page:
            page, works = book.entry(row.page).label, book.works(row.page)
        minutes = row.minutes or ""
        lines.append(f"| {row.start} | {minutes} | {page} | {row.said} | {works} |")
    return "\n".join(lines)


def run_sheet(name: str, rows: list[Row], book: Book) -> str:
    """A page to print: the clock, each part with its minutes, its first questions."""
    text = Path(__file__).with_name("run_sheet.html").read_text(encoding="utf-8")
    template = Environment(autoescape=True).from_string(text)
    return template.render(name=name.replace("-", " "), rows=rows, book=book)
