"""Answers to the checks of page 12."""

import numpy as np
import torch

from check_cases import Case


def _network(z, W, c, v):
    return (z @ W + c).relu() @ v


def _gaps(times):
    return np.append(np.diff(times), np.nan)


CASES = {
    "12.network": Case(
        right=lambda page: _network,
        stub=lambda page: lambda z, W, c, v: None,
        wrong=[
            lambda page: lambda z, W, c, v: (z @ W + c) @ v,  # no cut
            lambda page: lambda z, W, c, v: ((z @ W + c) @ v).relu(),  # the result cut
            lambda page: lambda z, W, c, v: (z @ W).relu() @ v,
            lambda page: lambda z, W, c, v: ((z @ W).relu() + c) @ v,
            lambda page: lambda z, W, c, v: (z @ W + c).relu().sum(-1),
            lambda page: lambda z, W, c, v: (z @ W + c).relu() * v,
            lambda page: lambda z, W, c, v: torch.tanh(z @ W + c) @ v,
            lambda page: 3.0,
        ],
    ),
    "12.gaps": Case(
        right=lambda page: _gaps,
        stub=lambda page: lambda times: None,
        wrong=[
            lambda page: np.diff,  # one too few
            lambda page: lambda times: np.append(np.diff(times), 0.0),  # a return at once
            lambda page: lambda times: np.append(np.nan, np.diff(times)),  # since the one before
            lambda page: lambda times: np.append(-np.diff(times), np.nan),
            lambda page: lambda times: np.append(np.log1p(np.diff(times)), np.nan),
            lambda page: 30.0,
        ],
    ),
}
