"""Minutes of a page's sections, for plans, run sheets, slides and their clock.

A section (an H2) takes as long as its speaker notes say, in words such as "(8 minutes)". The other
sections share the rest of the page's minutes according to how much there is to do in each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pagebuild.source import Source

STATED = re.compile(r"\((\d+) minutes?\b[^)]*\)")


@dataclass
class Section:
    """A part of the lesson: its heading, its notes for the instructor, its share of the page."""

    title: str
    notes: list[str] = field(default_factory=list)
    weight: float = 0.0
    minutes: int = 0

    @property
    def stated(self) -> int:
        """The minutes that its notes name, 0 for none."""
        return sum(int(found) for note in self.notes for found in STATED.findall(note))


def sections(source: Source) -> list[Section]:
    """The part before the first H2 (0 minutes), and the sections, with the minutes of the page."""
    made = [Section(source.title)]
    for cell in source.cells:
        if "notes" in cell.tags:
            made[-1].notes.append(" ".join(cell.text.split()))
        elif cell.kind == "code":
            made[-1].weight += len(cell.text.splitlines()) / 15 * ("solution" not in cell.tags)
        else:
            for piece in re.split(r"\n(?=#{2,4} )", cell.text):
                if piece.startswith("## "):
                    made.append(Section(piece.splitlines()[0][3:].strip()))
                exercise = re.match(r"#+ Exercise: ", piece) is not None
                made[-1].weight += len(piece.split()) / 150 + 4 * exercise
    for section in made:
        section.minutes = section.stated
    others = [s for s in made[1:] if not s.minutes]
    left, total = source.minutes - sum(s.minutes for s in made), sum(s.weight for s in others)
    gone = done = 0.0
    for section in others:
        gone += section.weight
        section.minutes = round(left * gone / total) - int(done)
        done += section.minutes
    return made


def problems(source: Source) -> list[str]:
    """Complaints about minutes in the notes that do not fit those of the page."""
    made = sections(source)
    stated, rest = sum(s.stated for s in made), any(not s.stated for s in made[1:])
    if stated > source.minutes or (stated < source.minutes and not rest and stated):
        return [f"its notes name {stated} minutes, and the page takes {source.minutes}"]
    return []
