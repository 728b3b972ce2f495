"""Answers to the checks of page 16."""

import numpy as np

from check_cases import Case
from recsys_workshop.results import ledger


def _ease(x, l2):
    w = _ease_with_diagonal(x, l2)
    np.fill_diagonal(w, 0)
    return w


def _ease_with_diagonal(x, l2):
    p = np.linalg.inv(x.T @ x + l2 * np.eye(x.shape[1]))
    return -p / np.diag(p)


def _user_row(q, x, gram, c, l2):
    left = gram + (q * (c - 1)[:, None]).T @ q + l2 * np.eye(q.shape[1])
    return np.linalg.solve(left, q.T @ (c * x))


def _counted_twice(q, x, gram, c, l2):
    left = gram + (q * c[:, None]).T @ q + l2 * np.eye(q.shape[1])
    return np.linalg.solve(left, q.T @ (c * x))


def _rated_alone(q, x, gram, c, l2):
    left = (q * c[:, None]).T @ q + l2 * np.eye(q.shape[1])
    return np.linalg.solve(left, q.T @ (c * x))


def _rows():
    rows = ledger("16", "tuning").record["rows"]
    return {name: row for name, row in rows.items() if "careless" in row}


def _unfair(page):
    rows = _rows()
    low, high = rows["EASE"]["careless"], rows["EASE"]["valid"]
    return [name for name, row in rows.items() if low < row["valid"] < high]


def _shared(n, buckets):
    return 1 - (1 - 1 / buckets) ** (n - 1)


CASES = {
    "16.ease": Case(
        right=lambda page: _ease,
        stub=lambda page: lambda x, l2: None,
        wrong=[
            lambda page: _ease_with_diagonal,
            lambda page: lambda x, l2: _ease(x, l2).T,  # rows divided
            lambda page: lambda x, l2: -_ease(x, l2),
            lambda page: lambda x, l2: _ease(x, 1.0),  # a fixed l2
            lambda page: lambda x, l2: _ease(x.T, l2),
            lambda page: np.eye(6),
        ],
        says={"`l2` is missing": lambda page: lambda x, l2: _ease(x, 0)},
    ),
    "16.user_row": Case(
        right=lambda page: _user_row,
        stub=lambda page: lambda q, x, gram, c, l2: None,
        wrong=[
            lambda page: _counted_twice,
            lambda page: _rated_alone,
            lambda page: lambda q, x, gram, c, l2: _user_row(q, x, gram, c, 0.0),
            lambda page: lambda q, x, gram, c, l2: _user_row(q, np.ones(4), gram, c, l2),
            lambda page: lambda q, x, gram, c, l2: _user_row(q, x, gram, c, l2)[:1],
        ],
    ),
    "16.unfair": Case(
        right=_unfair,
        stub=lambda page: None,
        wrong=[
            lambda page: list(_rows()),
            lambda page: [],
            lambda page: _unfair(page)[1:],
            lambda page: "ItemKNN",
            lambda page: [*_unfair(page), "Popularity"],
        ],
    ),
    "16.shared": Case(
        right=lambda page: lambda n, buckets: round(_shared(n, buckets), 4),
        stub=lambda page: lambda n, buckets: None,
        wrong=[
            lambda page: lambda n, buckets: 1 - _shared(n, buckets),
            lambda page: lambda n, buckets: min(1.0, n / buckets),
            lambda page: lambda n, buckets: 1 - (1 - 1 / buckets) ** n,
            lambda page: 0.8,
        ],
        says={"in percent": lambda page: lambda *given: 100 * _shared(*given)},
    ),
}
