"""Plans of a day, from `plans.toml`: tables for the guide, a run sheet of one page for the desk.

A row is `[page, parts, what is done]`: the parts by their numbers, "1-3, 5" or "" for all, which
take the minutes of `timing`; a plain number is minutes, for a break or what the room chooses.
"""

from __future__ import annotations

import html
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pagebuild.book import Book
from pagebuild.source import SourceError
from pagebuild.timing import Section, sections

GUIDE = Path("docs") / "instructor.md"
TABLE = ["| from | minutes | page | in the room | computing |", "|---|---:|---|---|---:|"]
ASKED = re.compile(r"Ask the room[^:?]*: (.+?\?)")
SHEET = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Run sheet: {name}</title><style>
@page {{ size: A4; margin: 11mm; }}
body {{ font: 10.8px/1.35 "DejaVu Sans", Arial, sans-serif; max-width: 190mm; margin: auto; }}
h1 {{ font-size: 15px; margin: 0 0 4px; }} p {{ margin: 0 0 5px; }}
table {{ border-collapse: collapse; width: 100%; }} th:nth-child(4) {{ width: 30%; }}
th, td {{ text-align: left; vertical-align: top; padding: 2.5px 5px; border-top: 1px solid #999; }}
.n {{ text-align: right; white-space: nowrap; }} i {{ color: #333; }}
</style></head><body>
<h1>Run sheet: {name}</h1>
<p>Late at a break? Leave out a part, never the rating of films on page 02.</p>
<table><thead><tr><th>from</th><th class="n">min</th><th>what, with the minutes of each part</th>
<th>ask the room</th><th>really</th></tr></thead><tbody>
{rows}
</tbody></table></body></html>
"""


@dataclass(frozen=True)
class Row:
    """A row of a plan: `page` is None for a break, `parts` what is done of a page."""

    start: str
    minutes: int
    page: str | None
    parts: list[tuple[int, Section]]
    what: str


def plans(root: Path, book: Book) -> dict[str, list[Row]]:
    """The rows of each plan by its name; the last row is the end, without minutes.

    Raises SourceError for a page or a part that is not there.
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
            rows.append(Row(f"{now // 60:02}:{now % 60:02}", minutes, name, done, what))
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
    """The guide with each plan, and the pages that are in none, between their marks."""
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
        lines.append(f"| {row.start} | {minutes} | {page} | {_said(row, book)} | {works} |")
    return "\n".join(lines)


def _said(row: Row, book: Book) -> str:
    whole = row.page is None or len(row.parts) == len(sections(book.sources[row.page])) - 1
    if whole or not row.parts:
        return row.what
    return f"part{'s' * (len(row.parts) > 1)} {_spans([n for n, _ in row.parts])}: {row.what}"


def _spans(numbers: list[int]) -> str:
    """[1, 2, 3, 5] as "1 to 3, 5"."""
    spans: list[list[int]] = []
    for n in numbers:
        if spans and spans[-1][-1] == n - 1:
            spans[-1].append(n)
        else:
            spans.append([n])
    return ", ".join(f"{s[0]} to {s[-1]}" if len(s) > 1 else f"{s[0]}" for s in spans)


def run_sheet(name: str, rows: list[Row], book: Book) -> str:
    """A page to print: the clock, each part with its minutes, its first question."""
    made = []
    for row in rows:
        label = f"<b>{html.escape(book.entry(row.page).label)}</b>: " if row.page else ""
        parts = "; ".join(f"{n} {html.escape(s.title)} ({s.minutes})" for n, s in row.parts)
        asked = [
            re.sub(r"[*`]", "", m[1])
            for _, s in row.parts
            for note in s.notes
            if (m := ASKED.search(note))
        ]
        asked = [f"<i>{html.escape(question)}</i>" for question in asked[:4]]
        made.append(
            f'<tr><td>{row.start}</td><td class="n">{row.minutes or ""}</td><td>{label}'
            f"{parts or html.escape(row.what)}</td><td>{'<br>'.join(asked)}</td><td>____</td></tr>"
        )
    return SHEET.format(name=name.replace("-", " "), rows="\n".join(made))
