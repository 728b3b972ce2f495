"""Readable tables of films: titles on the left, stars drawn, no ids, no NaN."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

HIDDEN = ("item", "user", "score", "year")  # ids, scores without a unit; titles have the year
STARS = ("stars", "predicted stars", "your stars")  # columns drawn as stars
TEXT = ("title", "genres", "reasons", "because")


class FilmTable:
    """A table of films that shows itself in a notebook and prints as plain text.

    `frame` holds the values behind it.
    """

    def __init__(self, frame: pd.DataFrame, shown: pd.DataFrame) -> None:
        self.frame, self.shown = frame, shown

    def __repr__(self) -> str:
        width = {c: max(map(len, [c, *self.shown[c]])) for c in self.shown}
        rows = [list(self.shown.columns), *self.shown.to_numpy().tolist()]
        return "\n".join(
            "  ".join(
                cell.ljust(width[c]) if _is_text(self.frame[c]) else cell.rjust(width[c])
                for c, cell in zip(self.shown.columns, row, strict=True)
            ).rstrip()
            for row in rows
        )

    def _repr_html_(self) -> str:
        def row(tag: str, cells: Sequence[str]) -> str:
            made = [
                f'<{tag} style="text-align: {"left" if _is_text(self.frame[c]) else "right"}">'
                f"{html.escape(cell)}</{tag}>"
                for c, cell in zip(self.shown.columns, cells, strict=True)
            ]
            return f"<tr>{''.join(made)}</tr>"

        body = "\n".join(row("td", cells) for cells in self.shown.to_numpy().tolist())
        head = row("th", list(self.shown.columns))
        return f'<table class="dataframe films"><thead>{head}</thead><tbody>{body}</tbody></table>'


def films(frame: pd.DataFrame, columns: Sequence[str] | None = None) -> FilmTable:
    """A table of films, one per row, for people to read.

    Args:
        frame: as `rt.recommend` gives it, or any frame with a column `title`.
        columns: which to show, in this order; all but ids and unitless scores if not given.
    """
    names = [c for c in frame.columns if c not in HIDDEN] if columns is None else list(columns)
    values = frame[names].reset_index(drop=True)
    shown = pd.DataFrame({c: [_writer(c)(v) for v in values[c]] for c in names}, dtype=object)
    return FilmTable(values, shown)


def draw_stars(value: float) -> str:
    """4.2 as ★★★★☆ 4.2; a number outside of the scale of five stars stays a number."""
    number = f"{value:g}" if float(value).is_integer() else f"{value:.1f}"
    if not 0 <= value <= 5:
        return number
    full = round(value)
    return f"{'★' * full}{'☆' * (5 - full)} {number}"


def _writer(column: str) -> Callable[[Any], str]:
    def write(value: Any) -> str:
        if isinstance(value, list | tuple):
            return ", ".join(map(str, value))
        if value is None or value is pd.NA or value != value:  # NaN is not equal to itself
            return ""
        if column in STARS:
            return draw_stars(value)
        if isinstance(value, float | np.floating):
            return f"{value:g}" if float(value).is_integer() else f"{value:.3g}"
        return (
            f"{value:,}" if isinstance(value, int | np.integer) and column != "year" else str(value)
        )

    return write


def _is_text(values: pd.Series) -> bool:
    return values.name in (*TEXT, *STARS) or not pd.api.types.is_numeric_dtype(values)
