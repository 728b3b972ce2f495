"""The page without a server: what is in its files, and whose data may be. Its arithmetic is tested
in a browser, in test_browser_serving.py."""
# ruff: noqa: F811

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from service import exported, film_model, films, fitted, ranker  # noqa: F401

import recsys_tutorial as rt


def table_of(folder) -> dict:
    text = (folder / "table.js").read_text(encoding="ascii")
    return json.loads(re.fullmatch(r"window\.TABLE=(.*);\n", text).group(1))


def numbers(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4")


def exports(data, tmp_path, **settings):
    return rt.serving.load(rt.serving.export(fitted(data, epochs=1, **settings), data, tmp_path))


def test_the_files_stand_alone(exported, tmp_path):
    folder = rt.serving.build_site(exported, tmp_path / "new" / "site")
    names = {path.name for path in folder.iterdir()}
    html = (folder / "index.html").read_text()
    linked = set(re.findall(r'(?:src|href)="([^"]+)"', html)) - {"data:,", "#best-title"}
    assert linked <= names
    assert names == linked | {"index.html"}
    for path in folder.iterdir():
        assert not re.search(r"https?://", path.read_text()), path.name
    rest = sum(path.stat().st_size for path in folder.iterdir() if path.name != "table.js")
    assert rest < 45_000  # bytes: what is not the model is light


def test_the_table_is_the_items_and_nothing_of_any_user(
    exported,
    films,
    film_model,
    ranker,
    tmp_path,
):
    table = table_of(rt.serving.build_site(exported, tmp_path))
    for side, model in (("lists", ranker), ("stars", film_model)):
        rows, offset = model.item_rows()
        found = numbers(table[side]["rows"]).reshape(-1, table[side]["dim"])
        np.testing.assert_array_equal(found, rows.detach().numpy())
        np.testing.assert_array_equal(numbers(table[side]["offset"]), offset.detach().numpy())
    assert table["item"] == films.item_vocab.ids.tolist()
    assert table["count"] == films.counts("item").tolist()
    assert table["last_year"] == films.items["year"].max()
    stars = table["stars"]
    for n in (0, 1, 12, 100, 500):
        penalties = [stars["ridge"][kind][n] for kind in stars["ridge_of"]]
        np.testing.assert_allclose(penalties, film_model.ridge(n).numpy(), rtol=1e-6)
    known = {"name", "planted", "text", "scale", "last_year", "lists", "stars", "item"}
    assert table.keys() == known | {"title", "year", "genres", "count"}


def test_ids_that_a_browser_would_round_are_text(films, tmp_path):
    data = rt.datasets.from_frame(films.ratings.assign(item=films.ratings["item"] + 2**60))
    table = table_of(rt.serving.build_site(exports(data, tmp_path / "e"), tmp_path / "s"))
    assert table["item"] == [str(one) for one in data.item_vocab.ids]


def test_your_own_data_may_be_published(tmp_path):
    table = pd.DataFrame(
        [(u, i, 1 + (u + i) % 5) for u in range(20) for i in range(12)],
        columns=["user", "item", "rating"],
    )
    items = pd.DataFrame({"item": range(12), "title": [f"</script><b> {i} é" for i in range(12)]})
    data = rt.datasets.from_frame(table, items=items)
    folder = rt.serving.build_site(exports(data, tmp_path / "e"), tmp_path / "s")
    assert table_of(folder)["title"] == data.items["title"].tolist()


@pytest.mark.parametrize("name", ["ml-100k", "ml-1m", "ml-25m", "ml-something"])
def test_movielens_is_refused_by_name(films, tmp_path, name):
    found = exports(replace(films, name=name), tmp_path / "e")
    with pytest.raises(ValueError, match=f"{name} must not be put on the web"):
        rt.serving.build_site(found, tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_the_terms_of_movielens_are_on_its_page(films, tmp_path):
    found = exports(replace(films, name="ml-latest-small"), tmp_path / "e")
    text = table_of(rt.serving.build_site(found, tmp_path / "s"))["text"]
    assert "GroupLens" in text
    assert "Harper" in text
    assert "commercial" in text


def test_a_model_without_a_closed_form_is_refused(films, tmp_path):
    model = rt.models.ItemKNN.for_dataset(films).fit(films)
    with pytest.raises(TypeError, match="ItemKNN cannot place new users in the browser"):
        rt.serving.build_site(rt.serving.export(model, films, tmp_path / "e"), tmp_path / "s")
