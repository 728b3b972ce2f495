"""What page 19 shows and says is so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pages_runner import SOURCES, executed

import recsys_tutorial as rt

pytestmark = pytest.mark.page
NAME = "19_scaling_out"


def test_columns_are_mapped_in_32_bits(values):
    assert values["column"] == ["memmap", "int32"]


def test_dense_steps_pay_for_the_table_and_sparse_ones_do_not(values):
    """In CPU seconds, on a busy machine too: a hundred times the rows."""
    rows = values["tables"][-1] / values["tables"][0]
    dense, sparse = (values["step"][kind] for kind in ("dense", "sparse"))
    assert dense[-1] / dense[0] > rows / 10
    assert sparse[-1] / sparse[0] < rows / 10
    assert dense[-1] > 5 * sparse[-1]
    own = values["step"]["sparse_step"]
    assert own[-1] / own[0] < rows / 10
    assert values["touched"] == 1


def test_a_film_rated_once_moves_once_or_goes_on(values):
    sparse, adam, decayed = (np.array(path) for path in values["paths"].values())
    assert sparse[1:] == pytest.approx(0.99)
    assert adam[1] == pytest.approx(0.99)
    assert (1 - adam[-1]) / (1 - sparse[-1]) > 4
    assert np.ptp(adam[50:]) < 0.005  # the push is spent
    late = -np.diff(decayed[50:])
    assert late == pytest.approx(0.01 * 0.1 * decayed[50:-1], rel=0.2)  # and decay never is


def test_two_processes_are_one_with_the_doubled_batch(values):
    assert values["gap"]["doubled batch"] < 2e-5
    assert values["gap"]["single batch"] > 50 * values["gap"]["doubled batch"]
    assert values["gap"]["single batch"] > 1e-3
    train, batch = values["rows"]
    assert train > 10 * batch
    assert values["rmse"] < 3 * values["noise"]


def test_a_billion_multiplied(values):
    gb = {name.split(":")[0]: size / 1e9 for name, size in values["bytes"].items()}
    assert gb["ratings"] == 16
    assert gb["weights"] == pytest.approx(52e6 * 65 * 4 / 1e9)
    assert gb["Adam's two means"] == 2 * gb["weights"]
    assert gb["ratings"] + gb["weights"] + gb["Adam's two means"] < 100
    assert gb["all scores, users times items"] == 400_000
    assert values["hours"]["dense"] > 20 * values["hours"]["sparse"]
    assert 3 * 52e6 * (values["most"] + 1) * 4 <= 64e9 < 3 * 52e6 * (values["most"] + 2) * 4


def two_processes(place, package, alone):
    """Run the cell that starts them, with another package's place and another way to start."""
    cell = next(c.text for c in SOURCES[NAME].cells if "torch.distributed.run" in c.text)
    names = {"rt": SimpleNamespace(__file__=str(package)), "place": place, "BATCH": 9}
    exec(cell, {**names, "Path": Path, "subprocess": subprocess, "alone": alone})


def test_without_the_scripts_the_page_says_so(tmp_path, capsys):
    two_processes(tmp_path, tmp_path / "site" / "recsys_tutorial" / "__init__.py", None)
    assert "The two\nprocesses are left out" in capsys.readouterr().out


def test_processes_that_fail_or_hang_do_not_stop_the_page(tmp_path, capsys):
    def hangs(*command, limit):
        raise subprocess.TimeoutExpired(command, limit)

    def fails(*command, limit):
        assert command[:2] == ("-m", "torch.distributed.run")
        return subprocess.CompletedProcess([sys.executable], 1, "", "why it failed\n")

    two_processes(tmp_path, rt.__file__, hangs)
    two_processes(tmp_path, rt.__file__, fails)
    said = capsys.readouterr().out
    assert "did not finish" in said
    assert "why it failed" in said


@pytest.mark.real
def test_time_and_memory_go_with_the_ratings(ml100k):
    values = executed(NAME, "solutions", "full").values
    grown = {name: np.array(column) for name, column in values["grown"].items()}
    times = grown["ratings"][-1] / grown["ratings"][0]
    assert times / 2 < grown["seconds"][-1] / grown["seconds"][0] < times * 5
    assert (np.diff(grown["peak"]) > 0).all()
    assert 5 < values["slope"] < 150  # bytes
    assert grown["peak"][-1] < 2**30
