"""The laboratory differs in one thing only; the detective finds what has seen the test part."""

import numpy as np
import pandas as pd
import pytest

import recsys_tutorial as rt
from recsys_workshop.labs.leakage import laboratory, sees_test, twin_ratings, twins


@pytest.fixture(scope="module")
def parts(small):
    return small.split("random", seed=1)


def drifting(seed, drift, n_users=40, n_items=60, each=40):
    """Users who rate all the time, films that gain or lose up to `drift` stars meanwhile."""
    rng = np.random.default_rng(seed)
    slope = rng.uniform(-drift, drift, n_items)
    user = np.repeat(np.arange(n_users), each)
    time = np.tile(np.arange(each), n_users)
    item = np.concatenate([rng.permutation(n_items)[:each] for _ in range(n_users)])
    rating = 3 + slope[item] * (time / each - 0.5) + rng.normal(0, 0.2, len(user))
    frame = pd.DataFrame(
        {"user": user, "item": item, "rating": rating, "timestamp": time * 100 + user}
    )
    return rt.datasets.from_frame(frame)


def test_the_laboratory_changes_nothing_but_the_time_of_training_rows():
    data = drifting(0, 1.0)
    lab = laboratory(data, cut=0.5, seed=2)
    cut = data.timestamp[np.argsort(data.timestamp)[len(data) // 2]]
    assert len(lab.past) == len(lab.mixed)
    assert (lab.past.timestamp < cut).all()
    assert (lab.test.timestamp >= cut).all()
    assert len(set(lab.test.row) & (set(lab.past.row) | set(lab.mixed.row))) == 0
    # every user has as many training rows in both
    np.testing.assert_array_equal(lab.past.counts("user"), lab.mixed.counts("user"))
    late = lab.mixed.take(lab.mixed.timestamp >= cut)
    assert len(late) > 0.4 * len(lab.mixed)
    last_test = pd.Series(lab.test.timestamp).groupby(lab.test.user).max()
    assert (late.timestamp > last_test.reindex(late.user).to_numpy()).all()


def test_leaking_pays_where_films_drift_and_not_where_they_stand_still():
    gains = {}
    for drift in (0.0, 3.0):
        gain = []
        for seed in range(3):
            lab = laboratory(drifting(seed, drift), cut=0.5, seed=seed)
            error = []
            for train in (lab.past, lab.mixed):
                model = rt.models.BiasedMF.for_dataset(train, dim=0)
                rt.fit(model, train, epochs=15, lr=0.05, progress=False)
                error.append(rt.metrics.rmse(lab.test.rating, rt.predict(model, lab.test)))
            gain.append(error[0] - error[1])
        gains[drift] = np.array(gain)
    spread = max(g.std() for g in gains.values())
    assert gains[3.0].mean() > gains[0.0].mean() + 2 * spread
    assert gains[3.0].min() > 0.1  # stars; a film moves by 1.1 from the training to the test rows
    assert np.abs(gains[0.0]).max() < 0.02


@pytest.mark.parametrize(
    ("settings", "what"),
    [({"cut": 1.0}, "between 0 and 1"), ({"least": 1}, "least"), ({"least": 39}, "no")],
)
def test_impossible_laboratories_are_refused(settings, what):
    with pytest.raises(ValueError, match=what):
        laboratory(drifting(0, 1.0), **settings)


def test_a_laboratory_needs_times():
    frame = pd.DataFrame({"user": [1, 2], "item": [1, 2], "rating": [1.0, 2.0]})
    with pytest.raises(ValueError, match="timestamps"):
        laboratory(rt.datasets.from_frame(frame))


def item_means(data):
    return np.bincount(data.item, data.rating, data.n_items) / np.maximum(data.counts("item"), 1)


HONEST = {
    "mean": lambda train, test: train.rating.mean(),
    "counts": lambda train, test: {"items": train.counts("item"), "users": train.counts("user")},
    "vocabulary": lambda train, test: train.item_vocab.ids,
    "frame": lambda train, test: [train.ratings.groupby("item")["rating"].mean()],
}
GUILTY = {
    "mean": lambda train, test: np.append(train.rating, test.rating).mean(),
    "counts": lambda train, test: {"items": train.counts("item") + test.counts("item")},
    "order": lambda train, test: np.append(train.user, test.user),
    "ratings only": lambda train, test: item_means(train) + (item_means(test) > 3),
    "one number in a list": lambda train, test: [1, 2, float(test.rating[0])],
}


@pytest.mark.parametrize("name", HONEST)
def test_the_detective_lets_the_honest_go(name, parts):
    assert not sees_test(HONEST[name], parts[0], parts[2])


@pytest.mark.parametrize("name", GUILTY)
def test_the_detective_catches_whoever_has_seen_the_test_part(name, parts):
    assert sees_test(GUILTY[name], parts[0], parts[2])


def test_a_fitted_model_can_be_put_before_the_detective(parts):
    def fitted(train, test):
        model = rt.models.BiasedMF.for_dataset(train, dim=2)
        rt.fit(model, train, epochs=1, progress=False)
        return dict(model.state_dict())

    assert not sees_test(fitted, parts[0], parts[2])

    def fitted_on_everything(train, test):
        return fitted(rt.datasets.concat(train, test), test)

    assert sees_test(fitted_on_everything, parts[0], parts[2])


def test_what_is_random_without_a_seed_is_refused(parts):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="random"):
        sees_test(lambda train, test: rng.random(), parts[0], parts[2])


@pytest.fixture(scope="module")
def doubled():
    ratings = pd.DataFrame(
        {
            "user": [1, 1, 1, 2, 2, 3],
            "item": [10, 11, 12, 10, 12, 11],
            "rating": [4.0, 5.0, 1.0, 2.0, 3.0, 5.0],
        }
    )
    items = pd.DataFrame({"item": [10, 11, 12], "title": ["Same (1990)", "Same (1990)", "Other"]})
    return rt.datasets.from_frame(ratings, items=items)


def test_twins_are_found_by_title(doubled):
    assert twins(doubled.items) == {"Same (1990)": [10, 11]}


def test_a_twin_in_training_gives_the_test_row_away(doubled):
    train, test = doubled.take(np.array([0, 3, 4])), doubled.take(np.array([1, 2, 5]))
    np.testing.assert_array_equal(twin_ratings(train, test), [4.0, np.nan, np.nan])


@pytest.mark.real
def test_ml_100k_has_eighteen_titles_twice(ml100k):
    found = twins(ml100k.items)
    assert len(found) == 18
    assert all(len(ids) == 2 for ids in found.values())
