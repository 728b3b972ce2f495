"""Checks of page 07."""

from typing import Any

import numpy as np

from recsys_workshop.checks.registry import compare, pick, register
from recsys_workshop.pages import Page


@register("07.clicks_so_far", asks="function")
def clicks_so_far(answer: Any, page: Page) -> str | None:
    """A function: for each time of showing, the number of clicks strictly before it."""
    rng = np.random.default_rng(7)
    shown, clicks = rng.integers(0, 60, 40), rng.integers(0, 60, 25)
    after = clicks - shown[:, None]  # (showings, clicks)
    up_to = (after <= 0).sum(1)
    slips = {
        "clicks of the same second count here: that may be the very click to be foreseen.": up_to,
        "all clicks count here, later ones too: that is the midnight table.": np.full(40, 25),
        "these are the clicks that came afterwards.": (after > 0).sum(1),
    }
    other = (
        "on times of our own it counts otherwise. They are in no order: searchsorted wants the "
        "clicks sorted, and the showings as they are."
    )
    shape = f"one number a showing is asked, {shown.shape}; this returns {{shape}}."
    found = answer(shown.copy(), clicks.copy())
    return compare(found, (after < 0).sum(1), slips, other, shape=shape)


@register("07.memory")
def memory(answer: Any, page: Page) -> str | None:
    """GiB of 25 million vectors of 32 numbers while Adam trains them."""
    right = 25e6 * 32 * 16 / 2**30
    slips = {
        "that is the model alone; gradient and Adam's two are missing.": right / 4,
        "Adam keeps two more numbers, and there is a gradient: four in all.": right * 3 / 4,
        "that is in units of a thousand million bytes; a GiB is 2**30 bytes.": right * 2**30 / 1e9,
        "that is in bytes.": right * 2**30,
        "the things need vectors too.": 20e6 * 32 * 16 / 2**30,
    }
    if abs(float(answer) - right) <= 0.01 * right:  # rounded to a whole number it is right, too
        return None
    for text, slip in slips.items():
        if abs(float(answer) - slip) <= 0.005 * slip:
            return text
    return "rows times numbers times bytes, times four, divided by 2**30."


@register("07.visitors", asks="function")
def visitors(answer: Any, page: Page) -> str | None:
    """A function: visitors in each arm for a rise of a click rate."""
    for rate, lift in ((0.1, 0.01), (0.03, 0.002)):
        found = float(answer(rate, lift))
        variance = rate * (1 - rate)
        right = 2 * (1.96 + 0.84) ** 2 * variance / lift**2
        slips = {
            "this is for both arms together.": 2 * right,
            "the 2 in front is missing: both arms are uncertain.": right / 2,
            "the lift is squared.": right * lift,
            "sd² is rate · (1 − rate); this looks like its root.": right / np.sqrt(variance),
            "without 0.84 an effect is seen only every second time.": right * (1.96 / 2.8) ** 2,
        }
        for text, slip in slips.items():
            if abs(found - slip) <= max(1.0, 0.001 * slip):
                return text
        if found != np.ceil(right):
            near = abs(found - right) <= 1
            return "round it up." if near else f"for {rate} and {lift} the formula gives another."
    return None


@register("07.which_test")
def which_test(answer: Any, page: Page) -> str | None:
    """Names of three designs, for three situations."""
    right = {
        "situation 1: nobody learns, lists are compared and visitors are few.": "interleaved",
        "situation 2: one arm would live on what the other finds out.": "equal_log",
        "situation 3: there is no list, and nobody learns. The simple test will do.": "pooled",
    }
    return pick(answer, ("pooled", "equal_log", "interleaved"), right)
