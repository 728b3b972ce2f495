"""Checks of page 08."""

from typing import Any

import numpy as np

from recsys_workshop.checks.registry import compare, register
from recsys_workshop.pages import Page


@register("08.found")
def found(answer: Any, page: Page) -> str | None:
    """What a picture by found counts proves: "a", "b" or "c"."""
    letter = str(answer).strip().lower()
    if letter == "a":
        return "these are different films: nobody has given the rare ones more ratings."
    if letter == "c":
        return "an error of prediction says nothing about whether a film is good."
    return None if letter == "b" else f'choose "a", "b" or "c"; this is {answer!r}.'


@register("08.multi_hot", asks="function")
def multi_hot(answer: Any, page: Page) -> str | None:
    """A function of genres (list of tuples) and names: one column a name, summed."""
    names = ["Comedy", "Drama", "War"]
    genres: list[tuple[str, ...]] = [("War", "Comedy"), (), ("Drama",), ("Western", "War")]
    expected = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0], [0, 0, 1]])
    result = np.asarray(answer(list(genres), list(names)), dtype=float)
    if result.shape != expected.shape:
        return f"4 films and 3 names make a table (4, 3); this one is {result.shape}."
    if result[0].sum() == 1 and np.count_nonzero(result[0]) == 1:
        return "a film of two genres has a one in two columns."
    if 0 < result[0].max() < 1:
        return "each genre counts in full: ones, not shares of one."
    if not np.array_equal(result, expected):
        return "some ones are in the wrong columns, or a genre outside of `names` got one."
    return None


@register("08.for_ana")
def for_ana(answer: Any, page: Page) -> str | None:
    """Stars that Ana is predicted to give to a cold war comedy."""
    slips = {
        "biases alone: her vector and the film's are missing.": 3.8,
        "the film's two genres add up; this looks like their mean.": 4.15,
        "the biases of the genres are missing.": 4.5,
        "minus times minus is plus: look at the second numbers again.": 4.2,
    }
    other = "add mean, Ana's bias, the genres' biases, and the product of the two vectors."
    return compare(float(answer), 4.6, slips, other, tolerance=0.005)
