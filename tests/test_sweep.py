"""sweep: every run as if it had been fitted alone, whatever happens to the others."""

import threading
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from ipywidgets.widgets import widget

import recsys_tutorial as rt
import recsys_workshop as ws
from recsys_tutorial import losses
from recsys_tutorial.models import MF, BiasedMF
from recsys_tutorial.training.history import Handle
from recsys_workshop import sweeping

GRID = {"dim": [2, 4], "l2": [0.0, 0.1], "loss": [losses.squared_error, losses.bpr]}


@pytest.fixture(scope="module")
def parts(small):
    return small.split("random", seed=3)


@pytest.fixture(scope="module")
def swept(parts):
    return ws.sweep(MF, *parts[:2], GRID, epochs=3, l2=0.5, seed=7).wait(60)


def equal(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


class TestRuns:
    def test_every_combination_in_order(self, swept):
        assert len(swept) == 8
        assert swept.done
        frame = swept.frame
        assert frame["dim"].tolist() == [2] * 4 + [4] * 4
        assert frame["loss"].tolist() == ["squared_error", "bpr"] * 4
        assert (frame["state"] == "done").all()
        assert (frame["epochs"] == 3).all()
        assert (frame["seconds"] > 0).all()
        assert frame.index[1] == "dim 2, l2 0.0, bpr"

    def test_a_run_is_what_fit_and_evaluate_give(self, swept, parts):
        train, valid, _ = parts
        run = swept["dim 4, l2 0.1, squared_error"]
        alone = MF.for_dataset(train, dim=4, l2=0.1, seed=7)
        history = rt.fit(alone, train, valid, epochs=3, seed=7, progress=False)
        assert equal(alone, run.model)
        columns = ["train_loss", "valid_loss", "valid_rmse"]
        pd.testing.assert_frame_equal(history.frame[columns], run.history.frame[columns])
        expected = rt.evaluate(alone, valid, train=train)
        assert run.metrics == expected
        row = swept.frame.loc[run.name]
        assert row["auc"] == expected["auc"]
        assert row["conditional_auc"] == expected["conditional_auc"]
        assert row["valid_loss"] == history.frame["valid_loss"].iloc[-1]

    def test_ranking_runs_have_no_rmse(self, swept):
        frame = swept.frame
        assert frame.loc[frame["loss"] == "bpr", "rmse"].isna().all()
        assert frame.loc[frame["loss"] != "bpr", "rmse"].notna().all()
        assert frame["ndcg@10"].notna().all()

    def test_the_order_changes_nothing(self, swept, parts):
        settings = [run.settings for run in swept][::-1]
        again = ws.sweep(MF, *parts[:2], settings, epochs=3, seed=7).wait(60)
        for run in swept:
            assert equal(run.model, again[run.name].model)
            assert run.metrics == again[run.name].metrics

    def test_a_function_that_builds_and_settings_that_win(self, parts):
        seen = []

        def build(train, seed, dim):
            seen.append((seed, dim))
            return BiasedMF.for_dataset(train, dim=dim, seed=seed)

        settings = [{"dim": 2, "epochs": 1}, {"dim": 3, "seed": 9}]
        runs = ws.sweep(build, *parts[:2], settings, epochs=2).wait(60)
        assert seen == [(0, 2), (9, 3)]
        assert runs.frame["epochs"].tolist() == [1, 2]

    def test_settings_that_make_no_sense(self, parts):
        with pytest.raises(ValueError, match=r"same settings: dim 2"):
            ws.sweep(MF, *parts[:2], {"dim": [2, 2]})

    def test_a_scale_that_does_not_end_at_5_needs_a_threshold(self, parts):
        train, valid = (replace(p, rating=2 * p.rating, scale=(2.0, 10.0)) for p in parts[:2])
        with pytest.raises(ValueError, match="relevant="):
            ws.sweep(MF, train, valid, {"dim": [2]}, epochs=1, progress=False)
        runs = ws.sweep(MF, train, valid, {"dim": [2]}, relevant=8, epochs=1, progress=False)
        found = runs.wait(60).runs[0]
        assert found.metrics == rt.evaluate(found.model, valid, train=train, relevant=8)

    def test_an_unknown_run_is_named(self, swept):
        with pytest.raises(KeyError, match=r"no run 'x'; there are: dim 2, l2 0\.0, sq"):
            swept["x"]


class Gate:
    """A loss that waits at its first call until it is opened."""

    __name__ = "squared_error"
    needs = losses.needs(losses.squared_error)

    def __init__(self):
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self, output, batch):
        self.reached.set()
        assert self.open.wait(30)
        return losses.squared_error(output, batch)


class TestWhileItRuns:
    def test_it_returns_at_once_and_finished_runs_can_be_read(self, parts):
        train, valid, _ = parts
        gate = Gate()
        settings = [{"dim": 2}, {"dim": 3, "loss": gate}, {"dim": 4}]
        runs = ws.sweep(MF, train, valid, settings, epochs=2)
        assert gate.reached.wait(30)
        while runs.runs[1].history is None:  # its thread is a moment ahead of the sweep's
            time.sleep(0.001)
        assert not runs.done
        assert runs.frame["state"].tolist() == ["done", "running", "waiting"]
        assert rt.evaluate(runs.runs[0].model, valid, train=train) == runs.runs[0].metrics
        assert runs.runs[1].model is None
        assert runs.runs[1].history.rows == []
        assert np.isnan(runs.frame["auc"].iloc[2])
        assert runs.status().startswith("1 of 3 runs done; now dim 3, squared_error, epoch 0; abou")
        (panel,) = runs.panels()
        assert [line.style for line in panel.lines] == ["past", "now", "train"]
        gate.open.set()
        assert runs.wait(60).done
        assert runs.status() == "3 of 3 runs done"

    def test_stop_ends_the_current_run_and_leaves_the_rest(self, parts):
        train, valid, _ = parts
        gate = Gate()
        settings = [{"dim": 2}, {"dim": 3, "loss": gate, "epochs": 10_000}, {"dim": 4}]
        runs = ws.sweep(MF, train, valid, settings, epochs=2)
        assert gate.reached.wait(30)
        gate.open.set()
        runs.stop()
        assert runs.done
        assert runs.frame["state"].tolist() == ["done", "stopped", "waiting"]
        assert runs.runs[1].model is not None  # what it had learned by then
        assert "stopped" in repr(runs)

    def test_a_notebook_shows_a_button_that_stops_it(self, parts, monkeypatch):
        shown = []
        monkeypatch.setattr(sweeping, "in_notebook", lambda: True)
        monkeypatch.setattr(sweeping, "watch", lambda _: None)
        monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
        runs = ws.sweep(MF, *parts[:2], GRID, epochs=3000)
        (control,) = (d["application/vnd.jupyter.widget-view+json"] for d in shown)
        button = widget._instances[control["model_id"]]
        button.click()
        Handle.wait(runs, 30)
        assert runs.done
        assert [run.state for run in runs].count("waiting") >= 7
        assert button.disabled

    def test_a_failing_run_is_shown_and_the_others_go_on(self, parts, capfd):
        settings = [{"dim": 2}, {"dim": 2, "lr": 1e30}, {"dimension": 3}, {"dim": 4}]
        runs = ws.sweep(MF, *parts[:2], settings, epochs=2).wait(60)
        frame = runs.frame
        assert frame["state"].tolist() == ["done", "failed", "failed", "done"]
        assert frame["error"].iloc[1].startswith("TrainingDiverged: the loss became")
        assert "dimension" in frame["error"].iloc[2]
        assert isinstance(runs.runs[1].error, rt.TrainingDiverged)
        shown = capfd.readouterr().err
        assert "the loss became" in shown
        assert "run dim 2, lr 1e+30 failed, the others continue" in shown
        assert "run dimension 3 failed, the others continue: " in shown
        assert runs.status() == "4 of 4 runs done; 2 failed"

    def test_a_bug_in_the_sweep_itself_is_not_lost(self, parts, monkeypatch, capsys):
        def broken(*_):
            raise RuntimeError("a bug")

        monkeypatch.setattr(ws.Sweep, "_one", broken)
        runs = ws.sweep(MF, *parts[:2], {"dim": [2]}, epochs=1)
        with pytest.raises(RuntimeError, match="a bug"):
            runs.wait(30)
        assert runs.done
        assert "a bug" in repr(runs)
        for thread in threading.enumerate():
            if thread.name == "recsys-tutorial":
                thread.join(10)
        assert capsys.readouterr().err == "background training failed: a bug\n"

    def test_threads_of_torch_are_put_back(self, parts):
        before = torch.get_num_threads()
        ws.sweep(MF, *parts[:2], {"dim": [2, 3, 4]}, epochs=2).wait(60)
        rt.fit(MF.for_dataset(parts[0]), parts[0], epochs=1, progress=False)
        assert torch.get_num_threads() == before


class TestFiles:
    def test_event_files_of_each_run_and_none_of_an_older_sweep(self, parts, tmp_path):
        for epochs in (3, 2):
            ws.sweep(MF, *parts[:2], {"dim": [2, 3]}, epochs=epochs, log_dir=tmp_path).wait(60)
        found = rt.scalars(tmp_path)
        losses_ = found[found["tag"] == "epoch/valid_loss"]
        assert losses_.groupby("run")["step"].apply(list).to_dict() == {
            "dim-2": [1, 2],
            "dim-3": [1, 2],
        }
