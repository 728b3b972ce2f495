"""FactorizationMachine: the double sum, its fields, biased MF inside it."""

import numpy as np
import pandas as pd
import pytest
import torch
from ladder import batch_of, fitted, rmse_of, scrambled

import recsys_tutorial as rt
from recsys_tutorial.datasets import from_frame
from recsys_tutorial.models import BiasedMF, FactorizationMachine

AS_BIASED_MF = {"l2_table": 0.0, "l2_bias_table": 0.0, "l2": 0.1, "l2_bias": 0.02}


def toy():
    """Three users and four items with every kind of field, and something missing in each."""
    ratings = pd.DataFrame(
        {
            "user": [1, 1, 2, 2, 2, 1],
            "item": ["a", "b", "a", "c", "b", "d"],
            "rating": [4.0, 2.0, 5.0, 3.0, 1.0, 4.0],
        }
    )
    users = pd.DataFrame(
        {"user": [1, 2, 3], "age": [20.0, 40.0, np.nan], "job": ["cook", "judge", None]}
    )
    items = pd.DataFrame(
        {
            "item": ["a", "b", "c", "d"],
            "genres": [("War", "Comedy"), ("Comedy",), (), ("War", "Comedy", "Drama")],
            "year": [1990, 1991, 1992, 1993],
        }
    )
    return from_frame(ratings, users=users, items=items)


def whole_x(model, user: int, item: int) -> np.ndarray:
    """x of one (user, item) over all features in one long vector."""
    ids = np.zeros(model.n_users + model.n_items)
    ids[[user, model.n_users + item]] = 1
    return np.append(ids, model.user_x[user] + model.item_x[item])


def double_sum(model, user: int, item: int) -> float:
    """The definition, pair by pair."""
    x = whole_x(model, user, item)
    v = torch.cat([model.user_factors, model.item_factors, model.side_factors]).detach().numpy()
    w = torch.cat([model.user_bias, model.item_bias, model.side_bias]).detach().numpy()
    score = float(model.mean) + float(w @ x)
    for j in range(len(x)):
        for k in range(j + 1, len(x)):
            score += float(v[j] @ v[k]) * x[j] * x[k]
    return score


FIT = {"epochs": 15, "lr": 0.02, "batch_size": 256}
FIELDS = ("age", "job", "year", "genres")


@pytest.fixture
def two_ranges(monkeypatch):
    """Numbers are cut in the middle."""
    monkeypatch.setattr("recsys_tutorial.models.features.BINS", 2)


def test_linear_time_equals_the_double_sum(two_ranges):
    model = scrambled(FactorizationMachine.for_dataset(toy(), fields=FIELDS, dim=3))
    for user in range(3):
        for item in range(4):
            score = float(model(batch_of([user], [item])).detach())
            assert score == pytest.approx(double_sum(model, user, item), abs=1e-4)


def test_by_hand():
    """One user, one item of two genres, vectors of one number: six pairs."""
    model = FactorizationMachine(1, 1, dim=1)
    model.set_features(torch.zeros(1, 2), torch.ones(1, 2))
    with torch.no_grad():
        model.mean.fill_(3.0)
        model.user_factors.fill_(2.0)
        model.item_factors.fill_(3.0)
        model.side_factors.copy_(torch.tensor([[5.0], [7.0]]))
        model.user_bias.fill_(0.5)
        model.side_bias.copy_(torch.tensor([0.0, 0.25]))
    pairs = 2 * 3 + 2 * 5 + 2 * 7 + 3 * 5 + 3 * 7 + 5 * 7
    assert float(model(batch_of([0], [0])).detach()) == 3 + 0.75 + pairs


def test_fields_start_after_those_before_them_and_never_overlap(two_ranges):
    """A well-known slip adds a field's own size to its offset: it then meets its neighbour."""
    model = FactorizationMachine.for_dataset(toy(), fields=FIELDS)
    assert model.sizes == [2, 2, 2, 3]  # two bins of age, two jobs, two bins of year, three genres
    assert model.user_x.shape == (3, 9)
    assert model.item_x.shape == (4, 9)
    assert not model.user_x[:, 4:].any()
    assert not model.item_x[:, :4].any()


def test_each_kind_of_field_and_what_is_missing(two_ranges):
    model = FactorizationMachine.for_dataset(toy(), fields=FIELDS)
    age, job = model.user_x[:, :2], model.user_x[:, 2:4]
    assert age.tolist() == [[1, 0], [0, 1], [0, 0]]
    assert job.tolist() == [[1, 0], [0, 1], [0, 0]]
    genres = model.item_x[:, 6:]  # Comedy, Drama, War: a sum, so that three genres are three ones
    assert genres.tolist() == [[1, 0, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1]]


def test_ranges_and_labels_come_from_training_rows_alone(two_ranges):
    data = toy()
    one, two = (data.take(data.user_vocab.ids[data.user] == user) for user in (1, 2))
    model = FactorizationMachine.for_dataset(one, fields=["year"])
    assert model.item_x.tolist() == [[1, 0], [0, 1], [0, 1], [0, 1]]  # cut at 1991: 1990, 91, 93
    model = FactorizationMachine.for_dataset(two, fields=["job", "genres"])
    assert model.sizes == [1, 2]  # neither the cook, nor Drama


def test_two_fields_train_as_biased_mf_does(small):
    machine = fitted(FactorizationMachine, small, FIT, fields=(), dim=5, seed=3, **AS_BIASED_MF)
    parent = fitted(BiasedMF, small, FIT, dim=5, seed=3, l2=0.1, l2_bias=0.02)
    assert np.allclose(rt.predict(machine, small), rt.predict(parent, small), atol=2e-3)


def test_two_penalties_one_per_row_and_one_per_table(small):
    """Over an epoch the l2 of user u is paid n_u times, the l2_table of u once."""
    settings = {"fields": (), "dim": 3, "l2_bias_table": 0.0}
    per_row = FactorizationMachine.for_dataset(small, l2=1.0, l2_table=0.0, **settings)
    table = FactorizationMachine.for_dataset(small, l2=0.0, l2_table=1.0, **settings)
    paid = [
        sum(float(m.penalty(b).detach()) * len(b.user) for b in small.batches(batch_size=500))
        for m in (per_row, table)
    ]
    sides = ((table.user_factors, table.user_count), (table.item_factors, table.item_count))
    squares = [(v.detach().square().sum(1), n) for v, n in sides]
    assert paid[0] == pytest.approx(sum(float((s * n).sum()) for s, n in squares), rel=1e-4)
    assert paid[1] == pytest.approx(sum(float(s.sum()) for s, _ in squares), rel=1e-4)


def planted_by_group(strength: float, seed: int = 0):
    """Few ratings a user; what a user likes hangs on the user's job and the item's genre alone."""
    rng = np.random.default_rng(seed)
    n_users, n_items, each = 300, 120, 8
    job, genre = rng.integers(0, 4, n_users), rng.integers(0, 4, n_items)
    liking = strength * np.array(
        [[1, -1, 1, -1], [1, 1, -1, -1], [-1, 1, 1, -1], [-1, -1, -1, 3.0]]
    )
    user = np.repeat(np.arange(n_users), each)
    item = np.concatenate([rng.permutation(n_items)[:each] for _ in range(n_users)])
    rating = 3 + liking[job[user], genre[item]] + rng.normal(0, 0.4, len(user))
    users = pd.DataFrame({"user": np.arange(n_users), "job": [f"job {j}" for j in job]})
    items = pd.DataFrame({"item": np.arange(n_items), "genres": [(f"genre {g}",) for g in genre]})
    frame = pd.DataFrame({"user": user, "item": item, "rating": rating})
    return from_frame(frame, users=users, items=items), liking


def test_planted_interactions_are_found_and_pay():
    data, liking = planted_by_group(1.0)
    train, _, test = data.split(valid=0, test=0.2)
    fields = ["job", "genres"]
    plain = fitted(BiasedMF, train, FIT, dim=8)
    model = fitted(FactorizationMachine, train, FIT, fields=fields, dim=8, l2_side=0.001)
    before, after = (rmse_of(m, test) for m in (plain, model))
    assert after < 0.7 * before
    jobs, genres = model.side_factors[:4], model.side_factors[4:]
    found = (jobs @ genres.T).detach().numpy()

    def centred(table):  # what is common to a job or a genre may as well be its bias
        return table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()

    both = centred(found).ravel(), centred(liking).ravel()
    assert np.corrcoef(*both)[0, 1] > 0.95


def test_fields_that_mean_nothing_bring_nothing():
    data, _ = planted_by_group(0.0)
    train, _, test = data.split(valid=0, test=0.2)
    plain, model = (
        fitted(FactorizationMachine, train, FIT, fields=fields, dim=8)
        for fields in ((), ["job", "genres"])
    )
    before, after = (rmse_of(m, test) for m in (plain, model))
    assert before - 0.005 < after < before + 0.02


def test_cold_users_and_items_score_mean_and_features():
    data, _ = planted_by_group(1.0)
    warm = data.take((data.user != 4) & (data.item != 9))
    model = fitted(FactorizationMachine, warm, FIT, fields=["job", "genres"], dim=8, l2_side=0.001)
    score = model(batch_of([4], [9])).detach()
    on = torch.cat([model.user_x[4].nonzero(), model.item_x[9].nonzero()]).flatten()
    v, w = model.side_factors[on], model.side_bias[on]
    expected = (model.mean + model.unit * (w.sum() + v[0] @ v[1])).detach()
    assert float(score) == pytest.approx(float(expected), abs=1e-5)
    test = data.take((data.user == 4) | (data.item == 9))
    assert rt.evaluate(model, test, train=warm, relevant=4)["n_cold"] == len(test)
    assert rmse_of(model, test) < 0.8 * rmse_of(fitted(BiasedMF, warm, FIT), test)


def test_an_unknown_field_names_the_remedy(small):
    with pytest.raises(ValueError, match="'shoe_size' must be a column"):
        FactorizationMachine.for_dataset(small, fields=["shoe_size"])


@pytest.mark.real
def test_side_fields_gain_on_the_official_folds(ml100k):
    """One setting; gain over biases only. The gate of the whole five folds is the benchmark's."""
    train, test = next(iter(ml100k.folds()))
    rmse = []
    for cls, settings in ((BiasedMF, {"dim": 0}), (FactorizationMachine, {})):
        model = cls.for_dataset(train, **settings)
        rt.fit(model, train, progress=False)
        rmse.append(rt.metrics.rmse(test.rating, rt.predict(model, test)))
    assert rmse[0] - rmse[1] > 0.041
