"""Decks as HTML files that need no network: build/slides/NN_name.html, an index, and vendor/."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from pagebuild import vendor
from pagebuild.slides import LARGE_CODE_LINES, LONG_TABLE, Deck, Item, Part, Slide, size

CSS = Path(__file__).with_name("slides.css")
REVEAL_FILES = ("dist/reset.css", "dist/reveal.css", "dist/reveal.js", "plugin/notes/notes.js")
STYLE = "xcode"  # of Pygments: dark on light
LONG_CONTENTS = 10
WORD = r"(?!NaN|nan|inf)[A-Za-z]"

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="vendor/reset.css">
<link rel="stylesheet" href="vendor/reveal.css">
<link rel="stylesheet" href="vendor/slides.css">
</head>
<body>
<div class="reveal"><div class="slides">
{sections}
</div></div>
{maths}<script src="vendor/reveal.js"></script>
<script src="vendor/notes.js"></script>
<script>
Reveal.initialize({{
  width: 1280, height: 720, margin: 0, center: false, hash: true, slideNumber: "c/t",
  transition: "none", backgroundTransition: "none", pdfSeparateFragments: false,
  totalTime: {seconds}, plugins: [RevealNotes]
}});
</script>
</body>
</html>
"""
MATHS = """<script>
window.MathJax = {
  tex: {inlineMath: [["$", "$"]], displayMath: [["$$", "$$"]], processEscapes: true},
  svg: {fontCache: "local"},
  options: {enableMenu: false, skipHtmlTags: ["script", "style", "textarea", "pre", "code"]},
};
</script>
<script src="vendor/mathjax.js"></script>
"""
INDEX = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slides</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="vendor/slides.css"></head>
<body class="list"><main><h1>Slides</h1>
<ul>
{rows}
</ul>
<p>Space goes on, arrow right to the next part, S opens the speaker notes, Esc shows all slides.
The address with <code>?print-pdf</code> before any <code>#</code> is for printing.</p>
</main></body>
</html>
"""
PLANTED = '<p class="planted">Planted data: every film and rating is invented.</p>\n'


def write_vendor(folder: Path) -> None:
    """Copy what all decks share. Raises VendorMissing."""
    target = folder / "vendor"
    target.mkdir(parents=True, exist_ok=True)
    for name in REVEAL_FILES:
        shutil.copyfile(vendor.reveal() / name, target / Path(name).name)
    shutil.copyfile(vendor.mathjax(), target / "mathjax.js")
    colours = HtmlFormatter(style=STYLE).get_style_defs(".reveal pre")
    own = CSS.read_text(encoding="utf-8")
    (target / "slides.css").write_text(f"{own}\n{colours}\n", encoding="utf-8")


def write_index(folder: Path) -> None:
    """The list of all decks in the folder, those of earlier builds too."""
    rows = []
    for path in sorted(folder.glob("*.html")):
        text = path.read_text(encoding="utf-8")
        found = re.search(r"<title>(.*?)</title>.*totalTime: (\d+)", text, re.DOTALL)
        if path.name == "index.html" or found is None:
            continue
        slides, minutes = text.count("<section class=") + text.count("<section id="), found[2]
        row = f'<a href="{path.name}">{found[1]}</a>, {int(minutes) // 60} minutes, {slides} slides'
        rows.append(f"<li>{row}{', planted data' if PLANTED in text else ''}</li>")
    text = INDEX.format(rows="\n".join(rows))
    (folder / "index.html").write_text(text, encoding="utf-8", newline="\n")


def write_deck(folder: Path, deck: Deck) -> Path:
    """One deck as a file. Returns its path."""
    sections = "\n".join(_part(deck, number) for number in range(len(deck.parts)))
    text = PAGE.format(
        title=html.escape(deck.label),
        sections=sections,
        maths=MATHS if "$" in sections else "",
        seconds=60 * deck.minutes,
    )
    path = folder / _file(deck.name)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def _file(name: str) -> str:
    return f"{name.replace('/', '--')}.html"


def _part(deck: Deck, number: int) -> str:
    """A column of slides: right goes to the next part, Space to the next slide."""
    part = deck.parts[number]
    slides = [_slide(deck, number, slide) for slide in part.slides]
    if number:
        slides.insert(0, _contents(deck, number))
    return "<section>\n" + "\n".join(slides) + "\n</section>"


def _contents(deck: Deck, number: int) -> str:
    """The table of contents with the part that begins marked."""
    rows = []
    for i, part in enumerate(deck.parts[1:], start=1):
        now = ' class="now" aria-current="true"' if i == number else ""
        rows.append(
            f'<li{now}><a href="#/part-{i}">{_inline(part.title)}</a> '
            f"<span>{_minutes(part)}</span></li>"
        )
    long = " long" if len(rows) > LONG_CONTENTS else ""
    gone = sum(part.minutes for part in deck.parts[:number])
    notes = (
        f"Part {number} of {len(rows)}: {_minutes(deck.parts[number])}. "
        f"{gone} of {deck.minutes} minutes are gone when it begins."
    )
    body = f'<h2>{html.escape(deck.label)}</h2>\n<ol class="toc{long}">\n' + "\n".join(rows)
    return _section("contents", f"{body}\n</ol>", [notes], corner="", name=f"part-{number}")


def _minutes(part: Part) -> str:
    return f"{part.minutes} min" if part.minutes else "under a minute"


def _slide(deck: Deck, number: int, slide: Slide) -> str:
    if slide.kind == "title":
        warning = PLANTED if deck.planted else ""
        body = (
            f'<p class="series">Recsys Tutorial</p>\n<h1>{html.escape(deck.label)}</h1>\n'
            f'<div class="goal">{_markdown(deck.goal)}</div>\n{warning}'
            f'<p class="meta">{deck.minutes} minutes, exercises included</p>'
        )
        return _section("title", body, slide.notes, corner="")
    corner = f"{html.escape(deck.label)} · part {number} of {len(deck.parts) - 1}"
    corner += f" · {_minutes(deck.parts[number])}"
    heading = f"<h2>{_inline(slide.heading)}</h2>\n"
    return _section(slide.kind, heading + "\n".join(map(_item, slide.items)), slide.notes, corner)


def _item(item: Item) -> str:
    if item.kind == "code":
        code = highlight(item.body, PythonLexer(), HtmlFormatter(nowrap=True))
        small = ' class="small"' if len(item.body.splitlines()) > LARGE_CODE_LINES else ""
        return f"<pre{small}><code>{code}</code></pre>"
    if item.kind == "printed":
        return f'<pre class="plain">{html.escape(item.body)}</pre>'
    if item.kind == "said":
        return f'<p class="said">{"<br>".join(map(html.escape, item.body.splitlines()))}</p>'
    if item.kind == "figure":
        alt = html.escape(item.alt)
        return f'<figure><img src="data:image/png;base64,{item.body}" alt="{alt}"></figure>'
    if item.kind == "table":
        return _table(item.body)
    return _markdown(item.body)


def _table(table: str) -> str:
    """A frame's table with columns of words to the left, their headings too."""
    plain = re.sub(r' (border|style)="[^"]*"', "", table)
    head, mark, body = plain.partition("<tbody>")
    first = re.findall(r"<t[hd]>\s*(.*?)</t[hd]>", body.partition("</tr>")[0], re.DOTALL)
    words = iter([bool(re.match(WORD, cell)) for cell in first])
    head = re.sub(r"<th>", lambda _: '<th class="words">' if next(words, False) else "<th>", head)
    body = re.sub(rf"<td>(?=\s*{WORD})", '<td class="words">', body)
    made = head + mark + body
    if size(table)[0] > LONG_TABLE:
        made = made.replace('class="dataframe"', 'class="dataframe long"', 1)
    return made


def _section(kind: str, body: str, notes: list[str], corner: str, name: str = "") -> str:
    identity = f' id="{name}"' if name else ""
    foot = f'<p class="corner">{corner}</p>\n' if corner else ""
    said = "\n".join(_markdown(note) for note in notes)
    aside = f'<aside class="notes">\n{said}\n</aside>\n' if said else ""
    return f'<section{identity} class="{kind}">\n{body}\n{foot}{aside}</section>'


def _markdown(text: str) -> str:
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    made = MarkdownWithMath(renderer=renderer).render(text)
    # The heading of a slide is the only one on it.
    return re.sub(r"<(/?)h[1-6][^>]*>", r"<\1p>", made)


def _inline(text: str) -> str:
    """A heading's Markdown without the paragraph around it."""
    return re.sub(r"^<p>(.*)</p>$", r"\1", _markdown(text).strip(), flags=re.DOTALL)
