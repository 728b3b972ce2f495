"""Checks of page 12."""

from typing import Any

import torch
import torch.nn.functional as F

from recsys_workshop.checks.registry import compare, no_gradient, register
from recsys_workshop.pages import Page


def _network(z: torch.Tensor, w: torch.Tensor, c: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    return (z @ w + c).relu() @ v


def _gap_loss(odds: torch.Tensor, expected: torch.Tensor, gap: torch.Tensor) -> torch.Tensor:
    at_once = (gap == 0).to(odds.dtype)
    of_zero = F.binary_cross_entropy_with_logits(odds, at_once, reduction="none")
    of_rest = (gap.nan_to_num().log1p() - expected).square() / 8
    return torch.where(gap.isnan(), 0.0, of_zero + (1 - at_once) * of_rest)


@register("12.network", asks="function", solution=_network)
def network(answer: Any, page: Page) -> str | None:
    """A function (z, W, c, v): one hidden layer with a cut, then a weighted sum."""
    generator = torch.Generator().manual_seed(7)  # results of both signs
    z, w, c, v = (torch.randn(shape, generator=generator) for shape in ((7, 5), (5, 64), 64, 64))
    found = answer(z.clone(), w.clone().requires_grad_(), c.clone(), v.clone())
    inside, right = z @ w + c, _network(z, w, c, v)
    slips = {
        "nothing is cut off: without the cut it is one more sum.": inside @ v,
        "cut the hidden numbers, not the result.": (inside @ v).relu(),
        "cut the hidden numbers only: the result may be negative.": right.relu(),
        "c is missing.": (z @ w).relu() @ v,
        "c belongs inside the cut.": ((z @ w).relu() + c) @ v,
        "v is missing: the hidden numbers are not simply added up.": inside.relu().sum(-1),
    }
    other = "for the rows that we tried it does not return v · max(0, z W + c)."
    shape = "for 7 rows the result must have the shape (7,), not {shape}."
    off = compare(found, right, slips, other, shape=shape, tolerance=1e-3)
    return off or no_gradient(found)


@register("12.gap_loss", asks="function", solution=_gap_loss)
def gap_loss(answer: Any, page: Page) -> str | None:
    """A function (odds, expected, gap): nats per row, 0 where nothing follows."""
    odds, expected = torch.tensor([2.0, -1.0, 0.5, 0.3]), torch.tensor([1.0, 4.0, 2.0, 7.0])
    gap = torch.tensor([0.0, 90.0, torch.nan, 3600.0])
    found = torch.as_tensor(answer(odds.clone(), expected.clone(), gap.clone()))
    right = _gap_loss(odds, expected, gap)
    later, at_once = gap > 0, gap == 0
    square = torch.where(later, (gap.nan_to_num().log1p() - expected).square(), 0.0)
    unscaled, of_zero = right + square * 7 / 8, right - square / 8
    all_rows = of_zero + (gap.nan_to_num().log1p() - expected).square() / 8 * ~gap.isnan()
    plain = torch.where(later, of_zero + (gap - expected).square() / 8, of_zero)
    slips = {
        "the log-odds are those of a gap of 0: you have exchanged the two cases.": (
            _gap_loss(-odds, expected, gap)
        ),
        "a gap above 0 has a probability too: its -ln is missing.": (
            torch.where(later, square / 8, right)
        ),
        "expected is in ln(1 + seconds), and here it is compared with the seconds.": plain,
        "nan was replaced too early: the rows with nan count as a gap of 0.": (
            torch.where(gap.isnan(), F.softplus(-odds), right)
        ),
        "where nothing follows (nan) the loss is 0.": torch.where(gap.isnan(), torch.nan, right),
        "the squared error is divided by 2 · 2², which is 8.": unscaled,
        "the squared error is missing where the gap is not 0.": of_zero,
        "where the gap is 0, leave out the squared error.": all_rows,
    }
    kinds = {"0": at_once, "above 0": later, "nan": gap.isnan()}
    wrong = ~torch.isclose(found, right) if found.shape == right.shape else at_once
    where = [kind for kind, rows in kinds.items() if (wrong & rows).any()]
    places = " and where it is ".join(where)
    other = f"for the rows that we tried, it is wrong where the gap is {places}."
    shape = "for 4 rows it must return 4 numbers; this has the shape {shape}."
    return compare(found, right, slips, other, shape=shape, tolerance=1e-3)
