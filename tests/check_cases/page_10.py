"""Answers to the checks of page 10."""

import numpy as np
import torch

from check_cases import Case


def _places(sizes, positions):
    start, found = 0, []
    for size, own in zip(sizes, positions, strict=True):
        found += [start + p for p in own]
        start += size
    return found


def _own_size_too(sizes, positions):
    ends = np.cumsum(sizes)
    return [ends[f] + p for f, own in enumerate(positions) for p in own]


def _starts_at_the_last(sizes, positions):
    starts = [0, *sizes[:-1]]
    return [starts[f] + p for f, own in enumerate(positions) for p in own]


def _pairs(a):
    return 0.5 * (a.sum(-2) ** 2 - (a**2).sum(-2)).sum(-1)


def _slowly(a):
    k = a.shape[-2]
    return sum((a[..., i, :] * a[..., j, :]).sum(-1) for i in range(k) for j in range(i + 1, k))


def _table_of_pairs(a):
    return 0.5 * ((a @ a.mT).sum((-2, -1)) - (a * a).sum((-2, -1)))


def _centred(table):
    table = table - table.mean(1, keepdims=True)
    return table - table.mean(0, keepdims=True)


CASES = {
    "10.places": Case(
        right=lambda page: _places,
        stub=lambda page: lambda sizes, positions: None,
        wrong=[
            lambda page: _own_size_too,
            lambda page: _starts_at_the_last,
            lambda page: lambda sizes, positions: [p for own in positions for p in own],
            lambda page: lambda sizes, positions: np.cumsum([0, *sizes])[:-1],
            lambda page: lambda sizes, positions: positions,  # lists in a list
            lambda page: [0, 943],
        ],
    ),
    "10.pairs": Case(
        right=lambda page: _pairs,
        stub=lambda page: lambda a: None,
        wrong=[
            lambda page: _slowly,  # right, and slow
            lambda page: _table_of_pairs,
            lambda page: lambda a: 2 * _pairs(a),
            lambda page: lambda a: 0.5 * (a.sum(-2) ** 2).sum(-1),
            lambda page: lambda a: 0.5 * (a.sum((-2, -1)) ** 2 - (a**2).sum((-2, -1))),
            lambda page: lambda a: 0.5 * (a.sum(-2) ** 2 - (a**2).sum(-2)),
            lambda page: lambda a: _pairs(a.detach()),
            lambda page: lambda a: _pairs(a.mT),
            lambda page: lambda a: torch.zeros(4),
        ],
    ),
    "10.centred": Case(
        right=lambda page: _centred,
        stub=lambda page: lambda table: None,
        wrong=[
            lambda page: lambda t: t - t.mean(),
            lambda page: lambda t: t - t.mean(1, keepdims=True),
            lambda page: lambda t: t - t.mean(0, keepdims=True) - t.mean(1, keepdims=True),
            lambda page: lambda t: 0 * t,
        ],
    ),
}
