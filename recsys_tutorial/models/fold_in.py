"""The row of a new user: it minimises the objective of training while the items stay fixed."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from recsys_tutorial.models.base import FoldedUser


def by_ridge(z: Tensor, y: Tensor, ridge: Tensor) -> FoldedUser:
    """Least squares: the row x that minimises |y - z x|^2 + sum of ridge * x^2.

    Args:
        z: (n, d), the rated items' rows.
        y: (n,), the ratings minus what the items' offsets explain.
        ridge: (d,), all above 0.
    """
    parts = torch.linalg.solve(z.T @ z + ridge.diag(), z.T * y).T  # (n, d)
    return FoldedUser(parts.sum(0).float(), parts.float())


def by_ranking(
    rows: Tensor, offset: Tensor, items: Tensor, ridge: Tensor, kind: int, negatives: int
) -> FoldedUser:
    """The row that minimises the expected ranking loss of the rated items + sum of ridge * x^2.

    At the minimum the row is a sum over the rated items: of each item's negative gradient, divided
    by twice the ridge.

    Args:
        rows, offset: (n_items, d) and (n_items,): scores are rows @ x + offset.
        items: (n,), the rated items.
        ridge: (d,), all above 0.
        kind, negatives: As in `ModelState.fitted_to`.
    """
    x = rows.new_zeros(rows.shape[1])
    if len(items) in (0, len(rows)):  # no rated item, or no other item to rank it above
        return FoldedUser(x.float(), rows.new_zeros(len(items), len(x)).float())
    x.requires_grad_()
    search = torch.optim.LBFGS([x], max_iter=60, line_search_fn="strong_wolfe")

    @torch.enable_grad()
    def closure() -> Tensor:
        search.zero_grad()
        scores = (rows @ x + offset).expand(len(items), -1)
        loss = losses_of(scores, items, kind, negatives).sum() + (ridge * x.square()).sum()
        loss.backward()
        return loss

    search.step(closure)
    x = x.detach()
    scores = (rows @ x + offset).repeat(len(items), 1).requires_grad_()
    with torch.enable_grad():
        loss = losses_of(scores, items, kind, negatives).sum()
    (by_score,) = torch.autograd.grad(loss, scores)
    parts = -(by_score @ rows) / (2 * ridge)
    parts = parts + (x - parts.sum(0)) / len(items)  # the search ends near the minimum
    return FoldedUser(x.float(), parts.float())


def losses_of(scores: Tensor, items: Tensor, kind: int, negatives: int) -> Tensor:
    """The expected loss (n,) of each rated item over draws of `negatives` unrated ones.

    For the sampled softmax the expectation is taken inside the logarithm.

    Args:
        scores: (n, n_items), the same in each row.
        items: (n,), the rated items.
        kind, negatives: As in `ModelState.fitted_to`; -1 is the whole catalogue.
    """
    own = scores.gather(1, items.unsqueeze(1))  # (n, 1)
    free = torch.ones(scores.shape[1], dtype=torch.bool, device=scores.device)
    free[items] = False
    others = scores if negatives < 0 else scores[:, free]
    if kind == 1:  # logistic
        n_drawn = scores.shape[1] if negatives < 0 else negatives
        return F.softplus(-own).squeeze(1) + n_drawn * F.softplus(others).mean(1)
    if kind == 2:  # bpr; the whole catalogue holds the rated item, whose loss of ln 2 is removed
        pairs = F.softplus(others - own)
        if negatives >= 0:
            return pairs.mean(1)
        return (pairs.sum(1) - math.log(2)) / (scores.shape[1] - 1)
    if negatives < 0:
        return (scores.logsumexp(1, keepdim=True) - own).squeeze(1)
    drawn = others.logsumexp(1, keepdim=True) + math.log(negatives / others.shape[1])
    return (torch.logaddexp(own, drawn) - own).squeeze(1)
