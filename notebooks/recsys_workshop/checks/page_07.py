"""Checks of page 07."""

from typing import Any

import numpy as np

from recsys_workshop.checks.registry import compare, register
from recsys_workshop.pages import Page


def _clicks_so_far(shown: Any, clicks: Any) -> Any:
    return np.searchsorted(np.sort(clicks), shown, side="left")


def _visitors(rate: float, lift: float) -> float:
    return float(np.ceil(2 * (1.96 + 0.84) ** 2 * rate * (1 - rate) / lift**2))


def _ips(click: Any, new_p: Any, old_p: Any) -> Any:
    return (click * new_p / old_p).mean()


@register("07.clicks_so_far", asks="function", solution=_clicks_so_far)
def clicks_so_far(answer: Any, page: Page) -> str | None:
    """A function: for each time of showing, the number of clicks strictly before it."""
    rng = np.random.default_rng(7)
    shown, clicks = rng.integers(0, 60, 40), rng.integers(0, 60, 25)
    after = clicks - shown[:, None]  # (showings, clicks)
    up_to = (after <= 0).sum(1)
    found, right = answer(shown.copy(), clicks.copy()), (after < 0).sum(1)
    slips = {
        "clicks of the same second count here: one of them may be the click to predict.": up_to,
        "all clicks count here, later ones too: that is the midnight table.": np.full(40, 25),
        "these are the clicks that came afterwards.": (after > 0).sum(1),
        "these are the clicks that did not come before.": 25 - right,
        "searchsorted needs the clicks sorted.": np.searchsorted(clicks, shown),
        "leave the showings in the order in which they are given.": np.sort(right),
    }
    shape = f"it should return one number per showing, {shown.shape}; this returns {{shape}}."
    other = (
        f"{right[0]} of our clicks came before the first showing; it says {np.ravel(found)[:1]}."
    )
    return compare(found, right, slips, other, shape=shape)


@register("07.memory")
def memory(answer: Any, page: Page) -> str | None:
    """GiB of 25 million vectors of 32 numbers while Adam trains them."""
    right = 25e6 * 32 * 16 / 2**30
    slips = {
        "that is the model alone; the gradient and Adam's two numbers are missing.": right / 4,
        "Adam keeps two more numbers, and there is a gradient: four in all.": right * 3 / 4,
        "that is in units of 10**9 bytes; a GiB is 2**30 bytes.": right * 2**30 / 1e9,
        "that is in bytes.": right * 2**30,
        "the articles need vectors too.": 20e6 * 32 * 16 / 2**30,
    }
    other = "rows times numbers times bytes, times four, divided by 2**30."
    return compare(answer, right, slips, other, tolerance=0.1)  # a whole number will do


@register("07.visitors", asks="function", solution=_visitors)
def visitors(answer: Any, page: Page) -> str | None:
    """A function: visitors in each arm for a rise of a click rate."""
    for rate, lift in ((0.1, 0.001), (0.3, 0.003)):  # so small that either arm's rate will do
        found, right, variance = answer(rate, lift), _visitors(rate, lift), rate * (1 - rate)
        slips = {
            "this is for both arms together.": 2,
            "this is half of it: both arms are uncertain, so the variances add up.": 1 / 2,
            "the lift is squared in the equation.": lift,
            "the variance of a click is p (1 - p); this looks like its root.": variance**-0.5,
            "the variance of a click is p (1 - p), and this has p alone.": 1 / (1 - rate),
            "without 0.84 a lift is found in only half of the tests.": (1.96 / 2.8) ** 2,
            "add 1.96 and 0.84 before you square.": (1.96**2 + 0.84**2) / 2.8**2,
            "1.96 + 0.84 is squared in the equation.": 1 / 2.8,
        }
        other = f"for a rate of {rate} and a lift of {lift} it gives {np.round(found, 1)} visitors."
        ratios = {text: np.log(ratio) for text, ratio in slips.items()}
        ratio = np.log(np.maximum(found, 1e-9) / right)
        off = compare(ratio, 0.0, ratios, other, tolerance=0.01)
        if off is not None:
            return off
    return None


@register("07.ips", asks="function", solution=_ips)
def ips(answer: Any, page: Page) -> str | None:
    """A function: the mean of clicks, each weighted by new probability over old probability."""
    rng = np.random.default_rng(7)
    old, new = rng.uniform(0.1, 0.9, 50), rng.uniform(0.1, 0.9, 50)
    click = (rng.random(50) < 0.4).astype(float)
    weight = new / old
    slips = {
        "the weight is the other way round: divide the new probability by the old one.": (
            click / weight
        ).mean(),
        "this divides by the sum of the weights: that is the self-normalised form, which comes "
        "next. Take the mean over all views.": (click * weight).sum() / weight.sum(),
        "this is the sum; take the mean over all views.": (click * weight).sum(),
        "this is the mean over clicked views; take the mean over all views.": (
            weight[click > 0].mean()
        ),
        "the old probability is missing: a rare showing stands for many.": (click * new).mean(),
        "these are the clicks of the old policy: nothing is weighted.": click.mean(),
        "the old probability alone is not enough: how often would the new policy show it?": (
            (click / old).mean()
        ),
    }
    other = "for the log that we tried it gives a different number."
    found = answer(click.copy(), new.copy(), old.copy())
    return compare(found, _ips(click, new, old), slips, other)
