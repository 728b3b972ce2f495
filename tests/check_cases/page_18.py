"""Answers to the checks of page 18."""

import numpy as np

from check_cases import Case


def _int8(table):
    scales = np.abs(table).max(1, keepdims=True) / 127
    scales = np.where(scales > 0, scales, 1)
    return np.round(table / scales).astype(np.int8), scales.astype(np.float32)


def _cut_off(table):
    scales = _int8(table)[1]
    return (table / scales).astype(np.int8), scales


def _one_scale(table):
    scale = np.abs(table).max() / 127
    return np.round(table / scale).astype(np.int8), np.full((len(table), 1), scale)


def _zero_by_zero(table):
    scales = np.abs(table).max(1, keepdims=True) / 127
    return np.round(table / scales).astype(np.int8), scales


def _signs_lost(table):
    scales = np.maximum(table.max(1, keepdims=True) / 127, 1e-9)
    return np.clip(np.round(table / scales), 0, 127).astype(np.int8), scales


def _next_one(r, s, chosen, lam):
    nearest = s[:, chosen].max(axis=1) if chosen else np.zeros(len(r))
    value = lam * r - (1 - lam) * nearest
    value[chosen] = -np.inf
    return int(value.argmax())


def _again(r, s, chosen, lam):
    nearest = s[:, chosen].max(axis=1) if chosen else np.zeros(len(r))
    return int((lam * r - (1 - lam) * nearest).argmax())


def _mean_similarity(r, s, chosen, lam):
    value = lam * r - (1 - lam) * (s[:, chosen].mean(axis=1) if chosen else 0)
    value[chosen] = -np.inf
    return int(value.argmax())


def _attracted(r, s, chosen, lam):
    return _next_one(r, -s, chosen, lam)


def _unweighted(r, s, chosen, lam):
    nearest = s[:, chosen].max(axis=1) if chosen else np.zeros(len(r))
    value = r - nearest
    value[chosen] = -np.inf
    return int(value.argmax())


def _next_share(m, c, w, chosen, b, own=1, twice=2):
    a = len(chosen)
    adds = own * w[a] ** 2 * np.diag(c) + twice * w[a] * (c[:, chosen] @ w[:a])
    value = w[a] * m - b * adds
    value[chosen] = -np.inf
    return int(value.argmax())


def _divergence(p, q):
    there = p > 0
    p, q = p[there], q[there]
    return float((p * np.log(p / (0.99 * q + 0.01 * p))).sum())


def _no_smoothing(p, q):
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.nansum(p * np.log(p / q)))


def _less(nearest):
    def take(r, s, chosen, lam):
        value = lam * r - (1 - lam) * (nearest(s[:, chosen]) if chosen else 0)
        value[chosen] = -np.inf
        return int(value.argmax())

    return take


CASES = {
    "18.int8": Case(
        right=lambda page: _int8,
        stub=lambda page: lambda table: None,
        wrong=[
            lambda page: _cut_off,
            lambda page: _one_scale,
            lambda page: _zero_by_zero,
            lambda page: _signs_lost,
            lambda page: lambda t: _int8(t)[0],
            lambda page: lambda t: (_int8(t)[0].astype(np.int64), _int8(t)[1]),
            lambda page: lambda t: (_int8(t)[0], _int8(t)[1][:, 0]),
        ],
    ),
    "18.next_one": Case(
        right=lambda page: _next_one,
        stub=lambda page: lambda r, s, chosen, lam: None,
        wrong=[
            lambda page: _again,
            lambda page: _mean_similarity,
            lambda page: _attracted,
            lambda page: lambda r, s, chosen, lam: _next_one(r, s, chosen, 1 - lam),
            lambda page: _unweighted,
            lambda page: lambda r, s, chosen, lam: _next_one(r, s, chosen, 1),
            lambda page: lambda r, s, chosen, lam: 0,
            lambda page: 3,
        ],
        says={
            "not the mean": lambda page: _less(lambda alike: alike.mean(1)),
            "that was taken last": lambda page: _less(lambda alike: alike[:, -1]),
            "one position": lambda page: lambda *given: [_next_one(*given)],
        },
    ),
    "18.next_share": Case(
        right=lambda page: _next_share,
        stub=lambda page: lambda mean, c, w, chosen, b: None,
        wrong=[
            lambda page: lambda m, c, w, chosen, b: _next_share(m, c, w, chosen, 0),
            lambda page: lambda m, c, w, chosen, b: _next_share(m, c, w, chosen, -b),
            lambda page: lambda m, c, w, chosen, b: _next_share(m, c, w, chosen, b, twice=1),
            lambda page: lambda m, c, w, chosen, b: _next_share(m, c, w, chosen, b, own=0),
            lambda page: lambda m, c, w, chosen, b: _next_share(m, c, 0 * w + 1, chosen, b),
            lambda page: (
                lambda m, c, w, chosen, b: _next_share(m, np.diag(np.diag(c)), w, chosen, b)
            ),
            lambda page: 3,
        ],
    ),
    "18.divergence": Case(
        right=lambda page: _divergence,
        stub=lambda page: lambda p, q: None,
        wrong=[
            lambda page: lambda p, q: _divergence(q, p),
            lambda page: _no_smoothing,
            lambda page: lambda p, q: float((p * np.log(0.99 * q + 0.01 * p + 1e-12)).sum()),
            lambda page: lambda p, q: np.abs(p - q).sum(),
            lambda page: 0.3,
        ],
        says={"in bits": lambda page: lambda p, q: _divergence(p, q) / np.log(2)},
    ),
}
