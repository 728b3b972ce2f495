"""Planted sequences: users whose next film depends on the last ones, by a known chain.

Every film belongs to a mood (its genre), and moods follow each other:

    P(next = i | the past) ~ T[moods of the last films, mood of i] * popularity of i,

among the films that the user has not seen, popularities adding up to 1 within a mood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd

from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.frame import from_frame
from recsys_tutorial.datasets.planted import AXIS_GENRES, _titles

_MOODS = [name for ends in AXIS_GENRES for name in ends]
_START = 874_724_400  # seconds; in September 1997
_GAP = 60  # seconds from one film to the next


def planted_sequences(
    n_users: int = 400,
    n_items: int = 120,
    *,
    moods: int = 6,
    order: int = 1,
    follow: float = 0.8,
    length: tuple[int, int] = (20, 50),
    seed: int = 0,
) -> Dataset:
    """Make a Dataset of sequences from a known Markov chain of moods.

    Args:
        n_users, n_items: sizes; ids are 1..n_users and 1..n_items.
        moods: how many there are, of about equally many films each.
        order: how many of the last films the next mood depends on. With 1 each mood has its own
            successor. With 2 it depends on the last two, and the last film alone says nothing.
        follow: how often the preferred mood comes next; otherwise any mood does. 0: no order.
        length: smallest and largest number of films per user.
        seed: seed of all random numbers.

    Returns:
        A Dataset called "planted-sequences", with all times different. Its `truth` has `order`,
        `mood` (n_items,), `transition` (moods, ..., moods) with the next mood on the last axis,
        and `popularity` (n_items,). Ratings know users and films but no order.
    """
    low, high = length
    rng = np.random.default_rng(seed)
    mood = rng.permutation(np.arange(n_items) % moods)
    popularity = rng.lognormal(0.0, 0.7, n_items)
    for m in range(moods):
        popularity[mood == m] /= popularity[mood == m].sum()
    truth = SimpleNamespace(
        order=order,
        mood=mood,
        transition=_chain(rng, moods, order, follow),
        popularity=popularity,
    )
    seen = np.zeros((n_users, n_items), dtype=bool)
    last = rng.integers(0, moods, (n_users, order))  # the moods in which users come
    films = np.empty((n_users, high), dtype=np.int64)
    for step in range(high):
        chance = truth.transition[tuple(last.T)][:, mood] * popularity  # (n_users, n_items)
        with np.errstate(divide="ignore"):
            key = np.log(chance) + rng.gumbel(size=chance.shape)  # its largest is a draw
        key[seen] = -np.inf
        films[:, step] = key.argmax(1)
        seen[np.arange(n_users), films[:, step]] = True
        last = np.column_stack([last[:, 1:], mood[films[:, step]]])
    count = rng.integers(low, high + 1, n_users)
    user, turn = np.nonzero(np.arange(high) < count[:, None])
    item = films[user, turn]
    user_bias, item_bias = rng.normal(0, 0.4, n_users), rng.normal(0, 0.5, n_items)
    exact = 3.5 + user_bias[user] + item_bias[item] + rng.normal(0, 0.5, len(user))
    ratings = pd.DataFrame(
        {
            "user": user + 1,
            "item": item + 1,
            "rating": np.clip(np.rint(exact), 1.0, 5.0),
            "timestamp": _START + rng.integers(0, 10**7, n_users)[user] + _GAP * turn,
        }
    ).iloc[rng.permutation(len(user))]
    items = pd.DataFrame(
        {
            "item": np.arange(1, n_items + 1),
            "title": _titles(rng, n_items),
            "genres": pd.Series([(_MOODS[m],) for m in mood], dtype="object"),
        }
    )
    source = f"a planted chain, made by planted_sequences(seed={seed})"
    made = from_frame(ratings, items=items, name="planted-sequences", source=source)
    return replace(made, truth=truth, scale=(1.0, 5.0))


def _chain(rng: np.random.Generator, moods: int, order: int, follow: float) -> np.ndarray:
    """Chances (moods, ..., moods) of the next mood, last axis, after `order` moods."""
    turn = rng.permutation(moods)  # a round of all moods, so that none is a dead end
    place = np.argsort(turn)
    if order == 1:
        preferred = turn[(place + 1) % moods]
    else:  # two threads that take turns: what follows is ruled by the last film but one
        preferred = np.repeat(turn[(place + 1) % moods][:, None], moods, axis=1)
    return follow * np.eye(moods)[preferred] + (1 - follow) / moods


def next_chances(truth: SimpleNamespace, items: Sequence[int] | np.ndarray) -> np.ndarray:
    """What comes after these items (positions, in order): exact chances (n_items,).

    They are the best possible scores: no model can rank better, on average. Give at least `order`
    items.
    """
    seen = np.asarray(items, dtype=np.int64)
    after = truth.transition[tuple(truth.mood[seen[-truth.order :]])]
    chance = after[truth.mood] * truth.popularity
    chance[seen] = 0
    return chance / chance.sum()
