"""Checks of page 04."""

import json
from typing import Any

import numpy as np
import torch

from recsys_tutorial import recommend, serving
from recsys_tutorial.recommending import well_known_first
from recsys_workshop.checks.registry import register
from recsys_workshop.pages import Page


@register("04.request", asks="function")
def request(answer: Any, page: Page) -> str | None:
    """A function that makes the body of a request to /recommend."""
    low, high = page.data.scale
    some = page.data.item_vocab.ids[[3, 0, 7, 2, 9, 5, 4]].tolist()
    ratings = dict(zip(some, [high, low, high, low, low, high, low], strict=True))
    body = answer(dict(ratings))
    if not isinstance(body, dict):
        return f"the function should return a dictionary; it returns a {type(body).__name__}."
    try:
        json.dumps(body)
    except (TypeError, ValueError):
        return "JSON cannot express what it returns: use lists, dictionaries, numbers and strings."
    if set(body) != {"ratings", "k"}:
        return f"a request has the keys 'ratings' and 'k'; yours has {sorted(body)}."
    if body["k"] != 5 or isinstance(body["k"], bool):
        return f"the request should ask for five films; its k is {body['k']!r}."
    rows = body["ratings"]
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and set(row) == {"item", "rating"} for row in rows
    ):
        return "'ratings' should be a list, with a dictionary of item and rating for each film."
    sent = {str(row["item"]): row["rating"] for row in rows}
    if len(rows) != 7 or sent != {str(item): stars for item, stars in ratings.items()}:
        return "the request does not contain the same ratings that the function was given."
    return None


@register("04.against")
def against(answer: Any, page: Page) -> str | None:
    """The title of the rated film with the smallest contribution to the first recommendation."""
    titles = page.data.items["title"]
    items = page.data.item_vocab.index(page.me)
    rated = titles.iloc[items].tolist()
    if not isinstance(answer, str):
        return f"it should be one title, in quotes; yours is of type {type(answer).__name__}."
    if answer not in rated:
        return f"{answer!r} is not among the {len(rated)} films that you have rated."
    listed = page.data.item_vocab.index(
        recommend(page.ranker, page.data, ratings=page.me, k=10)["item"]
    )
    first = well_known_first(listed, page.ranker.item_count.numpy())[0]
    model: Any = page.ranker
    stars = torch.tensor(list(page.me.values()), dtype=torch.float32)
    parts = model.fold_in(torch.from_numpy(items), stars).parts
    rows = model.item_rows()[0]
    lift = (parts @ (rows[first] - rows.mean(0))).numpy()
    mine = float(lift[rated.index(answer)])
    if mine > lift.min() + 1e-4:
        return f"the lift of {answer} is {mine:+.3f}; another film that you rated has a lower one."
    return None


@register("04.statuses")
def statuses(answer: Any, page: Page) -> str | None:
    """Three statuses: unknown film, impossible rating, too large a body."""
    given = np.asarray(answer)
    if given.shape != (3,) or given.dtype.kind not in "iuf":
        return "it should be a list of three whole numbers."
    if given.tolist() != [404, 422, 413] and sorted(given) == [404, 413, 422]:
        return "these are the right numbers, but not in the order of the three requests."
    questions = ("for a film that does not exist", "with 99 stars", "with the large body")
    for status, right, question in zip(given.tolist(), (404, 422, 413), questions, strict=True):
        if status != right:
            return f"{status:g} is not the answer to the request {question}: send it and see."
    return None


@register("04.damaged")
def damaged(answer: Any, page: Page) -> str | None:
    """The error that loading a changed export raises."""
    if isinstance(answer, type):
        return "that is the kind of error: keep the error itself, `except ... as error`."
    if not isinstance(answer, serving.ExportError):
        return f"it should be an ExportError; this is a {type(answer).__name__}."
    if "weights" not in str(answer) or "was changed" not in str(answer):
        return "that error has a different cause: change one byte of the weights file."
    return None
