"""Checks of page 08."""

from typing import Any

import numpy as np

from recsys_workshop.checks.registry import compare, near, register
from recsys_workshop.pages import Page


def _multi_hot(genres: Any, names: Any) -> Any:
    return np.array([[name in of_film for name in names] for of_film in genres], dtype=float)


def _pulled(prior: float, ratings: Any, strength: float) -> Any:
    return (strength * prior + np.sum(ratings)) / (strength + len(ratings))


@register("08.pulled", asks="function", solution=_pulled)
def pulled(answer: Any, page: Page) -> str | None:
    """A function: the weighted mean of a prior and some ratings."""
    prior, ratings, strength = 3.2, np.array([5.0, 4.0, 4.5]), 2.5
    right, mean = _pulled(prior, ratings, strength), ratings.mean()
    slips = {
        "that is the mean of the ratings; the prior does not pull.": mean,
        "that is the prior; the ratings do not pull.": prior,
        "the prior counts once here; it should count `strength` times.": (
            (prior + ratings.sum()) / (1 + len(ratings))
        ),
        "the mean counts once here, however many ratings there are: each rating should count.": (
            (strength * prior + mean) / (strength + 1)
        ),
        "you have exchanged prior and ratings.": (
            (strength * mean + len(ratings) * prior) / (strength + len(ratings))
        ),
    }
    other = f"for the prior {prior}, the ratings {ratings.tolist()} and the strength {strength} it "
    found = answer(prior, ratings.copy(), strength)
    other += f"gives {np.asarray(found).tolist()}; it should give their weighted mean."
    off = compare(found, right, slips, other)
    if off is None and not near(answer(prior, np.array([]), strength), prior):
        off = "without ratings it should give the prior."
    return off


@register("08.multi_hot", asks="function", solution=_multi_hot)
def multi_hot(answer: Any, page: Page) -> str | None:
    """A function of genres (list of tuples) and names: one column per name."""
    names = ["Comedy", "Drama", "War"]
    genres: list[tuple[str, ...]] = [("War", "Comedy"), (), ("Drama",), ("Western", "War")]
    expected = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0], [0, 0, 1]])
    result = np.asarray(answer(list(genres), list(names)), dtype=float)
    if result.shape != expected.shape:
        return f"this table has the shape {result.shape}; 4 films and 3 names should give (4, 3)."
    if result[0].sum() == 1 and np.count_nonzero(result[0]) == 1:
        return "the film of War and Comedy has one 1 only: each of its genres needs a 1."
    if result[0].max() not in (0, 1):
        return f"each genre that applies gets a 1, and here one gets {result[0].max():.2f}."
    if not np.array_equal(result, expected):
        return "some ones are in the wrong columns, or a genre that is not in `names` got a 1."
    return None


@register("08.for_ana")
def for_ana(answer: Any, page: Page) -> str | None:
    """Stars that Ana is predicted to give to a cold war comedy."""
    slips = {
        "biases alone: her vector and the film's are missing.": 3.8,
        "the film's two genres add up; this looks like their mean.": 4.15,
        "the biases of the genres are missing.": 4.5,
        "minus times minus is plus: look at the second numbers again.": 4.2,
        "the mean of 3.5 stars is missing.": 1.1,
        "Ana's own bias is missing.": 4.4,
    }
    other = "add the mean, Ana's bias, the genres' biases, and the dot product of the two vectors."
    return compare(answer, 4.6, slips, other, tolerance=0.005)
