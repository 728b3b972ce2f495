"""`build.py slides`: decks that need no network, build/slides/NN_name.html, an index, vendor/."""

from __future__ import annotations

import html
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from jinja2 import Environment
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from pagebuild import vendor
from pagebuild.executed import PageFailed, executed
from pagebuild.frames import aligned
from pagebuild.slides import Item, deck
from pagebuild.source import Source, SourceError, read_all, read_series

HERE = Path(__file__).parent
REVEAL_FILES = ("dist/reset.css", "dist/reveal.css", "dist/reveal.js", "plugin/notes/notes.js")
LARGE_CODE_LINES = 17


def build_slides(root: Path, names: Sequence[str], mode: str, folder: Path) -> int:
    """Write the decks of the named pages (all of the series if none) into `folder`.

    The index lists every deck in the folder. Returns 1, with the reason on stderr, if a page fails
    or something is missing.
    """
    labels, code = {entry.name: entry.label for entry in read_series(root)}, 0
    try:
        sources = read_all(root, names)
        write_vendor(folder)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    for source in sources:
        if source.name not in labels and not names:
            continue  # nobody presents a bug hunt
        label = labels.get(source.name, source.title)
        try:
            notebook = executed(root, source.name, mode)
            print(write_deck(folder, source, notebook, label, planted=mode == "fast"), flush=True)
        except PageFailed as error:
            print(f"no deck of this page: {error}", file=sys.stderr)
            code = 1
    write_index(folder)
    return code


def write_vendor(folder: Path) -> None:
    """Copy the files that all decks share."""
    target = folder / "vendor"
    target.mkdir(parents=True, exist_ok=True)
    for name in REVEAL_FILES:
        shutil.copyfile(vendor.reveal() / name, target / Path(name).name)
    shutil.copyfile(vendor.mathjax(), target / "mathjax.js")
    shutil.copyfile(HERE / "slides.js", target / "slides.js")
    colours = HtmlFormatter(style="xcode").get_style_defs(".reveal pre")
    own = (HERE / "slides.css").read_text(encoding="utf-8")
    (target / "slides.css").write_text(f"{own}\n{colours}\n", encoding="utf-8")


def write_index(folder: Path) -> None:
    """Write the list of all decks in the folder, including those of earlier builds."""
    begins = re.compile(r'<title>(.*?)</title>.*class="slides" data-minutes="(\d+)', re.DOTALL)
    decks = []
    for path in sorted(folder.glob("*.html")):
        text = path.read_text(encoding="utf-8")
        if found := begins.search(text):
            decks.append((path.name, *found.groups(), '<p class="planted">' in text))
    text = Environment().from_string((HERE / "decks.html").read_text("utf-8")).render(decks=decks)
    (folder / "index.html").write_text(text, encoding="utf-8", newline="\n")


def write_deck(
    folder: Path, source: Source, notebook: nbformat.NotebookNode, label: str, *, planted: bool
) -> Path:
    """One deck as a file. Returns its path."""
    page = Environment(trim_blocks=False)
    page.filters |= {"markdown": _markdown, "inline": _inline, "item": _item}
    parts = deck(source, notebook)
    text = page.from_string((HERE / "slides.html").read_text(encoding="utf-8")).render(
        source=source, label=label, planted=planted, parts=parts,
        maths=any("$" in item.body for p in parts for s in p.slides for item in s.items),
    )  # fmt: skip
    path = folder / f"{source.name.replace('/', '--')}.html"
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def _item(item: Item) -> str:
    if item.kind == "code":
        code = highlight(item.body, PythonLexer(), HtmlFormatter(nowrap=True))
        small = ' class="small"' if len(item.body.splitlines()) > LARGE_CODE_LINES else ""
        return f"<pre{small}><code>{code}</code></pre>"
    if item.kind == "said":
        return f'<p class="said">{"<br>".join(map(html.escape, item.body.splitlines()))}</p>'
    if item.kind == "figure":
        alt = html.escape(item.alt)
        return f'<figure><img src="data:image/png;base64,{item.body}" alt="{alt}"></figure>'
    return aligned(item.body) if item.kind == "table" else _markdown(item.body)


def _markdown(text: str) -> str:
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    made = MarkdownWithMath(renderer=renderer).render(text)
    # The heading of a slide is the only one on it.
    return re.sub(r"<(/?)h[1-6][^>]*>", r"<\1p>", made)


def _inline(text: str) -> str:
    """A heading's Markdown without the paragraph around it."""
    return re.sub(r"^<p>(.*)</p>$", r"\1", _markdown(text).strip(), flags=re.DOTALL)
