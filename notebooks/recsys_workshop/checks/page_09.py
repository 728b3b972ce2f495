"""Checks of page 09."""

from typing import Any

import numpy as np
import torch

from recsys_workshop.checks.registry import compare, near, no_gradient, register
from recsys_workshop.pages import Page


def _earlier(times: Any) -> Any:
    return np.searchsorted(np.sort(times), times, side="left")


def _total_variation(table: torch.Tensor) -> torch.Tensor:
    return table.diff(dim=1).abs().sum()


def _so_far(left: Any, times: Any, k: float) -> Any:
    before = times[None, :] < times[:, None]
    return before @ left / (before.sum(axis=1) + k)


@register("09.earlier", asks="function", solution=_earlier)
def earlier(answer: Any, page: Page) -> str | None:
    """A function: how many of a user's ratings are strictly earlier than each."""
    times = np.array([50, 10, 10, 99, 50, 50, 7])
    found, right = answer(times.copy()), (times < times[:, None]).sum(1)
    slips = {
        "it counts the rating itself and those of the same second; count only earlier ones.": (
            (times <= times[:, None]).sum(1)
        ),
        "return the counts in the order in which the times were given.": np.sort(right),
    }
    other = f"for the times {times.tolist()} it gives {np.asarray(found).tolist()}."
    shape = "it should return one number per rating; this has the shape {shape}."
    return compare(found, right, slips, other, shape=shape)


@register("09.total_variation", asks="function", solution=_total_variation)
def total_variation(answer: Any, page: Page) -> str | None:
    """A function: sum over rows of the absolute steps along the second axis, with a gradient."""
    table = torch.randn(5, 7, generator=torch.Generator().manual_seed(4)).requires_grad_()
    steps = table.detach().diff(dim=1)
    slips = {
        "these are the steps from film to film; time is the other axis.": (
            table.detach().diff(dim=0).abs().sum()
        ),
        "without absolute values, steps up and down cancel.": steps.sum(),
        "these are squared steps; take their absolute values.": steps.square().sum(),
        "this is the mean over steps; give the sum.": steps.abs().mean(),
    }
    other = "for the table that we tried it does not give the sum of the absolute steps."
    found = answer(table)
    off = compare(found, steps.abs().sum(), slips, other, tolerance=1e-4)
    return off or no_gradient(found)


@register("09.so_far", asks="function", solution=_so_far)
def so_far(answer: Any, page: Page) -> str | None:
    """A function: for each rating the shrunk mean of the differences that are strictly earlier."""
    left = np.array([0.5, -1.0, 2.0, 1.5, -0.5])
    times, k = np.array([30, 10, 10, 50, 30]), 2.0
    before, with_same = times < times[:, None], times <= times[:, None]
    with np.errstate(invalid="ignore"):
        plain = before @ left / before.sum(1)
    slips = {
        "ratings of the same second count here, the rating itself among them.": (
            with_same @ left / (with_same.sum(1) + k)
        ),
        "all ratings of the day count here, later ones too.": np.full(5, left.sum() / (5 + k)),
        "this is the plain mean: add k to the count, so that few ratings say little.": plain,
        "this is the sum; divide it by the count plus k.": before @ left,
        "divide by the count plus k, not by k alone.": before @ left / k,
        "these are the differences that came later.": before.T @ left / (before.sum(0) + k),
        "each rating's own difference counts here, too.": (before @ left + left)
        / (before.sum(1) + k),
    }
    found = answer(left.copy(), times.copy(), k)
    other = f"for {left.tolist()} at the times {times.tolist()} and k = 2 "
    other += f"it gives {np.round(np.ravel(found), 2).tolist()}."
    shape = "it should return one number per rating; this has the shape {shape}."
    return compare(found, _so_far(left, times, k), slips, other, shape=shape)


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
        "that is the share of rows whose user is in training.": 1 - right,
        "that is a share of users; give the share of rows.": users,
    }
    other = "count the test rows whose user is nowhere in training, and divide by all test rows."
    if np.ndim(answer) == 0 and not 0 <= float(answer) <= 1:
        other = f"a share is between 0 and 1, and this is {float(answer):g}."
    shape = "one number is expected; this has the shape {shape}. Take the mean of it?"
    return compare(answer, right, slips, other, shape=shape, tolerance=1e-3)
