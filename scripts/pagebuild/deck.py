"""`build.py slides`: decks that need no network, build/slides/NN_name.html, an index, vendor/."""

from __future__ import annotations

import html
import re
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from pagebuild import vendor
from pagebuild.executed import PageFailed, executed
from pagebuild.frames import aligned
from pagebuild.slides import LARGE_CODE_LINES, Deck, Item, Part, deck
from pagebuild.source import SourceError, read_all, read_series

HERE = Path(__file__).parent
REVEAL_FILES = ("dist/reset.css", "dist/reveal.css", "dist/reveal.js", "plugin/notes/notes.js")
INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Slides</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="vendor/slides.css"></head>
<body class="list"><main><h1>Slides</h1><ul>
{rows}
</ul><p>Space goes on, arrow right to the next part, S opens the notes, Esc shows all slides.
The address with <code>?print-pdf</code> before any <code>#</code> is for printing.</p>
</main></body></html>
"""


def build_slides(root: Path, names: Sequence[str], mode: str, folder: Path) -> int:
    """Write the decks of the named pages (all of the series if none) into `folder`.

    The index lists every deck in the folder. Returns 1, with the reason on stderr, where a page
    fails or something is missing.
    """
    try:
        sources = read_all(root, names)
        write_vendor(folder)
    except (SourceError, vendor.VendorMissing) as error:
        print(error, file=sys.stderr)
        return 1
    labels = {entry.name: entry.label for entry in read_series(root)}
    failed = []
    for source in sources:
        if source.name not in labels and not names:
            continue  # a bug hunt is for hands, not for a screen
        start = time.monotonic()
        try:
            notebook = executed(root, source.name, mode)
        except PageFailed as error:
            print(error, file=sys.stderr)
            failed.append(source.name)
            continue
        label = labels.get(source.name, source.title)
        path = write_deck(folder, deck(source, notebook, label, planted=mode == "fast"))
        print(f"{path} in {time.monotonic() - start:.0f} s", flush=True)
    write_index(folder)
    if failed:
        print(f"no deck of {', '.join(failed)}: the errors stand above", file=sys.stderr)
    return 1 if failed else 0


def write_vendor(folder: Path) -> None:
    """Copy what all decks share. Raises VendorMissing."""
    target = folder / "vendor"
    target.mkdir(parents=True, exist_ok=True)
    for name in REVEAL_FILES:
        shutil.copyfile(vendor.reveal() / name, target / Path(name).name)
    shutil.copyfile(vendor.mathjax(), target / "mathjax.js")
    colours = HtmlFormatter(style="xcode").get_style_defs(".reveal pre")
    own = (HERE / "slides.css").read_text(encoding="utf-8")
    (target / "slides.css").write_text(f"{own}\n{colours}\n", encoding="utf-8")


def write_index(folder: Path) -> None:
    """The list of all decks in the folder, those of earlier builds too."""
    rows = []
    for path in sorted(folder.glob("*.html")):
        text = path.read_text(encoding="utf-8")
        found = re.search(r"<title>(.*?)</title>.*totalTime: (\d+)", text, re.DOTALL)
        if path.name != "index.html" and found is not None:
            row = f'<a href="{path.name}">{found[1]}</a>, {int(found[2]) // 60} minutes, '
            row += f"{text.count('<section class=')} slides"
            planted = ", planted data" if '<p class="planted">' in text else ""
            rows.append(f"<li>{row}{planted}</li>")
    text = INDEX.format(rows="\n".join(rows))
    (folder / "index.html").write_text(text, encoding="utf-8", newline="\n")


def write_deck(folder: Path, made: Deck) -> Path:
    """One deck as a file. Returns its path."""
    page = Environment(trim_blocks=False)
    page.filters |= {
        "markdown": _markdown, "inline": _inline, "item": _item, "minutes": _minutes,
        "seconds": _seconds,
    }  # fmt: skip
    text = page.from_string((HERE / "slides.html").read_text(encoding="utf-8")).render(
        deck=made,
        parts=made.parts,
        maths=any("$" in item.body for p in made.parts for s in p.slides for item in s.items),
    )
    path = folder / f"{made.name.replace('/', '--')}.html"
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def _minutes(minutes: int) -> str:
    return f"{minutes} min" if minutes else "under a minute"


def _seconds(part: Part, number: int) -> int:
    """The share of a slide in its part: whole seconds that add up."""
    n = len(part.slides)
    return 60 * part.minutes * (number + 1) // n - 60 * part.minutes * number // n


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
