"""Answers to the checks of page 02."""

import io

import numpy as np
import pandas as pd
import torch

import recsys_tutorial as rt
from check_cases import Case

TABLE = pd.DataFrame(
    {
        "rmse": [1.2, 0.93, None, None],
        "auc": [0.6, 0.7, 0.65, 0.5],
        "recall@10": [0, 0.05, 0.2, 0.1],
    },
    index=["loose", "held", "ranked", "other"],
)


def _choice(stars, window):
    return lambda page: ({"stars": stars, "window": window}, TABLE)


def _user_mean(rows, of):
    sums = np.bincount(of.user, weights=of.rating, minlength=of.n_users)
    counts = of.counts("user")
    means = np.where(counts > 0, sums / np.maximum(counts, 1), of.rating.mean())
    return means[rows.user]


def _item_mean(rows, of):
    sums = np.bincount(of.item, weights=of.rating, minlength=of.n_items)
    return (sums / np.maximum(of.counts("item"), 1))[rows.item]


def _forward(function):
    return lambda page: type("Mine", (rt.models.BiasedMF,), {"forward": function})


def _tables(self, batch):
    b_u, b_i = self.rows(self.user_bias, batch.user), self.rows(self.item_bias, batch.item)
    p, q = self.rows(self.user_factors, batch.user), self.rows(self.item_factors, batch.item)
    return b_u, b_i, p, q


def _right(self, batch):
    b_u, b_i, p, q = _tables(self, batch)
    return self.mean + b_u + b_i + (p * q).sum(-1)


def _dot(self, batch):
    _, _, p, q = _tables(self, batch)
    return torch.einsum("...d,...d->...", p, q)


def _stub(self, batch):
    return self.mean + self.rows(self.user_bias, batch.user)


def _no_mean(self, batch):
    b_u, b_i, p, q = _tables(self, batch)
    return b_u + b_i + (p * q).sum(-1)


def _no_film(self, batch):
    b_u, _, p, q = _tables(self, batch)
    return self.mean + b_u + (p * q).sum(-1)


def _wrong_axis(self, batch):
    b_u, b_i, p, q = _tables(self, batch)
    return self.mean + b_u + b_i + (p * q).sum(0)


def _everything(self, batch):
    b_u, b_i, p, q = _tables(self, batch)
    return self.mean + b_u + b_i + (p * q).sum()


def _axis_one(self, batch):  # right for rows, wrong when films are ranked
    b_u, b_i, p, q = _tables(self, batch)
    return self.mean + b_u + b_i + (p * q).sum(1)


def _nothing(self, batch):
    return None


CLUB = """member;book;stars
Ada;Emma;5
Ada;Dracula;2
Ada;Persuasion;5
Ben;Dracula;5
Ben;Frankenstein;4
Ben;Emma;1
Cleo;Emma;4
Cleo;Persuasion;5
Cleo;Middlemarch;4
Dan;Frankenstein;5
Dan;Dracula;4
Dan;Middlemarch;2"""


def _club(**names):
    frame = pd.read_csv(io.StringIO(CLUB), sep=";").rename(columns=names)
    return rt.datasets.from_frame(frame[[c for c in frame if c in ("user", "item", "rating")]])


def _shuffled_ratings():
    frame = pd.read_csv(io.StringIO(CLUB), sep=";")
    frame = frame.rename(columns={"member": "user", "book": "item", "stars": "rating"})
    return rt.datasets.from_frame(frame.assign(rating=frame["rating"].to_numpy()[::-1]))


CASES = {
    "02.choose": Case(
        right=_choice("held", "ranked"),
        stub=lambda page: (None, TABLE),
        wrong=[
            _choice("loose", "ranked"),
            _choice("held", "held"),  # one run for both jobs
            _choice("ranked", "ranked"),  # a run without an RMSE
            _choice("held", "other"),
            lambda page: ({"stars": 0, "window": 1}, TABLE),
            lambda page: ("held", TABLE),
            lambda page: ({"stars": TABLE.loc["held"], "window": "ranked"}, TABLE),
        ],
    ),
    "02.shrunk": Case(
        right=lambda page: lambda n, d, l2: n * d / (n + l2),
        stub=lambda page: lambda n, d, l2: None,
        wrong=[
            lambda page: lambda n, d, l2: d / (1 + l2),  # the batch penalty's
            lambda page: lambda n, d, l2: n * d / (n + 2 * l2),
            lambda page: lambda n, d, l2: d,
            lambda page: 0.5,
            lambda page: lambda n, d, l2: str(n * d / (n + l2)),
            lambda page: lambda n, d, l2: n * d / (n + l2**2),
        ],
        also=[
            lambda page: lambda n, d, l2: d / (1 + l2 / n),
        ],
    ),
    "02.fool_auc": Case(
        right=lambda page: _user_mean(page.valid, page.train),
        stub=lambda page: None,
        wrong=[
            lambda page: np.full(len(page.valid), 3.5),
            lambda page: _item_mean(page.valid, page.train),  # knows films
            lambda page: _user_mean(page.valid, page.valid),  # looked at the answers
            lambda page: _user_mean(page.train, page.train),  # rows of the other part
            lambda page: -_user_mean(page.valid, page.train),
            lambda page: _user_mean(page.valid, page.train).astype(str),
            lambda page: _user_mean(page.valid, page.train).round(),
            lambda page: _user_mean(page.valid, rt.datasets.concat(page.train, page.valid)),
        ],
        also=[
            lambda page: _user_mean(page.valid, page.train) - page.train.rating.mean(),
        ],
    ),
    "02.forward": Case(
        right=_forward(_right),
        stub=_forward(_stub),
        wrong=[
            _forward(_no_mean),
            _forward(_no_film),
            _forward(_wrong_axis),
            _forward(_everything),
            _forward(_axis_one),
            _forward(_nothing),
            lambda page: rt.models.MF,
            _forward(lambda self, batch: _right(self, batch).squeeze()),
            _forward(lambda self, batch: _right(self, batch).detach()),
            _forward(lambda self, batch: _right(self, batch).clamp(1, 5)),
        ],
        also=[
            _forward(
                lambda self, batch: sum(_tables(self, batch)[:2], self.mean) + _dot(self, batch)
            ),
        ],
    ),
    "02.own_csv": Case(
        right=lambda page: _club(member="user", book="item", stars="rating"),
        stub=lambda page: None,
        wrong=[
            lambda page: _club(member="item", book="user", stars="rating"),
            lambda page: _club(member="user", book="item"),  # no ratings
            lambda page: pd.read_csv(io.StringIO(CLUB), sep=";"),
            lambda page: page.data,
            lambda page: _shuffled_ratings(),
        ],
    ),
}
