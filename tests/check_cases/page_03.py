"""Answers to the checks of page 03."""

import numpy as np

from check_cases import Case


def _nothing(*given):
    return None


def _unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def _nearest(places, i):
    cosine = _unit(places) @ _unit(places)[i]
    cosine[i] = -np.inf
    return int(cosine.argmax())


def _by_product(places, i):
    dot = places @ places[i]
    dot[i] = -np.inf
    return int(dot.argmax())


def _by_distance(places, i):
    apart = ((places - places[i]) ** 2).sum(1)
    apart[i] = np.inf
    return int(apart.argmin())


def _beyond(table, least):
    enough = table[table["ratings"] >= least]
    return enough.loc[enough["beyond"].idxmax(), "title"]


def _turned(P, Q):
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    return P @ rotation, Q @ rotation


def _largest(column, table, least):
    enough = table["ratings"] >= least
    return table.loc[column[enough].idxmax(), "title"]


CASES = {
    "03.guess": Case(
        right=lambda page: ["year", "popularity", "Comedy"],
        stub=lambda page: [],
        wrong=[
            lambda page: ["year", "popularity"],  # too few
            lambda page: ["year", "year", "year"],
            lambda page: ["year", "popularity", "cosiness"],  # cannot be looked up
            lambda page: "year, popularity, Comedy",
        ],
    ),
    "03.loved_beyond": Case(
        right=lambda page: _beyond,
        stub=lambda page: _nothing,
        wrong=[
            lambda page: lambda t, least: t.loc[t["beyond"].idxmax(), "title"],  # rare films, too
            lambda page: lambda t, least: _beyond(t, 50),
            lambda page: lambda t, least: _beyond(t, 80),
            lambda page: lambda t, least: t.loc[t["mean"].idxmax(), "title"],
            lambda page: lambda t, least: t.loc[t["bias"].idxmax(), "title"],
            lambda page: lambda t, least: t["beyond"].idxmax(),  # the row, not the title
            lambda page: "Crash (1996)",
            lambda page: lambda t, least: _largest(t["bias"] - t["mean"], t, least),
            lambda page: lambda t, least: _largest(-t["generosity"], t, least),
            lambda page: lambda t, least: _largest(t["ratings"], t, least),
        ],
        also=[lambda page: lambda t, least: _beyond(t, least + 1)],  # more than `least`
    ),
    "03.nearest": Case(
        right=lambda page: _nearest,
        stub=lambda page: _nothing,
        wrong=[
            lambda page: lambda places, i: int((_unit(places) @ _unit(places)[i]).argmax()),
            lambda page: _by_product,
            lambda page: _by_distance,
            lambda page: lambda places, i: float((_unit(places) @ _unit(places)[i]).max()),
            lambda page: (
                lambda places, i: int(np.delete(_unit(places) @ _unit(places)[i], i).argmax())
            ),
            lambda page: lambda places, i: "Toy Story (1995)",
        ],
    ),
    "03.polarizability": Case(
        right=lambda page: lambda P, Q: ((P - P.mean(0)) @ Q.T).std(0),
        stub=lambda page: _nothing,
        wrong=[
            lambda page: lambda P, Q: (P @ Q.T).std(1),  # the spread over films
            lambda page: lambda P, Q: (P @ Q.T).var(0),
            lambda page: lambda P, Q: np.sqrt(((P @ Q.T) ** 2).mean(0)),  # not centred
            lambda page: lambda P, Q: np.linalg.norm(Q, axis=1),
            lambda page: lambda P, Q: (P @ Q.T).std(),
            lambda page: lambda P, Q: (P @ Q.T).std(0).astype(str),
        ],
    ),
    "03.twin": Case(
        right=lambda page: lambda P, Q: (P / [10, 1, 1, 1], Q * [10, 1, 1, 1]),
        stub=lambda page: lambda P, Q: (P, Q),
        wrong=[
            lambda page: _turned,  # angles stay
            lambda page: lambda P, Q: (P / 2, Q * 2),
            lambda page: lambda P, Q: (P * [10, 1, 1, 1], Q * [10, 1, 1, 1]),
            lambda page: lambda P, Q: P @ Q.T,
        ],
    ),
}
