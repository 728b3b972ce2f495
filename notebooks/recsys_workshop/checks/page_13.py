"""Checks of page 13."""

from typing import Any

import numpy as np

from recsys_workshop.checks.registry import compare, register
from recsys_workshop.pages import Page


@register("13.variance_of_product", asks="function")
def variance_of_product(answer: Any, page: Page) -> str | None:
    """A function of two means and two variances: the variance of the product."""
    m_p, v_p, m_q, v_q = 1.5, 0.4, -0.7, 0.9
    crossed, both = m_p**2 * v_q + v_p * m_q**2, v_p * v_q
    squares, own = (m_p**2 + v_p) * (m_q**2 + v_q), m_p**2 * v_p + m_q**2 * v_q
    slips = {
        "this is the variance of a sum, not of a product.": v_p + v_q,
        "both variances together add something too: one term is missing.": crossed,
        "that would hold if both means were zero.": both,
        "the mean of the square is not yet the variance: the square of the mean goes off.": squares,
        "each mean belongs squared to the variance of the other number.": own + both,
        "the means must be squared.": m_p * v_q + m_q * v_p + both,
    }
    other = "for numbers of our own it is not the variance of what one draws."
    return compare(answer(m_p, v_p, m_q, v_q), crossed + both, slips, other)


@register("13.coverage", asks="function")
def coverage(answer: Any, page: Page) -> str | None:
    """A function (rating, score, sd, z): share of ratings within z standard deviations."""
    rng = np.random.default_rng(4)
    rating, score = rng.integers(1, 6, 500).astype(float), rng.uniform(1, 5, 500)
    sd = rng.uniform(0.3, 2.0, 500)
    off = rating - score
    miss, right = abs(off), (abs(off) < 1.2 * sd).mean()
    one_side, rooted = (off < 1.2 * sd).mean(), (miss < 1.2 * np.sqrt(sd)).mean()
    slips = {
        "this counts those that are outside.": 1 - right,
        "an interval has two sides: a rating far below the score is outside too.": one_side,
        "`sd` is a standard deviation already: it needs no root.": rooted,
        "this does not look at z.": (miss < sd).mean(),
        "this does not look at `sd`.": (miss < 1.2).mean(),
        "a share from 0 to 1 is asked, this is in percent.": 100 * right,
        "a share is asked, this is a number of rows.": 500 * right,
    }
    other = "on rows of our own it gives another share than counting does."
    shape = "one share is asked; this returns the shape {shape}."
    found = answer(rating.copy(), score.copy(), sd.copy(), 1.2)
    return compare(found, right, slips, other, shape=shape)


@register("13.choose", asks="function")
def choose(answer: Any, page: Page) -> str | None:
    """A function (score, sd, rng): the position that Thompson sampling shows."""
    rng = np.random.default_rng(6)
    score, sd = np.array([3.0, 3.4, 3.2]), np.array([0.8, 0.1, 0.5])
    first = answer(score.copy(), sd.copy(), rng)
    if np.ndim(first) != 0 or not (0 <= float(first) < 3 and float(first) == int(first)):
        return "a position is asked: 0 for the first film, 1 for the second."
    n = 4_000
    often = np.bincount([int(answer(score.copy(), sd.copy(), rng)) for _ in range(n)], minlength=3)
    if often.max() == n:
        return "it shows the same film every time: where is the draw?"
    other = np.random.default_rng(7).normal(size=(100_000, 3))
    slips = {
        "all films got the same draw: each needs one of its own.": score + sd * other[:, :1],
        "the draws are equally wide for all: where is `sd`?": score + other,
        "the scores are not in it.": sd * other + 0 * score,
        "`sd` is a standard deviation already: it needs no root.": score + np.sqrt(sd) * other,
        "any film at random is not Thompson sampling: use what is believed.": other,
        "a wide belief should lift films only as often as it lowers them.": score + sd * abs(other),
        "it shows the film with the smallest draw, not with the largest.": -(score + sd * other),
    }
    right = _shares(score + sd * other)
    if abs(often / n - right).max() < 0.035:  # over 4 standard errors of a share
        return None
    for text, drawn in slips.items():
        if abs(often / n - _shares(drawn)).max() < 0.035:
            return text
    return "it does not show each film as often as it has the highest draw."


def _shares(drawn: np.ndarray) -> np.ndarray:
    return np.bincount(drawn.argmax(1), minlength=drawn.shape[1]) / len(drawn)
