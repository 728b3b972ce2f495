"""Answers to the checks of page 12."""

import torch
from torch.nn.functional import softplus

from check_cases import Case


def _network(z, W, c, v):
    return (z @ W + c).relu() @ v


def _gap_loss(odds, expected, gap, scale=8, always=False, fill=0.0):
    of_zero = torch.where(gap == 0, softplus(-odds), softplus(odds))
    of_rest = (gap.nan_to_num().log1p() - expected) ** 2 / scale
    total = of_zero + of_rest * ((gap > 0) | always)
    return torch.where(gap.isnan(), fill, total)


CASES = {
    "12.network": Case(
        right=lambda page: _network,
        stub=lambda page: lambda z, W, c, v: None,
        wrong=[
            lambda page: lambda z, W, c, v: (z @ W + c) @ v,  # no cut
            lambda page: lambda z, W, c, v: ((z @ W + c) @ v).relu(),  # the result cut
            lambda page: lambda z, W, c, v: _network(z, W, c, v).relu(),  # the result cut as well
            lambda page: lambda z, W, c, v: (z @ W).relu() @ v,
            lambda page: lambda z, W, c, v: ((z @ W).relu() + c) @ v,
            lambda page: lambda z, W, c, v: (z @ W + c).relu().sum(-1),
            lambda page: lambda z, W, c, v: (z @ W + c).relu() * v,
            lambda page: lambda z, W, c, v: _network(z, W, c, v).detach(),  # nothing to train by
            lambda page: lambda z, W, c, v: torch.tanh(z @ W + c) @ v,
            lambda page: 3.0,
        ],
    ),
    "12.gap_loss": Case(
        right=lambda page: _gap_loss,
        stub=lambda page: lambda odds, expected, gap: None,
        wrong=[
            lambda page: lambda o, e, g: _gap_loss(o, e, g, scale=1),
            lambda page: lambda o, e, g: _gap_loss(o, e, g, always=True),
            lambda page: lambda o, e, g: _gap_loss(o, e, g, fill=torch.nan),
            lambda page: lambda o, e, g: _gap_loss(o, e, g).mean(),
            lambda page: lambda o, e, g: _gap_loss(-o, e, g),
            lambda page: lambda o, e, g: _gap_loss(o, e, g.nan_to_num()),
            lambda page: lambda o, e, g: softplus(-o),
        ],
    ),
}
