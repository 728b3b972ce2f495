"""Checks of page 03."""

from typing import Any

import numpy as np
import pandas as pd

from recsys_workshop.checks.registry import compare, cosines, near, number, numbers, register
from recsys_workshop.labs import naming
from recsys_workshop.pages import Page


@register("03.guess")
def guess(answer: Any, page: Page) -> str | None:
    """Three or more attributes of films, written down before looking."""
    if isinstance(answer, str) or not isinstance(answer, list | tuple):
        return 'it should be a list of words, like ["year", "Comedy", "Drama"].'
    known = list(naming.attributes(page.train).columns)
    strange = [w for w in answer if w not in known]
    if strange:
        return f"{strange[0]!r} cannot be looked up; choose among {', '.join(known)}."
    if len(set(answer)) < 3:
        return f"it should hold at least three different words; this holds {len(set(answer))}."
    return None


@register("03.loved_beyond", asks="function")
def loved_beyond(answer: Any, page: Page) -> str | None:
    """A function of a table of biases: the title of the largest `beyond` among enough ratings."""
    columns = ["title", "ratings", "mean", "bias", "generosity", "fans"]
    rows = [
        ("Rare", 3, 2.0, -0.5, -0.5, -0.4),
        ("Best", 90, 4.5, 0.7, 0.1, 0.2),
        ("Often", 400, 3.4, 0.0, 0.0, 0.0),
        ("Strict", 85, 3.1, 0.1, -0.35, 0.3),
        ("Rest", 75, 2.2, -0.6, 0.05, 0.05),
        ("Liked", 200, 4.4, 0.9, -0.1, 0.0),
        ("Beyond", 80, 2.6, -0.7, -0.2, -0.05),
        ("Fans", 70, 3.9, 0.1, 0.1, 0.3),
        ("Just enough", 50, 3.0, -0.2, -0.3, 0.0),
    ]
    table = pd.DataFrame(rows, columns=columns, index=range(10, 10 + len(rows)))
    table["beyond"] = -(table["generosity"] + table["fans"])
    title = answer(table.copy(), 60)
    slips = {
        "Rare": "this film has too few ratings.",
        "Just enough": "with least=60, a film with 50 ratings is out: use `least`, not 50.",
        "Best": "that is the film with the highest mean rating.",
        "Often": "that is the film with the most ratings.",
        "Strict": "its audience is strict, but the film suits them: `beyond` counts both.",
        "Rest": "that is bias minus mean rating, with the small rest in it: use `beyond`.",
        "Liked": "that is the film with the largest bias: loved, and its ratings say so.",
        "Fans": "that is the other end: its mean rating is better than its bias.",
    }
    if not isinstance(title, str):
        return f"it should return one title; this is of the type {type(title).__name__}."
    if title != "Beyond":
        return slips.get(title, f"{title!r} is not a title in the table.")
    again = answer(table.copy(), 49)  # at least, or more than: both are fine
    return None if again == "Just enough" else "it does not look at `least`."


@register("03.nearest", asks="function")
def nearest(answer: Any, page: Page) -> str | None:
    """A function of places and i: position of the item of the largest cosine, not i itself."""
    rng = np.random.default_rng(3)
    places = rng.normal(size=(40, 5)) * np.geomspace(0.1, 10, 40)[:, None]
    itself = np.where(np.eye(40) > 0, np.inf, 0.0)
    cosine, dot = cosines(places), places @ places.T - itself
    apart = ((places[:, None] - places[None]) ** 2).sum(-1)
    right = (cosine - itself).argmax(1)
    given = [answer(places.copy(), i) for i in range(40)]
    if any(np.ndim(g) != 0 for g in given):
        return "it should return one position, not several."
    if any(number(g) != int(g) for g in given):
        return "it should return a position (a whole number), not the cosine itself."
    slips = {
        "every film is its own nearest: leave it out.": range(40),
        "this is the largest product, and long rows win: divide by the lengths.": dot.argmax(1),
        "this is the nearest by plain distance: use the cosine.": (apart + itself).argmin(1),
        "this is the least similar film.": (cosine + itself).argmin(1),
        "if you leave film i out, all later films move up by one: count in the full table.": [
            j - (j > i) for i, j in enumerate(right)
        ],
    }
    off = int((np.array(given, dtype=int) != right).sum())
    return compare(given, right, slips, f"for {off} of 40 films another one is nearer.")


@register("03.polarizability", asks="function")
def polarizability(answer: Any, page: Page) -> str | None:
    """A function of P and Q: sd over users of the personal part, one number per item."""
    rng = np.random.default_rng(5)
    films = rng.normal(size=(12, 4))
    people = rng.normal(size=(30, 4)) + np.array([1.0, 0.0, -2.0, 0.5])  # with a mean
    found = answer(people.copy(), films.copy())
    scores, lengths = people @ films.T, np.linalg.norm(films, axis=1)
    if np.shape(found) == (30,):
        return "that is one number per person: take the spread over the other axis."
    if near(found, scores.std(0, ddof=1)):  # no difference that could be seen in stars
        return None
    slips = {
        "this is the variance, in stars squared; its root is in stars.": scores.var(0),
        "this is the root of the mean square, with the mean not taken out: it also counts what "
        "all people agree on.": np.sqrt((scores**2).mean(0)),
        "this is the length of the film's row, which does not depend on the people.": lengths,
        "this is the mean: it belongs to the bias.": scores.mean(0),
    }
    other = "on our test tables, its numbers are not the standard deviation over people."
    shape = "it should return one number per film, (12,) for 12 films; this has the shape {shape}."
    return compare(found, scores.std(0), slips, other, shape=shape, tolerance=1e-4)


@register("03.twin", asks="function")
def twin(answer: Any, page: Page) -> str | None:
    """A function of P and Q: other tables with the same scores and other cosines."""
    rng = np.random.default_rng(7)
    people, films = rng.normal(size=(30, 4)), rng.normal(size=(12, 4))
    pair = answer(people.copy(), films.copy())
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        return "it should return two tables: P2, Q2."
    p, q = (numbers(t) for t in pair)
    if p.shape != people.shape or q.shape != films.shape:
        return f"the shapes must stay {people.shape} and {films.shape}: {p.shape}, {q.shape}."
    if np.allclose(q, films):
        return "the table of films has not changed."
    if not near(p @ q.T, people @ films.T, 1e-6):
        return "the scores P2 @ Q2.T are no longer those of P @ Q.T."
    if near(cosines(q), cosines(films), 0.01):
        return (
            "all angles between films are as before: turning or scaling everything is not enough."
        )
    return None
