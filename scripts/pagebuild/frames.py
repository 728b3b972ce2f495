"""Prepare pandas' tables for slides and site: size, alignment, and no column of row numbers."""

from __future__ import annotations

import re

WORD = r"(?!NaN|nan|inf)[A-Za-z]"


def tables(markup: str) -> list[str]:
    """Each table of an output, without row numbers."""
    return [unnumbered(x) for x in re.findall(r"<table.*?</table>", markup, re.DOTALL)]


def unnumbered(table: str) -> str:
    """Without a first column of row numbers, or of ids beside titles."""
    head, _, body = table.partition("<tbody>")
    index = re.findall(r"<tr[^>]*>\s*<th[^>]*>(.*?)</th>", body)
    counts = bool(index) and index == [str(i) for i in range(body.count("<tr"))]
    ids = "<th>item</th>" in head or (bool(index) and all(map(str.isdecimal, index)))
    if counts or (">title<" in head and ids):
        cell = r"(<tr[^>]*>\s*)<t([hd])[^>]*>.*?</t\2>"
        return re.sub(cell, r"\1", table, flags=re.DOTALL)
    return table


def size(table: str) -> tuple[int, int]:
    """(rows with the heads, width in characters with the gaps)."""
    rows = [re.findall(r"(?s)<t[hd][^>]*>(.*?)</t[hd]>", r) for r in table.split("<tr")[1:]]
    cells = [[len(re.sub(r"<[^>]+>", "", cell).strip()) for cell in row] for row in rows]
    columns = max(map(len, cells), default=0)
    widths = [max((row[i] for row in cells if i < len(row)), default=0) for i in range(columns)]
    return len(rows), sum(widths) + 3 * columns


def aligned(table: str) -> str:
    """Give columns of words and their heads the class "words"; remove pandas' styles."""
    plain = re.sub(r' (border|style)="[^"]*"', "", table)
    head, mark, body = plain.partition("<tbody>")
    first = re.findall(r"<t[hd][^>]*>\s*(.*?)</t[hd]>", body.partition("</tr>")[0], re.DOTALL)
    words = iter([bool(re.match(WORD, cell)) for cell in first] * head.count("<tr"))
    head = re.sub(r"<th>", lambda _: '<th class="words">' if next(words, False) else "<th>", head)
    return head + mark + re.sub(rf"<td>(?=\s*{WORD})", '<td class="words">', body)
