"""SideFeatureMF and its features: values by hand, its parent, cold rows, what it finds and not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from ladder import batch_of, fitted, rmse_of

import recsys_tutorial as rt
from recsys_tutorial.datasets import Dataset, from_frame
from recsys_tutorial.models import BiasedMF, SideFeatureMF
from recsys_tutorial.models.features import MOST_CATEGORIES, feature_table, from_features


def without_side(data: Dataset) -> Dataset:
    return replace(data, users=data.users[["user"]], items=data.items[["item", "title"]])


# ---- features -------------------------------------------------------------------------------


def people() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user": [1, 2, 3, 4, 5],
            "age": pd.array([20, 40, None, 30, 90], dtype="Int64"),
            "job": ["cook", "nurse", None, "cook", "pilot"],
        }
    )


def test_numbers_are_scaled_by_training_ratings_and_missing_ones_are_zero():
    values, names = feature_table(people(), np.array([1, 1, 5, 0, 0]))
    age = values[:, names.index("age")]
    # The two rated ages are 20 and 40: mean 30, sd 10. The cold 90 is scaled with them.
    assert age.tolist() == pytest.approx([-1, 1, 0, 0, 6])
    ranges = values[:, [j for j, name in enumerate(names) if name.startswith("age ")]]
    assert ranges.sum(1).tolist() == [1, 1, 0, 1, 1]


def test_categories_come_from_rows_with_ratings():
    values, names = feature_table(people(), np.array([1, 1, 5, 0, 0]))
    assert [name for name in names if name.startswith("job")] == ["job cook", "job nurse"]
    assert values[:, names.index("job cook")].tolist() == [1, 0, 0, 1, 0]
    assert values[4, names.index("job cook")] == values[4, names.index("job nurse")] == 0


def test_genres_are_a_sum_of_labels():
    frame = pd.DataFrame(
        {"item": [1, 2, 3], "title": ["a", "b", "c"], "genres": [("War", "Drama"), ("War",), ()]}
    )
    values, names = feature_table(frame, np.array([1, 1, 1]))
    assert names == ["genres Drama", "genres War"]
    assert values.tolist() == [[1, 1], [0, 1], [0, 0]]


def test_text_that_groups_nobody_is_left_out():
    n = MOST_CATEGORIES + 1
    frame = pd.DataFrame({"user": range(n), "zip": [f"z{i}" for i in range(n)], "one": [7] * n})
    frame["year"] = pd.array([None] * n, dtype="Int64")
    values, names = feature_table(frame, np.ones(n, dtype=int))
    assert (values.shape, names) == ((n, 0), [])


def test_equal_numbers_say_nothing_even_if_rounding_gives_them_a_spread():
    price = np.append(np.full(1000, 0.1), 0.2)  # the last one is cold
    assert price[:-1].std() > 0
    table = feature_table(pd.DataFrame({"price": price}), np.append(np.ones(1000, dtype=int), 0))
    assert table.names == []


def test_arrays_of_labels_are_read_as_lists_of_them():
    lists = [["dark", "slow"], ["slow"], []]
    tables = []
    for kind in (list, tuple, np.array):
        column = pd.Series([kind(labels) for labels in lists])
        tables.append(feature_table(pd.DataFrame({"tags": column}), np.ones(3, dtype=int)))
    assert tables[0].names == ["tags dark", "tags slow"]
    assert tables[0].values.tolist() == [[1, 1], [0, 1], [0, 0]]
    for other in tables[1:]:
        assert other.names == tables[0].names
        assert torch.equal(other.values, tables[0].values)


def test_features_of_the_test_part_change_nothing(small):
    train, _, _ = small.split(test=0.2)
    ages = small.users["age"].where(train.counts("user") > 0, 10_000)
    other = replace(train, users=small.users.assign(age=ages))
    cold = train.counts("user") == 0
    first, second = (feature_table(d.users, d.counts("user")).values for d in (train, other))
    assert torch.equal(first[~cold], second[~cold])


# ---- the equation ---------------------------------------------------------------------------


def by_hand() -> SideFeatureMF:
    model = SideFeatureMF(2, 2, dim=2)
    model.set_features(torch.tensor([[1.0], [-2.0]]), torch.tensor([[1.0, 1.0], [0.0, 1.0]]))
    with torch.no_grad():
        model.mean.fill_(3.0)
        model.user_factors.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
        model.item_factors.copy_(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
        model.user_bias.copy_(torch.tensor([0.5, 0.0]))
        model.item_bias.copy_(torch.tensor([0.0, -0.25]))
        model.side_user_factors.copy_(torch.tensor([[0.0, 1.0]]))
        model.side_item_factors.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
        model.side_user_bias.copy_(torch.tensor([0.25]))
        model.side_item_bias.copy_(torch.tensor([0.5, -0.5]))
    return model


def test_scores_by_hand():
    # user 0: p = (1, 0) + (0, 1) = (1, 1), bias 0.75; user 1: p = (0, -2), bias -0.5
    # item 0: q = (0, 1) + (1, 2) = (1, 3), bias 0; item 1: q = (1, 0) + (0, 2), bias -0.75
    scores = by_hand()(batch_of([0, 0, 1, 1], [0, 1, 0, 1]))
    assert scores.tolist() == [3 + 4 + 0.75, 3 + 3 + 0, 3 - 6 - 0.5, 3 - 4 - 1.25]


def test_penalty_by_hand():
    model = by_hand()
    model.l2, model.l2_bias, model.own, model.own_bias = 0.5, 0.25, 3.0, 2.0
    model.side, model.side_bias = 6.0, 9.0
    model.user_count.copy_(torch.tensor([2, 1]))
    model.item_count.copy_(torch.tensor([3, 0]))
    model.user_weight.copy_(torch.tensor([2.0, 1.0]))
    model.item_weight.copy_(torch.tensor([3.0, 0.0]))
    with torch.no_grad():
        value = float(model.penalty(batch_of([0, 1], [0, 0])))
    whole = 0.5 * ((2 + 4) / 2 + 10)
    bias = 0.25 * ((0.75**2 + 0.5**2) / 2 + 0)
    own = 3.0 * ((1 / 2 + 0) / 2 + 1 / 3) + 2.0 * (0.5**2 / 2 / 2)
    side = (6.0 * (1 + 1 + 4) + 9.0 * (0.25**2 + 2 * 0.5**2)) / 3  # over the 3 ratings of training
    assert value == pytest.approx(whole + bias + own + side)


def test_a_row_of_its_own_is_paid_for_once_an_epoch(small):
    """Over all training rows the penalty on deviations is that on the tables, over N."""
    model = SideFeatureMF.for_dataset(small, l2=0.0, own=2.0, own_bias=0.0, side=0.0, side_bias=0.0)
    rated = model.user_factors[model.user_count > 0], model.item_factors[model.item_count > 0]
    tables = sum(table.detach().square().sum() for table in rated)
    with torch.no_grad():
        value = float(model.penalty(batch_of(small.user, small.item)))
    assert value == pytest.approx(2.0 * float(tables) / len(small), rel=1e-4)


# ---- its parent -----------------------------------------------------------------------------


def test_without_features_it_is_biased_mf(small):
    bare = without_side(small)
    same = {"dim": 5, "l2": 0.1, "l2_bias": 0.02, "seed": 3}
    side = SideFeatureMF.for_dataset(bare, own=0.0, own_bias=0.0, **same)
    parent = BiasedMF.for_dataset(bare, **same)
    for model in (side, parent):
        rt.fit(model, bare, epochs=3, lr=0.01, batch_size=256, progress=False)
    assert torch.allclose(side.user_factors, parent.user_factors, rtol=0, atol=1e-5)
    assert np.allclose(rt.predict(side, small), rt.predict(parent, small), rtol=0, atol=1e-4)


# ---- what it finds --------------------------------------------------------------------------


def planted_on_features(seed: int, effect: float) -> Dataset:
    """Taste is decided by features alone (effect 1) or by each row on its own (effect 0).

    As many films and people as ratings allow few of each: there features pay, if they ever do.
    """
    rng = np.random.default_rng(seed)
    n_users, n_items, n = 300, 300, 6_000
    pairs = rng.permutation(n_users * n_items)[:n]
    user, item = pairs // n_items, pairs % n_items
    job, genre = rng.integers(0, 4, n_users), rng.integers(0, 4, n_items)
    mine, its = rng.integers(0, 4, n_users), rng.integers(0, 4, n_items)
    likes = np.where(np.eye(4, dtype=bool), 1.2, -0.4)
    taste = effect * likes[job[user], genre[item]] + (1 - effect) * likes[mine[user], its[item]]
    rating = 3 + taste + rng.normal(0, 0.5, n)
    return from_frame(
        pd.DataFrame({"user": user, "item": item, "rating": rating}),
        pd.DataFrame({"user": range(n_users), "job": [f"job {j}" for j in job]}),
        pd.DataFrame({"item": range(n_items), "genres": [(f"genre {g}",) for g in genre]}),
    )


def gain(seed: int, effect: float) -> float:
    """RMSE of BiasedMF minus that of SideFeatureMF, in stars."""
    train, _, test = planted_on_features(seed, effect).split(valid=0, test=0.2)
    return rmse_of(fitted(BiasedMF, train), test) - rmse_of(fitted(SideFeatureMF, train), test)


def test_better_than_its_parent_where_features_decide():
    gains = [gain(seed, 1.0) for seed in range(3)]
    assert min(gains) > 0.19  # of a taste with a spread of 0.7 stars


def test_not_better_where_features_decide_nothing():
    """The same model without the tables is as good: its other penalties are no feature's merit.

    Random groups still average a little noise away: a twentieth of the gain above is let pass.
    """
    gains = []
    for seed in range(3):
        train, _, test = planted_on_features(seed, 0.0).split(valid=0, test=0.2)
        bare = fitted(SideFeatureMF, without_side(train))
        gains.append(rmse_of(bare, test) - rmse_of(fitted(SideFeatureMF, train), test))
    assert np.mean(gains) < 0.01


@pytest.mark.parametrize("n", [2, 500])
def test_once_a_row_or_once_a_table_is_the_same(n):
    generator = torch.Generator().manual_seed(0)
    side, meaning = torch.rand(9, 4, generator=generator), torch.rand(4, 3, generator=generator)
    index = torch.randint(0, 9, (n, 1), generator=generator)
    said = from_features(side, meaning, index)
    assert said.shape == (n, 1, 3)
    assert torch.allclose(said, side[index] @ meaning)
    assert from_features(side, meaning[:, 0], index).shape == (n, 1)


def test_the_planted_table_of_likes_is_found():
    """(A x) . (C y) is found, not A and C: any turn of both gives the same table."""
    data = planted_on_features(1, 1.0)
    model = fitted(SideFeatureMF, data)
    a, c = model.side_user_factors.detach(), model.side_item_factors.detach()
    table = a @ c.T + model.side_user_bias.detach()[:, None] + model.side_item_bias.detach()
    expected = torch.where(torch.eye(4, dtype=torch.bool), 1.2, -0.4)
    centred = model.unit * (table - table.mean())  # in stars
    assert torch.corrcoef(torch.stack([centred.flatten(), expected.flatten()]))[0, 1] > 0.98
    assert centred.diagonal().mean() > 0.7 * 1.2


def test_shuffled_features_are_worth_nothing():
    train, _, test = planted_on_features(2, 1.0).split(valid=0, test=0.2)
    rng = np.random.default_rng(0)
    jobs = train.users["job"].to_numpy()[rng.permutation(train.n_users)]
    genres = train.items["genres"].to_numpy()[rng.permutation(train.n_items)]
    shuffled = replace(
        train, users=train.users.assign(job=jobs), items=train.items.assign(genres=genres)
    )
    real, none, false = (
        rmse_of(fitted(SideFeatureMF, d), test) for d in (train, without_side(train), shuffled)
    )
    assert real < none - 0.2
    assert false > none - 0.02
