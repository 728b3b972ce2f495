"""Decks: what is on a slide and what is not, and that a browser shows them whole and offline."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import lab
import nbformat
import pytest
from pages_runner import SOURCES, Executed, executed

from pagebuild.deck import write_deck, write_index, write_vendor
from pagebuild.slides import Part, deck, fits
from pagebuild.source import Cell, Source

DECKS = [(name, "fast") for name in ("00_setup", "03_interpretation", "11_mixture_of_tastes")]
DECKS += [
    pytest.param(name, "full", marks=pytest.mark.real)
    for name in SOURCES
    if not name.startswith("bug_hunts/")
]
Page = tuple[Source, nbformat.NotebookNode]
PNG = "iVBORw0KGgo="
ALT = "Line chart: the error falls with every epoch."

MEASURE = r"""() => {
  const wrong = [], seen = {contents: 0, alts: [], maths: 0, seconds: 0};
  for (const slide of Reveal.getSlides()) {
    const {h, v} = Reveal.getIndices(slide);
    Reveal.slide(h, v);
    const say = what => wrong.push(`${h}/${v} ${what}`);
    const frame = slide.getBoundingClientRect();
    const corner = slide.querySelector('.corner');
    const floor = corner ? corner.getBoundingClientRect().top : frame.bottom;
    if (slide.scrollHeight > slide.clientHeight + 1) say('higher than the slide');
    if (slide.scrollWidth > slide.clientWidth + 1) say('wider than the slide');
    for (const one of slide.querySelectorAll('h1, h2, p, li, pre, td, th, img, mjx-container')) {
      if (one.closest('aside') || one === corner) continue;
      const box = one.getBoundingClientRect();
      const name = `${one.tagName} ${one.textContent.slice(0, 40)}`;
      if (box.bottom > floor + 1 || box.right > frame.right - 20) say(`over the edge: ${name}`);
      if (one.tagName === 'PRE' && one.scrollWidth > one.clientWidth + 1) say(`cut: ${name}`);
      const size = parseFloat(getComputedStyle(one).fontSize);
      if (size < (one.tagName === 'PRE' ? 16 : 20)) say(`${size} px: ${name}`);
      if (one.tagName === 'IMG' && box.height < 250) say('a small figure');
      if (one.tagName === 'IMG') seen.alts.push(one.alt);
      if (one.tagName === 'MJX-CONTAINER') seen.maths += 1;
      if (/^(P|LI|H2)$/.test(one.tagName) && /\$[^$]+\$/.test(one.textContent)) say('raw maths');
    }
    if (slide.querySelector('[data-mjx-error]')) say('maths that cannot be read');
    const own = [...slide.children].filter(x => !x.matches('h1, h2, .corner, aside'));
    if (!own.some(x => x.textContent.trim() || x.querySelector('img'))) say('blank');
    seen.seconds += +(slide.dataset.timing ?? 0);
    seen.contents += slide.classList.contains('contents');
    if (!corner && !slide.matches('.title, .contents')) say('without its place');
  }
  return {wrong, ...seen, slides: Reveal.getTotalSlides()};
}"""

SLIDES = """() => Reveal.getSlides().map(slide => {
  const notes = slide.querySelector('aside')?.textContent ?? '';
  return [slide.textContent.trim().replace(notes, ''), notes];
})"""


def ran(name: str, mode: str) -> Executed:
    """A page's run, in a thread: here a browser's event loop is running already."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(executed, name, "solutions", mode).result()


def page(*cells: tuple[str, str, dict], outputs: dict[int, list] | None = None) -> Page:
    """A page of these cells, and its executed notebook; outputs by the number of the cell."""
    first = Cell("markdown", "# A page\n\nSee a thing.", {"slideshow": {"slide_type": "slide"}})
    source = Source("77_page", [first, Cell("code", "", {}), *(Cell(*c) for c in cells)], 30)
    shown = []
    for number, cell in enumerate(source.cells):
        if {"notes", "stub"} & set(cell.tags):
            continue
        node = nbformat.v4.new_markdown_cell(cell.text)
        if cell.kind == "code":
            node = nbformat.v4.new_code_cell(cell.text)
            node.outputs = (outputs or {}).get(number - 2, [])
        shown.append(node)
    return source, nbformat.v4.new_notebook(cells=shown)


def made(*cells: tuple[str, str, dict], outputs: dict[int, list] | None = None) -> list[Part]:
    """The slides of a page of these cells, before the browser has filled them."""
    return deck(*page(*cells, outputs=outputs))


def markdown(text: str, kind: str = "") -> tuple[str, str, dict]:
    return "markdown", text, {"slideshow": {"slide_type": kind}} if kind else {}


def code(text: str, kind: str = "", *tags: str) -> tuple[str, str, dict]:
    return "code", text, {"slideshow": {"slide_type": kind} if kind else {}, "tags": list(tags)}


def figure() -> nbformat.NotebookNode:
    return nbformat.v4.new_output(
        "display_data", {"image/png": PNG}, metadata={"image/png": {"alt": ALT}}
    )


def frame(*columns: str, rows: int = 2) -> nbformat.NotebookNode:
    head = "".join(f"<th>{c}</th>" for c in ["", *columns])
    body = "".join(
        f"<tr><th>{i}</th>{'<td>Brazil (1985)</td>' * len(columns)}</tr>" for i in range(rows)
    )
    html = (
        f'<div><table class="dataframe"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )
    return nbformat.v4.new_output("execute_result", {"text/html": html})


def items(made: list[Part]) -> list[tuple[str, str]]:
    """(kind of slide, kind of item) of all of them."""
    return [(s.kind, i.kind) for p in made for s in p.slides for i in s.items]


def everything(made: list[Part]) -> str:
    """All that the room sees, as text."""
    return "\n".join(f"{s.heading} {i.body}" for p in made for s in p.slides for i in s.items)


def test_code_is_shown_where_it_is_chosen_or_defines_a_model_and_never_where_it_draws():
    result = made(
        markdown("## One\n\nText.", "slide"),
        code("secret = 1"),
        code("chosen = 2", "subslide"),
        code("class Net(Model):\n    pass"),
        code("ax.plot(x)", "subslide"),
        code("rt.show()", "subslide"),
        outputs={5: [figure()]},
    )
    shown = everything(result)
    assert "chosen = 2" in shown
    assert "class Net" in shown
    assert "secret" not in shown
    assert "ax.plot" not in shown
    assert "rt.show" not in shown
    assert [i.alt for p in result for s in p.slides for i in s.items if i.kind == "figure"] == [ALT]


def test_an_exercise_shows_its_question_and_neither_hint_nor_solution():
    hint = "<details><summary>Hint</summary>\n\nIt is 42.\n\n</details>"
    result = made(
        markdown("## One\n\nText.", "slide"),
        markdown(f"Some prose.\n\n### Exercise: the answer\n\nWhat is it?\n\n{hint}"),
        code("answer = None", "", "stub"),
        code("answer = 42", "", "solution"),
        code('ws.check("77.answer", answer)'),
    )
    shown = everything(result) + "".join(n for p in result for s in p.slides for n in s.notes)
    assert ("exercise", "text") in items(result)
    assert "What is it?" in shown
    assert "42" not in shown
    assert "answer = None" not in shown


def test_notes_belong_to_the_slide_before_and_prose_between_cells_is_said():
    result = made(
        markdown("## One\n\nText.", "slide"),
        ("markdown", "Ask the room.", {"tags": ["notes"], "slideshow": {"slide_type": "notes"}}),
        markdown("What it means."),
        markdown("## Two\n\nText.", "slide"),
    )
    one = result[0].slides[0]
    assert one.notes == ["Ask the room.", "What it means."]
    assert result[1].slides[0].notes == []


def test_ratings_of_single_people_and_skipped_cells_are_on_no_slide():
    result = made(
        markdown("## One\n\nText.", "slide"),
        code("ratings.head()"),
        code("films"),
        code("more", "skip"),
        outputs={1: [frame("user", "title", "rating")], 2: [frame("title")], 3: [frame("title")]},
    )
    assert [kind for _, kind in items(result)] == ["text", "table"]
    assert "<th>0</th>" not in everything(result), "numbers of rows say nothing"


def test_ids_stand_beside_no_title():
    named = frame("title", "stars")
    named.data["text/html"] = named.data["text/html"].replace("<th></th>", "<th>item</th>")
    for number in (0, 1):
        named.data["text/html"] = named.data["text/html"].replace(
            f"<th>{number}</th>", f"<td>{number + 70}</td>"
        )
    shown = everything(made(markdown("## One", "slide"), code("x"), outputs={1: [named]}))
    assert "Brazil (1985)" in shown
    assert "item" not in shown
    assert "70" not in shown


def test_a_table_too_large_to_be_read_is_on_no_slide():
    def html(*columns: str, rows: int) -> str:
        return frame(*columns, rows=rows).data["text/html"]

    assert fits(html("title", "stars", rows=10))
    assert fits(html("title", "stars", rows=17)), "closer, and still to be read"
    assert not fits("<table><tr><th></th><th>stars</th></tr><tr><th>user</th></tr><tbody></table>")
    assert not fits(html("title", "stars", rows=30))
    assert not fits(html(*"abcdefghij", rows=3))


def test_a_slide_without_content_is_not_made_and_its_minutes_and_notes_go_to_the_next():
    result = made(
        markdown("## One", "slide"),
        ("markdown", "Ask the room. (3 minutes)", {"tags": ["notes"]}),
        markdown("## Two\n\nText.", "slide"),
    )
    (part,) = result
    assert (part.title, part.minutes) == ("Two", 30)
    assert part.slides[0].notes == ["Ask the room. (3 minutes)"]


def test_minutes_of_the_parts_add_up_to_those_of_the_page():
    result = made(
        *(markdown(f"## Part {i}\n\n{'Words in a row. ' * 18 * i}", "slide") for i in range(1, 5))
    )
    minutes = [p.minutes for p in result]
    assert sum(minutes) == 30
    assert minutes[0] < minutes[3]
    told = made(
        markdown("## One\n\nText.", "slide"),
        ("markdown", "Ask the room. (8 minutes with the bets)", {"tags": ["notes"]}),
        markdown("## Two\n\nText.", "slide"),
    )
    assert [p.minutes for p in told] == [8, 22], "what the notes say comes first"


def test_the_index_lists_what_earlier_builds_left(tmp_path):
    (tmp_path / "other.html").write_text("<title>not a deck</title>")
    source, notebook = page(markdown("## One\n\nText.", "slide"))
    for name in ("01_one", "02_two"):
        write_deck(
            tmp_path, replace(source, name=name), notebook, f"{name} & more", planted="2" in name
        )
        write_index(tmp_path)
    index = (tmp_path / "index.html").read_text()
    assert '<a href="01_one.html">01_one &amp; more</a>, 30 minutes</li>' in index
    assert "02_two &amp; more</a>, 30 minutes, planted data" in index
    assert "not a deck" not in index


@pytest.fixture
def shown(chromium, tmp_path) -> Iterator[Callable[..., dict]]:
    """Opens a deck from the disk, by the index; what was measured, and what was said or fetched."""
    opened = chromium.new_page()
    said = lab.listen(opened)

    def show(source: Source, notebook: nbformat.NotebookNode) -> dict:
        write_vendor(tmp_path)
        write_deck(tmp_path, source, notebook, "77 A page", planted=True)
        write_index(tmp_path)
        opened.goto((tmp_path / "index.html").as_uri())
        opened.get_by_role("link", name="77 A page").click()
        opened.wait_for_function("window.Reveal && Reveal.isReady()")
        wrong = []
        for width, height in ((1920, 1080), (1280, 720)):
            opened.set_viewport_size({"width": width, "height": height})
            found = opened.evaluate(MEASURE)
            wrong += [line for line in found["wrong"] if line not in wrong]
        slides = opened.evaluate(SLIDES)
        return {**found, "wrong": wrong, "said": said, "content": slides, "html": opened.content()}

    yield show
    opened.close()


@pytest.mark.browser
def test_what_is_small_wrong_or_asks_the_network_is_noticed(shown):
    wide = '<pre style="white-space: pre; width: 3000px">word</pre>'
    found = shown(
        *page(
            markdown(f"## One\n\n{wide}", "slide"),
            markdown('## Two\n\n<p style="font-size: 12px">small</p>\n\n$$\\frac{1}$$', "slide"),
            markdown('## Three\n\n<img src="http://127.0.0.1:9/x.png" alt="None.">', "slide"),
        )
    )
    wrong = "\n".join(found["wrong"])
    assert "1/0 over the edge: PRE word" in wrong
    assert "2/0 12 px: P small" in wrong
    assert "2/0 maths that cannot be read" in wrong
    assert "http://127.0.0.1:9/x.png" in found["said"]


@pytest.mark.browser
def test_a_slide_holds_what_can_be_read_and_the_notes_what_is_too_much(shown):
    prose = "\n\n".join(f"Paragraph {i} says. {'Some words more. ' * 12}" for i in range(6))
    points = "\n".join(f"* Item {i} says: {'word ' * 30}" for i in range(12))
    long = "$$" + " + ".join(f"x_{{{i}}}y_{{{i}}}" for i in range(30)) + "$$"
    stream = nbformat.v4.new_output("stream", name="stdout", text="For our sample person:\n")
    found = shown(
        *page(
            markdown(f"## Prose\n\n{prose}\n\n{long}", "slide"),
            markdown(f"## Points\n\n{points}", "slide"),
            markdown("## Table\n\n" + "Text. " * 60, "slide"),
            code("films"),
            markdown("## One\n\n" + "Endless. " * 200, "slide"),
            outputs={3: [stream, frame("title", rows=11)]},
        )
    )
    assert found["wrong"] == []
    assert found["maths"] == 1, "made smaller"
    assert found["seconds"] == 60 * 30
    prose, points, table, films, _ = (text for text, _ in found["content"][2:])
    notes = [said for _, said in found["content"][2:]]
    assert "Paragraph 0" in prose
    assert "Paragraph 5" not in prose
    assert notes[0].index("Paragraph 4") < notes[0].index("Paragraph 5")
    assert "Item 0 says" in points
    assert "Item 11 says" in notes[1]
    assert table.startswith("Table")
    assert "For our" not in table
    assert films.startswith("Table")
    assert films.index("For our sample person:") < films.index("Brazil")


@pytest.mark.browser
def test_on_paper_each_slide_is_a_page_that_keeps_its_margins(chromium, tmp_path):
    write_vendor(tmp_path)
    content = page(*(markdown(f"## {n}\n\nText.", "slide") for n in "AB"))
    deck_file = write_deck(tmp_path, *content, "A page", planted=False)
    opened = chromium.new_page()
    opened.goto(f"{deck_file.as_uri()}?print-pdf")
    opened.wait_for_selector(".pdf-page .corner")
    margins = opened.evaluate(
        "[...document.querySelectorAll('.pdf-page')].map(p => [p.offsetWidth, p.offsetHeight,"
        " ...['h1, h2', 'p, ol'].map(w => p.querySelector(w).getBoundingClientRect().left)])"
    )
    printed = opened.pdf(prefer_css_page_size=True, print_background=True)
    opened.close()
    assert len(margins) == 4
    assert all(wide == 1280 and high in (719, 720) for wide, high, *_ in margins)
    assert all(left >= 60 for m in margins for left in m[2:])
    assert printed.count(b"/Type /Page\n") == 4
    assert set(re.findall(rb"/MediaBox \[([\d. ]+)\]", printed)) == {b"0 0 960 540"}


@pytest.mark.browser
@pytest.mark.parametrize(("name", "mode"), DECKS)
def test_a_deck_is_whole_in_a_browser_and_asks_no_network(name, mode, shown, request):
    if mode == "full":
        request.getfixturevalue("ml100k")
    notebook = ran(name, mode).notebook
    built = deck(SOURCES[name], notebook)
    found = shown(SOURCES[name], notebook)
    assert found["said"] == []
    assert found["wrong"] == []
    assert found["slides"] >= 8
    assert found["contents"] == 1
    assert found["seconds"] == 60 * SOURCES[name].minutes, "the speaker's clock"
    pictures = [i for p in built for s in p.slides for i in s.items if i.kind == "figure"]
    assert len(found["alts"]) == len(pictures)
    assert all(len(alt) >= 20 for alt in found["alts"])
    assert found["html"].count('<aside class="notes">') >= len(built)
    assert found["maths"] or "$$" not in everything(built)
