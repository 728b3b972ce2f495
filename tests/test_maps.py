"""Maps of films: what they hold, that they ask no other host, and walking about in Chromium."""

from __future__ import annotations

import csv
import json
import re

import lab
import numpy as np
import pandas as pd
import pytest

from recsys_tutorial.datasets import from_frame
from recsys_workshop.labs import maps

LABELS = ("axis 1 (stars)", "axis 2 (stars)")
ODD = 'Ev<i>l & "Sons" </script><script>alert(1)</script> $x^ (1990)'


@pytest.fixture(scope="module")
def films():
    """Thirty films on a grid of six columns and five rows; one has a title that means trouble."""
    ratings = [(u, i, 3.0 + (u + i) % 3) for i in range(30) for u in range(30 - i)]
    titles = [f"Film {chr(65 + i % 26)}{i} (1990)" for i in range(30)]
    titles[7], titles[8] = ODD, "Amélie à Paris (2001)"
    items = pd.DataFrame({"item": range(30), "title": titles, "genres": [("Drama", "War")] * 30})
    return from_frame(pd.DataFrame(ratings, columns=["user", "item", "rating"]), items=items)


@pytest.fixture(scope="module")
def grid():
    number = np.arange(30)
    return np.stack([number % 6, number // 6], axis=1).astype(float)


@pytest.fixture(scope="module")
def made(films, grid):
    return maps.film_map(
        films, grid, labels=LABELS, places=grid, mine={0: 5, 14: 2}, you=np.array([1.0, 0.5])
    )


def data_of(document: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', document, re.DOTALL)[1])


# ---- what is in it --------------------------------------------------------------------------


def test_map_holds_the_films_at_their_places(made, films, grid):
    found = data_of(made.document)["films"]
    assert [f["title"] for f in found] == list(films.items["title"])  # by number of ratings
    np.testing.assert_array_equal([[f["x"], f["y"]] for f in found], grid)
    assert [f["ratings"] for f in found] == films.counts("item").tolist()
    assert {i: f["mine"] for i, f in enumerate(found) if "mine" in f} == {0: 5.0, 14: 2.0}
    assert found[0]["genres"] == "Drama, War"


def test_nearest_are_by_cosine_of_the_places_given(films, grid, rng):
    places = rng.normal(size=(30, 4))
    made = maps.film_map(films, grid, labels=LABELS, places=places)
    unit = places / np.linalg.norm(places, axis=1, keepdims=True)
    cosine = unit @ unit.T - 9 * np.eye(30)
    for i, film in enumerate(data_of(made.document)["films"]):
        assert film["near"] == np.argsort(-cosine[i])[:6].tolist()


def test_only_the_most_rated_are_shown_and_all_of_mine(films, grid):
    made = maps.film_map(films, grid, labels=LABELS, places=grid, mine={29: 4}, most=5)
    titles = [f["title"] for f in data_of(made.document)["films"]]
    assert titles == [*films.items["title"][:5], films.items["title"][29]]


def test_films_without_a_place_are_left_out(films, grid):
    some = grid.copy()
    some[3] = np.nan
    made = maps.film_map(films, some, labels=LABELS, places=grid)
    assert len(data_of(made.document)["films"]) == 29


def test_map_asks_nothing_of_any_host_and_no_title_breaks_out(made):
    everything = made.document + made._repr_mimebundle_()[0]["text/html"]
    written = re.sub(r"base64,[\w+/=]+", "", everything)
    outside = set(re.findall(r"(?:https?:)?//[a-z][\w.-]+", written)) - {"http://www.w3.org"}
    assert outside == set()
    assert "default-src 'none'" in made.document
    assert made.document.count("<script") == 2
    assert made.document.count("</script>") == 2
    assert "alert(1)" in data_of(made.document)["films"][7]["title"]


def test_in_a_notebook_it_is_a_frame_with_a_picture_and_text_beside_it(made):
    data, metadata = made._repr_mimebundle_()
    html = data["text/html"]
    assert 'sandbox="allow-scripts"' in html
    assert html.count("<img ") == 1  # the frame's own copy of the picture is left out
    assert "30 films, across axis 1" in metadata["image/png"]["alt"]
    assert made.alt in data["text/plain"]
    assert made.picture.startswith(b"\x89PNG")
    assert made.document.count("data:image/png") == 1


def test_an_unknown_film_among_yours_is_refused(films, grid):
    with pytest.raises(KeyError, match="unknown item 99"):
        maps.film_map(films, grid, labels=LABELS, places=grid, mine={99: 3})


# ---- the projector --------------------------------------------------------------------------


def read(folder, name):
    (path,) = folder.rglob(name)
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_projector_gets_each_film_with_its_words(films, grid, tmp_path):
    folder = maps.projector(grid, films, tmp_path / "runs" / "films", min_ratings=5)
    words, places = read(folder, "metadata.tsv"), read(folder, "tensors.tsv")
    assert words[0] == ["title", "year", "genres", "ratings"]
    shown = films.counts("item") >= 5
    assert [w[0] for w in words[1:]] == list(films.items["title"][shown])
    np.testing.assert_allclose(np.array(places, dtype=float), grid[shown])
    config = (folder / "projector_config.pbtxt").read_text()
    assert "metadata.tsv" in config
    assert list(folder.glob("events*"))  # without one TensorBoard does not see the folder


def test_projector_written_twice_holds_the_second_once(films, grid, tmp_path, capsys):
    target = tmp_path / "films"
    maps.projector(grid, films, target)
    maps.projector(grid * 2, films, target)
    assert capsys.readouterr().out == ""
    assert (target / "projector_config.pbtxt").read_text().count("embeddings {") == 1
    assert float(read(target, "tensors.tsv")[1][0]) == 2.0
    assert [p.name for p in tmp_path.iterdir()] == ["films"]


def test_projector_leaves_other_files_alone(films, grid, tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds other files"):
        maps.projector(grid, films, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    assert maps.projector(grid, films, tmp_path / "thesis.txt" / "films") is None
    assert "could not be written" in capsys.readouterr().out


def test_titles_with_tabs_and_unknown_years_stay_in_their_columns(tmp_path):
    ratings = pd.DataFrame({"user": [1, 2, 1], "item": [1, 1, 2], "rating": [3.0, 4.0, 5.0]})
    items = pd.DataFrame({"item": [1, 2], "title": ["A\tB\n(1999)", "C"], "year": [1999, None]})
    data = from_frame(ratings, items=items)
    folder = maps.projector(np.eye(2), data, tmp_path / "p", min_ratings=1)
    assert read(folder, "metadata.tsv")[1:] == [["A B (1999)", "1999", "2"], ["C", "unknown", "1"]]


# ---- in a browser ---------------------------------------------------------------------------


class Visit:
    """The map in a browser: alone in a file, or in the frame that a notebook shows."""

    def __init__(self, chromium, made, folder, framed):
        self.page = chromium.new_page(viewport={"width": 1000, "height": 800})
        self.wrong, self.asked = [], []
        self.page.on("console", lambda m: self.wrong.append(m.text))
        self.page.on("pageerror", lambda e: self.wrong.append(str(e)))
        self.page.on("request", lambda r: self.asked.append(r.url))
        path = folder / "map.html"
        if framed:
            path.write_text(made._repr_mimebundle_()[0]["text/html"], encoding="utf-8")
        else:
            made.save(path)
        self.page.goto(path.as_uri())
        self.map = self.page.frame_locator("iframe") if framed else self.page

    @property
    def chosen(self):
        return self.map.locator("#card h2").inner_text()

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)


@pytest.fixture(params=[False, True], ids=["file", "frame"])
def visit(chromium, made, tmp_path, request):
    visiting = Visit(chromium, made, tmp_path, request.param)
    yield visiting
    assert visiting.wrong == []
    assert [u for u in visiting.asked if not u.startswith(("file:", "data:", "about:"))] == []
    visiting.page.close()


@pytest.mark.browser
@pytest.mark.slow
def test_hovering_names_the_film_and_a_click_chooses_it(visit):
    film = visit.map.locator("#map .film").nth(20)
    film.hover()
    name = visit.map.locator("#map .name")
    assert name.count() == 1
    title = name.text_content()
    film.click()
    assert visit.chosen == title
    assert visit.map.locator("#card li").count() == 6
    assert visit.map.locator("#map .near").count() == 6
    named = visit.map.locator("#map .close").all_text_contents()
    assert 1 <= len(named) <= 6  # those that find room
    assert set(named) <= set(visit.map.locator("#card li").all_inner_texts())


@pytest.mark.browser
@pytest.mark.slow
def test_the_arrow_points_where_you_are(visit):
    tip = visit.map.locator("#map line.you").evaluate(
        "l => [l.x2.baseVal.value - l.x1.baseVal.value, l.y1.baseVal.value - l.y2.baseVal.value]"
    )
    assert tip[0] > 0
    assert tip[1] > 0
    assert visit.map.locator("#map .who").text_content() == "you"
    assert "The arrow is you" in visit.map.locator("#help").inner_text()


@pytest.mark.browser
@pytest.mark.slow
def test_search_finds_without_accents_and_says_when_there_is_nothing(visit):
    search = visit.map.get_by_label("Find a film")
    search.fill("amelie par")
    visit.press("Enter")
    assert visit.chosen == "Amélie à Paris (2001)"
    search.fill("film c2")
    visit.map.get_by_role("button", name="Film C28 (1990)").click()
    assert visit.chosen == "Film C28 (1990)"
    search.fill("no such thing")
    assert "No film of that name" in visit.map.locator("#hits").inner_text()
    search.fill("alert")
    visit.press("Enter")
    assert visit.chosen == ODD  # as text: nothing of it has run


@pytest.mark.browser
@pytest.mark.slow
def test_keyboard_alone_walks_zooms_and_comes_back(visit):
    for _ in range(12):  # from the top of the page to the map
        visit.press("Tab")
        if visit.map.locator("#map:focus").count():
            break
    assert visit.map.locator("#map:focus").count() == 1
    visit.press("Enter")
    assert visit.chosen.startswith("Film A0")  # at the lower left, (0, 0)
    visit.press("ArrowRight", "ArrowRight")
    assert visit.chosen.startswith("Film C2")
    visit.press("ArrowUp")
    assert visit.chosen.startswith("Amélie")  # (2, 1)
    visit.press("ArrowDown", "ArrowLeft", "ArrowLeft", "ArrowLeft")
    assert visit.chosen.startswith("Film A0")  # the edge: it stays
    everything = visit.map.locator("#map .film").count()
    visit.press("+", "+")
    assert 1 <= visit.map.locator("#map .film").count() < everything
    visit.press("ArrowRight", "ArrowRight", "ArrowRight")  # out of sight: the map follows
    assert visit.map.locator("#map .chosen").count() == 1
    visit.press("0")
    assert visit.map.locator("#map .film").count() == everything == 30


@pytest.mark.browser
@pytest.mark.slow
def test_picture_is_there_and_a_phone_needs_no_sideways_scrolling(visit):
    visit.page.get_by_text("as a plain picture").click()
    picture = visit.page.get_by_role("img", name="Map of films: 30 films")
    assert picture.evaluate("image => image.naturalWidth") > 500
    visit.page.set_viewport_size({"width": 390, "height": 800})
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.browser
@pytest.mark.slow
def test_without_scripts_the_picture_is_open(chromium, made, tmp_path):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(made.save(tmp_path / "map.html").as_uri())
    assert page.get_by_role("img", name="Map of films").is_visible()
    assert not page.locator("#search").is_visible()
    context.close()


@pytest.mark.browser
@pytest.mark.slow
def test_map_works_on_page_03_in_jupyterlab(chromium, tmp_path):
    with lab.served(tmp_path) as address:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        notebook = lab.Lab(page, address)
        notebook.open("solutions/03_interpretation.ipynb")
        notebook.run_all()
        assert notebook.errors() == []
        front = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        frame = front.locator("iframe[title^='Map with search']")
        frame.scroll_into_view_if_needed()
        inside = frame.content_frame
        inside.get_by_label("Find a film").fill("a")
        page.keyboard.press("Enter")
        assert inside.locator("#card h2").inner_text()
        before = inside.locator("#card h2").inner_text()
        inside.locator("#map").focus()
        for key in ("ArrowRight", "ArrowUp", "ArrowLeft"):
            page.keyboard.press(key)
        assert inside.locator("#card h2").inner_text() != before
        assert notebook.wrong == []
        page.close()
