"""The recommender that the browser trains: what its page holds, and that it learns as ours does."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import lab
import numpy as np
import pandas as pd
import pytest

import recsys_tutorial as rt
from recsys_workshop.labs.trainer import trainer

MOST_LINES = 600
ODD = "Ev<i>l & </script><script>alert(1)</script> (1990)"


def held(document: str) -> dict[str, Any]:
    return json.loads(re.search(r'id="data"[^>]*>(.*?)</script>', document, re.DOTALL)[1])


def column(data: dict[str, Any], name: str, dtype: type) -> np.ndarray:
    return np.frombuffer(base64.b64decode(data["arrays"][name]["base64"]), dtype)


def test_the_page_holds_training_and_validation_rows_and_no_test_row(small):
    train, valid, _ = small.split("random", seed=42)
    data = held(trainer(small).document)
    assert len(column(data, "rating", np.float32)) == len(train) + len(valid)
    out = column(data, "heldOut", np.uint8) == 1
    np.testing.assert_array_equal(column(data, "user", np.uint16)[out], valid.user)
    np.testing.assert_array_equal(column(data, "item", np.uint16)[~out], train.item)
    assert data["mean"] == pytest.approx(train.rating.mean())


def test_titles_do_no_harm_and_nothing_is_fetched(small):
    titles = [ODD, *small.items["title"].iloc[1:]]
    items = pd.DataFrame({"item": small.item_vocab.ids, "title": titles})
    made = trainer(rt.datasets.from_frame(small.ratings, items=items))
    assert held(made.document)["titles"][0] == ODD
    assert "alert(1)</script>" not in made.document
    assert not re.search(r"(src|href)=[\"']?https?:", made.document)


def test_the_script_stays_short():
    page = resources.files("recsys_workshop.labs.trainer") / "page"
    lines = [len((page / n).read_text("utf-8").splitlines()) for n in ("trainer.js", "worker.js")]
    assert sum(lines) <= MOST_LINES


# ---- in a browser -------------------------------------------------------------------------------

TRAINED = "state.curve.length > plain.epochs && !state.running"


@pytest.fixture(scope="module")
def planted() -> rt.datasets.Dataset:
    return rt.datasets.planted(n_users=300, n_items=400, n_ratings=30_000, seed=5)


@pytest.fixture
def page(chromium) -> Iterator[Any]:
    """A browser's page that fails the test at a request to any host, or at an error."""
    opened = chromium.new_page(viewport={"width": 1000, "height": 1000})
    said = lab.listen(opened)
    yield opened
    opened.close()
    assert said == []


@pytest.fixture
def opened(page, planted, tmp_path) -> Any:
    page.goto(trainer(planted).save(tmp_path / "trainer.html").as_uri())
    page.wait_for_function("state.curve.length > 0")
    return page


def train(page: Any) -> list[float]:
    page.click("#go")
    page.wait_for_function(TRAINED, timeout=120_000)
    return page.evaluate("state.curve.map(point => point.measured)")


def library_rmse(dataset: rt.datasets.Dataset) -> float:
    part, valid, _ = dataset.split("random", seed=42)
    model = rt.models.BiasedMF.for_dataset(part, dim=16, l2=0.1)
    rt.fit(model, part, epochs=12, progress=False)
    return rt.metrics.rmse(valid.rating, rt.predict(model, valid))


@pytest.mark.browser
def test_the_browser_learns_what_the_library_learns(opened, planted):
    assert train(opened)[-1] == pytest.approx(library_rmse(planted), abs=0.005)


@pytest.mark.browser
@pytest.mark.real
def test_likewise_on_real_ratings(page, ml100k, tmp_path):
    page.goto(trainer(ml100k).save(tmp_path / "trainer.html").as_uri())
    page.wait_for_function("state.curve.length > 0")
    assert train(page)[-1] == pytest.approx(library_rmse(ml100k), abs=0.005)


@pytest.mark.browser
def test_lists_are_learned_when_asked_for(opened):
    opened.check("input[value=lists]")
    opened.wait_for_function("state.curve.length === 1 && state.curve[0].lists")
    found = train(opened)
    assert found[-1] > 2 * found[0]
    assert "went on to like" in opened.text_content("#said")


@pytest.mark.browser
def test_ratings_move_the_reader_and_the_list_and_likes_are_not_dislikes(opened):
    train(opened)
    lists = []
    for stars in ("5", "1"):
        opened.select_option("#films select >> nth=0", stars)
        opened.wait_for_function(f"$('list').children.length === 10 && state.list != '{lists}'")
        opened.wait_for_function("state.rated")
        lists.append(opened.evaluate("state.list"))
    assert lists[0] != lists[1]
    rated = int(opened.get_attribute("#films select >> nth=0", "data-film"))
    assert rated not in lists[0] + lists[1]
    opened.select_option("#films select >> nth=0", "")
    opened.wait_for_function("$('list').children.length === 0")


@pytest.mark.browser
def test_another_setting_starts_again_and_keeps_the_old_curve_for_comparison(opened):
    train(opened)
    opened.focus("#dim")
    opened.keyboard.press("End")  # 32 numbers
    opened.wait_for_function("state.curve.length === 1 && state.old.length > plain.epochs")
    assert opened.evaluate("state.curve[0].dim") == 32
    assert opened.text_content("#go") == "Train"


@pytest.mark.browser
def test_pause_and_go_on_end_where_one_run_ends(opened):
    whole = train(opened)
    opened.click("#again")
    opened.wait_for_function("state.curve.length === 1")
    opened.click("#go")
    opened.wait_for_function("state.curve.length > 3")
    opened.click("#go")
    opened.wait_for_function("!state.running")
    if opened.evaluate("state.curve.length <= plain.epochs"):
        opened.click("#go")
        opened.wait_for_function(TRAINED, timeout=120_000)
    assert opened.evaluate("state.curve.at(-1).measured") == pytest.approx(whole[-1], abs=1e-9)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1000, 390])
def test_it_is_usable_by_keyboard_on_a_phone_and_read_aloud(opened, width, scheme):
    opened.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    opened.set_viewport_size({"width": width, "height": 800})
    train(opened)
    assert opened.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    opened.focus("#map")
    opened.keyboard.press("ArrowRight")
    title = opened.evaluate("titles[plain.shown[0]]")
    assert opened.text_content("#map-says") == title
    still = "JSON.stringify(state.places) === JSON.stringify(state.to)"
    assert opened.wait_for_function(still)  # no drifting where motion is to be reduced
    opened.evaluate((resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    found = opened.evaluate("async () => (await axe.run()).violations.map(v => v.id)")
    assert found == []


@pytest.mark.browser
def test_it_trains_in_the_frame_of_a_notebook(page, planted):
    data, _ = trainer(planted)._repr_mimebundle_()
    page.set_content(f"<!doctype html><title>notebook</title>{data['text/html']}")
    frame = page.frames[1]
    frame.wait_for_function("state.curve.length > 0")
    frame.click("#go")
    frame.wait_for_function(TRAINED, timeout=120_000)
    assert html.unescape(page.get_attribute("details img", "alt")).startswith("Two drawings")
