"""Checks of page 06."""

from typing import Any

import numpy as np

from recsys_tutorial import metrics
from recsys_tutorial.datasets import Dataset
from recsys_workshop.checks.registry import compare, near, number, numbers, pick, register
from recsys_workshop.labs.leakage import sees_test
from recsys_workshop.pages import Page


@register("06.prepare", asks="function")
def prepare(answer: Any, page: Page) -> str | None:
    """A function: damped mean stars of each film, from the training part alone."""
    train, test = page.train, page.test
    found = numbers(answer(train, test))
    if np.isnan(found).any():
        return "it gives nan for some film: what does the formula say where the count is 0?"
    if found.shape == (train.n_items,) and sees_test(answer, train, test):
        return "the detective has caught it: something here comes from the test part."
    plain = _damped(train, 1e-9)
    if near(found, plain) or near(found, np.where(train.counts("item") > 0, plain, 0)):
        return "these are the plain means: add the five people who give the overall mean."
    everything = "it counts all ratings of `page.data`, and the test part is among them."
    other = "it is honest, but it is not (sum + 5 · mean) / (count + 5)."
    shape = f"expected one number per film, ({train.n_items},); this returns {{shape}}."
    slips = {everything: _damped(page.data)}
    return compare(found, _damped(train), slips, other, shape=shape, tolerance=1e-4)


def _damped(part: Dataset, more: float = 5) -> np.ndarray:
    """Mean stars of each film, (n_items,), as if `more` people had given the overall mean."""
    total = np.bincount(part.item, part.rating, part.n_items) + more * part.rating.mean()
    return np.asarray(total / (part.counts("item") + more))


@register("06.bootstrap", asks="function")
def bootstrap(answer: Any, page: Page) -> str | None:
    """A function: means of `draws` samples with replacement, as large as the values."""
    values = np.random.default_rng(7).normal(3, 1, 50)
    found = numbers(answer(values.copy(), 500, 1))
    if found.shape != (500,):
        return f"500 draws give 500 means; this returns the shape {found.shape}."
    if near(found, np.full(500, found[0])):
        return "all means are the same: draw again each time, and with replacement."
    if near(found, answer(values.copy(), 500, 2)):
        return "another seed gives the same means: use `seed` for the draws."
    if not near(found, answer(values.copy(), 500, 1)):
        return "two calls with one seed differ: draw with `np.random.default_rng(seed)`."
    if abs(found.mean() - values.mean()) > 0.05:
        return f"your means average {found.mean():.2f}, and the values {values.mean():.2f}."
    wide = found.std() / (values.std() / np.sqrt(50))  # 1, give or take 0.03
    if not 0.85 < wide < 1.15:
        return f"the means spread {wide:.1f} times as much as they should: draw len(values)."
    few = numbers(answer(np.array([0.0, 0, 0, 0, 5]), 500, 1))  # means: how often the 5 is drawn
    if not near(few, few.round()):
        return "these are not means of drawn values: for 0, 0, 0, 0, 5 each mean is a whole number."
    if abs(few.mean() - 1) > 0.2 or abs(few.std() - 0.9) > 0.2:
        return "each of the values 0, 0, 0, 0, 5 must be drawn equally often, five per mean."
    return None


@register("06.conditional_auc", asks="function")
def conditional_auc(answer: Any, page: Page) -> str | None:
    """A function: mean over users of the AUC within the user's rows."""
    rng = np.random.default_rng(6)
    users = np.repeat(np.arange(30), rng.integers(2, 12, 30))
    rng.shuffle(users)
    scores = np.round(rng.normal(size=len(users)) + users / 10, 1)
    labels = (scores + rng.normal(0, 1.5, len(users)) > users / 20 + 1).astype(int)
    each = metrics.group_auc(labels, scores, users).auc
    by_pairs = metrics.conditional_auc(labels, scores, users, average="pairs")
    has, rows = ~np.isnan(each), np.bincount(users)
    by_rows = np.average(each[has], weights=rows[has])
    slips = {
        "it returns nan: leave out users whose rows are all liked or all disliked.": np.nan,
        "this is the pooled AUC: pairs across users are in it.": metrics.auc(labels, scores),
        "larger users count more here: each user counts the same.": by_pairs,
        "users with more rows count more here: each user counts the same.": by_rows,
        "users who like all rows or none count as a half: leave them out.": np.nan_to_num(
            each, nan=0.5
        ).mean(),
        "users who like all rows or none count as zero: leave them out.": np.nan_to_num(
            each
        ).mean(),
    }
    other = "on the example of this check it does not give the mean over users."
    return compare(answer(labels, scores, users), np.nanmean(each), slips, other)


@register("06.true_rank", asks="function")
def true_rank(answer: Any, page: Page) -> str | None:
    """A function: estimate of the exact rank from a sampled one."""
    first, last, value, other = (
        number(answer(*given))
        for given in ((1, 1_000, 99), (100, 1_000, 99), (6, 1_000, 99), (6, 400, 49))
    )
    if abs(first - 1) > 1e-9:
        return "where none of the drawn films is above it, the best guess is rank 1."
    if abs(last - 1_000) > 1e-9:
        return "where all drawn films are above it, the best guess is the last rank."
    if value == round(1 + 999 * 5 / 99):
        return "do not round: an estimate that is right on average is rarely a whole number."
    if abs(value - (1 + 999 * 5 / 99)) > 1e-9 or abs(other - (1 + 399 * 5 / 49)) > 1e-9:
        return "what share of the drawn films is above it, and how many of all other films is that?"
    return None


@register("06.which_metric")
def which_metric(answer: Any, page: Page) -> str | None:
    """Names of three metrics, for three questions."""
    right = {
        "question 1: only five films are shown. Which metric looks at the top of the list?": "ndcg",
        "question 2: here scores of different people are compared with each other.": "auc",
        "question 3: the number itself is shown, and has to be right.": "rmse",
    }
    return pick(answer, ("rmse", "auc", "conditional_auc", "ndcg"), right)
