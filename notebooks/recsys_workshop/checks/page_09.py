"""Checks of page 09."""

from typing import Any

import numpy as np
import torch

from recsys_workshop.checks.registry import compare, near, register
from recsys_workshop.pages import Page


@register("09.earlier", asks="function")
def earlier(answer: Any, page: Page) -> str | None:
    """A function: how many of a user's ratings are strictly earlier than each."""
    times = np.array([50, 10, 10, 99, 50, 50, 7])
    found, right = answer(times.copy()), (times < times[:, None]).sum(1)
    slips = {
        "it counts the rating itself and those of the same second: strictly earlier, please.": (
            (times <= times[:, None]).sum(1)
        ),
        "the counts must stand in the order in which the times were given.": np.sort(right),
    }
    other = f"for the times {times.tolist()} it gives {np.asarray(found).tolist()}."
    shape = "one number per rating is asked; this returns the shape {shape}."
    return compare(found, right, slips, other, shape=shape)


@register("09.total_variation", asks="function")
def total_variation(answer: Any, page: Page) -> str | None:
    """A function: sum over rows of the absolute steps along the second axis."""
    table = torch.randn(5, 7, generator=torch.Generator().manual_seed(4))
    steps = table.diff(dim=1)
    right = steps.abs().sum()
    films = table.diff(dim=0).abs().sum()
    slips = {
        "these are the steps from film to film; time is the other axis.": films,
        "without absolute values, steps up and down cancel.": steps.sum(),
        "this is the squared form; the absolute one is asked.": steps.square().sum(),
        "this is the mean; the sum is asked.": steps.abs().mean(),
    }
    other = "on a table of our own it gives another number than the sum of absolute steps."
    return compare(answer(table.clone()), right, slips, other, tolerance=1e-4)


@register("09.shown")
def shown(answer: Any, page: Page) -> str | None:
    """A dictionary: for each of three questions the split that answers it."""
    right = {"holes": "random", "tomorrow": "time", "next": "last"}
    if not isinstance(answer, dict) or set(answer) != set(right):
        return f"a dictionary with the keys {', '.join(map(repr, right))} is asked."
    if unknown := [s for s in answer.values() if s not in right.values()]:
        return f"{unknown[0]!r} is no split of this page: random, last or time."
    why = {
        "holes": "holes lie anywhere, with ratings of the same day on both sides.",
        "tomorrow": "of tomorrow nothing is known, of nobody.",
        "next": "only the person's own future is hidden, not that of the others.",
    }
    wrong = [name for name in right if answer[name] != right[name]]
    return None if not wrong else f"think again about {wrong[0]!r}: {why[wrong[0]]}"


@register("09.cold_share")
def cold_share(answer: Any, page: Page) -> str | None:
    """Share of the test rows of the time split whose user has no training rating."""
    train, _, test = page.data.split("time", valid=0, test=0.1)
    new = ~np.isin(test.user, train.user)
    users = len(np.unique(test.user[new])) / len(np.unique(test.user))
    right = new.mean()
    if near(answer, right, 1e-3):
        return None
    slips = {
        "that is the share of those who are not cold.": 1 - right,
        "that is a share of users; the share of rows is asked.": users,
    }
    other = "count the test rows whose user is nowhere in training, and divide by all test rows."
    if np.ndim(answer) == 0 and not 0 <= float(answer) <= 1:
        other = f"a share is between 0 and 1, and this is {float(answer):g}."
    shape = "one number is asked; this has the shape {shape}. Take the mean of it?"
    return compare(answer, right, slips, other, shape=shape, tolerance=1e-3)
