"""Training: large tables, negatives, settings, and what is printed."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import recsys_tutorial as rt
from recsys_tutorial import losses
from recsys_tutorial.models import MF, BiasedMF
from recsys_tutorial.scale.processes import Alone
from recsys_tutorial.scale.sparse import Optimisers
from recsys_tutorial.training.negatives import Negatives
from recsys_tutorial.training.run import one_cycle
from recsys_tutorial.training.sequences import SequenceBatches


@pytest.fixture(scope="module")
def parts(small):
    return small.split("random", seed=3)


class TestLargeTables:
    def test_sparse_updates_touch_only_rows_of_the_batch(self):
        data = rt.datasets.planted(n_users=5_000, n_items=60, n_ratings=10_000, min_ratings=1)
        few = data.take(np.arange(100))
        model = BiasedMF.for_dataset(few, dim=4)
        optimisers = Optimisers(model, 0.01, 32)
        assert model.user_factors.sparse_rows
        assert not model.item_factors.sparse_rows
        assert [type(o).__name__ for o in optimisers.each] == ["Adam", "SparseAdam"]
        batch = next(iter(few.batches(batch_size=32)))
        loss = losses.squared_error(model(batch), batch) + model.penalty(batch)
        loss.backward()
        assert model.user_factors.grad.is_sparse
        assert model.user_bias.grad.is_sparse
        assert model.user_bias.grad._nnz() <= 2 * 32

    def test_gradients_of_both_kinds_agree(self, small):
        batch = next(iter(small.batches(batch_size=50)))
        gradients = []
        for sparse in (False, True):
            model = BiasedMF.for_dataset(small, dim=3)
            for _, table in model.tables():
                table.sparse_rows = sparse
            (losses.squared_error(model(batch), batch) + model.penalty(batch)).backward()
            grad = [t.grad.to_dense() if t.grad.is_sparse else t.grad for _, t in model.tables()]
            gradients.append(grad)
        for dense, from_sparse in zip(*gradients, strict=True):
            assert torch.allclose(dense, from_sparse, atol=1e-6)


class TestNegatives:
    def test_never_a_rated_item_and_uniform_over_the_rest(self):
        table = pd.DataFrame({"user": [1, 1, 1, 2], "item": [10, 12, 14, 11], "rating": 5})
        items = pd.DataFrame({"item": [10, 11, 12, 13, 14, 15]})
        data = rt.datasets.from_frame(table, items=items)
        draw = Negatives(data, torch.Generator().manual_seed(0)).draw(torch.tensor([0, 1]), 30_000)
        first = torch.bincount(draw[0], minlength=6) / 30_000
        assert first[[0, 2, 4]].sum() == 0
        assert torch.allclose(first[[1, 3, 5]], torch.tensor(1 / 3), atol=0.02)
        second = torch.bincount(draw[1], minlength=6) / 30_000
        assert second[1] == 0
        assert torch.allclose(second[[0, 2, 3, 4, 5]], torch.tensor(0.2), atol=0.02)

    def test_who_rated_everything_is_left_out(self):
        data = rt.datasets.from_frame(pd.DataFrame({"user": list("aab"), "item": [1, 2, 1]}))
        model = MF.for_dataset(data, l2=0.0)
        before = model.user_factors.detach().clone()
        rt.fit(model, data, loss=losses.bpr, progress=False)
        changed = (model.user_factors != before).any(1)
        assert changed.tolist() == [False, True]

    def test_nothing_to_contrast_with(self):
        data = rt.datasets.from_frame(pd.DataFrame({"user": ["ann", "ann"], "item": [1, 2]}))
        with pytest.raises(ValueError, match="every user has rated every item"):
            rt.fit(MF.for_dataset(data), data, loss=losses.bpr, progress=False)


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"epochs": 0}, r"epochs must be a whole number.*got 0"),
            ({"batch_size": 2.5}, r"batch_size must be a whole number.*got 2.5"),
            ({"lr": -1.0}, "Invalid learning rate: -1"),
            ({"negatives": 3}, "learns from rated rows alone"),
            ({"negatives": -1, "loss": losses.bpr}, "negatives=-1"),
            ({"negatives": "some", "loss": losses.bpr}, "negatives='some'"),
            ({"early_stopping": 3}, "needs a validation part"),
            ({"resume": True}, "checkpoint_dir"),
            ({"threads": 0}, "threads must be .*got 0"),
            ({"loss": "bpr"}, r"loss='bpr' is not a function.*rt\.losses: .*bpr"),
            ({"loss": torch.nn.MSELoss()}, r"loss=MSELoss\(\) is not a function.*squared_error"),
            ({"popularity": 0.75}, "popularity=0.75: .* learns from rated rows alone"),
        ],
    )
    def test_impossible_settings(self, parts, settings, message):
        with pytest.raises((TypeError, ValueError), match=message):
            rt.fit(BiasedMF.for_dataset(parts[0]), parts[0], **settings)

    def test_empty_parts(self, parts):
        train = parts[0]
        nothing = train.take(np.array([], dtype=int))
        with pytest.raises(ValueError, match="no ratings"):
            rt.fit(BiasedMF.for_dataset(train), nothing)
        with pytest.raises(ValueError, match="validation part is empty"):
            rt.fit(BiasedMF.for_dataset(train), train, nothing)

    def test_a_model_of_a_smaller_part_is_refused(self, small):
        part = small.take(small.user != 7)
        with pytest.raises(ValueError, match="built for another training part, in which user 8"):
            rt.fit(BiasedMF.for_dataset(part), small)

    def test_one_cycle_rises_then_falls_to_zero(self):
        rates = [one_cycle(step, 100, 0.5) for step in range(100)]
        assert np.argmax(rates) in (9, 10)
        assert max(rates) == pytest.approx(0.5)
        assert rates[0] == pytest.approx(0.05)
        assert rates[-1] < 0.001
        assert one_cycle(0, 1, 0.5) == 0.5


class TestOutput:
    def test_lines_of_text_where_somebody_does(self, parts, capsys, monkeypatch):
        monkeypatch.setattr("recsys_tutorial.training.progress.somebody_watches", lambda: True)
        rt.fit(BiasedMF.for_dataset(parts[0]), parts[0], parts[1], epochs=2)
        out = capsys.readouterr().out
        assert "epoch 2/2  train loss" in out
        assert "valid rmse" in out
        assert "\r" not in out
        assert "\x1b" not in out
        rt.fit(BiasedMF.for_dataset(parts[0]), parts[0], epochs=2, progress=False)
        assert capsys.readouterr().out == ""


def test_training_inside_no_grad_trains(small):
    model = rt.models.BiasedMF.for_dataset(small, dim=2)
    with torch.no_grad():
        rt.fit(model, small, epochs=1, progress=False)
    assert float(model.item_bias.detach().abs().max()) > 0


def test_the_whole_catalogue_as_contrast_fits_tables_far_larger_than_a_batch():
    data = rt.datasets.planted(n_users=60, n_items=300, n_ratings=1500)
    model = rt.models.MF.for_dataset(data, dim=2)
    loss = rt.losses.sampled_softmax
    history = rt.fit(
        model, data, loss=loss, negatives="all", batch_size=16, epochs=2, progress=False
    )
    assert history.frame["train_loss"].iloc[-1] < history.frame["train_loss"].iloc[0]


class TestWeights:
    @pytest.mark.parametrize("size", [4, 64, 1000])
    def test_a_weighted_mean_is_learned_in_batches_of_any_size(self, size):
        """One in ten rows counts a thousand times as much: most batches hardly count at all."""
        rng = np.random.default_rng(0)
        heavy = rng.random(1000) < 0.1
        table = pd.DataFrame({"user": np.arange(1000) // 20, "item": np.arange(1000) % 20})
        table = table.assign(rating=np.where(heavy, 5.0, 1.0), weight=np.where(heavy, 1000.0, 1.0))
        data = rt.datasets.from_frame(table)
        model = BiasedMF.for_dataset(data, dim=0, l2_bias=1.0)
        rt.fit(model, data, batch_size=size, epochs=3, progress=False)
        assert rt.predict(model, data).mean() > 4.7  # the weighted mean is 4.96, the plain one 1.4

    def test_validation_counts_weights(self, parts):
        train, valid, _ = parts
        weight = np.random.default_rng(1).uniform(0, 3, len(valid))
        model = BiasedMF.for_dataset(train)
        history = rt.fit(model, train, replace(valid, weight=weight), epochs=1, progress=False)
        error = (rt.predict(model, valid) - valid.rating) ** 2
        expected = np.sqrt(np.average(error, weights=weight))
        assert history.frame["valid_rmse"].iloc[0] == pytest.approx(expected, rel=1e-5)


class TestPairs:
    @pytest.fixture
    def pairs(self, small):
        return rt.datasets.from_frame(small.ratings[["user", "item"]])

    def test_pairs_without_ratings_are_ranked_and_a_line_says_so(self, pairs, capsys):
        model = BiasedMF.for_dataset(pairs)
        history = rt.fit(model, pairs, epochs=1, progress=False)
        assert history.loss == "bpr"
        assert model.predicts == "score"
        assert "no ratings to predict, so the model learns to rank" in capsys.readouterr().out

    def test_a_loss_on_ratings_is_refused_and_the_remedy_named(self, pairs):
        with pytest.raises(ValueError, match=r"squared_error needs ratings.*rt\.losses\.bpr"):
            rt.fit(BiasedMF.for_dataset(pairs), pairs, loss=losses.squared_error)


def test_negatives_by_popularity_follow_the_power_of_the_counts():
    table = pd.DataFrame({"user": range(100), "item": [0] * 64 + [1] * 27 + [2] * 8 + [3]})
    data = rt.datasets.from_frame(table)
    negatives = Negatives(data, torch.Generator().manual_seed(0), popularity=2 / 3)
    drawn = torch.bincount(negatives.draw(torch.tensor([99]), 30_000)[0], minlength=4) / 30_000
    assert drawn[3] == 0  # what the user has
    assert torch.allclose(drawn[:3], torch.tensor([16.0, 9.0, 4.0]) / 29, atol=0.02)


def test_short_histories_fill_a_step():
    rows = pd.DataFrame({"user": np.arange(6000) // 3, "item": np.arange(6000) % 7})
    data = rt.datasets.from_frame(rows)
    model = rt.models.SequenceLSTM.for_dataset(data, dim=2)
    batches = SequenceBatches(model, data, 600, torch.Generator().manual_seed(0), Alone())
    sizes = [batches.sizes(batch)[0] for batch in batches]
    assert len(sizes) == len(batches) == 10
    assert sum(sizes) == 6000
    assert max(sizes) < 700
