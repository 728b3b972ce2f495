"""`ws.page`: data, parts, your ratings and the model so far, whatever state the files are in."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import recsys_tutorial as rt
import recsys_workshop as ws
from recsys_tutorial.files import replacing
from recsys_workshop import local, pages


def save(content):
    local.update_json("me.json", bool, lambda kept: content)


@pytest.fixture(autouse=True)
def state(monkeypatch, tmp_path):
    monkeypatch.setenv(local.STATE, str(tmp_path))
    monkeypatch.delenv(pages.DATASET, raising=False)
    monkeypatch.setattr(pages, "_current", None)
    return tmp_path


@pytest.fixture
def page(monkeypatch, capsys):
    monkeypatch.setenv(pages.SWITCH, "fast")
    made = ws.page("02_any")
    capsys.readouterr()
    return made


def test_fast_pages_say_in_one_line_that_all_is_invented(monkeypatch, capsys):
    monkeypatch.setenv(pages.SWITCH, "fast")
    made = ws.page("02_any")
    out = capsys.readouterr().out
    assert out.startswith("PLANTED DATA")
    assert out.count("\n") == 1
    assert made.pick(12, 2) == 2
    assert pages.current() is made


def test_unknown_switch_is_refused(monkeypatch):
    monkeypatch.setenv(pages.SWITCH, "quick")
    with pytest.raises(ValueError, match="RECSYS_TUTORIAL_PAGES='quick'"):
        ws.page("02_any")


def test_another_data_set_for_all_pages(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv(pages.SWITCH, raising=False)
    monkeypatch.setenv(pages.DATASET, "planted")
    assert len(ws.page("02_any").data) == 100_000
    assert "PLANTED DATA" in capsys.readouterr().out
    own = tmp_path / "club.csv"
    ws.page("02_any").data.ratings[:2_000].to_csv(own, index=False)
    monkeypatch.setenv(pages.DATASET, str(own))
    assert ws.page("02_any").data.name == "club"


@pytest.mark.real
def test_full_pages_name_real_data_and_its_source(monkeypatch, capsys, ml100k):
    monkeypatch.delenv(pages.SWITCH, raising=False)
    made = ws.page("02_any")
    out = capsys.readouterr().out
    assert out.startswith("ml-100k: 100,000 ratings by 943 users of 1,682 films, from ")
    assert out.count("\n") == 1
    assert made.pick(12, 2) == 12
    titles = made.data.items["title"]
    assert {titles[i] for i in made.me} == set(pages.PERSONA)


def test_parts_are_the_split_of_seed_42(page):
    for mine, theirs in zip(
        (page.train, page.valid, page.test), page.data.split("random", seed=42), strict=True
    ):
        assert np.array_equal(mine.row, theirs.row)


# ---- you --------------------------------------------------------------------------------------


def test_without_ratings_of_yours_a_persona_with_a_taste_stands_in(page):
    assert page.me_is_sample
    assert len(page.me) == 12
    assert set(page.me.values()) == {2.0, 5.0}
    page.data.item_vocab.index(np.array(list(page.me)))  # known items, all of them


def test_your_ratings_are_there_on_the_next_page(page, monkeypatch):
    assert page.save_me({3: 5, np.int64(7): 1.0}) == local.directory() / "me.json"
    later = ws.page("03_later")
    assert not later.me_is_sample
    assert later.me == {3: 5.0, 7: 1.0}
    rt.recommend(later.model, later.data, ratings=later.me)


def test_ratings_of_several_data_sets_live_side_by_side(page):
    save({"ml-100k": [{"item": 50, "title": "?", "rating": 5.0}]})
    assert page.me_is_sample
    page.save_me({3: 5})
    assert set(local.read_json("me.json", lambda content: True)) == {"ml-100k", "planted"}


@pytest.mark.parametrize("rating", [0, 6, float("nan"), float("inf")])
def test_rating_off_the_scale_is_refused_by_title(page, rating):
    title = page.data.items["title"][3]
    with pytest.raises(ValueError, match=re.escape(f"for {title!r}: stars go from 1 to 5")):
        page.save_me({3: rating})


def test_unknown_film_is_refused(page):
    with pytest.raises(KeyError, match="99999"):
        page.save_me({99999: 4})


@pytest.mark.parametrize(
    "content",
    ["{", "[1]", '{"planted": 3}', '{"planted": [{"item": [1], "rating": 3}]}', "", '"\\ud800"'],
)
def test_damaged_ratings_never_stop_a_page(page, content, capsys):
    path = local.directory() / "me.json"
    path.write_text(content)
    assert len(page.me) == 12
    assert capsys.readouterr().out.count("me.json was damaged") == 1
    assert (local.directory() / "me.json.damaged").read_text() == content
    page.save_me({3: 5})
    assert page.me == {3: 5.0}


def test_saved_ratings_that_do_not_fit_are_left_out_with_a_line(page, capsys):
    rows = [{"item": 3, "rating": 4.0}, {"item": 99999, "rating": 4.0}, {"item": 4, "rating": 9.0}]
    save({"planted": rows})
    assert page.me == {3: 4.0}
    assert "2 of your saved ratings do not fit" in capsys.readouterr().out


# ---- the model so far -------------------------------------------------------------------------


@pytest.fixture
def trained(page):
    model = rt.models.BiasedMF.for_dataset(page.train, dim=3, l2=0.2)
    rt.fit(model, page.train, epochs=1, progress=False)
    return model


def test_without_a_kept_model_one_is_trained_on_the_spot(page, capsys):
    assert isinstance(page.model, rt.models.BiasedMF)
    assert "Trained: BiasedMF, in" in capsys.readouterr().out
    lazy = np.full(len(page.test), page.train.rating.mean())
    mine = rt.evaluate(page.model, page.test, train=[page.train, page.valid])["rmse"]
    assert mine < 0.9 * rt.metrics.rmse(page.test.rating, lazy)


def test_a_kept_model_is_found_by_the_next_page(page, trained, capsys):
    assert page.save(trained) is not None
    later = ws.page("03_later").model
    assert "on the spot" not in capsys.readouterr().out
    assert (later.dim, later.l2) == (3, 0.2)
    assert np.array_equal(rt.predict(later, page.test), rt.predict(trained, page.test))


def test_a_kept_ranking_model_still_has_scores_and_no_stars(page):
    model = rt.models.MF.for_dataset(page.train, dim=3)
    rt.fit(model, page.train, loss=rt.losses.bpr, epochs=1, progress=False)
    page.save(model, "ranking")
    assert page.load("ranking").predicts == "score"


def test_a_class_of_the_readers_own_is_kept_as_what_it_is_made_from(page):
    class Mine(rt.models.BiasedMF):
        pass

    model = Mine.for_dataset(page.train, dim=2)
    page.save(model, "mine")
    assert type(page.load("mine")) is rt.models.BiasedMF


def test_a_model_that_no_library_class_can_hold_is_refused(page):
    class Wider(rt.models.BiasedMF):
        def __init__(self, *sizes, **more):
            super().__init__(*sizes, **more)
            self.extra = torch.nn.Parameter(torch.zeros(3))

    with pytest.raises(ValueError, match="other parameters than BiasedMF"):
        page.save(Wider.for_dataset(page.train))
    assert page.load() is None


def test_a_model_of_another_part_is_passed_over_since_it_would_leak(page):
    model = rt.models.BiasedMF.for_dataset(page.data)  # has seen the test ratings
    page.save(model)
    assert page.load() is None


def test_a_damaged_model_file_is_passed_over_with_a_line(page, trained, capsys):
    path = page.save(trained)
    path.write_bytes(path.read_bytes()[:100])
    assert page.load() is None
    assert "model.pt cannot be read and is ignored" in capsys.readouterr().out


def test_without_write_access_a_line_is_all(page, trained, monkeypatch, capsys, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv(local.STATE, str(blocked / "below"))
    assert page.save(trained) is None
    assert page.save_me({3: 5}) is None
    out = capsys.readouterr().out
    assert out.count("could not be") == 2


# ---- where the files are ----------------------------------------------------------------------


def test_files_never_land_in_a_data_directory_that_somebody_named(monkeypatch, tmp_path):
    """It may be a stick that goes from laptop to laptop."""
    monkeypatch.setenv("RECSYS_TUTORIAL_DATA", str(tmp_path / "stick"))
    assert local.directory() == Path(os.environ[local.STATE])
    monkeypatch.delenv(local.STATE)
    assert local.directory().name == "data"
    assert tmp_path not in local.directory().parents


def test_a_file_is_written_whole_or_not_at_all(state):
    local.update_json("x.json", bool, lambda _: {"old": 1})

    def interrupted():
        with replacing(state / "x.json") as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert local.read_json("x.json", lambda content: True) == {"old": 1}
    assert {p.name for p in state.iterdir()} == {"x.json", ".x.json.lock"}


def test_a_loop_says_how_far_it_is_in_one_place_and_only_in_a_notebook(monkeypatch):
    assert list(ws.steps(iter("ab"))) == ["a", "b"]  # nobody watches: nothing is displayed
    said = []

    class Place:
        def update(self, data, raw):
            said.append(data["text/plain"])

    def display(data, **how):
        said.append(data["text/plain"])
        return Place()

    monkeypatch.setattr("recsys_workshop.waiting.in_notebook", lambda: True)
    monkeypatch.setattr("time.monotonic", iter(range(9)).__next__)  # each step takes a second
    monkeypatch.setattr("IPython.display.display", display)
    assert list(ws.steps("abc", "seed")) == ["a", "b", "c"]
    assert said[:2] == ["seed 1 of 3", "seed 2 of 3, about 4 s left"]
    assert said[3:] == ["seed 3 of 3: done."]
