"""DeepMF: BiasedMF at the start, a network beyond it, and where that pays."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from ladder import fitted, rmse_of, scrambled

import recsys_tutorial as rt
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets import from_frame
from recsys_tutorial.models import BiasedMF, DeepMF, SideFeatureMF


def toy():
    """Three users and four items, ages and genres, a week of ratings."""
    rows = [(1, 10, 4), (1, 20, 2), (1, 40, 5), (2, 20, 3), (2, 30, 1), (3, 10, 5)]
    ratings = pd.DataFrame(rows, columns=["user", "item", "rating"]).astype({"rating": float})
    ratings["timestamp"] = 1_000_000 + 86_400 * np.arange(len(rows))
    users = pd.DataFrame({"user": [1, 2, 3], "age": [20, 40, None], "job": ["cook", "pilot", None]})
    genres = [("Drama", "War"), ("Comedy",), (), ("Comedy", "Drama")]
    items = pd.DataFrame({"item": [10, 20, 30, 40], "genres": genres})
    return from_frame(ratings, users=users, items=items)


def bare(data):
    """The same ratings, of which nothing else is known: neither side tables nor times."""
    return replace(
        data, users=data.users[["user"]], items=data.items[["item", "title"]], timestamp=None
    )


def batch_of(data):
    return next(iter(data.batches(("user", "item", "rating", "time"), batch_size=len(data))))


class TestTheEquation:
    def test_by_hand(self):
        """One hidden number that is on for one pair and off for the other."""
        model = DeepMF(1, 2, dim=1, width=1)
        model.set_features(torch.ones(1, 1), torch.tensor([[0.0], [1.0]]))
        with torch.no_grad():
            model.mean.fill_(3.0)
            model.user_factors.fill_(2.0)
            model.item_factors.copy_(torch.tensor([[0.5], [-1.0]]))
            model.user_bias.fill_(0.25)
            model.clock.copy_(torch.tensor([100.0, 50.0, 0.0, 200.0]))
            for weight, value in (
                (model.deep_user, 1.0),
                (model.deep_item, 2.0),
                (model.deep_user_side, 0.5),
                (model.deep_item_side, -4.0),
                (model.deep_time, 1.0),
                (model.deep_shift, 0.125),
                (model.deep_last, 3.0),
            ):
                weight.fill_(value)
        # h = c + P p + X x + Q q + Y y + tau t: 0.125 + 2 + 0.5 + 1 + 0 + 1, then 4 and 2 less
        batch = Batch(user=torch.tensor([0, 0]), item=torch.tensor([0, 1]), time=torch.tensor(150))
        on, off = model(batch).tolist()
        assert on == pytest.approx(3 + 0.25 + 2 * 0.5 + 3 * (0.125 + 2 + 0.5 + 1 + 1))
        assert off == pytest.approx(3 + 0.25 - 2 * 1.0)

    def test_time_stays_within_training(self):
        data = toy()
        model = scrambled(DeepMF.for_dataset(data, dim=2, width=3))
        start, end = int(data.timestamp.min()), int(data.timestamp.max())
        assert model.clock.tolist() == [data.timestamp.mean(), data.timestamp.std(), start, end]
        times = torch.tensor([start - 10**9, start, end, end + 10**9])
        batch = Batch(user=torch.zeros(4).long(), item=torch.zeros(4).long(), time=times)
        before, first, last, after = model(batch).tolist()
        assert before == first != last == after

    def test_the_penalty_on_the_network_is_paid_once_an_epoch(self):
        data = toy()
        model = scrambled(DeepMF.for_dataset(data, dim=2, width=4, l2=0, l2_bias=0, l2_deep=5.0))
        paid = sum(
            float(model.penalty(b).detach()) * len(b.user) for b in data.batches(batch_size=4)
        )
        weights = [p for name, p in model.named_parameters() if name.startswith("deep_")]
        assert len(weights) == 7
        assert paid == pytest.approx(
            5 * sum(float(w.detach().square().sum()) for w in weights), rel=1e-5
        )


class TestBiasedMFIsInIt:
    def test_at_the_start_it_is_biased_mf(self, small):
        model, plain = (cls.for_dataset(small, dim=5, seed=3) for cls in (DeepMF, BiasedMF))
        assert np.array_equal(rt.predict(model, small), rt.predict(plain, small))

    def test_with_the_network_frozen_it_trains_as_biased_mf(self, small):
        model = DeepMF.for_dataset(small, dim=5, seed=3)
        for name, parameter in model.named_parameters():
            if name.startswith("deep_"):
                parameter.requires_grad_(False)
        plain = BiasedMF.for_dataset(small, dim=5, seed=3)
        for each in (model, plain):
            rt.fit(each, small, epochs=3, progress=False)
        assert np.array_equal(rt.predict(model, small), rt.predict(plain, small))


class TestTraining:
    def test_it_works_without_times_and_side_tables(self, small):
        train, _, test = bare(small).split(seed=3)
        model = fitted(DeepMF, train, {"epochs": 15}, dim=4)
        assert (model.timed, model.user_side.shape[1], model.item_side.shape[1]) == (False, 0, 0)
        assert "time" not in model.columns
        assert rmse_of(model, test) < rmse_of(BiasedMF.for_dataset(train, dim=0), test) - 0.1
        assert rt.evaluate(model, test, train=train, relevant=4)["n_users"] > 0


# ---- where it pays: planted interactions that a product of the given length cannot express ----


def rated(rng, n_users, n_items, each):
    user = np.repeat(np.arange(n_users), each)
    return user, np.concatenate([rng.permutation(n_items)[:each] for _ in range(n_users)])


def neighbours_on_a_circle(seed):
    """Users and items on a circle; a user likes what is near, sharply. Two numbers a row would
    do, if they were not to be multiplied: a product of two can only make a smooth wave of it."""
    rng = np.random.default_rng(seed)
    user, item = rated(rng, 300, 150, 40)
    apart = np.abs(rng.uniform(0, 1, 300)[user] - rng.uniform(0, 1, 150)[item])
    near = np.minimum(apart, 1 - apart) < 0.12
    rating = np.where(near, 4.0, 2.0) + rng.normal(0, 0.4, len(user))
    return from_frame(pd.DataFrame({"user": user, "item": item, "rating": rating}))


def films_of_their_youth(seed):
    """Everybody loves the films that came out when they were twenty: age meets year."""
    rng = np.random.default_rng(seed)
    user, item = rated(rng, 300, 150, 12)
    age, year = rng.integers(15, 75, 300), rng.integers(1935, 1998, 150)
    was = age[user] - (1998 - year[item])
    rating = 3 + 1.5 * np.exp(-(((was - 20) / 8) ** 2)) + rng.normal(0, 0.4, len(user))
    return from_frame(
        pd.DataFrame({"user": user, "item": item, "rating": rating}),
        users=pd.DataFrame({"user": np.arange(300), "age": age}),
        items=pd.DataFrame({"item": np.arange(150), "year": year}),
    )


def seasons(seed):
    """Films for winter, films for summer: a genre meets the time."""
    rng = np.random.default_rng(seed)
    user, item = rated(rng, 300, 150, 30)
    winter, when = rng.integers(0, 2, 150), rng.uniform(0, 1, len(user))
    swing = np.where(winter[item] == 1, 1, -1) * np.sin(2 * np.pi * when)
    rating = 3 + swing + rng.normal(0, 0.4, len(user))
    seconds = 800_000_000 + (when * 31_536_000).astype(int)
    genres = [("winter",) if w else ("summer",) for w in winter]
    return from_frame(
        pd.DataFrame({"user": user, "item": item, "rating": rating, "timestamp": seconds}),
        items=pd.DataFrame({"item": np.arange(150), "genres": genres}),
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("plant", "least", "rival"),
    [
        (neighbours_on_a_circle, 0.06, BiasedMF),
        (films_of_their_youth, 0.11, BiasedMF),
        (seasons, 0.30, SideFeatureMF),
    ],
)
def test_planted_interactions_are_found(plant, least, rival, seed):
    train, _, test = plant(seed).split(valid=0, test=0.2, seed=seed)
    error = [
        rmse_of(fitted(cls, train, {"epochs": 25}, dim=2, seed=seed, **settings), test)
        for cls, settings in ((rival, {}), (DeepMF, {"l2_deep": 10.0}))
    ]
    assert error[0] - error[1] > least


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_was_not_planted_is_not_found(seed):
    """Biases and noise alone, with side tables and times that mean nothing."""
    data = rt.datasets.planted(dim=0, n_ratings=8_000, seed=seed)
    train, _, test = data.split(valid=0, test=0.2, seed=seed)
    plain, model = (
        rmse_of(fitted(c, train, {"epochs": 15}, dim=2), test) for c in (BiasedMF, DeepMF)
    )
    assert model - plain < 0.01


@pytest.mark.real
def test_the_network_costs_nothing_on_real_ratings(ml100k):
    """One fold; the gate of all five is the benchmark's."""
    whole, test = next(iter(ml100k.folds()))
    for train in (whole, bare(whole)):
        error = []
        for cls in (BiasedMF, DeepMF):
            model = cls.for_dataset(train)
            rt.fit(model, train, progress=False)
            error.append(rmse_of(model, test))
        assert error[1] < error[0] - 0.002
