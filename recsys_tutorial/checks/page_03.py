"""Checks of page 03."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from recsys_tutorial import interpret
from recsys_tutorial.checks.registry import register
from recsys_tutorial.pages import Page


@register("03.guess")
def guess(answer: Any, page: Page) -> str | None:
    """Three or more attributes of films, written down before looking."""
    if isinstance(answer, str) or not isinstance(answer, list | tuple):
        return 'it should be a list of words, like ["year", "Comedy", "Drama"].'
    known = list(interpret.attributes(page.train).columns)
    strange = [w for w in answer if w not in known]
    if strange:
        return f"{strange[0]!r} cannot be looked up; choose among {', '.join(known)}."
    if len(set(answer)) < 3:
        return f"three different words are asked, and these are {len(set(answer))}."
    return None


@register("03.loved_beyond")
def loved_beyond(answer: Any, page: Page) -> str | None:
    """A function of a table of biases: the title of the largest `beyond` among enough ratings."""
    table = pd.DataFrame(
        {
            "title": ["Rare", "Best", "Liked", "Beyond", "Fans", "Just enough"],
            "ratings": [3, 90, 200, 80, 70, 50],
            "mean": [2.0, 4.5, 4.4, 2.6, 3.9, 3.0],
            "bias": [-0.5, 0.7, 0.9, -0.7, 0.1, -0.2],
            "generosity": [-0.5, 0.1, -0.1, -0.2, 0.1, -0.3],
            "fans": [-0.4, 0.2, 0.0, -0.05, 0.3, 0.0],
        },
        index=[10, 11, 12, 13, 14, 15],
    )
    table["beyond"] = -(table["generosity"] + table["fans"])
    title = answer(table.copy(), 60)
    if title is None:
        return "the function returns nothing yet."
    slips = {
        "Rare": "this film has too few ratings.",
        "Just enough": "with least=60 a film with 50 ratings is out; do not write 50 into it.",
        "Best": "that is the film with the highest mean rating.",
        "Liked": "that is the film with the largest bias: loved, and its ratings say so.",
        "Fans": "that is the other end: its ratings are better than it is loved.",
    }
    if not isinstance(title, str):
        return f"one title is asked, a string; this returns a {type(title).__name__}."
    if title in slips:
        return slips[title]
    if title != "Beyond":
        return f"{title!r} is no title of the table."
    again = answer(table.copy(), 50)
    return None if again == "Just enough" else "it does not look at `least`."


@register("03.nearest")
def nearest(answer: Any, page: Page) -> str | None:
    """A function of places and i: position of the item of the largest cosine, not i itself."""
    rng = np.random.default_rng(3)
    places = rng.normal(size=(40, 5)) * np.geomspace(0.1, 10, 40)[:, None]
    unit = places / np.linalg.norm(places, axis=1, keepdims=True)
    cosine, dot = unit @ unit.T, places @ places.T
    apart = ((places[:, None] - places[None]) ** 2).sum(-1)
    np.fill_diagonal(cosine, -np.inf)
    np.fill_diagonal(dot, -np.inf)
    np.fill_diagonal(apart, np.inf)
    given = [answer(places.copy(), i) for i in range(40)]
    if given[0] is None:
        return "the function returns nothing yet."
    if any(np.ndim(g) != 0 for g in given):
        return "one position is asked, not several."
    if any(float(g) != int(g) for g in given):
        return "a position is asked, a whole number; the cosine itself is not."
    got = np.array(given, dtype=np.int64)
    if (got == np.arange(40)).all():
        return "every film is its own nearest: leave it out."
    for text, wrong in (
        ("this is the largest product: divide by the lengths, long rows win otherwise.", dot),
        ("this is the nearest by plain distance; the cosine is asked.", -apart),
        ("this is the least similar film.", -np.where(np.isinf(cosine), np.inf, cosine)),
    ):
        if (got == wrong.argmax(1)).all():
            return text
    if (got != cosine.argmax(1)).any():
        return f"for {int((got != cosine.argmax(1)).sum())} of 40 films another one is nearer."
    return None


@register("03.polarizability")
def polarizability(answer: Any, page: Page) -> str | None:
    """A function of P and Q: sd over users of the personal part, one number an item."""
    rng = np.random.default_rng(5)
    films = rng.normal(size=(12, 4))
    people = rng.normal(size=(30, 4)) + np.array([1.0, 0.0, -2.0, 0.5])  # with a mean
    given = answer(people.copy(), films.copy())
    if given is None:
        return "the function returns nothing yet."
    values = np.asarray(given, dtype=float)
    scores = people @ films.T
    if values.shape == (30,):
        return "that is one number a person: take the spread over the other axis."
    if values.shape != (12,):
        return f"one number a film is asked, (12,) for 12 films; this has the shape {values.shape}."
    slips = {
        "this is the variance, in stars squared; its root is in stars.": scores.var(axis=0),
        "this is a mean of squares without the mean taken out: it counts what all people agree "
        "on as well.": np.sqrt((scores**2).mean(axis=0)),
        "this is the length of the film's row, and knows nothing of the people.": np.linalg.norm(
            films, axis=1
        ),
        "this is the mean: it belongs to the bias.": scores.mean(axis=0),
    }
    for text, slip in slips.items():
        if np.allclose(values, slip):
            return text
    # Dividing by n or by n - 1 makes no difference that could be seen in stars.
    if not np.allclose(values, scores.std(axis=0), rtol=0.02):
        return (
            "on tables of our own it gives other numbers than the standard deviation over people."
        )
    return None


@register("03.twin")
def twin(answer: Any, page: Page) -> str | None:
    """A function of P and Q: other tables with the same scores and other cosines."""
    rng = np.random.default_rng(7)
    people, films = rng.normal(size=(30, 4)), rng.normal(size=(12, 4))
    pair = answer(people.copy(), films.copy())
    if pair is None:
        return "the function returns nothing yet."
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        return "two tables are asked: return P2, Q2."
    p, q = (np.asarray(t, dtype=float) for t in pair)
    if p.shape != people.shape or q.shape != films.shape:
        return f"the shapes must stay {people.shape} and {films.shape}: {p.shape}, {q.shape}."
    if np.allclose(q, films):
        return "the table of films has not changed."
    if not np.allclose(p @ q.T, people @ films.T, atol=1e-6):
        return "the scores P2 @ Q2.T are no longer those of P @ Q.T."
    if np.abs(_cosines(q) - _cosines(films)).max() < 0.01:
        return (
            "all angles between films are as before: turning or scaling everything is not enough."
        )
    return None


def _cosines(table: np.ndarray) -> np.ndarray:
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    return unit @ unit.T
