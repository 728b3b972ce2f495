"""A deck of slides from a page: which cells are shown, and how they fill slides of 1280 by 720.

A page is more than a deck holds, so a deck is made by these rules.

* A markdown cell with slide_type "slide" begins a slide: its heading, then as many paragraphs,
  formulas and lists as can be read from the back. The rest goes to the speaker notes.
* Code is shown where it defines a model, or the author says so (slide_type "slide" or "subslide");
  figures and tables that fit always, unless their cell is "skip"; code that draws never.
* An exercise is a slide with its question; hints and solutions are on no slide.
* Cells "notes" are speaker notes, as is the prose that stands between the cells.
* Each section with an H2 is a part: it begins with the table of contents.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import nbformat

from pagebuild.source import Cell, Source

LINES = 12.5  # of text, below the heading
WIDTH = 72  # characters in a line of text
FIRST_LINES = 8  # of prose before the rest of it becomes notes
TABLE_ROWS, LOW_TABLE_ROWS, TABLE_COLUMNS = 18, 9, 9  # counted with the heads
TABLE_WIDTH, BROKEN_TABLE_WIDTH = 105, 190  # characters; the latter where cells take two lines
LONG_TABLE = 12  # rows; more of them stand closer
CODE_LINES, LARGE_CODE_LINES = 25, 17
PRINTED_LINES, PRINTED_WIDTH = 14, 92
BROKEN = 60  # characters of a printed line that may have been broken for its length
FIGURE = 9.8  # lines that a figure needs at least; it takes what is free
MODEL = re.compile(r"^class \w+\(", re.MULTILINE)
PASSING = re.compile(r"^Trained a \w+ on the spot|^PLANTED DATA")  # of the machine, not the matter
DRAWS = re.compile(r"\b(ax|axes|plt|fig)\.")
DETAILS = re.compile(r"<details>.*?</details>", re.DOTALL)
PAGE_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\.ipynb[^)]*\)")


@dataclass(frozen=True)
class Item:
    """Something on a slide.

    kind  : "text" (Markdown), "code", "figure" (a PNG as base64), "table" (HTML), "printed" (as it
            was printed) or "said" (sentences that were printed)
    lines : how many lines of text it takes
    """

    kind: str
    body: str
    lines: float
    alt: str = ""


@dataclass
class Slide:
    """What is on one slide, and what the speaker says to it.

    kind : "title", "exercise", or that of its first item
    """

    kind: str
    heading: str
    items: list[Item] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def has_room(self, item: Item) -> bool:
        if self.kind in ("title", "exercise"):
            return False
        second = item.kind == "figure" and any(i.kind == "figure" for i in self.items)
        return not second and sum(i.lines for i in self.items) + item.lines <= LINES


@dataclass
class Part:
    """A section of the page with its share of the page's minutes."""

    title: str
    slides: list[Slide] = field(default_factory=list)
    weight: float = 0.0
    minutes: int = 0


@dataclass(frozen=True)
class Deck:
    """The slides of one page; the first part holds the title slide only."""

    name: str
    label: str
    goal: str
    minutes: int
    planted: bool
    parts: list[Part]


def deck(source: Source, notebook: nbformat.NotebookNode, label: str, planted: bool) -> Deck:
    """The deck of a page from its source and its executed solution notebook."""
    made = _Maker(source)
    shown = iter(notebook.cells)
    for number, cell in enumerate(source.cells):
        ran = None if {"notes", "stub"} & set(cell.tags) else next(shown)
        if number > 1:
            made.add(cell, [] if ran is None else ran.get("outputs", []))
    parts = [part for part in made.parts if part.slides]
    _share_minutes(parts, source.minutes)
    goal = " ".join(source.cells[0].text.partition("\n\n")[2].split())
    return Deck(source.name, label, goal, source.minutes, planted, parts)


def _share_minutes(parts: list[Part], minutes: int) -> None:
    """Whole minutes to each part by how much there is to read and run; they add up to the page's.

    A first guess by length: where people talk, the instructor's clock knows better.
    """
    total, gone, done = sum(part.weight for part in parts) or 1.0, 0.0, 0
    for part in parts:
        gone += part.weight
        until = round(minutes * gone / total)
        part.minutes, done = until - done, until


class _Maker:
    """Takes the cells one after the other."""

    def __init__(self, source: Source) -> None:
        self.parts = [Part(source.title, [Slide("title", source.title)])]
        self.heading = source.title

    @property
    def part(self) -> Part:
        return self.parts[-1]

    @property
    def last(self) -> Slide:
        return self.part.slides[-1] if self.part.slides else self.parts[-2].slides[-1]

    def add(self, cell: Cell, outputs: list[Any]) -> None:
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        if "notes" in cell.tags or kind == "notes":
            self.last.notes.append(cell.text)
            return
        if cell.kind == "code" and "solution" not in cell.tags:
            self.part.weight += len(cell.text.splitlines()) / 15  # minutes to read and run
        if {"setup", "stub", "solution"} & set(cell.tags):
            return
        if cell.kind == "markdown":
            self._prose(DETAILS.sub("", cell.text), kind)
        elif kind != "skip":
            self._code(cell.text, outputs, kind)

    # ---- markdown -----------------------------------------------------------------------------

    def _prose(self, text: str, kind: str) -> None:
        for number, piece in enumerate(re.split(r"\n(?=#{2,4} )", text)):
            heading, body = _heading(piece)
            exercise = heading.startswith("Exercise: ")
            if piece.startswith("## "):
                self.parts.append(Part(heading))
            self.part.weight += len(piece.split()) / 150 + 4.0 * exercise  # read, and worked on
            if kind == "skip":
                continue
            wanted = kind in ("slide", "subslide") and number == 0
            if heading and (wanted or exercise or piece.startswith("## ")):
                self._begin(heading, body, exercise)
            elif body.strip():
                self.last.notes.append(_unlinked(body.strip()))

    def _begin(self, heading: str, body: str, exercise: bool) -> None:
        shown, rest = fill(blocks(body), exercise)
        items = [Item("text", shown, sum(map(height, blocks(shown))))] if shown else []
        notes = [rest] if rest else []
        self.part.slides.append(
            Slide("exercise" if exercise else "text", heading, items, notes=notes)
        )
        if not exercise:  # what comes after an exercise is headed by its section again
            self.heading = heading

    # ---- code and its output ------------------------------------------------------------------

    def _code(self, code: str, outputs: list[Any], kind: str) -> None:
        figures, tables, printed = contents(outputs)
        tables = [table for table in tables if fits(table)]
        chosen = kind in ("slide", "subslide")
        lines = code.splitlines()
        shown = chosen or MODEL.search(code)
        if shown and not (figures or DRAWS.search(code)) and len(lines) <= CODE_LINES:
            large = len(lines) <= LARGE_CODE_LINES
            takes = 0.68 * _wrapped(lines, 92) if large else 0.56 * _wrapped(lines, 106)
            self._put(Item("code", code, takes + 1.2))
        lines = [line for line in printed.splitlines() if not PASSING.search(line)]
        if "ws.check(" in code:
            lines = []
        rest = [Item("figure", data, FIGURE, alt) for data, alt in figures]
        for table in tables:
            rows, wide = size(table)
            each = 1.65 if wide > TABLE_WIDTH else 0.98 if rows <= LONG_TABLE else 0.75
            rest.append(Item("table", table, each * rows + 0.5))
        announces = bool(lines) and lines[-1].endswith(":")  # what stands below it
        if announces and rest:
            both = Item("said", "", rest[0].lines + len(lines) + 0.5)
            if self.part.slides and not self.last.has_room(both):
                self.part.slides.append(Slide(rest[0].kind, self.heading))
            self._put_printed(lines, chosen)
        for item in rest:
            self._put(item)
        if lines and not announces:
            self._put_printed(lines, chosen)

    def _put(self, item: Item) -> None:
        """On the slide before where there is room and it is about the same, else on its own."""
        newest = self.last
        if not (self.part.slides and newest.heading == self.heading and newest.has_room(item)):
            newest = Slide(item.kind, self.heading)
            self.part.slides.append(newest)
        newest.items.append(item)

    def _put_printed(self, lines: list[str], chosen: bool) -> None:
        """Shown where it fits below what is there, or where the author chose it; else noted."""
        text = "\n".join(lines)
        if len(lines) <= 4 and text.endswith((".", "!", ")", "?", ":")) and len(text) < 300:
            whole = _sentences(lines)
            item = Item("said", "\n".join(whole), _wrapped(whole, WIDTH + 4) + 0.5)
        else:
            lines = lines[:PRINTED_LINES] if chosen else lines
            item = Item("printed", "\n".join(lines), 0.68 * _wrapped(lines, PRINTED_WIDTH) + 1.2)
        narrow = max(map(len, lines)) <= PRINTED_WIDTH or len(lines) <= 2 or item.kind == "said"
        joins = self.last.heading == self.heading and self.last.has_room(item) and narrow
        if chosen or (joins and self.part.slides):
            self._put(item)
        else:
            self.last.notes.append("Printed:\n\n" + "\n".join(f"    {x}" for x in lines[:12]))


def _sentences(lines: list[str]) -> list[str]:
    """Lines joined where one was broken only for its length: it is long, and the next
    begins in small letters."""
    whole = [lines[0].strip()]
    for line in map(str.strip, lines[1:]):
        if line[:1].islower() and len(whole[-1]) >= BROKEN:
            whole[-1] += f" {line}"
        else:
            whole.append(line)
    return [line for line in whole if line]


def contents(outputs: list[Any]) -> tuple[list[tuple[str, str]], list[str], str]:
    """(figures with their alt texts, tables, printed text) among the outputs of a cell."""
    figures, tables, printed = [], [], ""
    for out in outputs:
        if out.output_type == "stream" and out.name == "stdout":
            printed += out.text
            continue
        data = out.get("data", {})
        if "image/png" in data:
            about = out.metadata.get("image/png", {})
            figures.append(("".join(data["image/png"].split()), about.get("alt", "")))
        elif "dataframe" in data.get("text/html", ""):
            html = re.sub(r"<style.*?</style>", "", data["text/html"], flags=re.DOTALL)
            tables += [_unnumbered(x) for x in re.findall(r"<table.*?</table>", html, re.DOTALL)]
        elif out.output_type == "execute_result" and "text/html" not in data:
            printed += data.get("text/plain", "")
    return figures, tables, printed.strip("\n")


def _unnumbered(table: str) -> str:
    """Without the column that counts the rows, or holds ids beside titles."""
    head, _, body = table.partition("<tbody>")
    index = re.findall(r"<tr>\s*<th>(.*?)</th>", body)
    counts = index == [str(i) for i in range(body.count("<tr"))]
    ids = re.search(r"<tr[^>]*>\s*<th>item</th>", head) is not None or all(
        map(str.isdecimal, index)
    )
    if counts or (">title<" in head and ids):
        return re.sub(r"(<tr[^>]*>\s*)<t([hd])>.*?</t\2>", r"\1", table, flags=re.DOTALL)
    return table


def size(table: str) -> tuple[int, int]:
    """(rows with the heads, width in characters with the gaps)."""
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", r, re.DOTALL) for r in table.split("<tr")[1:]]
    cells = [[len(re.sub(r"<[^>]+>", "", cell).strip()) for cell in row] for row in rows]
    columns = max(map(len, cells), default=0)
    widths = [max((row[i] for row in cells if i < len(row)), default=0) for i in range(columns)]
    return len(rows), sum(widths) + 3 * columns


def fits(table: str) -> bool:
    """Whether a table can be read from the back, and shows no ratings of single people."""
    rows, wide = size(table)
    head = table.partition("<tbody>")[0]
    if ">user</th>" in head or head.partition("</tr>")[0].count("</th>") > TABLE_COLUMNS:
        return False
    if wide <= TABLE_WIDTH:
        return rows <= TABLE_ROWS
    return wide <= BROKEN_TABLE_WIDTH and rows <= LOW_TABLE_ROWS


# ---------------------------------------------------------------------------- filling a slide


def blocks(text: str) -> list[str]:
    """Paragraphs, lists, tables, formulas and fenced code of a text, in order."""
    found: list[str] = []
    inside = False  # a fence or a formula, which may hold empty lines
    for part in re.split(r"\n\s*\n", text.strip()):
        if inside:
            found[-1] += "\n\n" + part
        elif part.strip():
            found.append(part.strip("\n"))
        if part.count("```") % 2 or part.count("$$") % 2:
            inside = not inside
    return found


def height(block: str) -> float:
    """Lines of the slide that a block takes, with the space below it."""
    lines = block.splitlines()
    if block.startswith("$$"):
        return 2.6
    if block.startswith("```"):
        return len(lines) * 0.8
    if block.startswith("|"):
        return len(lines) * 1.1
    if re.match(r"([*-]|\d+\.) ", block):
        items = re.split(r"\n(?=(?:[*-]|\d+\.) )", block)
        return sum(_rows(item, WIDTH - 4) + 0.25 for item in items) + 0.4
    return _rows(block, WIDTH) + 0.5


def _rows(text: str, width: int) -> int:
    plain = re.sub(r"\]\([^)]*\)|\\[a-z]+|[{}*`$\[]", "", " ".join(text.split()))
    return max(1, -(-len(plain) // width))


def fill(all_blocks: list[str], generous: bool = False) -> tuple[str, str]:
    """(on the slide, in the notes): what fits, prose only up to FIRST_LINES unless `generous`."""
    shown: list[str] = []
    rest: list[str] = []
    used = prose = 0.0
    for block in all_blocks:
        takes = height(block)
        is_prose = not re.match(r"\$\$|```|\||([*-]|\d+\.) |<", block)
        limit = LINES if generous or not is_prose else FIRST_LINES
        too_much = used + takes > LINES or (is_prose and shown and prose + takes > limit)
        if too_much or block.startswith("<") or (is_prose and rest and not generous):
            rest.append(block)
            continue
        shown.append(block)
        used += takes
        prose += takes if is_prose else 0.0
    if shown and shown[-1].endswith(":") and not generous:  # what it announces is elsewhere
        kept, _, cut = shown[-1].replace("\n", " ").rpartition(". ")
        shown[-1:] = [f"{kept}."] if kept else []
        rest.insert(0, cut)
    return _unlinked("\n\n".join(shown)), _unlinked("\n\n".join(rest))


def _wrapped(lines: list[str], width: int) -> int:
    """Lines of code or print, once the long ones are broken."""
    return sum(max(1, -(-len(line) // width)) for line in lines)


def _heading(piece: str) -> tuple[str, str]:
    first, _, body = piece.partition("\n")
    found = re.match(r"#{1,4} (.*)", first)
    return (_plain(first), body) if found else ("", piece)


def _plain(line: str) -> str:
    return line.lstrip("#").strip()


def _unlinked(text: str) -> str:
    """Links to other pages become their text: a deck has no notebooks beside it."""
    return PAGE_LINK.sub(r"\1", text)
