"""Checks of page 13."""

from statistics import NormalDist
from typing import Any

import numpy as np

from recsys_workshop.checks.registry import compare, near, register
from recsys_workshop.pages import Page


def _belief(x: Any, prior: float, noise: float) -> tuple[float, float]:
    variance = 1 / (1 / prior + len(x) / noise)
    return variance * np.sum(x) / noise, variance


def _gibbs_step(a: float, b: float, r: Any, prior: float, noise: float, rng: Any) -> Any:
    for _ in range(2):  # each given the other
        mean, variance = _belief(r - b, prior, noise)
        a, b = b, rng.normal(mean, np.sqrt(variance))
    return a, b


def _coverage(rating: Any, score: Any, sd: Any, promised: float) -> float:
    z = NormalDist().inv_cdf(0.5 + promised / 2)
    return float((abs(rating - score) < z * sd).mean())


def _choose(mean: Any, covariance: Any, visitor: Any, rng: Any) -> int:
    sd = np.sqrt((covariance @ visitor) @ visitor)
    return int(np.argmax(mean @ visitor + sd * rng.normal(size=len(sd))))


@register("13.belief", asks="function", solution=_belief)
def belief(answer: Any, page: Page) -> str | None:
    """A function (x, prior, noise): mean and variance of the posterior."""
    x, prior, noise = np.array([1.0, 0.4, 2.2]), 0.5, 0.8
    nothing = answer(x[:0].copy(), prior, noise)
    if np.shape(nothing) != (2,):
        return "return two numbers: the mean and the variance."
    if np.isnan(nothing[0]):
        return "without ratings your mean is nan: an empty array has no mean, but its sum is 0."
    if not near(nothing[0], 0.0) or not near(nothing[1], prior):
        return "without ratings the belief is the prior: mean 0, and the prior's variance."
    mean, variance = answer(x.copy(), prior, noise)
    right = 1 / (1 / prior + 3 / noise)
    slips = {
        "this is the precision: the variance is one over it.": 1 / right,
        "this is the standard deviation; the variance is its square.": np.sqrt(right),
        "each rating adds precision; this counts all of them as one.": 1 / (1 / prior + 1 / noise),
        "the prior is missing.": noise / 3,
    }
    wrong = compare(variance, right, slips, "the variance is not right: add up the precisions.")
    slips = {
        "this is the mean of the ratings: the prior pulls it towards 0.": x.mean(),
        "each rating has the weight 1 / noise.": right * x.sum(),
        "this counts the mean as one rating: take the sum.": right * x.mean() / noise,
    }
    other = "the variance is right; the mean should be a weighted mean of 0 and the ratings."
    return wrong or compare(mean, right * x.sum() / noise, slips, other)


@register("13.gibbs_step", asks="function", solution=_gibbs_step)
def gibbs_step(answer: Any, page: Page) -> str | None:
    """A function (director, person, r, prior, noise, rng): each drawn given the other."""
    r, prior, noise, rng = np.array([1.5, 0.5, 1.0]), 0.5, 0.8, np.random.default_rng(3)
    pairs = [answer(0.2, 0.9, r.copy(), prior, noise, rng) for _ in range(3_000)]
    if any(np.shape(pair) != (2,) for pair in pairs):
        return "return two numbers: the director's and the person's."
    x, y = np.array(pairs, dtype=float).T
    variance = 1 / (1 / prior + 3 / noise)
    mean, sd = variance * (r - 0.9).sum() / noise, np.sqrt(variance)
    if x.std() < 0.01 * sd or y.std() < 0.01 * sd:
        return "both numbers must be drawn; one of them is always the same."
    own = variance * (r - 0.2).sum() / noise  # the mean of either, given the old director
    known = {
        "the person is drawn given the old director: draw the director first.": (y, own),
        "the director is drawn given the person: subtract the person from the ratings.": (x, own),
        "the pair is the other way round: the director comes first.": (y, mean),
    }
    for text, (one, wanted) in known.items():
        if abs(one.mean() - wanted) < 0.1 * sd and abs(one.std() / sd - 1) < 0.1:
            return text
    if abs(x.std() / variance - 1) < 0.1:
        return "the director's draws are too narrow: rng.normal takes a standard deviation."
    if abs(x.mean() - mean) > 0.1 * sd:
        return "the director's mean is not right: what do the ratings say once the person is known?"
    if abs(x.std() / sd - 1) > 0.1:
        return "the director's mean is right, but the draws are not as wide as the belief says."
    rest = y - variance * (r.sum() - 3 * x) / noise
    if abs(np.corrcoef(rest, x)[0, 1]) > 0.1:
        return "the person must be drawn given the new director, not the old one."
    if abs(rest.mean()) > 0.1 * sd or abs(rest.std() / sd - 1) > 0.1:
        return "the person's draw is not right: draw it like the director's, with roles exchanged."
    return None


@register("13.coverage", asks="function", solution=_coverage)
def coverage(answer: Any, page: Page) -> str | None:
    """A function (rating, score, sd, promised): share of ratings inside their intervals."""
    rng = np.random.default_rng(4)
    rating, score = rng.uniform(0.5, 5.5, 500), rng.uniform(1, 5, 500)
    sd, promised = rng.uniform(0.3, 2.0, 500), 0.8
    off = rating - score

    def within(width: Any) -> float:
        return float((abs(off) < width).mean())

    z, narrow = (NormalDist().inv_cdf(share) for share in (0.9, 0.8))
    right = within(z * sd)
    slips = {
        "this counts the ratings that are outside.": 1 - right,
        "20 % are left out in all: 10 % on each side.": within(narrow * sd),
        "an interval has two sides: a rating far below the score is outside too.": (
            (off < z * sd).mean()
        ),
        "`sd` is a standard deviation already: it needs no root.": within(z * np.sqrt(sd)),
        "`sd` is a standard deviation, not a variance: do not square it.": within(z * sd**2),
        "this uses the promised share as the number of standard deviations.": (
            within(promised * sd)
        ),
        "this ignores `promised`: it is always one standard deviation.": within(sd),
        "this ignores `promised`: it is always the 90 % interval.": (within(1.645 * sd)),
        "this ignores `sd`.": within(z),
        "each row has an `sd` of its own: this uses their mean.": within(z * sd.mean()),
        "this is what was promised; count how many ratings really are inside.": promised,
        "return a share from 0 to 1; this is in percent.": 100 * right,
        "return a share; this is a number of rows.": 500 * right,
    }
    other = "for the rows that we tried it does not return the share that we count."
    shape = "return one share; this has the shape {shape}."
    found = answer(rating.copy(), score.copy(), sd.copy(), promised)
    return compare(found, right, slips, other, shape=shape)


@register("13.choose", asks="function", solution=_choose)
def choose(answer: Any, page: Page) -> str | None:
    """A function (mean, covariance, visitor, rng): the position that Thompson sampling shows."""
    rng, n = np.random.default_rng(6), 4_000
    mean, visitor = np.array([[2.0, 1.0], [3.4, 0.2], [1.2, 2.0]]), np.array([1.0, 0.8])
    root = np.array([[[0.9, 0.0], [-0.6, 0.3]], [[0.1, 0.0], [0.0, 0.1]], [[0.4, 0.0], [0.3, 0.2]]])
    covariance = root @ root.transpose(0, 2, 1)
    shown = [answer(mean.copy(), covariance.copy(), visitor.copy(), rng) for _ in range(n)]
    if any(isinstance(one, str) or np.ndim(one) or one not in (0, 1, 2) for one in shown):
        return f"return one position, 0 for the first film; this returns {shown[0]!r}."
    often = np.bincount(np.array(shown, dtype=int), minlength=3)
    if often.max() == n:
        return "it shows the same film every time: where is the draw?"
    if {int(answer(mean, 1e-6 * covariance, visitor, rng)) for _ in range(200)} != {1}:
        return "chance comes from the belief alone: if nothing is in doubt, show the best film."
    other = np.random.default_rng(7).normal(size=(100_000, 3))
    score, sd = mean @ visitor, np.sqrt((covariance @ visitor) @ visitor)
    alone = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2) @ visitor**2)
    slips = {
        "all films got the same draw: each needs one of its own.": score + sd * other[:, :1],
        "the draws are equally wide for all: where is the covariance?": score + other,
        "this uses only the diagonal of the covariance: z C z sums over all pairs.": (
            score + alone * other
        ),
        "z C z is a variance: the draw needs its square root.": score + sd**2 * other,
    }
    if abs(often / n - _shares(score + sd * other)).max() < 0.035:  # over 4 standard errors
        return None
    apart = {text: abs(often / n - _shares(drawn)).max() for text, drawn in slips.items()}
    nearest = min(apart, key=lambda text: apart[text])
    if apart[nearest] < 0.035:
        return nearest
    return "each film should be shown as often as its draw is the highest; here that is not so."


def _shares(drawn: np.ndarray) -> np.ndarray:
    return np.bincount(drawn.argmax(1), minlength=drawn.shape[1]) / len(drawn)
