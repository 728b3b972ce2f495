"""Objective functions: from the scores of a batch to one number to minimise.

A loss is a function `loss(output, batch) -> scalar`, a mean over the batch's rows. What it needs is
in its attribute `needs`, which `fit` reads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from recsys_tutorial.batch import Batch


class LossNeeds(NamedTuple):
    """What a loss asks of `fit`.

    Attributes:
        batch: "rows", one rated item per row; "pairs": column 0 of `batch.item` is an item that the
            user rated, the other columns are items that the user did not rate; or "sequence":
            windows of each user's items in order.
        predicts: "rating" if scores become ratings, "score" if only their order counts.
        negatives: The number of items drawn for each pair by default.
        keeps: Columns of the rated item in pairs, "rating" or "gap"; NaN for the drawn items.
    """

    batch: str = "rows"
    predicts: str = "rating"
    negatives: int = 0
    keeps: tuple[str, ...] = ()


def needs(loss: Callable[..., Tensor]) -> LossNeeds:
    """What this loss needs; a function of your own without `needs` is a loss on rated rows."""
    return getattr(loss, "needs", LossNeeds())


def _needs(**what: Any) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    def mark(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
        loss.needs = LossNeeds(**what)  # type: ignore[attr-defined]
        return loss

    return mark


def score_of(output: Any) -> Tensor:
    """The scores in a model's output: the tensor itself, or the first field of a NamedTuple."""
    return output[0] if isinstance(output, tuple) else output


def weighted_mean(per_row: Tensor, weight: Tensor | None) -> Tensor:
    """Weighted mean over rows; 0 if all weights are 0. Weights (B, 1) count for rows (B,)."""
    if weight is None:
        return per_row.mean()
    weight = weight.reshape(per_row.shape)
    total = weight.sum().to(per_row.dtype)  # weights may be counts
    return (per_row * weight).sum() / total.clamp_min(torch.finfo(per_row.dtype).tiny)


@_needs(batch="rows", predicts="rating")
def squared_error(output: Any, batch: Batch) -> Tensor:
    """Mean of (r - s)^2, in stars^2; the minimum is at the expected rating."""
    score, rating = score_of(output), batch.rating
    assert rating is not None
    if score.shape != rating.shape:  # (B,) against (B, 1) would broadcast to B x B, silently
        raise ValueError(
            f"scores of shape {tuple(score.shape)} against ratings of shape "
            f"{tuple(rating.shape)}: `forward` must return one score per row"
        )
    if batch.weight is None:
        return F.mse_loss(score, rating)
    return weighted_mean((score - rating).square(), batch.weight)


@_needs(batch="rows", predicts="rating")
def gaussian_nll(output: Any, batch: Batch) -> Tensor:
    """Mean of -ln N(r | s, v) = (r - s)^2 / 2v + ln(2 pi v) / 2, in nats.

    The output has the fields `score`, s in stars, and `variance`, v in stars^2. With a fixed
    variance of 1/2 it is the squared error plus a constant.
    """
    assert batch.rating is not None
    if not hasattr(output, "variance"):
        raise TypeError("gaussian_nll needs a model that gives score and variance: VariationalMF")
    variance = output.variance
    misfit = (batch.rating - output.score).square() / variance
    return weighted_mean(0.5 * (misfit + torch.log(2 * math.pi * variance)), batch.weight)


@_needs(batch="pairs", predicts="score", negatives=4)
def logistic(output: Any, batch: Batch) -> Tensor:
    """Mean of -ln sigma(s) for the rated item and -ln sigma(-s) for each unrated one, in nats.

    Negative sampling as in word2vec (Mikolov et al. 2013).
    """
    score = score_of(output)
    rated = F.softplus(-score[..., 0])
    unrated = F.softplus(score[..., 1:]).sum(-1)
    return weighted_mean(rated + unrated, batch.weight)


@_needs(batch="pairs", predicts="score", negatives=1)
def bpr(output: Any, batch: Batch) -> Tensor:
    """Mean of -ln sigma(s_ui - s_uj), in nats: the rated item i should beat item j.

    Bayesian personalised ranking (Rendle et al. 2009). The logarithm matters: 1 - sigma has almost
    no gradient where the order is most wrong.
    """
    score = score_of(output)
    lead = score[..., :1] - score[..., 1:]
    other = _not_the_rated_one(batch)
    per_row = (F.softplus(-lead) * other).sum(-1) / other.sum(-1).clamp_min(1)
    return weighted_mean(per_row, batch.weight)


@_needs(batch="pairs", predicts="score", negatives=64)
def sampled_softmax(output: Any, batch: Batch) -> Tensor:
    """Mean of -ln softmax(s)_0 over the columns, in nats: which of them is the rated item?

    With `negatives="all"` it is the full softmax over the catalogue.
    """
    score = score_of(output)
    other = _not_the_rated_one(batch)
    columns = torch.cat([score[..., :1], score[..., 1:].masked_fill(~other, -torch.inf)], dim=-1)
    return weighted_mean(torch.logsumexp(columns, dim=-1) - score[..., 0], batch.weight)


@_needs(batch="sequence", predicts="score")
def next_item(output: Any, batch: Batch) -> Tensor:
    """Mean of -ln softmax(s)_i over the items i in the windows, in nats; the softmax is over the
    whole catalogue, in the state before item i."""
    return weighted_mean(output.total - output.score, batch.weight)


@_needs(batch="sequence", predicts="score")
def next_item_and_rating(output: Any, batch: Batch) -> Tensor:
    """`next_item` plus the mean of (r - predicted rating)^2, in stars^2."""
    assert batch.rating is not None
    error = (batch.rating - output.rating).square()
    return next_item(output, batch) + weighted_mean(error, batch.weight)


def multi_output(
    rating: float = 1.0, seen: float = 0.4, gap: float = 0.3
) -> Callable[[Any, Batch], Tensor]:
    r"""The loss of MultiOutputMF with these weights: a mean over the rated rows of

    $$w_r (r - s)^2
      + w_s \Big[\ln(1 + e^{-z}) + \sum_{j=1}^m \ln(1 + e^{z_j})\Big]
      + w_g \Big[-\ln P(\mathrm{gap} = 0\ \mathrm{or\ not})
                 + \frac{(\ln(1 + \mathrm{gap}) - g)^2}{2 \cdot 2^2} [\mathrm{gap} > 0]\Big]$$

    The first term is in stars^2, the others in nats: log-odds, and a Gaussian of standard
    deviation 2 (a factor of 7 in time). A weight says how many stars^2 one nat is worth; a term of
    weight 0 is not computed.

    Column 0 is the rated item, with its rating and its gap (NaN after the user's last rating).
    Drawn items have NaN for both and count for `seen` alone.
    """
    weights = {"rating": rating, "seen": seen, "gap": gap}
    if min(weights.values()) < 0 or not any(weights.values()):
        raise ValueError(f"weights must not be negative, and one must be positive: {weights}")

    @_needs(batch="pairs", predicts="rating", negatives=4, keeps=("rating", "gap"))
    def loss(output: Any, batch: Batch) -> Tensor:
        if not hasattr(output, "gap"):
            raise TypeError("multi_output needs a model with three outputs: MultiOutputMF")
        stars, time = batch.need("rating", "gap")
        row = output.score.new_zeros(len(stars))
        if rating:
            row = row + rating * (output.score[:, 0] - stars[:, 0]).square()
        if seen:
            drawn = (F.softplus(output.seen[:, 1:]) * _not_the_rated_one(batch)).sum(-1)
            row = row + seen * (F.softplus(-output.seen[:, 0]) + drawn)
        if gap:
            row = row + gap * _time_to_next(output.gap[:, 0], time[:, 0])
        return weighted_mean(row, batch.weight)

    loss.__name__ = "multi_output(" + ", ".join(f"{k}={w:g}" for k, w in weights.items()) + ")"
    return loss


def _time_to_next(output: Tensor, gap: Tensor) -> Tensor:
    """Output (B, 2) and gap (B,) in seconds -> loss (B,) in nats; 0 where the gap is NaN."""
    known = ~gap.isnan()
    gap = gap.nan_to_num()
    is_zero = (gap == 0).to(output.dtype)
    of_zero = F.binary_cross_entropy_with_logits(output[:, 0], is_zero, reduction="none")
    of_length = ((gap.log1p() - output[:, 1]) / 2).square() / 2
    return (of_zero + of_length * (1 - is_zero)) * known


def _not_the_rated_one(batch: Batch) -> Tensor:
    """False where a later column has the rated item again, as with `negatives="all"`."""
    assert batch.item is not None
    return batch.item[..., 1:] != batch.item[..., :1]


def l2(rows: Tensor) -> Tensor:
    """Mean over rows of the squared length |x|^2; the last axis is the vector.

    Over the rows of a batch it is frequency-weighted: it is the negative logarithm of a Gaussian
    prior whose precision is proportional to the number of ratings.
    """
    flat = rows.reshape(-1)
    return torch.dot(flat, flat) / max(rows.shape[:-1].numel(), 1)


def kl_normal(mean: Tensor, logvar: Tensor, prior_logvar: Tensor | float = 0.0) -> Tensor:
    """KL(N(mean, e^logvar) | N(0, e^prior_logvar)) of each number, in nats; all shapes broadcast.

    With a loss that is a mean over N ratings, add the sum over all tables divided by N.
    """
    prior = torch.as_tensor(prior_logvar, dtype=mean.dtype, device=mean.device)
    return 0.5 * ((mean.square() + logvar.exp()) * (-prior).exp() - 1 - logvar + prior)
