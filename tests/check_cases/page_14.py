"""Answers to the checks of page 14."""

import numpy as np

from check_cases import Case


def _svd(a, b, anchors=slice(None)):
    return np.linalg.svd(a[anchors].T @ b[anchors])


def _turn(a, b, n):
    u, _, vt = _svd(a, b, n)
    return u @ vt


def _no_mirror(a, b, n):
    u, _, vt = _svd(a, b, n)
    u[:, -1] *= np.sign(np.linalg.det(u @ vt))
    return u @ vt


def _kept(alike, a, b, k, itself=False, mean=True):
    near = []
    for x in (a, b):
        table = alike(x)
        if not itself:
            np.fill_diagonal(table, -np.inf)
        near.append(np.argsort(-table, axis=1)[:, :k])
    share = [len(np.intersect1d(r, s)) / k for r, s in zip(*near, strict=True)]
    return np.mean(share) if mean else share


def _cosines(x):
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    return unit @ unit.T


def _distances(x):
    return -((x[:, None] - x) ** 2).sum(-1)


def _numbers(speaks, first=0):
    hits = [(speaks == m).astype(float) for m in range(first, speaks.max() + 1)]
    return sum(hit.T @ hit for hit in hits)


CASES = {
    "14.rotation": Case(
        right=lambda page: _turn,
        stub=lambda page: lambda a, b, n: None,
        wrong=[
            lambda page: lambda a, b, n: _turn(b, a, n),  # turns b onto a
            lambda page: lambda a, b, n: _turn(a, b, slice(None)),  # on all films
            lambda page: _no_mirror,
            lambda page: lambda a, b, n: _svd(a, b, n)[0] @ _svd(a, b, n)[2].T,
            lambda page: lambda a, b, n: a[n].T @ b[n],  # the sizes still in it
            lambda page: lambda a, b, n: np.linalg.lstsq(a[n], b[n], rcond=None)[0],
            lambda page: lambda a, b, n: np.eye(a.shape[1]),
            lambda page: lambda a, b, n: a @ _turn(a, b, n),
            lambda page: np.eye(4),
        ],
        says={
            "not anchors": lambda page: lambda a, b, n: _turn(a, b, np.setdiff1d(range(len(a)), n)),
            "returns 3 things": lambda page: lambda a, b, n: np.linalg.svd(a[n].T @ b[n]),
        },
    ),
    "14.kept": Case(
        right=lambda page: lambda a, b, k: _kept(_cosines, a, b, k),
        stub=lambda page: lambda a, b, k: None,
        wrong=[
            lambda page: lambda a, b, k: _kept(_cosines, a, b, k, itself=True),
            lambda page: lambda a, b, k: _kept(lambda x: x @ x.T, a, b, k),
            lambda page: lambda a, b, k: _kept(_distances, a, b, k),
            lambda page: lambda a, b, k: _kept(lambda x: -_cosines(x), a, b, k),
            lambda page: lambda a, b, k: k * _kept(_cosines, a, b, k),
            lambda page: lambda a, b, k: _kept(_cosines, a, b, k, mean=False),
            lambda page: 0.5,
        ],
        says={
            "in percent": lambda page: lambda *given: 100 * _kept(_cosines, *given),
            "k + 1": lambda page: lambda a, b, k: _kept(_cosines, a, b, k + 1, itself=True),
        },
    ),
    "14.together": Case(
        right=lambda page: lambda speaks: _numbers(speaks) / len(speaks),
        stub=lambda page: lambda speaks: None,
        wrong=[
            lambda page: _numbers,
            lambda page: lambda speaks: _numbers(speaks) / speaks.shape[1],
            lambda page: lambda speaks: _numbers(speaks, first=1) / len(speaks),
            lambda page: lambda speaks: (speaks == 0).T @ (speaks == 0),
            lambda page: lambda speaks: _numbers(speaks.T) / len(speaks),
            lambda page: lambda speaks: np.corrcoef(speaks.T),
        ],
        says={
            "always together with itself": lambda page: (
                lambda speaks: _numbers(speaks) / len(speaks) - np.eye(speaks.shape[1])
            ),
        },
    ),
}
