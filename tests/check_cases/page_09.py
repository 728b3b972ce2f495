"""Answers to the checks of page 09."""

import numpy as np

from check_cases import Case


def _earlier(times):
    return np.searchsorted(np.sort(times), times, side="left")


def _not_strictly(times):
    return np.searchsorted(np.sort(times), times, side="right")


def _place(times):  # breaks ties
    return np.argsort(np.argsort(times, kind="stable"), kind="stable")


def _sorted(times):
    return np.sort(_earlier(times))


def _variation(table):
    return table.diff(dim=1).abs().sum()


def _so_far(left, times, k):
    return np.array([left[times < t].sum() / ((times < t).sum() + k) for t in times])


def _cold(page):
    train, _, test = page.data.split("time", valid=0, test=0.1)
    return ~np.isin(test.user, train.user), test


def _of_users(page):
    cold, test = _cold(page)
    share = len(np.unique(test.user[cold])) / len(np.unique(test.user))
    return share if abs(share - cold.mean()) > 0.002 else 0.0


CASES = {
    "09.earlier": Case(
        right=lambda page: _earlier,
        stub=lambda page: lambda times: None,
        wrong=[
            lambda page: _not_strictly,
            lambda page: _place,
            lambda page: _sorted,
            lambda page: lambda times: np.arange(len(times)),
            lambda page: [2, 0, 0, 3],
        ],
    ),
    "09.total_variation": Case(
        right=lambda page: _variation,
        stub=lambda page: lambda table: None,
        wrong=[
            lambda page: lambda t: t.diff(dim=0).abs().sum(),  # the well-known mistake
            lambda page: lambda t: t.diff(dim=1).sum(),
            lambda page: lambda t: t.diff(dim=1).square().sum(),
            lambda page: lambda t: t.diff(dim=1).abs().mean(),
            lambda page: lambda t: t.diff(dim=1).abs().sum(1),
            lambda page: lambda t: t.detach().diff(dim=1).abs().sum(),  # nothing to train by
            lambda page: lambda t: float(t.detach().diff(dim=1).abs().sum()),
        ],
    ),
    "09.so_far": Case(
        right=lambda page: _so_far,
        stub=lambda page: lambda left, times, k: None,
        wrong=[
            lambda page: lambda left, times, k: np.full(len(left), left.sum() / (len(left) + k)),
            lambda page: lambda left, times, k: _so_far(left, times, 0.0001),
            lambda page: lambda left, times, k: _so_far(left, -times, k),  # what came later
            lambda page: lambda left, times, k: _so_far(left, times, k) * (_earlier(times) + k),
            lambda page: (
                lambda left, times, k: (np.cumsum(left) - left) / (np.arange(len(left)) + k)
            ),
        ],
    ),
    "09.cold_share": Case(
        right=lambda page: float(_cold(page)[0].mean()),
        stub=lambda page: None,
        wrong=[
            lambda page: 1 - float(_cold(page)[0].mean()),
            _of_users,
            lambda page: 100 * float(_cold(page)[0].mean()),
            lambda page: int(_cold(page)[0].sum()),
            lambda page: _cold(page)[0],  # a row each
        ],
    ),
}
