"""The live curve: what it draws, and that it draws in its own cell, whatever runs meanwhile."""

import base64
import html
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
import xml.etree.ElementTree as ET

import nbformat
import pytest
import torch
from nbclient import NotebookClient

import recsys_tutorial as rt
from recsys_tutorial.models import BiasedMF
from recsys_tutorial.training import live
from recsys_tutorial.training.live import Line, Panel


@pytest.fixture(scope="module")
def parts(small):
    return small.split("random", seed=3)


class Still:
    """Something to watch that does what the test says."""

    def __init__(self, panels, status="epoch 1/3"):
        self._finished, self._panels, self._status = threading.Event(), panels, status

    @property
    def done(self):
        return self._finished.is_set()

    def panels(self):
        return self._panels

    def status(self):
        return self._status


def picture(text: str) -> ET.Element:
    found = re.search(r"base64,([^\"]+)", text)
    return ET.fromstring(base64.b64decode(found[1]))


def polylines(root: ET.Element) -> list[list[tuple[float, float]]]:
    found = root.iter("{http://www.w3.org/2000/svg}polyline")
    return [[tuple(map(float, p.split(","))) for p in e.get("points").split()] for e in found]


class TestPicture:
    def test_values_lie_where_the_axes_say(self):
        line = Line([(1, 4.0), (2, 2.0), (5, 1.0)], "now")
        root = ET.fromstring(live.svg([Panel("loss", [line], 5)]))
        ((a, b, c),) = polylines(root)
        assert a[0] == live.LEFT
        assert c[0] == live.WIDTH - live.RIGHT
        assert (b[0] - a[0]) * 3 == pytest.approx(c[0] - b[0], abs=0.5)
        assert a[1] < b[1] < c[1]  # y grows downwards
        assert (b[1] - a[1]) == pytest.approx(2 * (c[1] - b[1]), abs=0.5)

    def test_epochs_without_a_number_and_panels_without_an_epoch(self):
        nan = Panel("a", [Line([(1, 1.0), (2, float("nan")), (3, 2.0)], "past")], 3)
        root = ET.fromstring(live.svg([nan, Panel("b", [], 1), Panel("c & d", [], 9), nan]))
        assert [len(line) for line in polylines(root)] == [2, 2]
        assert root.get("width") == str(3 * live.WIDTH)
        assert root.get("height") == str(2 * live.HEIGHT)
        assert "c & d" in [e.text for e in root.iter()]

    def test_before_the_first_run_it_says_so(self):
        shown = live.bundle(Still([], "0 of 3 runs done"))
        assert live.START in "".join(e.text or "" for e in picture(shown["text/html"]).iter())
        assert f"function. {live.START}." in shown["text/html"]

    @pytest.mark.parametrize(
        ("low", "high", "wanted"),
        [
            (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
            (1, 30, [10, 20, 30]),
            (0.91, 0.94, [0.91, 0.92, 0.93, 0.94]),
        ],
    )
    def test_ticks_are_round(self, low, high, wanted):
        assert live.ticks(low, high) == pytest.approx(wanted)
        assert live.ticks(2.0, 2.0) == [2.0]

    def test_its_text_says_what_it_shows(self):
        panels = [
            Panel("bpr", [Line([(1, 0.7), (2, 0.25)], "now"), Line([(1, 0.1)], "train")], 3),
            Panel("squared_error", [], 3),
        ]
        text = live.alt(panels)
        assert "bpr: lowest validation loss 0.25" in text
        assert "squared_error: no epoch yet" in text
        shown = live.bundle(Still(panels, "epoch 2/3 <b>"))
        assert f'alt="{html.escape(text)}"' in shown["text/html"]
        assert "epoch 2/3 &lt;b&gt;" in shown["text/html"]
        assert shown["text/plain"] == "epoch 2/3 <b>"
        key = "orange: this run, on validation data; dashed: on its training data</small>"
        assert key in shown["text/html"]  # and no word of grey, where nothing is

    def test_a_history_draws_its_record(self, parts):
        train, valid, _ = parts
        history = rt.fit(BiasedMF.for_dataset(train), train, valid, epochs=3, progress=False)
        (panel,) = history.panels()
        now, of_train = panel.lines
        assert panel.title == "loss: squared_error"
        assert panel.last == 3
        assert [y for _, y in now.points] == history.frame["valid_loss"].tolist()
        assert [x for x, _ in of_train.points] == [1, 2, 3]
        assert history.status().startswith("epoch 3/3")


class TestTerminal:
    def test_lines_while_it_changes_and_the_last_state(self, monkeypatch, capsys):
        monkeypatch.setattr(live, "somebody_watches", lambda: True)
        monkeypatch.setattr(live, "EVERY", 0.005)
        still = Still([])
        live.watch(still)
        time.sleep(0.1)
        still._status = "epoch 3/3"
        still._finished.set()
        _join_watchers()
        assert capsys.readouterr().out.splitlines() == ["epoch 1/3", "epoch 3/3"]


def _join_watchers():
    for thread in threading.enumerate():
        if thread.name == "recsys-tutorial-watch":
            thread.join(10)


CELLS = [
    """
    import threading, time
    import recsys_tutorial as rt
    from recsys_tutorial import losses
    data = rt.datasets.planted(n_users=80, n_items=60, n_ratings=2_400, dim=2, seed=1)
    train, valid, test = data.split(seed=3)
    go, fail = threading.Event(), threading.Event()
    def gated(output, batch):
        if fail.is_set():
            raise RuntimeError("broken on purpose")
        while not go.is_set():
            time.sleep(0.01)
        return losses.squared_error(output, batch)
    """,
    """
    history = rt.fit(rt.models.BiasedMF.for_dataset(train), train, valid, loss=gated, epochs=6,
                     background=True)
    print("started", history.done)
    """,
    """
    print("a later cell")
    go.set()
    history.wait(60)
    time.sleep(1.2)
    print("its own line")
    """,
    """
    fail.set()
    second = rt.fit(rt.models.BiasedMF.for_dataset(train), train, valid, loss=gated, epochs=4,
                    background=True)
    time.sleep(1.2)
    """,
    """
    print("after the failure")
    try:
        second.wait()
    except RuntimeError as error:
        print("raised:", error)
    """,
]


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The cells, run in a kernel where no front end answers."""
    cells = [nbformat.v4.new_code_cell(textwrap.dedent(cell)) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(
        notebook, timeout=60, kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path_factory.mktemp("notebook"))}},
    )  # fmt: skip
    before = os.environ.get("JUPYTER_PREFER_ENV_PATH")
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    try:
        client.execute()
    finally:
        if before is None:
            del os.environ["JUPYTER_PREFER_ENV_PATH"]
    return notebook.cells


class TestNotebook:
    def test_the_curve_stands_in_its_own_cell_and_has_grown(self, executed):
        shown = [o for o in executed[1].outputs if o.output_type == "display_data"]
        assert len(shown) == 1
        final = shown[0].data
        assert final["text/plain"].startswith("epoch 6/6")
        lines = polylines(picture(final["text/html"]))
        assert [len(line) for line in lines] == [6, 6]

    def test_outputs_of_other_cells_are_their_own(self, executed):
        printed = ["".join(o.get("text", "") for o in c.outputs) for c in executed]
        assert printed[1] == "started False\n"
        assert printed[2] == "a later cell\nits own line\n"
        assert printed[4] == "after the failure\nraised: broken on purpose\n"
        assert all(o.output_type == "stream" for o in executed[2].outputs + executed[4].outputs)

    def test_a_failure_is_shown_where_it_was_started(self, executed):
        outputs = executed[3].outputs
        said = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stderr")
        assert said == "background training failed: broken on purpose\n"
        (curve,) = [o for o in outputs if o.output_type == "display_data"]
        assert curve.data["text/plain"] == "failed: broken on purpose"


class TestEndOfTheProgram:
    PROGRAM = """
    import sys
    import recsys_tutorial as rt
    data = rt.datasets.planted(n_users=80, n_items=60, n_ratings=2_400, dim=2, seed=1)
    train, valid, test = data.split(seed=3)
    history = rt.fit(rt.models.BiasedMF.for_dataset(train), train, valid, epochs={epochs},
                     background=True, checkpoint_dir=sys.argv[1])
    while len(history.rows) < 3:
        pass
    print("three", flush=True)
    {rest}
    """

    def run(self, folder, rest, epochs=100_000):
        text = textwrap.dedent(self.PROGRAM).format(rest=rest, epochs=epochs)
        return subprocess.Popen(
            [sys.executable, "-c", text, str(folder)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def test_it_ends_without_noise_while_training_goes_on(self, tmp_path):
        program = self.run(tmp_path, "")
        out, err = program.communicate(timeout=60)
        assert (program.returncode, out, err) == (0, "three\n", "")

    def test_killed_it_leaves_a_checkpoint_to_go_on_from(self, tmp_path, parts):
        """As a notebook that is closed: resumed in the background, it ends to the bit alike."""
        train, valid, _ = parts
        epochs = 80
        program = self.run(tmp_path, "import time; time.sleep(60)", epochs)
        assert program.stdout.readline() == "three\n"
        program.send_signal(signal.SIGKILL)
        program.communicate()
        saved = torch.load(tmp_path / "last.pt", weights_only=True)
        assert 2 <= saved["epoch"] < epochs
        straight, resumed = (BiasedMF.for_dataset(train) for _ in range(2))
        rt.fit(straight, train, valid, epochs=epochs, progress=False)
        history = rt.fit(
            resumed, train, valid, epochs=epochs, checkpoint_dir=tmp_path, resume=True,
            background=True,
        ).wait(60)  # fmt: skip
        assert len(history.frame) == epochs
        for one, other in zip(straight.parameters(), resumed.parameters(), strict=True):
            assert torch.equal(one, other)


class TestEventFiles:
    def test_scalars_are_those_of_the_record(self, parts, tmp_path):
        train, valid, _ = parts
        runs = {}
        for name in ("a", "b/c"):
            model = BiasedMF.for_dataset(train)
            runs[name] = rt.fit(
                model, train, valid, epochs=3, progress=False, log_dir=tmp_path / name
            )
        found = rt.scalars(tmp_path)
        assert sorted(found["run"].unique()) == ["a", "b/c"]
        for name, history in runs.items():
            chosen = found[(found["run"] == name) & (found["tag"] == "epoch/valid_rmse")]
            assert chosen["step"].tolist() == [1, 2, 3]
            assert chosen["value"].tolist() == pytest.approx(history.frame["valid_rmse"].tolist())

    def test_of_a_run_that_was_repeated_the_later_values_count(self, parts, tmp_path):
        for lr in (1e-5, 0.05):
            model = BiasedMF.for_dataset(parts[0])
            history = rt.fit(model, parts[0], epochs=2, lr=lr, progress=False, log_dir=tmp_path)
        found = rt.scalars(tmp_path)
        last = found.loc[found["tag"] == "epoch/train_loss", "value"].tolist()
        assert last == pytest.approx(history.frame["train_loss"].tolist())

    def test_no_file_is_an_error_that_says_how_to_get_one(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="log_dir"):
            rt.scalars(tmp_path)
