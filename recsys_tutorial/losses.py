"""Objective functions: from the scores of a batch to one number to minimise.

A loss is a function `loss(output, batch) -> scalar`, a mean over the batch's rows. It says what it
needs by two attributes, which `fit` reads:

* batch: "rows", one rated item a row; "pairs": column 0 of `batch.item` is an item that the user
  rated, the other columns are items that the user did not rate; or "sequence": windows of each
  user's items in order.
* predicts: "rating" where the model's scores become ratings, "score" where only their order counts.
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
        negatives: The number of items drawn in pairs, when the caller names none.
        keeps: What pairs keep of the rated item: "rating", "gap"; NaN in the other columns.
    """

    batch: str = "rows"
    predicts: str = "rating"
    negatives: int = 0
    keeps: tuple[str, ...] = ()


def needs(loss: Callable[..., Tensor]) -> LossNeeds:
    """What this loss needs; a plain function of your own is taken as a loss on rated rows."""
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
    """Mean over rows as often as their weights say; 0 where no row of the batch counts."""
    if weight is None:
        return per_row.mean()
    total = weight.sum().to(per_row.dtype)  # weights may be counts
    return (per_row * weight).sum() / total.clamp_min(torch.finfo(per_row.dtype).tiny)


@_needs(batch="rows", predicts="rating")
def squared_error(output: Any, batch: Batch) -> Tensor:
    """Mean of (r - s)^2, in stars^2: its minimum is the expected rating."""
    score, rating = score_of(output), batch.rating
    assert rating is not None
    if score.shape != rating.shape:  # (B,) against (B, 1) would broadcast to B x B, silently
        raise ValueError(
            f"scores of shape {tuple(score.shape)} against ratings of shape "
            f"{tuple(rating.shape)}: `forward` must return one score a row"
        )
    if batch.weight is None:
        return F.mse_loss(score, rating)
    return weighted_mean((score - rating).square(), batch.weight)


@_needs(batch="rows", predicts="rating")
def gaussian_nll(output: Any, batch: Batch) -> Tensor:
    """Mean of -ln N(r | s, v) = (r - s)^2 / 2v + ln(2 pi v) / 2, in nats.

    The output has the fields `score`, s in stars, and `variance`, v in stars^2. A plain squared
    error is this with a variance fixed at 1/2, whatever the data says.
    """
    assert batch.rating is not None
    if not hasattr(output, "variance"):
        raise TypeError("gaussian_nll needs a model that gives score and variance: VariationalMF")
    variance = output.variance
    off = (batch.rating - output.score).square() / variance
    return weighted_mean(0.5 * (off + torch.log(2 * math.pi * variance)), batch.weight)


@_needs(batch="pairs", predicts="score", negatives=4)
def logistic(output: Any, batch: Batch) -> Tensor:
    """Mean of -ln sigma(s) for the rated item and -ln sigma(-s) for each unrated one, in nats.

    Negative sampling as in word2vec (Mikolov et al. 2013): a rated pair or a made-up one?
    """
    score = score_of(output)
    rated = F.softplus(-score[..., 0])
    made_up = F.softplus(score[..., 1:]).sum(-1)
    return weighted_mean(rated + made_up, _row_weight(batch))


@_needs(batch="pairs", predicts="score", negatives=1)
def bpr(output: Any, batch: Batch) -> Tensor:
    """Mean of -ln sigma(s_ui - s_uj), in nats: the rated item i should beat item j.

    Bayesian personalised ranking (Rendle et al. 2009). The logarithm matters: 1 - sigma has next
    to no gradient where the order is most wrong.
    """
    score = score_of(output)
    lead = score[..., :1] - score[..., 1:]
    other = _not_the_rated_one(batch)
    per_row = (F.softplus(-lead) * other).sum(-1) / other.sum(-1).clamp_min(1)
    return weighted_mean(per_row, _row_weight(batch))


@_needs(batch="pairs", predicts="score", negatives=64)
def sampled_softmax(output: Any, batch: Batch) -> Tensor:
    """Mean of -ln softmax(s)_0 over the columns, in nats: pick the rated item from the line-up.

    With `negatives="all"` it is the full softmax over the catalogue.
    """
    score = score_of(output)
    other = _not_the_rated_one(batch)
    line_up = torch.cat([score[..., :1], score[..., 1:].masked_fill(~other, -torch.inf)], dim=-1)
    return weighted_mean(torch.logsumexp(line_up, dim=-1) - score[..., 0], _row_weight(batch))


@_needs(batch="sequence", predicts="score")
def next_item(output: Any, batch: Batch) -> Tensor:
    """Mean of -ln softmax(s)_i over the items i in the windows, in nats: what comes next?

    The softmax is over the whole catalogue, in the state before the item came.
    """
    return weighted_mean(output.total - output.score, batch.weight)


@_needs(batch="sequence", predicts="score")
def next_item_and_rating(output: Any, batch: Batch) -> Tensor:
    """`next_item`, plus the mean of (r - predicted rating)^2 in stars^2, added as they are."""
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
    deviation 2 (a factor of 7 in time), so that no term rules because of its unit. A weight says
    how many stars^2 one nat is worth. A term of weight 0 is not computed.

    Needs pairs that keep rating and gap: column 0 is the rated item, with its rating and its gap
    (NaN after the user's last rating); drawn items have NaN for both, and only `seen` hears them.
    A user who has rated every item is shown the rated one again, which does not count as drawn.
    """
    weights = {"rating": rating, "seen": seen, "gap": gap}
    if min(weights.values()) < 0 or not sum(weights.values()) > 0:
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
            made_up = (F.softplus(output.seen[:, 1:]) * _not_the_rated_one(batch)).sum(-1)
            row = row + seen * (F.softplus(-output.seen[:, 0]) + made_up)
        if gap:
            row = row + gap * _time_to_next(output.gap[:, 0], time[:, 0])
        return weighted_mean(row, _row_weight(batch))

    loss.__name__ = "multi_output(" + ", ".join(f"{k}={w:g}" for k, w in weights.items()) + ")"
    return loss


def _time_to_next(told: Tensor, gap: Tensor) -> Tensor:
    """(B, 2) and (B,) seconds -> (B,) nats; 0 where the gap is NaN: nothing is known there."""
    known = ~gap.isnan()
    gap = gap.nan_to_num()
    at_once = (gap == 0).to(told.dtype)
    of_zero = F.binary_cross_entropy_with_logits(told[:, 0], at_once, reduction="none")
    of_rest = ((gap.log1p() - told[:, 1]) / 2).square() / 2
    return (of_zero + of_rest * (1 - at_once)) * known


def _not_the_rated_one(batch: Batch) -> Tensor:
    """False where a later column shows the rated item again (`negatives="all"` holds it)."""
    assert batch.item is not None
    return batch.item[..., 1:] != batch.item[..., :1]


def _row_weight(batch: Batch) -> Tensor | None:
    return None if batch.weight is None else batch.weight.reshape(batch.weight.shape[0])


def l2(rows: Tensor) -> Tensor:
    """Mean over rows of the squared length |x|^2; the last axis is the vector.

    Taken over the rows of a batch it is frequency-weighted: a user with many ratings pays as often
    as it is seen. It is the negative logarithm of a Gaussian prior whose precision grows with the
    number of ratings.
    """
    flat = rows.reshape(-1)
    return torch.dot(flat, flat) / max(rows.shape[:-1].numel(), 1)


def kl_normal(mean: Tensor, logvar: Tensor, prior_logvar: Tensor | float = 0.0) -> Tensor:
    """KL(N(mean, e^logvar) | N(0, e^prior_logvar)) of each number, in nats; all shapes broadcast.

    A whole model's is their sum over all tables. Beside a loss that is a mean over N ratings it
    counts as sum / N: unscaled it would drown the data.
    """
    prior = torch.as_tensor(prior_logvar, dtype=mean.dtype, device=mean.device)
    return 0.5 * ((mean.square() + logvar.exp()) * (-prior).exp() - 1 - logvar + prior)


def total_variation(
    values: Tensor, dim: int = 0, *, squared: bool = False, weight: Tensor | None = None
) -> Tensor:
    """Sum over all series of |x_t - x_(t-1)|, or of its square, along the axis `dim`: time.

    The absolute form allows few jumps (piecewise constant, the fused lasso of Tibshirani et al.
    2005); the squared form spreads a change over many steps (smooth).

    Args:
        values: Steps of equal length along `dim`; each place on the other axes is a series.
        weight: One number a series, of the shape of `values` without `dim`.
    """
    steps = values.diff(dim=dim)
    series = (steps.square() if squared else steps.abs()).sum(dim)
    return series.sum() if weight is None else (series * weight).sum()
