"""TensorFactorization: by hand and by tensorly, what it reduces to, time, what it finds."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from ladder import fitted, rmse_of

import recsys_tutorial as rt
from recsys_tutorial import Batch
from recsys_tutorial.datasets import from_frame
from recsys_tutorial.models import BiasedMF, TensorFactorization


def by_hand() -> TensorFactorization:
    """Three stretches of ten seconds from second 100 on; biases, factors and mean by hand."""
    model = TensorFactorization(2, 2, dim=2, bins=3).double()
    with torch.no_grad():
        model.mean.fill_(3.0)
        model.span.copy_(torch.tensor([100, 30]))
        model.user_factors.copy_(torch.tensor([[1.0, 2.0], [0.5, -1.0]]))
        model.item_factors.copy_(torch.tensor([[1.0, 0.5], [2.0, 1.0]]))
        model.time_factors.copy_(torch.tensor([[1.0, 1.0], [2.0, 0.0], [1.0, -1.0]]))
        model.user_bias.copy_(torch.tensor([0.5, 0.0]))
        model.item_bias.copy_(torch.tensor([0.0, -0.25]))
    return model


def batch_at(user, item, time) -> Batch:
    return Batch(user=torch.tensor(user), item=torch.tensor(item), time=torch.tensor(time))


def test_scores_counted_by_hand():
    # user 0, item 0: axes 1 * 1 and 2 * 0.5, both 1; then weighted by the stretch.
    got = by_hand()(batch_at([0] * 5, [0] * 5, [99, 109, 110, 120, 10**9])).tolist()
    assert got == pytest.approx([5.5, 5.5, 5.5, 3.5, 3.5])
    assert by_hand()(batch_at([1], [1], [115])).item() == pytest.approx(3 - 0.25 + 2 * 0.5 * 2)


def test_the_personal_part_is_a_tensor_in_cp_form():
    from tensorly.cp_tensor import cp_to_tensor

    model = by_hand()
    tables = [t.detach().numpy() for t in (model.user_factors, model.item_factors)]
    tensor = cp_to_tensor((None, [*tables, model.time_factors.detach().numpy()]))
    for stretch in range(3):
        batch = Batch(user=torch.arange(2), time=torch.full((2,), 100 + 10 * stretch))
        scores = model.score_items(batch).detach()
        biases = model.mean + model.user_bias.unsqueeze(1) + model.item_bias
        np.testing.assert_allclose((scores - biases).detach().numpy(), tensor[:, :, stretch])


def test_ones_as_third_factor_equal_biased_mf_at_the_start_and_through_training(small):
    train, _, test = small.split(seed=1)
    plain = BiasedMF.for_dataset(train, seed=4)
    model = TensorFactorization.for_dataset(train, seed=4)
    np.testing.assert_array_equal(rt.predict(model, test), rt.predict(plain, test))
    model.time_factors.requires_grad_(False)
    for each in (plain, model):
        rt.fit(each, train, epochs=3, progress=False)
    np.testing.assert_allclose(rt.predict(model, test), rt.predict(plain, test), atol=1e-4)


def test_stretches_without_ratings_take_the_last_one_before():
    rows = pd.DataFrame(
        {
            "user": [1, 1, 2, 2],
            "item": [1, 2, 1, 2],
            "rating": [3.0, 4.0, 2.0, 5.0],
            "timestamp": [0, 5, 90, 99],
        }
    )
    model = TensorFactorization.for_dataset(from_frame(rows), bins=10)
    assert model.seen_bin.tolist() == [0] * 9 + [9]


def test_without_times_one_sentence_says_what_to_do(small):
    with pytest.raises(ValueError, match=r"TensorFactorization needs times.*timestamp"):
        TensorFactorization.for_dataset(replace(small, timestamp=None))


def turning(seed: int, turn: float):
    """Tastes on one axis that count `turn` times as much in the second half of the time."""
    rng = np.random.default_rng(seed)
    n_users, n_items, n = 150, 60, 6000
    p, q = rng.normal(size=n_users), rng.normal(size=n_items)
    pair = rng.choice(n_users * n_items, n, replace=False)
    user, item = pair // n_items, pair % n_items
    time = rng.integers(0, 1000, n)
    weight = np.where(time < 500, 1.0, turn)
    rating = 3 + p[user] * q[item] * weight + 0.3 * rng.normal(size=n)
    frame = pd.DataFrame({"user": user, "item": item, "rating": rating, "timestamp": time})
    return from_frame(frame), np.outer(p, q)


def weight_over_time(model, taste):
    """How much the planted taste counts in each stretch, as the model has it: (bins,)."""
    p, q = model.user_factors.detach(), model.item_factors.detach()
    found = torch.einsum("uf,if,tf->tui", p, q, model.time_factors.detach()).numpy()
    return (found * taste).sum((1, 2)) / (taste * taste).sum()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_finds_a_taste_that_turns_and_none_where_none_turned(seed):
    settings = {"dim": 4, "l2": 0.02, "seed": seed}
    gains = {}
    for turn in (-0.6, 1.0):  # at -1 the halves cancel: zero would be a saddle of the objective
        data, taste = turning(seed, turn)
        train, _, test = data.split(valid=0, test=0.2, seed=seed)
        plain = BiasedMF.for_dataset(train, **settings)
        model = TensorFactorization.for_dataset(train, **settings, l2_time=1.0, tv=1.0)
        rt.fit(model, train, progress=False, epochs=20, lr=0.03)
        rt.fit(plain, train, progress=False, epochs=20, lr=0.03)
        gains[turn] = 1 - rmse_of(model, test) / rmse_of(plain, test)
        course = weight_over_time(model, taste)
        assert (course[:3] > 0.4).all()  # in units, and shrunken
        assert (course[-3:] / turn > 0.4).all()
    assert gains[-0.6] > 0.4  # it turned: nothing else can follow
    assert abs(gains[1.0]) < 0.1  # it did not: nothing is gained, little lost


@pytest.mark.real
def test_on_real_data_the_third_factor_neither_gains_nor_costs(ml100k):
    train, test = next(ml100k.folds(5))
    gap = rmse_of(fitted(TensorFactorization, train), test) - rmse_of(fitted(BiasedMF, train), test)
    assert abs(gap) < 0.004
