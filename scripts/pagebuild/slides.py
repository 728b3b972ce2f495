"""A deck of slides from a page: which cells are on it. (slides.js measures how much fits.)

* A markdown cell with slide_type "slide" begins a slide with its heading and text.
* Code is on a slide if it defines a model, or if the author says so (slide_type "slide" or
  "subslide"); figures and tables always are, unless their cell is "skip".
* An exercise is a slide with its question, without hints and solutions.
* Cells "notes" and the prose between the cells are speaker notes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import nbformat

from pagebuild.frames import size, tables
from pagebuild.source import Cell, Source
from pagebuild.timing import sections

TABLE_ROWS, TABLE_COLUMNS, TABLE_WIDTH = 18, 9, 105  # with the heads; characters
CODE_LINES = 25
MODEL = re.compile(r"^class \w+\(", re.MULTILINE)
PASSING = re.compile(r"^Trained|^PLANTED DATA")  # about this run, not about the subject
DRAWS = re.compile(r"\b(ax|axes|plt|fig)\.")
DETAILS = re.compile(r"<details>.*?</details>", re.DOTALL)
PAGE_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\.ipynb[^)]*\)")


@dataclass(frozen=True)
class Item:
    """Something on a slide.

    Args:
        kind: "text" (Markdown), "code", "figure" (a PNG as base64), "table" (HTML) or "said"
            (printed).
        body: its content, in the format of `kind`.
        alt: the alternative text of a figure.
    """

    kind: str
    body: str
    alt: str = ""


@dataclass
class Slide:
    """A heading with items, and the speaker's notes; `kind` may be "exercise"."""

    heading: str
    kind: str = "text"
    items: list[Item] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Part:
    """A section of the page with its minutes."""

    title: str
    minutes: int = 0
    slides: list[Slide] = field(default_factory=list)


def deck(source: Source, notebook: nbformat.NotebookNode) -> list[Part]:
    """The slides of a page by parts, from its source and its executed solution notebook."""
    made = [Part(s.title, s.minutes, [Slide(s.title)]) for s in sections(source)]
    to_come, shown = iter(made), iter(notebook.cells)
    part = next(to_come)
    for number, cell in enumerate(source.cells):
        ran = None if {"notes", "stub"} & set(cell.tags) else next(shown)
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        chosen = kind in ("slide", "subslide")
        if number < 2:
            continue
        if "notes" in cell.tags or kind == "notes":
            part.slides[-1].notes.append(_unlinked(cell.text))
        elif cell.kind == "markdown":
            for piece in re.split(r"\n(?=#{2,4} )", DETAILS.sub("", cell.text)):
                if piece.startswith("## "):
                    part = next(to_come)
                if kind != "skip":
                    _prose(part, piece, chosen)
                    chosen = False
        elif kind != "skip" and not {"setup", "stub", "solution"} & set(cell.tags):
            _code(part, cell, [] if ran is None else ran.get("outputs", []), chosen)
    return _without_blanks(made)


def _prose(part: Part, piece: str, chosen: bool) -> None:
    """Text below a heading begins a slide; other text becomes notes."""
    found = re.match(r"#{1,4} (.*)\n?", piece)
    heading, body = (found[1], piece[found.end() :]) if found else ("", piece)
    exercise = heading.startswith("Exercise: ")
    text = [Item("text", _unlinked(body))] if body.strip() else []
    if heading and (chosen or exercise or piece.startswith("## ")):
        part.slides.append(Slide(heading, "exercise" if exercise else "text", text))
    elif text:
        part.slides[-1].notes.append(text[0].body)


def _code(part: Part, cell: Cell, outputs: list[Any], chosen: bool) -> None:
    """A cell's code if it belongs on a slide, its figures, tables and printed text."""
    figures, found, printed = contents(outputs)
    items = []
    if (chosen or MODEL.search(cell.text)) and not (figures or DRAWS.search(cell.text)):
        items += [Item("code", cell.text)] * (cell.text.count("\n") < CODE_LINES)
    shown = [Item("figure", data, alt) for data, alt in figures]
    shown += [Item("table", table) for table in found if fits(table)]
    said = [x for x in printed.splitlines() if not PASSING.search(x) and x.strip()]
    if said and "ws.check(" not in cell.text:
        if len(said) <= 4 and said[-1].endswith((".", "!", ")", "?", ":")):
            place = 0 if said[-1].endswith(":") else len(shown)  # above what it announces
            shown.insert(place, Item("said", "\n".join(said)))
        else:
            lines = "\n".join(f"    {x}" for x in said[:12])
            part.slides[-1].notes.append(f"Printed:\n\n{lines}")
    items += shown
    if items and part.slides[-1].kind == "exercise":  # what comes after it is the section's again
        heading = next(s.heading for s in reversed(part.slides) if s.kind != "exercise")
        part.slides.append(Slide(heading))
    part.slides[-1].items.extend(items)


def _without_blanks(parts: list[Part]) -> list[Part]:
    """Without empty slides: their minutes and notes move to the next slide, or to the last."""
    kept: list[Part] = []
    minutes, unsaid = 0, list[str]()
    for part in parts:
        slides = [slide for slide in part.slides if slide.items]
        for slide in part.slides:
            slide.notes[:0] = unsaid
            unsaid = [] if slide.items else slide.notes
        minutes += part.minutes
        if slides:
            kept.append(Part(part.title, minutes, slides))
            minutes = 0
    kept[-1].minutes += minutes
    kept[-1].slides[-1].notes += unsaid
    return kept


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
    """Whether a table can be read from the back, and does not show who gave which rating."""
    rows, wide = size(table)
    head = table.partition("<tbody>")[0]
    few = head.partition("</tr>")[0].count("</th>") <= TABLE_COLUMNS
    return ">user</th>" not in head and few and rows <= TABLE_ROWS and wide <= TABLE_WIDTH


def _unlinked(text: str) -> str:
    """Links to other pages become plain text, since a deck has no notebooks beside it."""
    return PAGE_LINK.sub(r"\1", text.strip())
