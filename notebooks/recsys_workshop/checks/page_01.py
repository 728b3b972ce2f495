"""Checks of page 01."""

from typing import Any

import numpy as np

from recsys_workshop.checks.registry import compare, number, numbers, register
from recsys_workshop.pages import Page

FRIENDS = np.array([[2, 0], [-2, 0], [1, 1], [-1, 1], [0, -2]])
"""The two numbers of each friend in the toy of page 01, (5, 2)."""

FILMS = np.array([[1, 0], [1, 1], [-1, 0], [-1, 1], [0, 1], [0, -1]])
"""The two numbers of each film, (6, 2); a rating is 3 + friend . film."""


@register("01.fill_cell")
def fill_cell(answer: Any, page: Page) -> str | None:
    """Stars that Eve gives to the second film."""
    product = float(FRIENDS[4] @ FILMS[1])
    value = number(answer)
    slips = {
        "that is how far from three stars it is; give the stars themselves.": product,
        "mind the signs: plus times minus is minus.": 3 - product,
    }
    otherwise = "multiply Eve's numbers by the film's numbers, pair by pair, and add three stars."
    if not 1 <= value <= 5:
        otherwise = f"stars go from 1 to 5, and this is {value:g}."
    return compare(value, 3 + product, slips, otherwise)


@register("01.new_friend")
def new_friend(answer: Any, page: Page) -> str | None:
    """Two numbers that explain 4 stars for the first film and 4 for the last."""
    fay = numbers(answer)
    if fay.shape != (2,):
        return f"two numbers are expected, like (0, 0); this has the shape {fay.shape}."
    for name, film in (("Star Chase", 0), ("Grey Winter", 5)):
        stars = 3 + float(fay @ FILMS[film])
        if abs(stars - 4) > 1e-6:
            return f"with these numbers Fay would give {name} {stars:g} stars, and she gave 4."
    return None


@register("01.observed_error", asks="function")
def observed_error(answer: Any, page: Page) -> str | None:
    """A function: mean squared error over the cells that hold a rating."""
    rng = np.random.default_rng(1)
    stars = rng.integers(1, 6, (7, 4)).astype(float)
    stars[rng.random(stars.shape) < 0.4] = np.nan
    predicted = rng.uniform(1, 5, stars.shape)
    squares = (stars - predicted)[~np.isnan(stars)] ** 2
    with np.errstate(invalid="ignore"):
        found = answer(stars.copy(), predicted.copy())
    slips = {
        "it returns nan: cells without a rating have got into the mean.": np.nan,
        "it counts empty cells as zero stars.": ((np.nan_to_num(stars) - predicted) ** 2).mean(),
        "divide by the number of ratings, not by the number of cells.": squares.sum() / stars.size,
        "this is the sum; give the mean.": squares.sum(),
        "this is the square root; give the mean of the squares itself.": np.sqrt(squares.mean()),
        "this is the mean size of the misses; square each miss first.": np.sqrt(squares).mean(),
    }
    other = "for the table that we tried it does not give the mean of the squared misses."
    return compare(found, squares.mean(), slips, other)


@register("01.density")
def density(answer: Any, page: Page) -> str | None:
    """Share of the cells of the data that hold a rating."""
    data = page.data
    value, right = number(answer), len(data) / (data.n_users * data.n_items)
    if abs(value - 100 * right) < 0.05 * 100 * right:
        return "that looks like a percentage; a share is between 0 and 1."
    if not 0 <= value <= 1:
        return f"a share is between 0 and 1, and this is {value:g}."
    if abs(value - right) > 0.01 * right:
        return "divide all ratings of page.data by all cells: every user with every film."
    return None
