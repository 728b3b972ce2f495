"""Planted data: ratings made from known tastes, so that a page can check that a method finds them.

    rating = mean + user bias + item bias + user factors . item factors + noise

rounded to whole stars from 1 to 5. As in MovieLens, few users rate many films, few films have many
ratings, people rate films they like more often than others, and in sittings of some minutes.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd

from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.frame import from_frame

AXIS_GENRES = (
    ("Action", "Romance"), ("Comedy", "Thriller"), ("Sci-Fi", "Western"), ("Animation", "Horror"),
    ("Musical", "War"), ("Fantasy", "Documentary"), ("Adventure", "Film-Noir"),
    ("Children's", "Crime"),
)  # fmt: skip
"""Genres at the positive and the negative end of each planted axis."""

_OCCUPATIONS = ("artist", "educator", "engineer", "librarian", "retired", "student", "writer")
_PEOPLE = ("Amina", "Clara", "Edgar", "Hugo", "Ines", "Jonah", "Mina", "Otto", "Rosa", "Viktor")
_PLACES = ("Cairo", "Havana", "Kyoto", "Lima", "Lisbon", "Oslo", "Tangier", "Turin", "Vienna")
_KINDS = ("Amber", "Broken", "Crimson", "Distant", "Electric", "Gentle", "Hollow", "Restless")
_THINGS = (
    "Bridge", "Comet", "Harbour", "Island", "Kingdom", "Ladder", "Letter", "Lighthouse", "Mirror",
    "Orchard", "Promise", "River", "Road", "Shadow", "Storm", "Stranger", "Train", "Violin",
)  # fmt: skip
_FORMS = (
    ("The {} {}", _KINDS, _THINGS), ("The {} of {}", _THINGS, _PLACES),
    ("{} and the {}", _PEOPLE, _THINGS), ("{} in {}", _PEOPLE, _PLACES),
    ("A {} Night in {}", _KINDS, _PLACES), ("Return to the {} {}", _KINDS, _THINGS),
    ("{} and the Last {}", _PEOPLE, _THINGS), ("{}, {} and I", _PEOPLE, _PEOPLE),
    ("The {}'s {}", _THINGS, _THINGS), ("Dear {}, dear {}", _PEOPLE, _PLACES),
)  # fmt: skip
_START = 874_724_400  # seconds; in September 1997, when MovieLens began
_DAY = 86_400


def planted(
    n_users: int = 300,
    n_items: int = 200,
    n_ratings: int = 12_000,
    dim: int = 4,
    *,
    n_tastes: int = 1,
    noise: float = 0.4,
    signal: float = 0.8,
    user_bias: float = 0.35,
    item_bias: float = 0.45,
    mean: float = 3.4,
    selection: float = 1.0,
    min_ratings: int | None = None,
    whole_stars: bool = True,
    seed: int = 0,
) -> Dataset:
    """Make a MovieLens-like Dataset from known tastes.

    Args:
        n_users, n_items, n_ratings: sizes; ids are 1..n_users and 1..n_items.
        dim: number of taste axes; each has 0.8 times the variance of the one before. 0 gives biases
            only: a method that finds tastes there is wrong.
        n_tastes: tastes per user, each for different films. With more than one,
            personal part = sum over tastes of weight * (taste . item factors), and the weights
            are a softmax over tastes of (attention . item factors), most near 0 or 1.
        noise, signal, user_bias, item_bias: standard deviations in stars of the noise, of the
            personal part (user factors . item factors), and of the biases.
        mean: stars of an average user for an average film; rated films are liked a little more.
        selection: how much more often people rate what they like; 0 for no influence of taste.
        min_ratings: fewest ratings per user; None for 20 where the sizes allow it.
        whole_stars: round to 1, 2, 3, 4, 5. False keeps the exact sum, even outside 1 to 5.
        seed: seed of all random numbers.

    Returns:
        A Dataset called "planted". Its `truth` has `mean`, `user_bias` (n_users,), `item_bias`
        (n_items,), `user_factors` (n_users, dim), `item_factors` (n_items, dim), all in stars,
        in vocabulary order; `noise` (stars), `axis_genres` (the genres at both ends of an axis).
        With several tastes also `user_tastes` (n_users, n_tastes, dim), whose mean is then
        `user_factors`, and `user_attention`, of the same shape, without unit.
        Age correlates with the first user factor (about 0.6), gender with none. A few genres are
        wrong on purpose.

    Raises:
        ValueError: impossible sizes.
    """
    sizes = {"n_users": n_users, "n_items": n_items, "n_ratings": n_ratings, "dim": dim}
    sizes["n_tastes"] = n_tastes
    for label, value in sizes.items():
        low = 0 if label == "dim" else 1
        if not isinstance(value, int | np.integer) or value < low:
            raise ValueError(f"planted({label}={value}): must be a whole number >= {low}")
    if n_ratings > n_users * n_items:
        raise ValueError(
            f"planted(n_ratings={n_ratings}): {n_users} users x {n_items} items have only "
            f"{n_users * n_items} pairs; ask for fewer ratings, or more users or items"
        )
    least = min(20, n_ratings // (2 * n_users), n_items) if min_ratings is None else min_ratings

    rng = np.random.default_rng(seed)
    variance = 0.8 ** np.arange(dim)
    axis_sd = np.sqrt(signal * np.sqrt(variance / max(variance.sum(), 1.0)))  # (dim,)
    truth = SimpleNamespace(
        mean=float(mean),
        user_bias=rng.normal(0.0, user_bias, n_users),
        item_bias=rng.normal(0.0, item_bias, n_items),
        user_factors=rng.normal(size=(n_users, dim)) * axis_sd,
        item_factors=rng.normal(size=(n_items, dim)) * axis_sd,
        noise=float(noise),
        axis_genres=AXIS_GENRES[:dim],
    )
    if n_tastes > 1:
        shape = (n_users, n_tastes, dim)
        truth.user_tastes = rng.normal(size=shape) * axis_sd
        truth.user_factors = truth.user_tastes.mean(1)
        sharp = 10.0 / np.sqrt(max(dim, 1))  # logits have a standard deviation of 10
        truth.user_attention = rng.normal(size=shape) * sharp / np.maximum(axis_sd, 1e-12)
    counts = _activity(rng, n_users, n_items, n_ratings, least)
    user, item = _choose(rng, counts, truth, selection, signal)
    rating = truth.mean + truth.user_bias[user] + truth.item_bias[item]
    rating = rating + _personal(truth, user, item) + rng.normal(0.0, noise, n_ratings)
    if whole_stars:
        rating = np.clip(np.rint(rating), 1.0, 5.0)
    columns = {"user": user + 1, "item": item + 1, "rating": rating}
    ratings = pd.DataFrame(columns | {"timestamp": _times(rng, counts)})
    made = from_frame(
        ratings.iloc[rng.permutation(n_ratings)],  # the files of MovieLens are in no order either
        _users(rng, truth, axis_sd),
        _items(rng, truth, axis_sd),
        name="planted",
        source=f"ratings invented by planted(seed={seed})",
    )
    return replace(made, truth=truth, scale=(1.0, 5.0) if whole_stars else made.scale)


def _personal(truth: SimpleNamespace, user: np.ndarray, item: np.ndarray) -> np.ndarray:
    """The personal part of these users' ratings of these items: (n,) in stars."""
    q = truth.item_factors[item]
    if not hasattr(truth, "user_tastes"):
        return np.einsum("nd,nd->n", truth.user_factors[user], q)
    liking = np.einsum("nmd,nd->nm", truth.user_tastes[user], q)
    logits = np.einsum("nmd,nd->nm", truth.user_attention[user], q)
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return (weights * liking).sum(1) / weights.sum(1)


def _activity(
    rng: np.random.Generator, n_users: int, n_items: int, n_ratings: int, least: int
) -> np.ndarray:
    """How many films each user rates: (n_users,), skewed, from `least` to n_items."""
    eagerness = rng.lognormal(0.0, 0.9, n_users)
    counts = np.full(n_users, least, dtype=np.int64)
    while (missing := n_ratings - int(counts.sum())) > 0:
        open_ = np.flatnonzero(counts < n_items)
        share = eagerness[open_] / eagerness[open_].sum() * missing
        extra = np.floor(share).astype(np.int64)
        rest = missing - int(extra.sum())
        extra[np.argsort(extra - share)[:rest]] += 1  # the largest fractions are rounded up
        counts[open_] = np.minimum(counts[open_] + extra, n_items)
    return counts


def _choose(
    rng: np.random.Generator, counts: np.ndarray, truth: SimpleNamespace, selection: float,
    signal: float,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Which films each user rates: positions user (n,), item (n,), sorted by user, no pair twice.

    Films are drawn by popularity and kept with a probability that grows with the personal part;
    second draws of a film are dropped. That is drawing without replacement.
    """
    n_users, n_items = len(counts), len(truth.item_bias)
    # Popularity falls like a power of the rank; loved films are somewhat more popular.
    quality = truth.item_bias / max(float(truth.item_bias.std()), 1e-12)
    rank = np.empty(n_items)
    rank[np.argsort(-(0.4 * quality + rng.normal(size=n_items)))] = np.arange(n_items)
    popularity = 1.0 / (rank + 0.05 * n_items + 1.0)
    ladder = np.cumsum(popularity / popularity.sum())

    def chance(user: np.ndarray, item: np.ndarray) -> np.ndarray:
        personal = _personal(truth, user, item)
        return 1.0 / (1.0 + np.exp(-selection * personal / signal))

    taken = np.empty(0, dtype=np.int64)  # pairs user * n_items + item
    wanted, rounds = counts.copy(), 0
    # In a large catalogue, looking at all films costs more than a few more rounds of drawing.
    while wanted.any() and (rounds < 12 or np.count_nonzero(wanted) * n_items > 2**26):
        rounds += 1
        user = np.repeat(np.arange(n_users), wanted)
        item = np.minimum(np.searchsorted(ladder, rng.random(len(user))), n_items - 1)
        keep = rng.random(len(user)) < chance(user, item)
        taken = np.sort(np.concatenate([taken, user[keep] * n_items + item[keep]]), kind="stable")
        taken = taken[np.diff(taken, prepend=-1) > 0]
        wanted = counts - np.bincount(taken // n_items, minlength=n_users)
    late = np.flatnonzero(wanted)
    if len(late):  # they rate nearly everything, so look at all films at once
        who, films = np.repeat(late, n_items), np.tile(np.arange(n_items), len(late))
        key = np.log(popularity[films] * chance(who, films)) + rng.gumbel(size=len(who))
        key[np.isin(who * n_items + films, taken)] = -np.inf
        order = np.argsort(-key.reshape(len(late), n_items), axis=1)
        more = [
            u * n_items + best[:n] for u, best, n in zip(late, order, wanted[late], strict=True)
        ]
        taken = np.sort(np.concatenate([taken, *more]))
    return np.divmod(taken, n_items)


def _times(rng: np.random.Generator, counts: np.ndarray) -> np.ndarray:
    """Seconds (n,) of rows that are sorted by user: sittings, with days between them.

    The order of the films within a user is random.
    """
    n, n_users = int(counts.sum()), len(counts)
    gap = 1 + rng.exponential(25.0, n).astype(np.int64)
    pause = rng.random(n) < 0.03
    gap[pause] += rng.exponential(5.0 * _DAY, int(pause.sum())).astype(np.int64)
    arrival = _START + rng.integers(0, 200 * _DAY, n_users)
    user = np.repeat(np.arange(n_users), counts)
    elapsed = np.cumsum(gap)
    before = np.concatenate([[0], elapsed])[np.cumsum(counts) - counts]
    return (arrival[user] + elapsed - before[user])[np.lexsort((rng.random(n), user))]


def _users(rng: np.random.Generator, truth: SimpleNamespace, axis_sd: np.ndarray) -> pd.DataFrame:
    n = len(truth.user_bias)
    taste = np.zeros(n)
    if len(axis_sd) and axis_sd[0] > 0:
        taste = truth.user_factors[:, 0] / axis_sd[0]
    age = 34.0 + 12.0 * (0.6 * taste + 0.8 * rng.normal(size=n))
    return pd.DataFrame(
        {
            "user": np.arange(1, n + 1),
            "age": np.clip(np.rint(age), 7, 80).astype(np.int64),
            "gender": rng.choice(["F", "M"], n),
            "occupation": rng.choice(_OCCUPATIONS, n),
        }
    )


def _items(rng: np.random.Generator, truth: SimpleNamespace, axis_sd: np.ndarray) -> pd.DataFrame:
    n = len(truth.item_bias)
    columns: list[np.ndarray] = []
    names: list[str] = []
    for axis, ends in enumerate(truth.axis_genres):
        place = truth.item_factors[:, axis] / max(float(axis_sd[axis]), 1e-12)
        place = place + rng.normal(0.0, 0.3, n)  # genres show tastes, but not exactly
        columns += [place > 0.7, place < -0.7]
        names += ends
    genres = [tuple(names[j] for j, c in enumerate(columns) if c[i]) for i in range(n)]
    return pd.DataFrame(
        {
            "item": np.arange(1, n + 1),
            "title": _titles(rng, n),
            "year": 1998 - np.minimum(rng.exponential(9.0, n).astype(np.int64), 70),
            "genres": pd.Series([g or ("Drama",) for g in genres], dtype="object"),
        }
    )


def _titles(rng: np.random.Generator, n: int) -> list[str]:
    """n different invented film titles that can be read aloud."""
    whole = [f.format(a, b) for f, some, others in _FORMS for a in some for b in others if a != b]
    whole = [t.replace("A Amber", "An Amber").replace("A Electric", "An Electric") for t in whole]
    order = rng.permutation(len(whole))
    titles = [whole[order[i % len(whole)]] for i in range(n)]
    parts = [1 + i // len(whole) for i in range(n)]  # after the last title come sequels
    return [t if part == 1 else f"{t} {part}" for t, part in zip(titles, parts, strict=True)]
