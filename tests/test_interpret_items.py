"""rt.interpret of single items: biases, polarizability, neighbours, and finding them by title."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hand_models import fitted, with_factors

import recsys_tutorial as rt
from recsys_tutorial import interpret
from recsys_tutorial.datasets import from_frame, planted


@pytest.fixture(scope="module")
def data():
    return planted()


@pytest.fixture(scope="module")
def model(data):
    return fitted(data)


@pytest.fixture
def hand(small, rng):
    """A model of random tables on `small`, and these tables."""
    p = rng.normal(size=(small.n_users, 4)) + np.array([2.0, 0.0, -1.0, 0.0])  # with a mean
    q = rng.normal(size=(small.n_items, 4)) * [1.0, 0.6, 0.3, 0.1]
    return with_factors(small, p, q), p, q


# ---- items --------------------------------------------------------------------------------------


def test_biases_add_up_to_the_mean_rating(data, model):
    table = interpret.biases(model, data)
    total = float(model.mean) + table[["bias", "generosity", "fans", "rest"]].sum(axis=1)
    np.testing.assert_allclose(total, table["mean"])
    means = data.ratings.groupby("item")["rating"].mean()
    np.testing.assert_allclose(table["mean"], means.reindex(table["item"]))
    assert table.loc[table["ratings"] >= 50, "rest"].abs().max() < 0.1
    assert np.corrcoef(table["bias"], data.truth.item_bias)[0, 1] > 0.9


def test_what_all_people_share_belongs_to_the_bias_and_not_to_polarizability(small, rng):
    p = np.tile([1.0, 0.0], (small.n_users, 1))
    p[:, 1] = rng.normal(size=small.n_users)
    q = np.zeros((small.n_items, 2))
    q[0] = 0.8, 0.0  # everybody gives it 0.8 stars more
    q[1] = 0.0, 0.5  # people disagree about it
    model = with_factors(small, p, q, b_i=np.full(small.n_items, 0.1))
    bias = interpret.biases(model, small)["bias"]
    spread = interpret.polarizability(model, small)["polarizability"]
    assert np.isclose(bias[0], 0.9)
    assert np.isclose(spread[0], 0)
    assert np.isclose(spread[1], 0.5 * p[:, 1].std())
    assert np.isclose(bias[1], 0.1 + 0.5 * p[:, 1].mean())


def test_film_of_stern_people_is_loved_beyond_its_ratings(rng):
    """Two films that all find equally good; one is rated by the stern half, one by the generous."""
    n = 200
    stern = np.arange(n) < n // 2
    rows = []
    for user in range(n):
        for item in range(20):
            if (item == 0 and not stern[user]) or (item == 1 and stern[user]):
                continue
            rating = 3.5 + (-0.5 if stern[user] else 0.5) + rng.normal(0, 0.3)
            rows.append((user, item, rating))
    data = from_frame(pd.DataFrame(rows, columns=["user", "item", "rating"]))
    model = rt.models.BiasedMF.for_dataset(data, dim=4)
    rt.fit(model, data, epochs=60, progress=False)  # until the biases of people have settled
    table = interpret.biases(model, data)
    assert table["mean"][1] - table["mean"][0] > 0.8
    assert abs(table["bias"][1] - table["bias"][0]) < 0.2
    assert table["beyond"][0] > 0.35 > -0.35 > table["beyond"][1]


def test_polarizability_is_the_spread_over_people(hand, small):
    model, p, q = hand
    table = interpret.polarizability(model, small)
    np.testing.assert_allclose(table["polarizability"], (p @ q.T).std(0))
    log_n = np.log(table["ratings"])
    assert abs(np.corrcoef(table["beyond_popularity"], log_n)[0, 1]) < 1e-9
    slope, start = np.polyfit(log_n, table["polarizability"], 1)
    left = table["polarizability"] - start - slope * log_n
    np.testing.assert_allclose(table["beyond_popularity"], left, atol=1e-9)


def test_planted_polarising_film_is_found(rng):
    """Ten films that split the people, ninety that please all alike (more or less)."""
    n_users, n_items = 300, 100
    side = rng.choice([-1.0, 1.0], n_users)
    split = np.where(np.arange(n_items) < 10, 1.0, 0.1)
    user, item = np.nonzero(rng.random((n_users, n_items)) < 0.3)
    rating = 3.3 + side[user] * split[item] + rng.normal(0, 0.5, len(user))
    frame = pd.DataFrame({"user": user, "item": item, "rating": rating})
    data = from_frame(frame)
    table = interpret.polarizability(fitted(data), data)
    by_spread = table.sort_values("polarizability", ascending=False)
    assert set(by_spread["item"][:10]) == set(range(10))
    # One star to either side, shrunk: each user has rated about three of the ten.
    assert by_spread["polarizability"].iloc[:10].between(0.3, 1.0).all()
    assert by_spread["polarizability"].iloc[9] > 2 * by_spread["polarizability"].iloc[10]


def test_neighbours_are_those_that_please_the_same_people(hand, small):
    model, p, q = hand
    title = small.items["title"].iloc[5]
    table = interpret.neighbours(model, small, title, k=4, min_ratings=1)
    correlation = np.corrcoef((p @ q.T).T)[5]
    correlation[5] = -np.inf
    best = np.argsort(-correlation)[:4]
    assert list(table["item"]) == list(small.items["item"].iloc[best])
    np.testing.assert_allclose(table["similarity"], correlation[best])
    assert table.columns.name == f"like {title}"


def test_neighbours_have_ratings_enough_and_never_include_the_film(data, model):
    title = data.items["title"].iloc[data.counts("item").argmax()]
    table = interpret.neighbours(model, data, title, k=500, min_ratings=60)
    assert table["ratings"].min() >= 60
    assert title not in set(table["title"])
    assert len(table) == (data.counts("item") >= 60).sum() - 1
    with pytest.raises(ValueError, match=r"k must be .* got 0"):
        interpret.neighbours(model, data, title, k=0)


# ---- titles -------------------------------------------------------------------------------------


TITLES = [
    "Toy Story (1995)",
    "Godfather, The (1972)",
    "Godfather: Part II, The (1974)",
    "Misérables, Les (1995)",
    "Batman (1989)",
    "Batman Forever (1995)",
    "Batman Returns (1992)",
    "Alien (1979)",
    "Aliens (1986)",
    "Hugo Pool (1997)",
    "Hugo Pool (1997)",  # two ids of one title, as MovieLens has
]


@pytest.fixture(scope="module")
def titled():
    ratings = pd.DataFrame({"user": 1, "item": [*range(len(TITLES)), 10], "rating": 4.0})
    ratings.loc[len(TITLES), "user"] = 2
    items = pd.DataFrame({"item": range(len(TITLES)), "title": TITLES})
    return from_frame(ratings, items=items)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("Toy Story (1995)", 0),
        ("toy story", 0),
        ("toy stroy", 0),
        ("the godfather", 1),
        ("Godfather", 1),
        ("godfather part ii", 2),
        ("les miserables", 3),
        ("Miserables", 3),
        ("batman", 4),
        ("returns", 6),
        ("alien", 7),
        ("aliens", 8),
        ("hugo pool", 10),  # the one with more ratings
    ],
)
def test_titles_are_found_as_people_type_them(titled, typed, found):
    assert interpret.find(titled, typed) == found


@pytest.mark.parametrize("typed", ["bat", "zzzz", "forever young at heart", "", 7, "  "])
def test_titles_that_cannot_be_made_out_are_refused(titled, typed):
    with pytest.raises(KeyError):
        interpret.find(titled, typed)


def test_refusal_suggests_titles_that_come_close(titled):
    with pytest.raises(KeyError, match=r"several titles match.*Batman \(1989\).*Batman Returns"):
        interpret.find(titled, "bat")
    with pytest.raises(KeyError, match="no title is like 'tay glory': check the spelling"):
        interpret.find(titled, "tay glory")
