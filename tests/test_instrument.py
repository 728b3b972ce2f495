"""The curves of a sweep as an instrument: what it holds, and the work with it in Chromium."""

from __future__ import annotations

import json
import re

import pytest

import recsys_tutorial as rt
import recsys_workshop as ws
from recsys_tutorial import losses
from recsys_tutorial.models import MF
from recsys_workshop.labs.instrument import instrument

GRID = {"l2": [0.0, 0.1], "dim": [2, 4], "loss": [losses.squared_error, losses.bpr]}


@pytest.fixture(scope="module")
def swept(small):
    train, valid, _ = small.split("random", seed=3)
    return ws.sweep(MF, train, valid, GRID, epochs=3, progress=False).wait(60)


@pytest.fixture(scope="module")
def ten(small):
    def titles(model):
        return [f"film {i}" for i in rt.recommend(model, small, ratings={1: 5.0}, k=10)["item"]]

    return titles


@pytest.fixture(scope="module")
def made(swept, ten):
    return instrument(swept, ten)


def data_of(document: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', document, re.DOTALL)[1])


def test_it_holds_each_run_with_its_curve_its_measures_and_its_list(swept, ten, made):
    runs = data_of(made.document)["runs"]
    assert [run["name"] for run in runs] == [run.name for run in swept]
    first = swept.runs[0]
    points = first.history.frame["valid_loss"]
    assert runs[0]["loss"] == pytest.approx(points.tolist(), abs=1e-4)
    assert runs[0]["ten"] == ten(first.model)
    assert f"recall@10: {first.metrics['recall@10']:.3f}" in runs[0]["measures"]


def test_colour_tells_l2_and_dash_tells_dim(made):
    runs = data_of(made.document)["runs"]
    assert len({(run["name"].split(",")[0], run["colour"]) for run in runs}) == 2
    assert len({(run["name"].split(",")[1], run["dash"]) for run in runs}) == 2


def test_alternative_text_names_the_best_run_of_each_objective(swept, made):
    table = swept.frame
    for loss in ("squared_error", "bpr"):
        own = [run for run in swept if run.settings["loss"].__name__ == loss]
        best = min(own, key=lambda run: run.history.frame["valid_loss"].min())
        assert f"by {best.name}." in made.alt
    assert f"{len(table)} runs in 2 panels" in made.alt


def test_a_sweep_that_was_stopped_shows_the_runs_that_began(small, ten):
    train, valid, _ = small.split("random", seed=3)
    runs = ws.sweep(MF, train, valid, GRID, epochs=3, progress=False)
    runs.stop()
    shown = data_of(instrument(runs, ten).document)["runs"]
    assert len(shown) == sum(run.history is not None for run in runs) < len(runs)


@pytest.mark.browser
@pytest.mark.slow
def test_hover_names_a_run_a_click_keeps_it_and_arrows_go_on(chromium, made, swept, tmp_path):
    page, wrong = chromium.new_page(viewport={"width": 1000, "height": 700}), []
    page.on("pageerror", lambda e: wrong.append(str(e)))
    page.goto(made.save(tmp_path / "sweep.html").as_uri())
    card, names = page.locator("#card"), [run.name for run in swept]
    line = page.locator("#curves polyline").nth(3).bounding_box()
    page.mouse.move(line["x"] + 1, line["y"] + 1)  # a falling curve begins at the upper left
    hovered = card.locator("h2").inner_text()
    assert hovered in names
    assert page.locator("#curves .strong[points]").count() == 1
    page.mouse.click(line["x"] + 1, line["y"] + 1)
    page.mouse.move(5, 5)
    assert card.locator("h2").inner_text() == hovered  # a click keeps it
    page.locator("#curves").focus()
    page.keyboard.press("ArrowRight")
    # run after run as they are drawn, panel by panel
    by_panel = [r.name for loss in GRID["loss"] for r in swept if r.settings["loss"] is loss]
    after = by_panel[(by_panel.index(hovered) + 1) % len(by_panel)]
    assert card.locator("h2").inner_text() == after
    assert card.locator("li").count() == 10
    assert wrong == []
    page.close()
