"""Answers to the checks of page 08."""

import numpy as np

from check_cases import Case


def _right(genres, names):
    return np.array([[name in of_film for name in names] for of_film in genres], dtype=float)


def _first_only(genres, names):
    return np.array([[name == (*g, None)[0] for name in names] for g in genres], dtype=float)


def _mean(genres, names):
    return np.array([[(name in g) / max(len(g), 1) for name in names] for g in genres])


def _turned(genres, names):
    return _right(genres, names).T


def _pulled(prior, ratings, strength):
    return np.average([prior, *ratings], weights=[strength, *np.ones(len(ratings))])


CASES = {
    "08.pulled": Case(
        right=lambda page: _pulled,
        stub=lambda page: lambda prior, ratings, strength: None,
        wrong=[
            lambda page: lambda p, r, k: r.mean(),
            lambda page: lambda p, r, k: (p + r.sum()) / (1 + len(r)),
            lambda page: lambda p, r, k: (k * p + r.mean()) / (k + 1),
            lambda page: lambda p, r, k: _pulled(p, r, k) if len(r) else 0.0,
            lambda page: 4.0,
        ],
    ),
    "08.multi_hot": Case(
        right=lambda page: _right,
        stub=lambda page: lambda genres, names: None,
        wrong=[
            lambda page: _first_only,
            lambda page: _mean,
            lambda page: _turned,
            lambda page: lambda genres, names: 2 * _right(genres, names),
            lambda page: np.zeros((4, 3)),
        ],
    ),
    "08.for_ana": Case(
        right=lambda page: 4.6,
        stub=lambda page: None,
        wrong=[
            lambda page: 3.8,  # no vectors
            lambda page: 4.15,  # mean of the genres
            lambda page: 4.2,  # a sign
            lambda page: 4.5,  # no biases of genres
            lambda page: 1.1,  # no mean
            lambda page: 4.4,  # no bias of Ana's
            lambda page: "4.6",  # text for a number
        ],
    ),
}
