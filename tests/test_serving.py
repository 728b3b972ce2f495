"""The service: what it answers, and what it refuses."""
# ruff: noqa: F811

from __future__ import annotations

import asyncio
import logging
import re

import httpx
import numpy as np
import pytest
from service import exported, film_model, films, fitted, ranker, served  # noqa: F401

import recsys_tutorial as rt
from recsys_tutorial.serving.app import create_app
from recsys_tutorial.serving.engine import Engine

ME = [{"item": 3, "rating": 5}, {"item": 10, "rating": 1}, {"item": 25, "rating": 4}]


@pytest.fixture
def client(served):
    with httpx.Client(base_url=served.url, timeout=10) as made:
        yield made


def titles(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["title"] for one in answer.json()["recommendations"]]


def problem(answer: httpx.Response, status: int) -> str:
    """The message of a refusal: one readable line, and nothing of the inside."""
    assert answer.status_code == status, answer.text
    (detail,) = answer.json().values()
    assert 5 < len(detail) < 500
    assert "Traceback" not in detail
    assert ".py" not in detail
    return detail


# ---- answers ------------------------------------------------------------------------------------


def test_recommendations_for_ratings_are_those_of_the_library(client, films, film_model, ranker):
    ratings = {one["item"]: one["rating"] for one in ME}
    given = {"ratings": ratings, "k": 20, "reasons": True, "stars": film_model}
    table = rt.recommend(ranker, films, **given)
    answer = client.post("/recommend", json={"ratings": ME, "k": 20})
    assert titles(answer) == table["title"].tolist()
    mine = answer.json()["recommendations"]
    assert [one["score"] for one in mine] == pytest.approx(table["score"].tolist(), abs=1e-5)
    assert [one["stars"] for one in mine] == pytest.approx(table["stars"].tolist(), abs=1e-5)
    for one, text in zip(mine, table["reasons"], strict=True):
        named = "; ".join(f"{r['title']}, rated {r['rating']:g}" for r in one["reasons"])
        assert named == re.sub(r" \([+-]\d\.\d\d\)|liked by most, whatever their taste", "", text)


def test_recommendations_for_a_known_user_are_those_of_the_library(
    client, films, film_model, ranker
):
    for user in (1, 60, 120):
        table = rt.recommend(ranker, films, user=user, k=7, reasons=True, stars=film_model)
        answer = client.get(f"/users/{user}/recommendations", params={"k": 7})
        assert titles(answer) == table["title"].tolist()
        first = answer.json()["recommendations"][0]
        assert first["stars"] == pytest.approx(table["stars"][0], abs=1e-5)
        named = [f"{r['title']}, rated {r['rating']:g}" for r in first["reasons"]]
        assert all(one in table["reasons"][0] for one in named)


def test_nothing_rated_gives_what_most_like(client, ranker):
    answer = client.post("/recommend", json={"ratings": []})
    best = int(ranker.popularity.argmax())
    assert answer.json()["recommendations"][0]["item"] == best + 1


def test_no_list_is_led_by_what_few_have_rated_and_the_number_is_said(exported):
    engine = Engine(rt.serving.load(exported))
    usual = [one["item"] for one in engine.recommend(np.array([2]), np.array([5.0]))]
    engine.counts = engine.counts.copy()
    engine.counts[usual[0] - 1] = 6
    best = engine.recommend(np.array([2]), np.array([5.0]))
    assert [one["item"] for one in best] == [usual[1], usual[0], *usual[2:]]
    assert best[1]["ratings"] == 6


def test_ids_may_be_sent_as_text(client):
    as_text = [{**one, "item": str(one["item"])} for one in ME]
    assert titles(client.post("/recommend", json={"ratings": as_text})) == titles(
        client.post("/recommend", json={"ratings": ME})
    )


def test_fewer_are_left_than_asked_for(client, films):
    ratings = [{"item": i, "rating": 3} for i in range(1, films.n_items - 3)]
    answer = client.post("/recommend", json={"ratings": ratings, "k": 50})
    assert len(titles(answer)) == 4
    everything = [{"item": i, "rating": 3} for i in range(1, films.n_items + 1)]
    assert titles(client.post("/recommend", json={"ratings": everything})) == []


def test_an_explanation_sums_to_the_score_from_the_mean_to_each_push(client):
    told = client.post("/explain", json={"ratings": ME, "item": 40}).json()
    pushes = sum(one["lift"] for one in told["contributions"])
    assert told["mean"] + told["film"] + told["person"] == pytest.approx(told["base"], abs=1e-5)
    assert told["base"] + pushes == pytest.approx(told["score"], abs=1e-4)
    everything = client.post("/recommend", json={"ratings": ME, "k": 100}).json()
    for one in everything["recommendations"]:
        total = sum(one["steps"].values()) + sum(r["lift"] for r in one["reasons"])
        assert total == pytest.approx(one["score"], abs=1e-4)
    (same,) = [one for one in everything["recommendations"] if one["item"] == 40]
    assert told["score"] == pytest.approx(same["score"], abs=1e-4)
    assert {one["item"] for one in told["contributions"]} == {one["item"] for one in ME}
    sizes = [abs(one["lift"]) for one in told["contributions"]]
    assert sizes == sorted(sizes, reverse=True)


def test_search_by_words_and_their_beginnings(client, films):
    title = films.items["title"].iloc[30]
    word = re.findall(r"\w+", title)[0]
    found = client.get("/search", params={"q": f"  {word.upper()}  "}).json()["items"]
    assert all(word.lower() in one["title"].lower() for one in found)
    most = client.get("/search", params={"k": 3}).json()["items"]
    counts = films.counts("item")
    assert [counts[one["item"] - 1] for one in most] == sorted(counts, reverse=True)[:3]
    assert client.get("/search", params={"q": "qqqq"}).json() == {"items": []}
    slip = word[:2] + word[3:]
    assert word in " ".join(
        one["title"] for one in client.get("/search", params={"q": slip}).json()["items"]
    )


def test_ids_that_a_browser_would_round_go_out_and_come_in_as_text(films, tmp_path):
    table = films.ratings.assign(item=films.ratings["item"] + 2**60)
    data = rt.datasets.from_frame(table)
    model = rt.models.ImplicitALS.for_dataset(data, dim=4).fit(data)
    engine = Engine(rt.serving.load(rt.serving.export(model, data, tmp_path)))
    assert engine.items[5]["item"] == str(data.item_vocab.ids[5])
    assert engine.item(engine.items[5]["item"]) == 5


def test_a_model_that_cannot_fold_in_is_not_served(films, tmp_path):
    model = rt.models.Popularity.for_dataset(films).fit(films)
    folder = rt.serving.export(model, films, tmp_path / "export")
    with pytest.raises(TypeError, match="Popularity cannot place a new user"):
        rt.serving.serve(folder)
    with pytest.raises(TypeError, match="Popularity cannot place a new user"):
        rt.serving.build_site(folder, tmp_path / "site")


# ---- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/users/9999/recommendations", 404, "user is not known"),
        ("/users/%00/recommendations", 404, "user is not known"),
        ("/users/1/recommendations?k=0", 422, "k: .*greater than or equal to 1"),
        ("/users/1/recommendations?k=101", 422, "k: .*less than or equal to 100"),
        (f"/search?q={'a' * 101}", 422, "q: .*at most 100"),
        ("/nothing", 404, "Not Found"),
        ("/page/..%2f..%2fapp.py", 404, "Not Found"),
        ("/recommend", 405, "Method Not Allowed"),
    ],
)
def test_addresses_that_cannot_be_answered(client, path, status, says):
    assert re.search(says, problem(client.get(path), status))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "JSON decode error"),
        (b"[" * 30_000, "(?i)json|pars"),
        (b"\xff\xfe", "(?i)json|pars"),
        (b"{}", "ratings"),
        (b'{"ratings": [], "k": 101}', "k: "),
        (b'{"ratings": [], "\\ud800": 1}', "body: "),
        (b'{"ratings": [], "admin": 1}', "admin: Extra"),
        (b'{"ratings": [{"item": 3, "rating": 5.1}]}', "off the scale 1 to 5"),
        (b'{"ratings": [{"item": 3, "rating": NaN}]}', "finite"),
        (b'{"ratings": [{"item": 3.0, "rating": 5}]}', "item"),
        (b'{"ratings": [{"item": "\\ud800", "rating": 5}]}', "item"),
        (b'{"ratings": [{"item": 91, "rating": 5}]}', "unknown item 91"),
        (b'{"ratings": [{"item": %s, "rating": 5}]}' % (b"9" * 4000), "item"),
        (b'{"ratings": [{"item": 3, "rating": 5}, {"item": "3", "rating": 4}]}', "twice"),
        (b'{"ratings": [%s]}' % b",".join([b'{"item": 3, "rating": 5}'] * 501), "at most 500"),
    ],
)
def test_bodies_that_cannot_be_answered(client, body, says):
    headers = {"content-type": "application/json"}
    answer = client.post("/recommend", content=body, headers=headers)
    detail = problem(answer, 400 if answer.status_code == 400 else 422)
    assert re.search(says, detail), detail
    assert client.get("/ready").status_code == 200


@pytest.mark.parametrize("body", [b" " * 65_537, (b" " * 1_000 for _ in range(80))])
def test_a_body_that_is_large_or_of_unknown_size_is_refused(client, body):
    assert "larger than 65,536 bytes" in problem(client.post("/recommend", content=body), 413)


def test_what_goes_wrong_inside_stays_inside(exported, caplog, monkeypatch):
    monkeypatch.setattr(Engine, "recommend", None)
    transport = httpx.ASGITransport(create_app(exported))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post("/recommend", json={"ratings": ME})

    with caplog.at_level(logging.ERROR, logger="recsys_tutorial.serving"):
        answer = asyncio.run(ask())
    assert "something went wrong" in problem(answer, 500)
    assert "NoneType" not in answer.text
    assert "NoneType" in caplog.text  # the log has all of it
