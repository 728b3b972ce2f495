"""Planted data: the sizes asked for, the look of MovieLens, and tastes that can be found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_tutorial.datasets import Dataset, planted
from recsys_tutorial.datasets.planted import AXIS_GENRES


def personal(data: Dataset) -> np.ndarray:
    """The planted personal part (n_users, n_items) in stars."""
    assert data.truth is not None
    return data.truth.user_factors @ data.truth.item_factors.T


def expected(data: Dataset) -> np.ndarray:
    """The planted rating of every pair (n_users, n_items), before noise and rounding."""
    t = data.truth
    assert t is not None
    return t.mean + t.user_bias[:, None] + t.item_bias + personal(data)


class Alternating:
    """mean + biases + dim factors by alternating ridge regressions: a finder of its own kind,
    so that this test trusts no model of the library."""

    def __init__(self, train: Dataset, dim: int, ridge: float, sweeps: int = 30) -> None:
        shape = (train.n_users, train.n_items)
        seen, rest = np.zeros(shape), np.zeros(shape)
        self.mean = train.rating.mean()
        seen[train.user, train.item] = 1.0
        rest[train.user, train.item] = train.rating - self.mean
        rng = np.random.default_rng(0)
        # Columns: bias, then factors.
        self.user = np.zeros((shape[0], 1 + dim))
        self.item = rng.normal(0.0, 0.1, (shape[1], 1 + dim))
        for _ in range(sweeps):
            self.user = self._solve(seen, rest, self.item, ridge)
            self.item = self._solve(seen.T, rest.T, self.user, ridge)

    @staticmethod
    def _solve(seen: np.ndarray, rest: np.ndarray, other: np.ndarray, ridge: float) -> np.ndarray:
        known = np.column_stack([np.ones(len(other)), other[:, 1:]])
        target = seen * (rest - other[:, 0])
        left = np.einsum("ui,id,ie->ude", seen, known, known, optimize=True)
        left += ridge * np.eye(known.shape[1])
        return np.linalg.solve(left, (target @ known)[..., None])[..., 0]

    def scores(self) -> np.ndarray:
        biases = self.mean + self.user[:, :1] + self.item[:, 0]
        return biases + self.user[:, 1:] @ self.item[:, 1:].T


def rmse(scores: np.ndarray, part: Dataset) -> float:
    return float(np.sqrt(np.mean((scores[part.user, part.item] - part.rating) ** 2)))


# ---- tastes can be found --------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_factors_clearly_beat_biases_by_default(seed: int) -> None:
    data = planted(seed=seed)
    train, _, test = data.split("random", valid=0.0, test=0.2, seed=seed)
    biases = rmse(Alternating(train, dim=0, ridge=3.0).scores(), test)
    factors = rmse(Alternating(train, dim=4, ridge=3.0).scores(), test)
    floor = rmse(np.clip(expected(data), 1, 5), test)
    assert factors < 0.9 * biases
    assert floor < factors  # nobody beats the one who knows
    assert factors - floor < 0.6 * (biases - floor)


def test_without_noise_and_rounding_the_structure_is_exact() -> None:
    data = planted(noise=0.0, whole_stars=False, dim=2, seed=3)
    np.testing.assert_allclose(
        data.rating, expected(data)[data.user, data.item], rtol=0, atol=1e-12
    )
    assert data.scale == (data.rating.min(), data.rating.max())
    train, _, test = data.split("random", valid=0.0, test=0.2, seed=0)
    found = Alternating(train, dim=2, ridge=1e-6, sweeps=200)
    assert rmse(found.scores(), test) < 0.02


def test_nothing_to_find_without_axes() -> None:
    data = planted(dim=0, min_ratings=40, seed=0)
    assert data.counts("user").min() == 40
    assert data.truth is not None
    assert data.truth.item_factors.shape == (200, 0)
    assert data.truth.axis_genres == ()
    train, _, test = data.split("random", valid=0.0, test=0.2, seed=0)
    biases = rmse(Alternating(train, dim=0, ridge=3.0).scores(), test)
    assert rmse(Alternating(train, dim=4, ridge=3.0).scores(), test) > biases


def test_spreads_are_those_asked_for() -> None:
    data = planted(2_000, 1_500, 60_000, noise=0.3, user_bias=0.2, item_bias=0.5, seed=5)
    truth = data.truth
    assert truth is not None
    assert personal(data).std() == pytest.approx(0.8, rel=0.05)
    assert truth.user_bias.std() == pytest.approx(0.2, rel=0.06)
    assert truth.item_bias.std() == pytest.approx(0.5, rel=0.06)
    exact = planted(2_000, 1_500, 60_000, noise=0.3, whole_stars=False, seed=5)
    noise = exact.rating - expected(exact)[exact.user, exact.item]
    assert noise.std() == pytest.approx(0.3, rel=0.02)
    assert abs(noise.mean()) < 0.005
    strengths = truth.user_factors.std(0) * truth.item_factors.std(0)
    assert (np.diff(strengths) < 0).all()  # the first axis is the strongest


def test_genres_and_age_tell_of_tastes_but_not_exactly() -> None:
    data = planted(2_000, 1_500, 60_000, seed=5)
    truth = data.truth
    assert truth is not None
    for axis, (high, low) in enumerate(AXIS_GENRES[:4]):
        place = truth.item_factors[:, axis]
        has = [data.items["genres"].map(lambda g, name=name: name in g) for name in (high, low)]
        assert place[has[0]].mean() > 0.8 * place.std()
        assert place[has[1]].mean() < -0.8 * place.std()
        assert not (has[0] & has[1]).any()
        assert place[~has[0]].max() > place[has[0]].min()  # some are wrong
    assert np.corrcoef(data.users["age"], truth.user_factors[:, 0])[0, 1] == pytest.approx(
        0.6, abs=0.06
    )


# ---- the look of MovieLens ------------------------------------------------------------------


def test_default_looks_like_movielens() -> None:
    data = planted()
    assert data.name == "planted"
    assert "planted" in data.source
    assert (len(data), data.n_users, data.n_items) == (12_000, 300, 200)
    assert data.scale == (1.0, 5.0)
    assert sorted(set(data.rating)) == [1, 2, 3, 4, 5]
    assert 3.4 < data.rating.mean() < 3.9
    assert data.counts("user").min() >= 20
    assert data.counts("user").max() > 3 * np.median(data.counts("user"))
    assert data.counts("item").max() > 3 * np.median(data.counts("item"))
    assert data.user_vocab.ids.tolist() == list(range(1, 301))
    assert (np.diff(data.user) < 0).any()  # rows are in no order


def test_users_rate_in_sittings() -> None:
    rows = planted().ratings.sort_values(["user", "timestamp"])
    gaps = rows.groupby("user")["timestamp"].diff().dropna()
    assert gaps.min() >= 1
    assert 0.6 < (gaps < 60).mean() < 0.99
    assert (gaps > 86_400).any()
    arrival = rows.groupby("user")["timestamp"].min() - rows["timestamp"].min()
    assert arrival.between(0, 200 * 86_400).all()
    assert arrival.max() > 150 * 86_400
    assert np.corrcoef(rows["item"], rows["timestamp"])[0, 1] == pytest.approx(0, abs=0.05)


def test_items_have_titles_years_and_genres() -> None:
    items = planted(n_items=3_000, n_users=400, n_ratings=9_000).items
    assert items["title"].is_unique
    assert items["title"].str.fullmatch(r"[A-Z][A-Za-z', ]+( \d)? \(\d{4}\)").all()
    assert items["year"].between(1928, 1998).all()
    assert items["genres"].map(len).min() >= 1
    users = planted().users
    assert users["age"].between(7, 80).all()
    assert set(users["gender"]) == {"F", "M"}
    assert users["occupation"].nunique() == 7


def test_the_seed_is_everything() -> None:
    one, same, other = planted(seed=4), planted(seed=4), planted(seed=5)
    pd.testing.assert_frame_equal(one.ratings, same.ratings)
    pd.testing.assert_frame_equal(one.items, same.items)
    pd.testing.assert_frame_equal(one.users, same.users)
    assert not one.ratings.equals(other.ratings)


# ---- sizes ----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(
    n_users=st.integers(1, 12),
    n_items=st.integers(1, 12),
    share=st.floats(0, 1),
    dim=st.integers(0, 10),
    selection=st.sampled_from([0.0, 1.0, 5.0]),
    seed=st.integers(0, 5),
)
def test_any_possible_size(
    n_users: int, n_items: int, share: float, dim: int, selection: float, seed: int
) -> None:
    n = max(1, round(share * n_users * n_items))
    data = planted(n_users, n_items, n, dim, selection=selection, seed=seed)
    assert (len(data), data.n_users, data.n_items) == (n, n_users, n_items)
    assert len(set(zip(data.user, data.item, strict=True))) == n


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"n_ratings": 60_001}, r"n_ratings=60001.*only 60000 pairs"),
    ({"n_users": 0}, "n_users=0"),
    ({"n_items": -1}, "n_items=-1"),
    ({"n_ratings": 0}, "n_ratings=0"),
    ({"dim": -1}, "dim=-1"),
    ({"n_users": 2.5}, r"n_users=2\.5"),
]


@pytest.mark.parametrize(("sizes", "message"), IMPOSSIBLE)
def test_impossible_requests(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        planted(**sizes)
