"""Answers to the checks of page 04."""

import contextlib

import torch

import recsys_tutorial as rt
from check_cases import Case
from recsys_tutorial.recommending import well_known_first


def _right(ratings):
    return {"ratings": [{"item": i, "rating": s} for i, s in ratings.items()], "k": 5}


def _stub(ratings):
    return None


def _mapping(ratings):
    return {"ratings": ratings, "k": 5}


def _ten(ratings):
    return {**_right(ratings), "k": 10}


def _no_k(ratings):
    return {"ratings": _right(ratings)["ratings"]}


def _only_one(ratings):
    return {"ratings": _right(ratings)["ratings"][:1], "k": 5}


def _tensors(ratings):
    return {**_right(ratings), "k": torch.tensor(5)}


def _best(page):
    with contextlib.redirect_stdout(None):  # that it trained a model is not what is tested
        listed = rt.recommend(page.ranker, page.data, ratings=page.me)
    positions = page.data.item_vocab.index(listed["item"])
    order = well_known_first(positions, page.ranker.item_count.numpy())  # as the service shows it
    return listed.set_index("item").loc[page.data.item_vocab.ids[order]].reset_index()


def _by_lift(page, place):
    """The title at a place among those rated, the least lift for the first film first."""
    best = _best(page)["item"].iloc[0]
    items = page.data.item_vocab.index(page.me)
    stars = torch.tensor(list(page.me.values()), dtype=torch.float32)
    rows = page.ranker.item_rows()[0]
    parts = page.ranker.fold_in(torch.from_numpy(items), stars).parts
    lift = parts @ (rows[page.data.item_vocab.position(best)] - rows.mean(0))
    return page.data.items["title"].iloc[items[lift.argsort()[place]]]


CASES = {
    "04.request": Case(
        right=lambda page: _right,
        stub=lambda page: _stub,
        wrong=[
            lambda page: _mapping,
            lambda page: _ten,
            lambda page: _no_k,
            lambda page: _only_one,
            lambda page: _tensors,
            lambda page: _right({1: 5}),  # the body in place of the function
            lambda page: lambda r: {**_right(r), "ratings": 2 * _right(r)["ratings"]},
            lambda page: lambda r: {**_right(r), "ratings": _right(r)["ratings"][:5]},
        ],
    ),
    "04.against": Case(
        right=lambda page: _by_lift(page, 0),
        stub=lambda page: None,
        wrong=[
            lambda page: _by_lift(page, -1),  # the one that speaks most for it
            lambda page: _by_lift(page, 1),
            lambda page: _best(page)["title"].iloc[0],
            lambda page: 3,
        ],
    ),
    "04.statuses": Case(
        right=lambda page: [404, 422, 413],
        stub=lambda page: None,
        wrong=[
            lambda page: [404, 400, 413],
            lambda page: [500, 500, 500],
            lambda page: [404, 422],
            lambda page: {"404": 1},
            lambda page: ["404", "422", "413"],
            lambda page: [404, 413, 422],
        ],
    ),
    "04.damaged": Case(
        right=lambda page: rt.serving.ExportError(
            "copy: weights-01.safetensors is damaged: it was cut short, or its content was changed"
        ),
        stub=lambda page: None,
        wrong=[
            lambda page: rt.serving.ExportError,
            lambda page: "ExportError",
            lambda page: rt.serving.ExportError("copy: there is no card.json"),
            lambda page: ValueError("was changed"),
        ],
    ),
}
