"""Answers to the checks of page 07."""

import numpy as np

from check_cases import Case


def _before(shown, clicks):
    return np.searchsorted(np.sort(clicks), shown, side="left")


def _visitors(rate, lift):
    return int(np.ceil(2 * 2.8**2 * rate * (1 - rate) / lift**2))


CASES = {
    "07.clicks_so_far": Case(
        right=lambda page: _before,
        stub=lambda page: lambda shown, clicks: None,
        wrong=[
            lambda page: lambda s, c: np.searchsorted(np.sort(c), s, side="right"),
            lambda page: lambda s, c: np.full(len(s), len(c)),
            lambda page: lambda s, c: (c[None, :] > s[:, None]).sum(1),
            lambda page: lambda s, c: np.searchsorted(c, s),  # clicks not sorted
            lambda page: lambda s, c: _before(np.sort(s), c),
            lambda page: lambda s, c: (c[None, :] < s[:, None]).sum(0),
            lambda page: lambda s, c: (c[None, :] < s[:, None]).mean(1),
            lambda page: 3,
        ],
    ),
    "07.memory": Case(
        right=lambda page: 11.92,
        stub=lambda page: None,
        wrong=[
            lambda page: 2.98,
            lambda page: 8.94,
            lambda page: 12.8,
            lambda page: 9.54,
            lambda page: 25e6 * 32 * 16,
            lambda page: "plenty",
            lambda page: "11.92",  # text for a number
        ],
    ),
    "07.visitors": Case(
        right=lambda page: _visitors,
        also=[  # the variances of both arms, or that of the mean rate: as textbooks have it
            lambda page: lambda r, d: 2.8**2 * (r * (1 - r) + (r + d) * (1 - r - d)) / d**2,
            lambda page: lambda r, d: 2 * 2.8**2 * (r + d / 2) * (1 - r - d / 2) / d**2,
        ],
        stub=lambda page: lambda rate, lift: None,
        wrong=[
            lambda page: lambda r, d: 2 * _visitors(r, d),
            lambda page: lambda r, d: _visitors(r, d) // 2,
            lambda page: lambda r, d: _visitors(r, d) * d,
            lambda page: lambda r, d: 2 * 2.8**2 * np.sqrt(r * (1 - r)) / d**2,
            lambda page: lambda r, d: int(np.ceil(2 * 1.96**2 * r * (1 - r) / d**2)),
            lambda page: lambda r, d: 2 * (1.96**2 + 0.84**2) * r * (1 - r) / d**2,
            lambda page: lambda r, d: 2 * 2.8**2 * r / d**2,
            lambda page: 14_112,
        ],
    ),
    "07.ips": Case(
        right=lambda page: lambda click, new, old: np.average(click * (new / old)),
        stub=lambda page: lambda click, new, old: None,
        wrong=[
            lambda page: lambda click, new, old: (click * old / new).mean(),
            lambda page: lambda click, new, old: (click * new / old).sum() / (new / old).sum(),
            lambda page: lambda click, new, old: (click / old).mean(),
            lambda page: lambda click, new, old: (click * new / old)[click > 0].mean(),
            lambda page: lambda click, new, old: click * new / old,
            lambda page: 0.38,
        ],
    ),
}
