"""Prepare executed notebooks for the site: links, figures as files, and outputs to leave out.

MovieLens-100K may not be passed on, so the site shows figures, aggregates and short lists of
titles. Rows that say who gave which rating are left out, with a sentence in their place; a long
table stops the build.
"""

from __future__ import annotations

import base64
import hashlib
import html
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from pagebuild import publishing
from pagebuild.frames import aligned

MOST_ROWS = 50
MOST_LINES = 80  # of printed text
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
EMBEDDED = re.compile(r'src="data:image/(png|svg\+xml);base64,([^"]+)"')
TO_WORK_ON = re.compile(r"\n*\*With solutions\. \[The page to work on\]\([^)]*\) has none\.\*")
WITHHELD = "[Individual ratings are shown only on your own machine: run the page.]"
AT_WORK = "[Here the page shows something to work with: run it on your own machine.]"


class NotToBeShown(ValueError):
    """An output that the site must not pass on."""


def documents(names: list[str]) -> dict[str, str]:
    """{path in the project: document of the site} of all targets that links may have."""
    found = {"README.md": "index", "notebooks/index.ipynb": "index", "data/README.md": "data"}
    found["notebooks/README.md"] = "index"
    guides = "your_data contributing instructor licences online glossary further_reading"
    for name in guides.split():
        found[f"docs/{name}.md"] = name
    for name in names:
        document = name if name.startswith("bug_hunts/") else f"pages/{name}"
        found[f"notebooks/{name}.ipynb"] = found[f"notebooks/solutions/{name}.ipynb"] = document
    return found


def relinked(text: str, source: str, document: str, known: Mapping[str, str]) -> str:
    """Markdown whose links lead to documents of the site.

    source   : path of the text in the project, where its links start
    document : its place in the site

    A link to anything else in the project becomes plain text; links to the web stay.
    """

    def turn(match: re.Match[str]) -> str:
        words, target = match.groups()
        if re.match(r"[a-z]+:|#", target):
            return match[0]
        path, mark, part = target.partition("#")
        there = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if there not in known:
            return words
        way = posixpath.relpath(known[there], posixpath.dirname(document) or ".")
        return f"[{words}]({way}.{'ipynb' if _is_page(known[there]) else 'md'}{mark}{part})"

    return LINK.sub(turn, text)


def _is_page(document: str) -> bool:
    return document.startswith(("pages/", "bug_hunts/"))


def staged(
    notebook: nbformat.NotebookNode,
    name: str,
    known: Mapping[str, str],
    figures: Path,
    address: str = "",
) -> nbformat.NotebookNode:
    """The notebook as the site shows it; its figures are written into the folder `figures`.

    Raises NotToBeShown, naming the cell, for an output that is too long.
    """
    source = f"notebooks/solutions/{name}.ipynb"
    document = known[source]
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            text = TO_WORK_ON.sub("", cell.source)
            cell.source = relinked(text, source, document, known)
            if number == 0 and (links := publishing.of_page(address, name)):
                cell.source += f"\n\n{links}"
            continue
        tags = set(cell.metadata.get("tags", []))
        hidden = {"setup": "hide-input", "solution": "hide-cell"}
        cell.metadata["tags"] = sorted(tags | {hidden[t] for t in tags & set(hidden)})
        try:
            cell.outputs = [s for o in cell.outputs if (s := _shown(o, figures)) is not None]
        except NotToBeShown as error:
            raise NotToBeShown(f"{name}, cell {number}: {error}") from None
    notebook.metadata.pop("widgets", None)
    return notebook


def _shown(output: Any, figures: Path) -> Any:
    """An output as the site may show it; None for one that only JupyterLab has a use for."""
    if output.output_type == "stream":
        return _text(output)
    data = output.get("data", {})
    if "application/vnd.jupyter.widget-view+json" in data:
        return _said(AT_WORK) if data.get("text/plain") else None  # a button says nothing
    markup = "".join(data.get("text/html", ""))
    if "<iframe" in markup:
        return _picture(data, markup, figures) or _said(AT_WORK)
    if "<script" in markup:
        return None
    if markup:
        if rows_of_people(markup):
            return _said(WITHHELD)
        if (rows := markup.count("<tr")) > MOST_ROWS + 1:
            raise NotToBeShown(f"a table of {rows} rows; the site shows {MOST_ROWS} at most")
        clean = EMBEDDED.sub(lambda m: f'src="{_file(m[2], m[1], figures)}"', markup)
        output.data = {"text/html": _table(clean)}
    elif "text/plain" in data:
        return _text(output)
    return output


def rows_of_people(markup: str) -> bool:
    """Whether a table has the columns of a rating: somebody, a film, stars."""
    heads = {re.sub(r"<[^>]+>", "", h).strip() for h in re.findall(r"<th[^>]*>.*?</th>", markup)}
    films = {"title", "timestamp"} & heads
    return {"user", "rating"} <= heads and bool(films)


def _text(output: Any) -> Any:
    text = output.text if output.output_type == "stream" else "".join(output.data["text/plain"])
    if (lines := text.count("\n")) > MOST_LINES:
        raise NotToBeShown(f"{lines} lines of text; the site shows {MOST_LINES} at most")
    if re.search(r"^ *user +.*(title|timestamp).* rating|^ *user +.*rating.* title", text, re.M):
        return _said(WITHHELD)
    return output


def _said(text: str) -> Any:
    return nbformat.v4.new_output("stream", name="stdout", text=text)


def _picture(data: Mapping[str, Any], markup: str, figures: Path) -> Any:
    """The still picture of something interactive."""
    if "image/png" not in data:
        return None
    title = re.search(r'title="([^"]+)"', markup)
    alt = html.unescape(title[1]) if title else "A picture of something interactive"
    source = _file("".join(data["image/png"]), "png", figures)
    image = f'<img src="{source}" alt="{html.escape(alt)}">'
    if alt.startswith("Map with search"):
        image += '<p><a href="../map.html">An interactive map like this one</a></p>'
    return nbformat.v4.new_output("display_data", {"text/html": image})


def _file(encoded: str, kind: str, figures: Path) -> str:
    """Write an image; returns its address for a document one folder deep."""
    content = base64.b64decode(encoded)
    suffix = "png" if kind == "png" else "svg"
    name = f"{hashlib.sha256(content).hexdigest()[:16]}.{suffix}"
    figures.mkdir(parents=True, exist_ok=True)
    (figures / name).write_bytes(content)
    return f"../_static/figures/{name}"


def _table(markup: str) -> str:
    """A table that scrolls sideways, also by keyboard; without the styles that pandas adds."""
    if "<table" not in markup:
        return markup
    markup = aligned(re.sub(r"<style.*?</style>", "", markup, flags=re.DOTALL))
    markup = re.sub(r"<th>\s*</th>", "<td></td>", markup)  # screen readers would read an empty head
    return f'<div class="wide" tabindex="0" role="region" aria-label="Table">{markup}</div>'
