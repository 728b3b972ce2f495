"""The site: what it shows and leaves out, and that a browser finds it whole and offline."""

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import lab
import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from pages_runner import SOURCES

import recsys_tutorial as rt
from pagebuild import site
from pagebuild.model_map import PLACES, model_map_svg
from pagebuild.reference import as_rst, modules, names
from pagebuild.site_pages import WITHHELD, NotToBeShown, documents, relinked, staged
from pagebuild.source import repository

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["00_setup", "05_word2vec_is_mf"]
DOCUMENTS = {
    "index", "pages/00_setup", "pages/05_word2vec_is_mf", "reference/models", "glossary",
    "model_map", "map", "benchmarks", "data", "instructor", "search",
}  # fmt: skip
pytestmark = pytest.mark.timeout(600)  # the first that needs the site builds it


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The site with two pages on planted data. Sphinx's warnings would have failed it."""
    folder = tmp_path_factory.mktemp("site") / "html"
    assert site.build_site(ROOT, PAGES, "fast", folder) == 0
    return folder


def notebook(*outputs: dict[str, Any]) -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell("films")
    cell.outputs = [nbformat.v4.new_output("execute_result", data) for data in outputs]
    return nbformat.v4.new_notebook(cells=[cell])


def table(*columns: str, rows: int) -> dict[str, str]:
    head = "".join(f"<th>{c}</th>" for c in columns)
    return {"text/html": f"<table><tr>{head}</tr>{'<tr><td>Brazil</td></tr>' * rows}</table>"}


def shown(tmp_path: Path, *outputs: dict[str, Any]) -> str:
    made = staged(notebook(*outputs), "00_setup", documents(["00_setup"]), tmp_path)
    return str(made.cells[0].outputs)


# ---- what is shown ------------------------------------------------------------------------------


def test_ratings_of_single_people_are_left_out_and_their_absence_is_said(tmp_path):
    text = shown(tmp_path, table("user", "title", "rating", rows=3))
    assert WITHHELD in text
    assert "Brazil" not in text
    assert "Brazil" in shown(tmp_path, table("title", "rating", rows=3))
    printed = {"text/plain": "   user  item  rating  title\n0  42  50  5  Brazil (1985)"}
    assert "Brazil" not in shown(tmp_path, printed)


def test_long_tables_and_long_prints_stop_the_build_with_the_cells_name(tmp_path):
    assert "Brazil" in shown(tmp_path, table("title", rows=50))
    with pytest.raises(NotToBeShown, match="00_setup, cell 0: a table of 52 rows"):
        shown(tmp_path, table("title", rows=51))
    with pytest.raises(NotToBeShown, match="200 lines"):
        shown(tmp_path, {"text/plain": "Brazil\n" * 200})


def test_controls_and_frames_of_a_running_machine_are_not_in_the_site(tmp_path):
    frame = {"text/html": '<iframe src="http://127.0.0.1:8000/"></iframe>', "text/plain": "x"}
    control = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "x"}
    text = shown(tmp_path, frame, control, {"text/html": "<script>1</script>"})
    assert "127.0.0.1" not in text
    assert "widget" not in text
    assert "script" not in text
    assert text.count("on your own machine") == 2
    still = {"text/html": '<iframe title="A map of films" srcdoc="x">', "image/png": "iVBORw0KGgo="}
    assert 'alt="A map of films"' in shown(tmp_path, still)
    assert len(list(tmp_path.glob("*.png"))) == 1


def test_links_lead_to_the_site_or_are_taken_off():
    known = documents(["00_setup", "bug_hunts/01_a"])
    text = "[a](00_setup.ipynb) [b](bug_hunts/01_a.ipynb#x) [c](../index.ipynb) [d](99_x.ipynb)"
    turned = relinked(text, "notebooks/solutions/00_setup.ipynb", "pages/00_setup", known)
    wanted = "[a](00_setup.ipynb) [b](../bug_hunts/01_a.ipynb#x) [c](../index.md) d"
    assert turned == wanted
    web = "[e](https://pytorch.org) [f](#here) ![g](x.png)"
    assert relinked(web, "docs/online.md", "online", known) == web


def test_a_page_that_fails_leaves_the_old_site_and_says_why(tmp_path, monkeypatch, capsys):
    def failing(*_: object) -> None:
        raise site.PageFailed("00_setup: ValueError: no film has the id 50")

    monkeypatch.setattr(site, "executed", failing)
    (tmp_path / "objects.inv").write_text("the old one")
    assert site.build_site(ROOT, ["00_setup"], "fast", tmp_path) == 1
    assert "no film has the id 50" in capsys.readouterr().err
    assert (tmp_path / "objects.inv").read_text() == "the old one"


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(site.SourceError, match="holds no site"):
        site.replace(tmp_path / "made", tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_a_plain_docstring_keeps_its_signs_code_and_maths():
    text = as_rst(["Counts `x_i` of **k in $x_{i}$, b_u and c_.", "* a list of |x|", ">>> 2 ** 3"])
    made = "\n".join(text)
    assert "``x_i``" in made
    assert ":math:`x_{i}`" in made
    assert r"\*\*k" in made
    assert r"b_u and c\_." in made
    assert text[-2:] == [r"* a list of \|x\|", ">>> 2 ** 3"]
    assert ".. math:: a = b" in as_rst(["$$a", "  = b$$"])
    assert "$" not in "".join(as_rst(["It is", "$$a$$", "and $b$."]))


def test_the_reference_lists_arguments_under_their_heading(built):
    text = html.unescape(re.sub(r"<[^>]+>", "", (built / "reference/interpret.html").read_text()))
    assert "Parameters" in text
    assert "Args:" not in text


# ---- what is generated --------------------------------------------------------------------------


def test_the_map_holds_every_model_and_arrows_follow_the_code():
    public = {n for n in rt.models.__all__ if n not in ("Model", "FoldedUser")}
    places = {place.name: place for place in PLACES}
    assert public <= set(places)
    for place in PLACES:
        assert place.becomes in ("", *places)
        if place.becomes == "BiasedMF" and not place.name.endswith("Tastes"):
            assert issubclass(getattr(rt.models, place.name), rt.models.BiasedMF)


def test_the_maps_boxes_are_inside_the_picture_and_apart():
    drawn = (ROOT / "docs" / "model_map.svg").read_text("utf-8")
    assert drawn == model_map_svg(), "write it anew: python scripts/pagebuild/model_map.py"
    picture = ElementTree.fromstring(drawn)
    width, height = map(float, picture.attrib["viewBox"].split()[2:])
    spaces = [r.attrib for r in picture.iter("{http://www.w3.org/2000/svg}rect") if "x" in r.attrib]
    boxes = [tuple(float(s[k]) for k in ("x", "y", "width", "height")) for s in spaces]
    assert len(boxes) == len(PLACES)
    for n, (x, y, w, h) in enumerate(boxes):
        assert x + w <= width
        assert y + h <= height
        for a, b, c, d in boxes[n + 1 :]:
            assert x + w < a or a + c < x or y + h < b or b + d < y


def test_no_page_uses_a_word_of_the_glossary_before_the_page_that_introduces_it():
    text = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    words = re.findall(r"(?m)^\| ([^|`$]+) \| (\d\d) \|", text)
    assert len(words) > 10
    series = {name[:2]: source for name, source in SOURCES.items() if name[:2].isdigit()}
    for word, page in words:
        used = re.compile(rf"\b{re.escape(word)}\b", re.IGNORECASE)
        first = min(
            number
            for number, source in series.items()
            if any(used.search(c.text) for c in source.cells if c.kind == "markdown")
        )
        assert first == page, f"{word}: the glossary says page {page}, page {first} uses it first"


def test_names_in_the_glossary_are_names_in_the_code():
    code = "\n".join(p.read_text("utf-8") for p in (ROOT / "recsys_tutorial").rglob("*.py"))
    text = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    listed = re.findall(r"`([A-Za-z_]+)`", text)
    assert len(listed) > 40
    missing = [name for name in listed if not re.search(rf"\b{name}\b", code)]
    assert missing == []


def test_the_workflow_builds_with_the_projects_own_command_and_extras():
    path = ROOT / ".github" / "workflows" / "pages.yml"
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    runs = "\n".join(step.get("run", "") for step in jobs["build"]["steps"])
    assert "scripts/build.py site" in runs
    assert jobs["publish"]["needs"] == "build"
    assert set(jobs["publish"]["permissions"]) == {"pages", "id-token"}


# ---- the built site -----------------------------------------------------------------------------


def test_every_public_name_has_its_place_in_the_reference(built):
    there = "\n".join(p.read_text("utf-8") for p in (built / "reference").glob("*.html"))
    ids = set(re.findall(r'id="(recsys_tutorial\.[\w.]+)"', there))
    listed = {f"recsys_tutorial.{m}.{n}" for m in modules() for n in names(getattr(rt, m))}
    listed |= {f"recsys_tutorial.{n}" for n in rt.__all__ if not inspect.ismodule(getattr(rt, n))}
    assert len(listed) > 90
    assert listed - ids == set()


def test_pages_show_their_figures_from_files_with_their_texts(built):
    page = (built / "pages" / "05_word2vec_is_mf.html").read_text("utf-8")
    figures = re.findall(r'<img[^>]*src="(\.\./_static/figures/[^"]+)"[^>]*>', page)
    assert len(figures) >= 2
    assert not re.search(r'<img(?![^>]*alt="[^"]{20,}")[^>]*figures/', page)
    assert "base64" not in page


def test_the_front_page_has_a_card_for_each_page_and_each_title_once(built):
    text = (built / "index.html").read_text("utf-8")
    article = text.partition("<article")[2].partition("</article>")[0]
    cards = re.findall(r'<a class="card" href="([^"]+)"><b>(.*?)</b><span>(\d+) minutes', article)
    assert [link for link, *_ in cards] == [f"pages/{name}.html" for name in PAGES]
    for _, title, minutes in cards:
        assert article.count(title) == 1
        assert int(minutes) == SOURCES[next(n for n in PAGES if n[:2] == title[:2])].minutes
    assert 'rel="icon" href="_static/logo.svg"' in text.replace("shortcut icon", "icon")


def test_buttons_are_there_where_an_address_is_set_and_nowhere_else(built, tmp_path):
    page = (built / "pages" / "00_setup.html").read_text("utf-8")
    here = repository(ROOT)
    assert ("mybinder.org" in page) == bool(here)
    text = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A page")])
    address = "https://github.com/reader/course"
    made = staged(text, "00_setup", documents(["00_setup"]), tmp_path, address)
    for words in ("Open on Binder", "Open on Colab", "Edit this page", "Report a problem"):
        assert words in made.cells[0].source


@pytest.mark.browser
def test_the_map_is_alive_has_colours_and_a_legend(built, page):
    page.goto((built / "map.html").as_uri())
    frame = page.frame_locator("iframe.map")
    assert frame.locator("#legend li").count() >= 4
    assert (
        len(set(frame.locator("#map .film").evaluate_all("a => a.map(x => x.className.baseVal)")))
        > 3
    )
    frame.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    assert "ratings" in frame.locator("#card").inner_text()


def test_links_lead_somewhere_and_nothing_is_loaded_from_elsewhere(built):
    read = {p: BeautifulSoup(p.read_text("utf-8"), "lxml") for p in built.rglob("*.html")}
    dead = []
    for page, soup in read.items():
        for tag in soup.select("[src], [href]"):
            target = str(tag.get("src") or tag["href"])
            path, _, place = unquote(target).partition("#")
            path = path.partition("?")[0]  # Sphinx adds a checksum to styles and scripts
            if re.match(r"https?:|mailto:|data:", target):
                assert tag.name == "a" or target.startswith("data:"), f"{page}: {target}"
                continue
            there = (page.parent / path).resolve() if path else page
            there = there / "index.html" if there.is_dir() else there
            known = there in read and place not in ("", "top")
            if not there.is_file() or (known and not read[there].select(f'[id="{place}"]')):
                dead.append(f"{page.name}: {target}")
    assert dead == []


@pytest.fixture(scope="module")
def axe() -> str:
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(
    params=[(1440, "light"), (1440, "dark"), (390, "light")], ids=["desktop", "dark", "phone"]
)
def page(request, chromium) -> Iterator[Any]:
    """A browser's page that fails the test at a request off the folder, or at an error."""
    width, scheme = request.param
    opened = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    said = lab.listen(opened)
    yield opened
    opened.close()
    assert said == []


@pytest.mark.browser
def test_documents_fit_their_width_and_are_accessible(built, page, axe):
    for document in sorted(DOCUMENTS):
        page.goto((built / f"{document}.html").as_uri())
        page.evaluate("window.MathJax && MathJax.startup ? MathJax.startup.promise : null")
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, document
        wide = (
            "[...document.querySelectorAll('pre')].filter(x => x.scrollWidth > x.clientWidth + 1)"
        )
        assert page.evaluate(f"{wide}.map(x => x.textContent.slice(0, 80))") == [], document
        dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", paper)[:3])) < 200) == dark, f"{document}: {paper}"
        page.evaluate(axe)
        found = page.evaluate(
            "async () => (await axe.run({preload: false, iframes: false})).violations"
            ".map(v => [v.id, v.nodes[0].html.slice(0, 120)])"
        )
        assert found == [], document


@pytest.mark.browser
def test_maths_is_set_and_search_finds_without_a_network(built, page):
    page.goto((built / "glossary.html").as_uri())
    page.wait_for_selector("mjx-container svg")
    for words, title in (("temperature", "Glossary"), ("BiasedMF", "rt.models")):
        page.goto((built / "search.html").as_uri() + f"?q={words}")
        page.wait_for_selector("#search-results li a")
        assert any(title in text for text in page.locator("#search-results li").all_inner_texts())
