"""Checks of page 11."""

from typing import Any

import numpy as np
import torch
from scipy import special

from recsys_workshop.checks.registry import compare, near, no_gradient, register
from recsys_workshop.pages import Page


def _weights(attention: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    return (attention * q.unsqueeze(-2)).sum(-1).softmax(-1)


def _draw(logits: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    return (logits - (-u.log()).log()).argmax(-1)


def _entropy(w: Any) -> float:
    return float(special.entr(np.asarray(w)).sum(-1).mean())


@register("11.weights", asks="function", solution=_weights)
def weights(answer: Any, page: Page) -> str | None:
    """A function (A, q): softmax over tastes of the products A_m . q."""
    generator = torch.Generator().manual_seed(4)
    attention, q = (torch.randn(s, generator=generator) for s in ((4, 3, 5), (4, 5)))
    given = answer(attention.clone().requires_grad_(), q.clone())
    found = torch.as_tensor(given).detach()
    products = attention * q[:, None]
    logits, latent = products.sum(-1), products.softmax(-1).sum(-1)
    by_rows = logits.softmax(0)
    slips = {
        "this softmax went over the numbers of the vectors: sum over those first.": latent,
        "these are the products; the softmax over tastes is still missing.": logits,
        "this softmax went over the rows of the batch, not over the tastes.": by_rows,
    }
    other = "for the numbers that we tried it does not give the softmax of A_m . q."
    if found.ndim and not near(found.sum(-1), torch.ones(4), 1e-4):
        other = "the weights of a row must sum to 1."
    shape = (
        "for A (4, 3, 5) and q (4, 5) the result must have the shape (4, 3), one number per taste; "
        "this has {shape}."
    )
    off = compare(found, _weights(attention, q), slips, other, shape=shape, tolerance=1e-5)
    return off or no_gradient(given)


@register("11.draw", asks="function", solution=_draw)
def draw(answer: Any, page: Page) -> str | None:
    """A function (logits, u): one taste per row, drawn with the probabilities of the softmax."""
    u = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(5)).clamp_min(1e-9)
    logits = torch.tensor([1.0, 0.0, -1.0]).repeat(20_000, 1)
    found = np.asarray(answer(logits.clone(), u.clone()))
    if found.shape != (20_000,):
        return f"return one taste for each row: the shape (20000,), not {found.shape}."
    if found.dtype.kind not in "iu" or found.min() < 0 or found.max() > 2:
        return "the answer must be numbers of tastes: 0, 1 or 2 for three tastes."
    chance = np.exp([1.0, 0.0, -1.0]) / np.exp([1.0, 0.0, -1.0]).sum()
    share = np.bincount(found, minlength=3) / len(found)
    if share[0] == 1:
        return "nothing is drawn: this always takes the largest. Where is the noise?"
    if np.abs(share - chance).max() > 0.02:  # five times the noise of 20,000 draws
        return (
            f"with logits 1, 0, -1 the tastes should come up {_percent(chance)} of the time; "
            f"here they come up {_percent(share)}."
        )
    if (found != _draw(logits, u).numpy()).mean() > 0.001:
        return "the tastes come up as often as they should, but the noise is not -ln(-ln u)."
    return None


@register("11.entropy", asks="function", solution=_entropy)
def entropy(answer: Any, page: Page) -> str | None:
    """A function (w): mean over the rows of the entropy, in nats."""
    w = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.6, 0.3, 0.1]])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = answer(w.copy())
    right = _entropy(w)
    slips = {
        "a weight of exactly 0 gives nan: 0 times its logarithm counts as 0.": np.nan,
        "entropy is not negative: the sign is missing.": -right,
        "this is in bits: nats need the natural logarithm.": right / np.log(2),
        "this logarithm has the base 10: nats need the natural one.": right / np.log(10),
        "this is the sum over the rows: take the mean.": right * len(w),
        "this is the mean over tastes as well: sum over them.": right / w.shape[1],
    }
    other = "for the weights that we tried it does not give the mean entropy."
    shape = "the result must be one number, the mean over the rows; this has the shape {shape}."
    return compare(found, right, slips, other, shape=shape, tolerance=1e-4)


def _percent(shares: np.ndarray) -> str:
    return ", ".join(f"{share:.0%}" for share in shares)
