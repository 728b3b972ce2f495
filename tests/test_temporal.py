"""TemporalMF: what it counts in training, by hand, and planted drift."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from ladder import fitted, rmse_of

import recsys_tutorial as rt
from recsys_tutorial import Batch
from recsys_tutorial.datasets import from_frame
from recsys_tutorial.models import BiasedMF, TemporalMF
from recsys_tutorial.models.temporal import DAY, bin_of


def toy():
    """User 1: three ratings, two in the same second; user 2: one; user 3 only in the vocabulary."""
    frame = pd.DataFrame(
        {
            "user": [1, 1, 1, 2, 3],
            "item": ["a", "b", "c", "a", "a"],
            "rating": [4.0, 2.0, 5.0, 3.0, 1.0],
            "timestamp": [10 * DAY, 10 * DAY, 12 * DAY, 18 * DAY - 1, 14 * DAY],
        }
    )
    return from_frame(frame).take(np.array([0, 1, 2, 3]))


def batch_at(users, items, times) -> Batch:
    return Batch(*(torch.as_tensor(v) for v in (users, items)), time=torch.as_tensor(times))


def drifting(*, drift=1.2, seed=0, n_users=150, n_items=40, noise=0.3):
    """Ratings whose items go up or down by `drift` stars halfway through, and nothing else."""
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(n_users * n_items)[: n_users * n_items // 2]
    user, item = pairs // n_items, pairs % n_items
    time = rng.integers(0, 80 * DAY, len(pairs))
    sign = np.where(np.arange(n_items) % 2, 1, -1)
    jump = drift / 2 * sign[item] * np.where(time >= 40 * DAY, 1, -1)
    rating = 3 + jump + rng.normal(0, 0.3, n_items)[item] + rng.normal(0, noise, len(pairs))
    return from_frame(
        pd.DataFrame({"user": user, "item": item, "rating": rating, "timestamp": time})
    )


FIT = {"epochs": 20, "lr": 0.02, "batch_size": 128}


# ---- what is counted in training ------------------------------------------------------------


def test_order_counts_training_ratings_strictly_earlier():
    model = TemporalMF.for_dataset(toy())
    times = torch.tensor([0, 10 * DAY, 10 * DAY + 1, 12 * DAY, 12 * DAY + 1, 900 * DAY])
    assert model.earlier(torch.zeros(6, dtype=torch.int64), times).tolist() == [0, 0, 2, 2, 3, 3]
    assert model.earlier(torch.ones(6, dtype=torch.int64), times).tolist() == [0, 0, 0, 0, 0, 1]
    assert model.earlier(torch.full((6,), 2), times).tolist() == [0] * 6  # cold


def test_order_is_that_of_the_training_rows_whatever_their_order(small):
    model = TemporalMF.for_dataset(small)
    n = model.earlier(torch.tensor(small.user), torch.tensor(small.timestamp)).numpy()
    for row in (0, 17, 2_000):
        mine = small.user == small.user[row]
        assert n[row] == (small.timestamp[mine] < small.timestamp[row]).sum()


def test_bins_have_equal_length_and_end_with_training():
    model = TemporalMF.for_dataset(toy(), item_bins=4)  # 8 days: two a bin
    times = torch.tensor([0, 10 * DAY, 12 * DAY - 1, 12 * DAY, 18 * DAY - 1, 99 * DAY])
    assert bin_of(times, model.span, 4).tolist() == [0, 0, 0, 1, 3, 3]


def test_unseen_bins_take_the_last_seen_before_else_the_first():
    model = TemporalMF.for_dataset(toy(), item_bins=4)
    # a: rated in bins 0 and 3; b: in 0; c: in 1
    assert model.item_seen_bin.tolist() == [[0, 0, 0, 3], [0, 0, 0, 0], [1, 1, 1, 1]]
    with torch.no_grad():
        model.item_time.copy_(torch.arange(12.0).reshape(3, 4))
    late = batch_at([2, 2, 2], [0, 1, 2], [99 * DAY] * 3)
    still = batch_at([2, 2, 2], [0, 1, 2], [15 * DAY] * 3)
    assert model.of_time(late.user, late.item, late.time).tolist() == [3, 4, 9]
    assert model.of_time(still.user, still.item, still.time).tolist() == [0, 4, 9]


# ---- the ladder -----------------------------------------------------------------------------


def test_by_hand():
    model = TemporalMF.for_dataset(toy(), dim=1, user_bins=2, item_bins=2)
    with torch.no_grad():
        model.mean.fill_(3.0)
        model.user_factors.copy_(torch.tensor([[1.0], [2.0], [0.0]]))
        model.item_factors.copy_(torch.tensor([[0.5], [0.0], [1.0]]))
        model.user_bias.copy_(torch.tensor([0.25, 0.0, 0.0]))
        model.item_bias.copy_(torch.tensor([0.5, 0.0, 0.0]))
        model.order_bias[:3] = torch.tensor([0.0, 1.0, 2.0])
        model.user_time[0] = torch.tensor([10.0, 20.0])
        model.item_time[0] = torch.tensor([100.0, 200.0])
        model.day_bias.copy_(torch.tensor([1000.0, 2000.0, 3000.0]))
    # User 1 and item a without time: 3 + .25 + .5 + 1 * .5 = 4.25
    day_12, later = 12 * DAY + 5, 17 * DAY
    scores = model(batch_at([0, 0, 1], [0, 0, 0], [day_12, later, later]))
    assert scores.tolist() == [
        4.25
        + 2
        + 10
        + 100
        + 2000,  # three ratings before: step 2; first halves; second of the known days
        4.25 + 2 + 10 + 200,  # the user's second half is unseen: carried forward; day unknown
        3 + 0.5 + 1 + 200 + 3000,
    ]


def test_with_everything_temporal_off_it_is_biased_mf_to_the_bit(small):
    off = {"order_bins": 0, "user_bins": 0, "item_bins": 0, "days": False}
    plain, model = (
        fitted(cls, small, FIT, dim=5, seed=3, **settings)
        for cls, settings in ((BiasedMF, {}), (TemporalMF, off))
    )
    assert np.array_equal(rt.predict(plain, small), rt.predict(model, small))


def test_penalty_of_an_epoch_is_that_of_the_tables_once(small):
    """Whatever the batches, their mean weighted by rows is (whole table) / (ratings)."""
    model = TemporalMF.for_dataset(small, l2=0.0, l2_bias=0.0, l2_time=2.0, tv=3.0, l2_day=5.0)
    with torch.no_grad():
        for table in (model.user_time, model.item_time, model.day_bias):
            table.copy_(torch.rand(table.shape, generator=model.generator))
    batches = small.batches(model.columns, batch_size=500)
    paid = sum(float(model.penalty(b).detach()) * len(b.user) for b in batches) / len(small)
    whole = 5 * model.day_bias.detach().square().sum()
    for table, seen in (
        (model.user_time, model.user_seen_bin),
        (model.item_time, model.item_seen_bin),
    ):
        drift = table.detach().gather(1, seen)
        whole = whole + 2 * drift.square().sum() + 3 * drift.diff(dim=1).abs().sum()
    assert paid == pytest.approx(float(whole) / len(small), rel=1e-4)


def test_planted_drift_is_found_and_pays():
    train, _, test = drifting().split(valid=0, test=0.2)
    settings = {"dim": 0, "user_bins": 0, "order_bins": 1, "l2_time": 1.0, "tv": 0.5}
    plain = fitted(BiasedMF, train, FIT, dim=0)
    model = fitted(TemporalMF, train, FIT, **settings)
    rise = model.item_time[:, 4:].mean(1) - model.item_time[:, :4].mean(1)  # (n_items,)
    truth = np.where(model.item_vocab.ids % 2, 1.2, -1.2)
    assert np.abs(rise.detach().numpy() - truth).mean() < 0.25
    before, after = (rmse_of(m, test) for m in (plain, model))
    assert after < 0.75 * before


def test_no_drift_is_found_where_none_was_planted():
    train, _, test = drifting(drift=0).split(valid=0, test=0.2)
    plain, model = fitted(BiasedMF, train, FIT, dim=0), fitted(TemporalMF, train, FIT, dim=0)
    before, after = (rmse_of(m, test) for m in (plain, model))
    assert after > before - 0.003
    assert after < before + 0.01  # and the penalties keep the harm small
    rise = model.item_time[:, 4:].mean(1) - model.item_time[:, :4].mean(1)
    assert rise.abs().mean() < 0.1


def test_data_without_times_is_refused_with_a_remedy():
    data = from_frame(pd.DataFrame({"user": [1, 2], "item": [1, 1], "rating": [1.0, 5.0]}))
    with pytest.raises(ValueError, match="BiasedMF"):
        TemporalMF.for_dataset(data)


def test_a_new_user_meets_items_as_they_are_at_the_end_of_training():
    data = drifting()
    model = fitted(TemporalMF, data, FIT)
    rows, offset = model.item_rows()
    now = torch.full((1, 1), int(data.timestamp.max()) + 9 * DAY)
    drift = model._drift("item", torch.arange(data.n_items)[None], now)[0]
    assert torch.allclose(offset, model.mean + model.unit * (model.item_bias + drift))
    assert rows.shape == (data.n_items, model.dim + 1)
    assert model.fold_in(torch.tensor([0]), torch.tensor([4.0])).row.shape == (model.dim + 1,)


@pytest.mark.real
def test_on_real_folds_days_interpolate_and_do_no_harm(ml100k):
    train, test = next(iter(ml100k.folds()))
    rmse = {}
    for cls in (BiasedMF, TemporalMF):
        model = cls.for_dataset(train)
        rt.fit(model, train, progress=False)
        rmse[cls] = rt.metrics.rmse(test.rating, rt.predict(model, test))
    assert rmse[TemporalMF] < rmse[BiasedMF]


def test_times_before_1970_rank_as_later_ones_do(small):
    def ranked(shift: int) -> dict[str, float]:
        train, _, test = replace(small, timestamp=small.timestamp - shift).split("last", seed=0)
        model = TemporalMF.for_dataset(train)
        rt.fit(model, train, epochs=2, progress=False)
        return rt.evaluate(model, test, train=train)

    assert ranked(shift=40_000 * DAY) == pytest.approx(ranked(shift=0))
