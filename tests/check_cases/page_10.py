"""Answers to the checks of page 10."""

import numpy as np

from check_cases import Case


def _sizes(page):
    genres = {g for several in page.data.items["genres"] for g in several}
    occupations = set(page.data.users["occupation"])
    return [page.data.n_users, page.data.n_items, len(occupations), len(genres)]


def _offsets(page):
    return [0, *np.cumsum(_sizes(page))[:-1]]


def _own_size_too(page):
    start = _offsets(page)
    return [*start[:2], start[2] + _sizes(page)[2], start[3]]


def _pairs(v, x):
    a = v * x[:, None]
    return 0.5 * (a.sum(0) ** 2 - (a**2).sum(0)).sum()


def _twice(v, x):
    return 2 * _pairs(v, x)


def _x_not_squared(v, x):
    a = v * x[:, None]
    return 0.5 * ((a.sum(0) ** 2).sum() - (v**2 * x[:, None]).sum())


def _with_itself(v, x):
    return 0.5 * ((v * x[:, None]).sum(0) ** 2).sum()


def _all_mixed(v, x):
    a = v * x[:, None]
    return 0.5 * (a.sum() ** 2 - (a**2).sum())


def _a_vector(v, x):
    a = v * x[:, None]
    return 0.5 * (a.sum(0) ** 2 - (a**2).sum(0))


def _centred(table):
    table = table - table.mean(1, keepdims=True)
    return table - table.mean(0, keepdims=True)


CASES = {
    "10.offsets": Case(
        right=_offsets,
        stub=lambda page: None,
        wrong=[
            lambda page: np.cumsum(_sizes(page)),  # where they end
            _own_size_too,  # the well-known slip
            lambda page: [0, *_sizes(page)[:-1]],  # not summed up
            lambda page: _offsets(page)[1:],
        ],
    ),
    "10.pairs": Case(
        right=lambda page: _pairs,
        stub=lambda page: lambda v, x: None,
        wrong=[
            lambda page: _twice,
            lambda page: _x_not_squared,
            lambda page: _with_itself,
            lambda page: _all_mixed,
            lambda page: _a_vector,
            lambda page: 247.0,
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
