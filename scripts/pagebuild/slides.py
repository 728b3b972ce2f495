"""A deck of slides from a page: which cells are shown, and how they fill slides of 1280 by 720.

* A markdown cell with slide_type "slide" begins a slide: its heading, then as many paragraphs,
  formulas and list items as can be read from the back. The rest goes to the speaker notes.
* Code is shown where it defines a model, or where the author says so (slide_type "slide" or
  "subslide"); figures and tables that fit always, unless their cell is "skip".
* An exercise is a slide with its question; hints and solutions are on no slide.
* Cells "notes" are speaker notes, as is the prose between the cells.
* A slide without content is not made: what would be said to it is said to its neighbour.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import nbformat

from pagebuild.frames import size, tables
from pagebuild.source import Cell, Source
from pagebuild.timing import sections

LINES, WIDTH = 12.5, 72  # of text below the heading, in characters
FIRST_LINES = 8  # of prose before the rest of it becomes notes
TABLE_ROWS, TABLE_COLUMNS, TABLE_WIDTH = 18, 9, 105  # with the heads; characters
CODE_LINES, LARGE_CODE_LINES = 25, 17
FIGURE = 9.8  # lines that a figure needs at least; it takes what is free
MODEL = re.compile(r"^class \w+\(", re.MULTILINE)
PASSING = re.compile(r"^Trained|^PLANTED DATA")  # of the machine, not the matter
DRAWS = re.compile(r"\b(ax|axes|plt|fig)\.")
DETAILS = re.compile(r"<details>.*?</details>", re.DOTALL)
PAGE_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\.ipynb[^)]*\)")
ITEM = re.compile(r"([*-]|\d+\.) ")


@dataclass(frozen=True)
class Item:
    """Something on a slide that takes so many lines.

    kind : "text" (Markdown), "code", "figure" (a PNG as base64), "table" (HTML) or "said" (printed)
    """

    kind: str
    body: str
    lines: float
    alt: str = ""


@dataclass
class Slide:
    """What is on one slide, and what the speaker says to it; `kind` may be "exercise"."""

    kind: str
    heading: str
    items: list[Item] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def has_room(self, item: Item) -> bool:
        second = item.kind == "figure" and any(i.kind == "figure" for i in self.items)
        free = LINES - sum(i.lines for i in self.items)
        return self.kind != "exercise" and not second and item.lines <= free


@dataclass
class Part:
    """A section of the page with its minutes."""

    title: str
    minutes: int = 0
    slides: list[Slide] = field(default_factory=list)


@dataclass(frozen=True)
class Deck:
    """The slides of one page, by parts."""

    name: str
    label: str
    goal: str
    minutes: int
    planted: bool
    parts: list[Part]


def deck(source: Source, notebook: nbformat.NotebookNode, label: str, planted: bool) -> Deck:
    """The deck of a page from its source and its executed solution notebook."""
    made = _Maker([Part(section.title, section.minutes) for section in sections(source)])
    shown = iter(notebook.cells)
    for number, cell in enumerate(source.cells):
        ran = None if {"notes", "stub"} & set(cell.tags) else next(shown)
        if number > 1:
            made.add(cell, [] if ran is None else ran.get("outputs", []))
    parts = made.parts()
    goal = " ".join(source.cells[0].text.partition("\n\n")[2].split())
    return Deck(source.name, label, goal, source.minutes, planted, parts)


class _Maker:
    """Takes the cells one after the other."""

    def __init__(self, parts: list[Part]) -> None:
        self.to_come, self.done = iter(parts), list[Part]()
        self.heading, self.unsaid = "", list[str]()
        self._next_part()

    def _next_part(self) -> None:
        part = next(self.to_come)
        if self.done and not self.done[-1].slides:  # the minutes of a part without a slide
            part.minutes += self.done.pop().minutes
        self.done.append(part)
        self.heading = part.title

    def parts(self) -> list[Part]:
        """Those with slides; what could not be shown after the last one is said to it."""
        if len(self.done) > 1 and not self.done[-1].slides:
            last = self.done.pop()
            self.done[-1].minutes += last.minutes
            self.done[-1].slides[-1].notes += self.unsaid
        return [part for part in self.done if part.slides]

    def add(self, cell: Cell, outputs: list[Any]) -> None:
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        if "notes" in cell.tags or kind == "notes":
            self._say(cell.text)
        elif cell.kind == "markdown":
            self._prose(DETAILS.sub("", cell.text), kind)
        elif kind != "skip" and not {"setup", "stub", "solution"} & set(cell.tags):
            self._code(cell.text, outputs, kind in ("slide", "subslide"))

    def _say(self, text: str) -> None:
        slides = self.done[-1].slides
        (slides[-1].notes if slides else self.unsaid).append(_unlinked(text.strip()))

    def _prose(self, text: str, kind: str) -> None:
        for number, piece in enumerate(re.split(r"\n(?=#{2,4} )", text)):
            found = re.match(r"#{1,4} (.*)\n?", piece)
            heading, body = (found[1], piece[found.end() :]) if found else ("", piece)
            exercise = heading.startswith("Exercise: ")
            if piece.startswith("## "):
                self._next_part()
            wanted = kind in ("slide", "subslide") and number == 0
            if kind == "skip":
                continue
            if heading and (wanted or exercise or piece.startswith("## ")):
                if not exercise:  # what comes after an exercise is headed by its section again
                    self.heading = heading
                shown, rest = fill(blocks(body), exercise)
                if shown:
                    takes = sum(map(height, blocks(shown)))
                    self._begin("exercise" if exercise else "text", heading)
                    self.done[-1].slides[-1].items.append(Item("text", shown, takes))
                if rest:
                    self._say(rest)
            elif body.strip():
                self._say(body)

    def _begin(self, kind: str, heading: str) -> None:
        self.done[-1].slides.append(Slide(kind, heading, notes=self.unsaid))
        self.unsaid = []

    def _code(self, code: str, outputs: list[Any], chosen: bool) -> None:
        figures, found, printed = contents(outputs)
        lines = code.splitlines()
        if (chosen or MODEL.search(code)) and not (figures or DRAWS.search(code)):
            large = len(lines) <= LARGE_CODE_LINES
            takes = 0.68 * _wrapped(lines, 92) if large else 0.56 * _wrapped(lines, 106)
            if len(lines) <= CODE_LINES:
                self._put(Item("code", code, takes + 1.2))
        rest = [Item("figure", data, FIGURE, alt) for data, alt in figures]
        for table in filter(fits, found):
            rest.append(Item("table", table, 0.94 * size(table)[0] + 0.4))
        said = [x for x in printed.splitlines() if not PASSING.search(x) and x.strip()]
        if not said or "ws.check(" in code:
            said = []
        elif len(said) <= 4 and said[-1].endswith((".", "!", ")", "?", ":")):
            item = Item("said", "\n".join(said), _wrapped(said, WIDTH + 4) + 0.5)
            rest.insert(0 if said[-1].endswith(":") else len(rest), item)
        else:
            self._say("Printed:\n\n" + "\n".join(f"    {x}" for x in said[:12]))
        if rest and rest[0].kind == "said" and len(rest) > 1:  # what it announces comes with it
            both = Item(rest[1].kind, "", rest[0].lines + rest[1].lines)
            self._make_room(both)
        for item in rest:
            self._put(item)

    def _make_room(self, item: Item) -> None:
        slides = self.done[-1].slides
        if not (slides and slides[-1].heading == self.heading and slides[-1].has_room(item)):
            self._begin(item.kind, self.heading)

    def _put(self, item: Item) -> None:
        """On the slide before where there is room and it is about the same, else on its own."""
        self._make_room(item)
        self.done[-1].slides[-1].items.append(item)


def contents(outputs: list[Any]) -> tuple[list[tuple[str, str]], list[str], str]:
    """(figures with their alt texts, tables, printed text) among the outputs of a cell."""
    figures, found, printed = [], [], ""
    for out in outputs:
        data = out.get("data", {})
        if out.output_type == "stream":
            printed += out.text * (out.name == "stdout")
        elif "image/png" in data:
            about = out.metadata.get("image/png", {})
            figures.append(("".join(data["image/png"].split()), about.get("alt", "")))
        elif "dataframe" in data.get("text/html", ""):
            found += tables(data["text/html"])
    return figures, found, printed.strip("\n")


def fits(table: str) -> bool:
    """Whether a table can be read from the back, and shows no ratings of single people."""
    rows, wide = size(table)
    head = table.partition("<tbody>")[0]
    people = re.search(r">user</th>", head) is not None
    few = head.partition("</tr>")[0].count("</th>") <= TABLE_COLUMNS
    return not people and few and rows <= TABLE_ROWS and wide <= TABLE_WIDTH


# ---------------------------------------------------------------------------- filling a slide


def blocks(text: str) -> list[str]:
    """Paragraphs, list items, tables, formulas and fenced code of a text, in order."""
    found: list[str] = []
    inside = False  # a fence or a formula, which may hold empty lines
    for part in re.split(r"\n\s*\n", text.strip()):
        if inside:
            found[-1] += "\n\n" + part
        elif part.strip():
            found += (
                re.split(r"\n(?=(?:[*-]|\d+\.) )", part.strip("\n"))
                if ITEM.match(part)
                else [part.strip("\n")]
            )
        if part.count("```") % 2 or part.count("$$") % 2:
            inside = not inside
    return found


def height(block: str) -> float:
    """Lines of the slide that a block takes, with the space below it."""
    lines = block.splitlines()
    if block.startswith("$$"):
        return 2.6
    if block.startswith(("```", "|")):
        return len(lines) * (0.8 if block.startswith("`") else 1.1)
    if ITEM.match(block):
        return _rows(block, WIDTH - 4) + 0.3
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
        is_prose = not (ITEM.match(block) or block.startswith(("$$", "```", "|", "<")))
        limit = LINES if generous or not is_prose else FIRST_LINES
        cut = ""
        if is_prose and not shown and takes > LINES:  # never a heading alone
            block, cut = _first_sentences(block)
            takes = height(block)
        too_much = used + takes > LINES or (is_prose and shown and prose + takes > limit)
        if too_much or block.startswith("<") or (is_prose and rest and not generous):
            rest.append(block)
            continue
        shown.append(block)
        rest += [cut] if cut else []
        used += takes
        prose += takes * is_prose
    if shown and shown[-1].endswith(":") and not generous:  # what it announces is elsewhere
        kept, _, cut = shown[-1].replace("\n", " ").rpartition(". ")
        shown[-1:] = [f"{kept}."] if kept else []
        rest.insert(0, cut)
    return _joined(shown), _joined(rest)


def _first_sentences(block: str) -> tuple[str, str]:
    """As many as can be read from the back, and the others."""
    told = re.split(r"(?<=[.!?]) ", " ".join(block.split()))
    n = max([i for i in range(1, len(told)) if height(" ".join(told[:i])) <= FIRST_LINES] or [1])
    return " ".join(told[:n]), " ".join(told[n:])


def _joined(all_blocks: list[str]) -> str:
    """Blocks as a text; items that follow each other are one list."""
    text = before = ""
    for block in all_blocks:
        text += ("\n" if ITEM.match(block) and ITEM.match(before) else "\n\n") + block
        before = block
    return _unlinked(text.strip())


def _wrapped(lines: list[str], width: int) -> int:
    """Lines of code or print, once the long ones are broken."""
    return sum(max(1, -(-len(line) // width)) for line in lines)


def _unlinked(text: str) -> str:
    """Links to other pages become their text: a deck has no notebooks beside it."""
    return PAGE_LINK.sub(r"\1", text)
