"""Checks of page 09."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from recsys_tutorial.checks.registry import register
from recsys_tutorial.pages import Page


@register("09.earlier", asks="function")
def earlier(answer: Any, page: Page) -> str | None:
    """A function: how many of a user's ratings are strictly earlier than each."""
    times = np.array([50, 10, 10, 99, 50, 50, 7])
    found = answer(times.copy())
    if np.shape(found) != times.shape:
        return f"one number a rating is asked; this returns the shape {np.shape(found)}."
    right = (times < times[:, None]).sum(1)
    found = np.asarray(found)
    if np.array_equal(found, (times <= times[:, None]).sum(1)):
        return "it counts the rating itself and those of the same second: strictly earlier, please."
    if np.array_equal(found, np.sort(right)):
        return "the counts must stand in the order in which the times were given."
    if not np.array_equal(found, right):
        return f"for the times {times.tolist()} it gives {found.tolist()}."
    return None


@register("09.total_variation", asks="function")
def total_variation(answer: Any, page: Page) -> str | None:
    """A function: sum over rows of the absolute steps along the second axis."""
    table = torch.randn(5, 7, generator=torch.Generator().manual_seed(4))
    found = answer(table.clone())
    if np.ndim(found) != 0:
        return f"one number is asked; this returns the shape {tuple(np.shape(found))}."
    steps = table.diff(dim=1)
    slips = {
        "these are the steps from film to film; time is the other axis.": table.diff(dim=0).abs(),
        "without absolute values, steps up and down cancel.": steps,
        "this is the squared form; the absolute one is asked.": steps.square(),
    }
    for text, slip in slips.items():
        if abs(float(found) - float(slip.sum())) < 1e-4:
            return text
    if abs(float(found) - float(steps.abs().mean())) < 1e-4:
        return "this is the mean; the sum is asked."
    if abs(float(found) - float(steps.abs().sum())) > 1e-4:
        return "on a table of our own it gives another number than the sum of absolute steps."
    return None


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
    if np.ndim(answer) != 0:
        return f"one number is asked; this has the shape {np.shape(answer)}. Take the mean of it?"
    value, right = float(answer), float(new.mean())
    if not 0 <= value <= 1:
        return f"a share is between 0 and 1, and this is {value:g}."
    if abs(value - right) < 1e-3:
        return None
    if abs(value - (1 - right)) < 1e-3:
        return "that is the share of those who are not cold."
    users = len(np.unique(test.user[new])) / len(np.unique(test.user))
    if abs(value - users) < 1e-3:
        return "that is a share of users; the share of rows is asked."
    return "count the test rows whose user is nowhere in training, and divide by all test rows."
