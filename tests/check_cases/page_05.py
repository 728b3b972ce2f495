"""Answers to the checks of page 05."""

import numpy as np

from check_cases import Case


def _pmi(n):
    return np.log(n * n.sum() / (n.sum(1, keepdims=True) * n.sum(0, keepdims=True)))


def _target(v, a, b, c):
    unit = v / np.linalg.norm(v, axis=1, keepdims=True)
    return unit[c] + unit[b] - unit[a]


def _backwards(v, a, b, c):
    return _target(v, b, a, c)


def _no_start(v, a, b, c):
    unit = v / np.linalg.norm(v, axis=1, keepdims=True)
    return unit[b] - unit[a]


def _best(n_wc, n_w, n_c, n, k):
    return np.log(n_wc * n / (n_w * n_c)) - np.log(k)


def _probability(n_wc, n_w, n_c, n, k):
    made_up = k * n_w * n_c / n
    return n_wc / (n_wc + made_up)


CASES = {
    "05.pmi": Case(
        right=lambda page: _pmi,
        stub=lambda page: lambda n: None,
        wrong=[
            lambda page: lambda n: np.exp(_pmi(n)),
            lambda page: lambda n: np.log2(np.exp(_pmi(n))),
            lambda page: lambda n: np.log(n / (n.sum(1, keepdims=True) * n.sum(0, keepdims=True))),
            lambda page: lambda n: np.log(n / n.sum(1, keepdims=True)),
            lambda page: (
                lambda n: np.log(n * n.sum() / (n.sum(1) * n.sum(0)))
            ),  # broadcasts wrongly
            lambda page: lambda n: np.log(n * n.sum() / n.sum(1, keepdims=True) ** 2),
            lambda page: lambda n: np.full_like(n, np.nan),
            lambda page: lambda n: _pmi(n).sum(),
            lambda page: lambda n: np.maximum(_pmi(n), 0),
            lambda page: lambda n: _pmi(n).astype(str),
        ],
    ),
    "05.target": Case(
        right=lambda page: _target,
        stub=lambda page: lambda v, a, b, c: None,
        wrong=[
            lambda page: lambda v, a, b, c: v[b] - v[a] + v[c],  # lengths decide
            lambda page: _backwards,
            lambda page: _no_start,
            lambda page: lambda v, a, b, c: int(c),
            lambda page: lambda v, a, b, c: np.zeros(3),
            lambda page: lambda v, a, b, c: v[c],
            lambda page: lambda v, a, b, c: v[b],
        ],
    ),
    "05.best_score": Case(
        right=lambda page: _best,
        stub=lambda page: lambda n_wc, n_w, n_c, n, k: None,
        wrong=[
            lambda page: lambda n_wc, n_w, n_c, n, k: np.log(n_wc * n / (n_w * n_c)),
            lambda page: lambda n_wc, n_w, n_c, n, k: np.log(k * n_wc * n / (n_w * n_c)),
            lambda page: lambda n_wc, n_w, n_c, n, k: n_wc * n / (k * n_w * n_c),
            lambda page: lambda n_wc, n_w, n_c, n, k: np.log(k * n_w * n_c / (n_wc * n)),
            lambda page: _probability,
            lambda page: lambda n_wc, n_w, n_c, n, k: 0.0,
            lambda page: lambda n_wc, n_w, n_c, n, k: np.log(n_wc * n / (n_w * n_c)) - k,
            lambda page: lambda *given: str(_best(*given)),
        ],
    ),
}
