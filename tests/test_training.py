"""fit: what it minimises, what it leaves behind when all goes well and when it does not."""

import threading
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

import recsys_tutorial as rt
from recsys_tutorial import losses
from recsys_tutorial.models import MF, BiasedMF, Model


@pytest.fixture(scope="module")
def parts(small):
    return small.split("random", seed=3)


def weights(model: Model) -> list[np.ndarray]:
    return [v.detach().numpy().copy() for v in model.state_dict().values()]


def same(a: Model, b: Model) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(weights(a), weights(b), strict=True))


class Bomb:
    """A loss that raises at one call: an interrupt, a kill or a bug at a known moment."""

    def __init__(self, at: int, error: BaseException, loss=losses.squared_error) -> None:
        self.at, self.error, self.calls = at, error, 0
        self.loss, self.needs, self.__name__ = loss, losses.needs(loss), loss.__name__

    def __call__(self, output, batch):
        self.calls += 1
        if self.calls == self.at:
            raise self.error
        return self.loss(output, batch)


class TestWhatIsLearned:
    def test_biases_only_finds_the_regularised_optimum(self, parts):
        """The penalised least-squares solution of biases only, solved exactly by numpy."""
        train = parts[0]
        model = BiasedMF.for_dataset(train, dim=0, l2_bias=0.02)
        rt.fit(model, train, epochs=150, batch_size=len(train), lr=0.05, progress=False)
        n, n_u, n_i = len(train), train.n_users, train.n_items
        design = np.zeros((n, n_u + n_i))
        design[np.arange(n), train.user] = design[np.arange(n), n_u + train.item] = 1
        counts = np.concatenate([train.counts("user"), train.counts("item")])
        gram = design.T @ design + np.diag(np.maximum(0.02 * counts, 1e-9))
        exact = np.linalg.solve(gram, design.T @ (train.rating - train.rating.mean()))
        found = torch.cat([model.user_bias, model.item_bias]).detach().numpy()
        # A constant may move between the two sides almost for free: their sum is what is settled.
        assert np.abs(design @ (found - exact)).max() < 0.01

    @pytest.mark.parametrize("loss", [losses.bpr, losses.logistic, losses.sampled_softmax])
    def test_ranking_losses_learn_to_rank(self, loss, parts):
        train, valid, test = parts
        model = MF.for_dataset(train, dim=8, l2=0.01)
        model.mean.add_(0)  # counts as fitted
        before = rt.evaluate(model, test, train=[train, valid], relevant=1)["ranking_auc"]
        history = rt.fit(model, train, valid, loss=loss, epochs=15, progress=False)
        result = rt.evaluate(model, test, train=[train, valid], relevant=1)
        assert model.predicts == "score"
        assert "rmse" not in result
        assert result["ranking_auc"] > before + 0.05
        assert "valid_rmse" not in history.frame
        assert history.frame["valid_loss"].min() < history.frame["valid_loss"].iloc[0]

    def test_what_is_cold_is_not_on_top_of_a_ranking(self, small):
        """A mean in stars, left in the scores, would put unrated films above all others."""
        train = small.take(small.item >= 5)  # the first five films have no rating here
        model = MF.for_dataset(train, dim=8, l2=0.01)
        rt.fit(model, train, loss=losses.logistic, epochs=15, progress=False)
        assert float(model.mean) == 0
        scores = model.score_items(rt.Batch(user=torch.arange(train.n_users))).detach()
        below = (scores[:, 5:] > scores[:, :5].max(dim=1, keepdim=True).values).float().mean()
        assert below > 0.2  # with the mean: 0.00

    def test_a_loss_is_a_mean_over_rows_not_over_batches(self, parts):
        """One epoch with a rate too small to change anything: the record is the loss over rows."""
        train, valid, _ = parts
        model = BiasedMF.for_dataset(train)
        start = rt.metrics.rmse(train.rating, rt.predict(model, train, clip=False)) ** 2
        history = rt.fit(
            model, train, valid, epochs=1, lr=1e-12, batch_size=len(train) - 1, progress=False
        )
        row = history.frame.loc[1]
        assert row["train_loss"] == pytest.approx(start, rel=1e-4)
        rmse = rt.metrics.rmse(valid.rating, rt.predict(model, valid))
        assert row["valid_rmse"] == pytest.approx(rmse, rel=1e-5)

    def test_validation_is_never_trained_on(self, parts):
        train, valid, _ = parts
        with_valid, without = (BiasedMF.for_dataset(train) for _ in range(2))
        rt.fit(with_valid, train, valid, epochs=2, progress=False)
        rt.fit(without, train, epochs=2, progress=False)
        assert same(with_valid, without)


class TestReproducible:
    def test_threads_are_those_asked_for_and_change_no_more_than_digits(self, parts):
        train, made, inside = parts[0], [], []

        def watched(output, batch):
            inside.append(torch.get_num_threads())
            return losses.squared_error(output, batch)

        before = torch.get_num_threads()
        for threads in (1, 2):
            model = BiasedMF.for_dataset(train)
            rt.fit(model, train, loss=watched, epochs=1, threads=threads, progress=False)
            made.append(weights(model))
        assert inside == [1] * (len(inside) // 2) + [2] * (len(inside) // 2)
        assert torch.get_num_threads() == before
        for one, two in zip(*made, strict=True):
            assert np.allclose(one, two, rtol=0, atol=1e-4)

    def test_killed_and_resumed_equals_uninterrupted_also_in_its_record(self, parts, tmp_path):
        train, valid, _ = parts
        settings = {"loss": losses.bpr, "epochs": 5, "batch_size": 300, "progress": False}
        straight, broken, fresh = (BiasedMF.for_dataset(train) for _ in range(3))
        whole = rt.fit(straight, train, valid, **settings)
        bomb = Bomb(at=2 * (7 + 1) + 3, error=RuntimeError(), loss=losses.bpr)  # in epoch 3
        with pytest.raises(RuntimeError):
            rt.fit(broken, train, valid, **settings | {"loss": bomb}, checkpoint_dir=tmp_path)
        rest = rt.fit(fresh, train, valid, **settings, checkpoint_dir=tmp_path, resume=True)
        assert same(straight, fresh)
        columns = [c for c in whole.frame if c != "seconds"]
        pd.testing.assert_frame_equal(whole.frame[columns], rest.frame[columns])

    def test_resuming_a_finished_run_changes_nothing(self, parts, tmp_path):
        train = parts[0]
        model = BiasedMF.for_dataset(train)
        rt.fit(model, train, epochs=2, progress=False, checkpoint_dir=tmp_path)
        fresh = BiasedMF.for_dataset(train)
        history = rt.fit(
            fresh, train, epochs=2, progress=False, checkpoint_dir=tmp_path, resume=True
        )
        assert same(model, fresh)
        assert len(history.frame) == 2


class TestCheckpoints:
    def test_a_damaged_file_is_one_clear_error(self, parts, tmp_path):
        train = parts[0]
        settings = {"epochs": 2, "progress": False, "checkpoint_dir": tmp_path}
        rt.fit(BiasedMF.for_dataset(train), train, **settings)
        whole = (tmp_path / "last.pt").read_bytes()
        for damaged in (b"", whole[: len(whole) // 2], b"not a checkpoint"):
            (tmp_path / "last.pt").write_bytes(damaged)
            with pytest.raises(ValueError, match=r"last\.pt is not a readable checkpoint"):
                rt.fit(BiasedMF.for_dataset(train), train, **settings, resume=True)

    @pytest.mark.parametrize("change", [{"lr": 0.5}, {"epochs": 3}, {"data": 1}])
    def test_other_settings_are_refused(self, parts, tmp_path, change):
        train = parts[0]
        settings = {"epochs": 2, "progress": False, "checkpoint_dir": tmp_path}
        rt.fit(BiasedMF.for_dataset(train), train, **settings)
        if "data" in change:  # the same rows, some time later
            change, train = {}, replace(train, timestamp=train.timestamp + np.arange(len(train)))
        with pytest.raises(ValueError, match=r"belongs to another run: its (lr|epochs|data)"):
            rt.fit(BiasedMF.for_dataset(train), train, **{**settings, **change}, resume=True)

    def test_resume_without_a_checkpoint_starts_and_says_so(self, parts, tmp_path, capsys):
        history = rt.fit(
            BiasedMF.for_dataset(parts[0]), parts[0], epochs=1, checkpoint_dir=tmp_path, resume=True
        )
        assert "starting from scratch" in capsys.readouterr().out
        assert len(history.frame) == 1


class TestWhenItEndsEarly:
    def test_early_stopping_keeps_the_best(self, parts):
        train, valid, _ = parts
        model = BiasedMF.for_dataset(train, l2=0.0, l2_bias=0.0)
        history = rt.fit(model, train, valid, epochs=60, lr=0.1, early_stopping=3, progress=False)
        assert history.stopped == "early"
        assert len(history.frame) < 60
        best = history.frame["valid_rmse"].min()
        assert history.frame["valid_rmse"].idxmin() == len(history.frame) - 3
        assert rt.metrics.rmse(valid.rating, rt.predict(model, valid)) == pytest.approx(best)

    @pytest.mark.parametrize("lr", [1e30, 1e18])
    def test_divergence_gives_advice_and_the_last_good_weights(self, parts, lr):
        train, valid, _ = parts
        model = BiasedMF.for_dataset(train)
        before = rt.predict(model, valid)
        with pytest.raises(rt.TrainingDiverged, match=r"in epoch 1.*Try lr=0\.\d+ "):
            rt.fit(model, train, valid, lr=lr, progress=False)
        assert np.array_equal(rt.predict(model, valid), before)

    def test_ratings_after_a_ranking_are_in_stars_again(self, parts):
        train, valid, test = parts
        model = BiasedMF.for_dataset(train)
        mean = float(model.mean)
        rt.fit(model, train, loss=losses.bpr, epochs=1, progress=False)
        assert (model.predicts, float(model.mean)) == ("score", 0)
        history = rt.fit(model, train, valid, progress=False)
        assert (model.predicts, float(model.mean)) == ("rating", pytest.approx(mean))
        assert rt.evaluate(model, test, train=train)["rmse"] < np.std(test.rating)
        assert "valid_rmse" in history.frame

    def test_rows_of_weight_0_do_not_count_even_if_a_batch_has_no_others(self, parts):
        train, valid, _ = parts
        weight = (np.arange(len(train)) % 97 == 0).astype(float)
        model = BiasedMF.for_dataset(replace(train, weight=weight))
        history = rt.fit(
            model, replace(train, weight=weight), replace(valid, weight=np.eye(1, len(valid))[0]),
            epochs=2, batch_size=8, progress=False,
        )  # fmt: skip
        assert np.isfinite(history.frame.to_numpy()).all()
        assert np.isfinite(rt.predict(model, valid)).all()

    def test_an_interrupt_leaves_a_usable_model(self, parts, capsys):
        train, valid, _ = parts
        model = BiasedMF.for_dataset(train)
        start = rt.metrics.rmse(valid.rating, rt.predict(model, valid))
        history = rt.fit(
            model, train, valid, loss=Bomb(at=150, error=KeyboardInterrupt()), progress=False
        )
        assert history.stopped == "interrupted"
        assert history.done
        assert "interrupted in epoch" in capsys.readouterr().out
        assert rt.metrics.rmse(valid.rating, rt.predict(model, valid)) < start


class TestBackground:
    def test_returns_at_once_and_fills_the_model_at_the_end(self, parts):
        train, valid, _ = parts
        go = threading.Event()

        def gated(output, batch):
            go.wait(30)
            return losses.squared_error(output, batch)

        model, twin = BiasedMF.for_dataset(train), BiasedMF.for_dataset(train)
        before = weights(model)
        history = rt.fit(model, train, valid, loss=gated, epochs=2, background=True)
        assert not history.done
        assert all(np.array_equal(a, b) for a, b in zip(before, weights(model), strict=True))
        go.set()
        assert history.wait(60).done
        rt.fit(twin, train, valid, epochs=2, progress=False)
        assert same(model, twin)
        assert model.training is twin.training is False  # no more dropout, no more noise
        assert len(history.frame) == 2

    def test_stop_ends_it_and_keeps_what_was_learned(self, parts):
        train, valid, _ = parts
        model = BiasedMF.for_dataset(train)
        started = threading.Event()

        def slow(output, batch):
            started.set()
            time.sleep(0.001)
            return losses.squared_error(output, batch)

        before = weights(model)
        history = rt.fit(model, train, valid, loss=slow, epochs=10_000, background=True)
        assert started.wait(30)
        history.stop()
        assert history.done
        assert history.stopped == "stopped"
        assert not all(np.array_equal(a, b) for a, b in zip(before, weights(model), strict=True))

    def test_an_error_in_the_thread_is_shown_and_raised_by_wait(self, parts, capfd):
        bomb = Bomb(at=3, error=RuntimeError("the third step broke"))
        history = rt.fit(BiasedMF.for_dataset(parts[0]), parts[0], loss=bomb, background=True)
        with pytest.raises(RuntimeError, match="the third step broke"):
            history.wait(30)
        assert "the third step broke" in capfd.readouterr().err
        assert repr(history) == "<History: failed: the third step broke>"
