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
    slips = {
        "clicks of the same second count here: one of them may be the click to predict.": up_to,
        "all clicks count here, later ones too: that is the midnight table.": np.full(40, 25),
        "these are the clicks that came afterwards.": (after > 0).sum(1),
    }
    other = (
        "on times of our own it counts differently. They are in no order: searchsorted needs the "
        "clicks sorted, and the showings as they are."
    )
    shape = f"it should return one number per showing, {shown.shape}; this returns {{shape}}."
    found = answer(shown.copy(), clicks.copy())
    return compare(found, (after < 0).sum(1), slips, other, shape=shape)


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
    if abs(float(answer) - right) <= 0.01 * right:  # a whole number will do
        return None
    for text, slip in slips.items():
        if abs(float(answer) - slip) <= 0.005 * slip:
            return text
    return "rows times numbers times bytes, times four, divided by 2**30."


@register("07.visitors", asks="function", solution=_visitors)
def visitors(answer: Any, page: Page) -> str | None:
    """A function: visitors in each arm for a rise of a click rate."""
    for rate, lift in ((0.1, 0.01), (0.03, 0.002)):
        found, right = float(answer(rate, lift)), _visitors(rate, lift)
        variance = rate * (1 - rate)
        slips = {
            "this is for both arms together.": 2 * right,
            "this is half of it: both arms are uncertain, so the variances add up.": right / 2,
            "the lift is squared in the equation.": right * lift,
            "the variance of a click is p (1 - p); this looks like its root.": (
                right / np.sqrt(variance)
            ),
            "without 0.84 a lift is found in only half of the tests.": right * (1.96 / 2.8) ** 2,
        }
        for text, slip in slips.items():
            if abs(found - slip) <= 0.005 * slip:
                return text
        if abs(found - right) > max(1.0, 0.02 * right):  # p may be the mean of both rates, too
            return f"for a rate of {rate} and a lift of {lift} it gives {found:,.0f} visitors."
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
    other = "on a log of our own it gives a different number."
    found = answer(click.copy(), new.copy(), old.copy())
    return compare(found, _ips(click, new, old), slips, other)
