"""Several processes on loopback do what one does with all their rows, also when one is killed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from distributed_worker import CASES, data, run
from safetensors.torch import load_file

import recsys_tutorial as rt
import train as script
from recsys_tutorial.datasets.loader import part_of
from recsys_tutorial.models import BiasedMF
from recsys_tutorial.scale import processes

HERE = Path(__file__).parent
TOLERANCE = 2e-5  # the order of additions differs: float32 sums of two parts, then Adam's division


def torchrun(*arguments: str, restarts: int = 0) -> subprocess.CompletedProcess[str]:
    """Two processes of distributed_worker.py; no network but loopback, no name service."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2"]
    command += ["--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0", "--local-addr=127.0.0.1"]
    command += [f"--max-restarts={restarts}", "--monitor-interval=0.2"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RECSYS_")}
    environment["OMP_NUM_THREADS"] = "1"
    return subprocess.run(
        [*command, str(HERE / "distributed_worker.py"), *arguments],
        env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes made of each case."""
    place = tmp_path_factory.mktemp("two")
    done = torchrun("together", str(place))
    assert done.returncode == 0, done.stderr[-3000:]
    return place


@pytest.mark.parametrize("case", CASES)
def test_processes_end_with_the_same_model(case: str, two: Path) -> None:
    first, second = (np.load(two / f"{case}-{rank}.npz") for rank in (0, 1))
    assert sorted(first) == sorted(second)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    rows = [pd.read_csv(two / f"{case}-{rank}.csv").drop(columns="seconds") for rank in (0, 1)]
    assert rows[0].equals(rows[1])


@pytest.mark.parametrize("case", ["dense", "sparse", "weighted", "sequence", "early"])
def test_two_processes_equal_one_with_twice_the_batch(case: str, two: Path) -> None:
    model, rows = run(case, world=1)
    made = np.load(two / f"{case}-0.npz")
    for name, value in model.state_dict().items():
        assert np.allclose(made[name], value.numpy(), rtol=0, atol=TOLERANCE), name
    record = pd.read_csv(two / f"{case}-0.csv")
    alone = pd.DataFrame(rows)
    assert len(record) == len(alone)
    # The record of a weighted loss is a mean of means, which depends on the parts.
    losses = () if case == "weighted" else ("train_loss", "valid_loss")
    for name in (*losses, "valid_rmse", "lr"):
        if name in alone:
            assert np.allclose(record[name], alone[name], rtol=1e-4), name


def test_the_comparison_would_notice_unsummed_gradients() -> None:
    """One process with the single batch ends elsewhere, by far more than the tolerance."""
    half, whole = (run("dense", world=n)[0].item_factors.detach() for n in (2, 1))
    assert float((half - whole).abs().max()) > 50 * TOLERANCE


def test_the_cases_are_what_they_are_called() -> None:
    train, _ = data("sparse")
    model, _ = run("sparse", world=1)
    assert model.user_factors.sparse_rows
    assert not run("dense", world=1)[0].user_factors.sparse_rows
    assert len(run("early", world=1)[1]) < 30
    assert len(train) % 18 > 1  # there is a last, smaller step


def test_ranking_on_two_processes_learns(two: Path) -> None:
    train, valid = data("ranking")
    model = rt.models.MF.for_dataset(train, dim=8, l2=0.01)
    model.in_stars.fill_(False)
    before = rt.evaluate(model, valid, train=train, relevant=1)["ranking_auc"]
    made = np.load(two / "ranking-0.npz")
    model.load_state_dict({name: torch.from_numpy(made[name]) for name in made})
    assert rt.evaluate(model, valid, train=train, relevant=1)["ranking_auc"] > before + 0.03


def test_a_killed_process_costs_no_more_than_its_epoch(tmp_path: Path) -> None:
    """Killed in the middle of the second epoch, all go on after the first one."""
    train, valid = data("dense")
    train.save(tmp_path / "parts" / "train")
    valid.save(tmp_path / "parts" / "valid")
    options = ["--data", str(tmp_path / "parts"), "--set", "dim=8", "--epochs", "3"]
    options += ["--batch-size", "201", "--lr", "0.02", "--save", str(tmp_path / "made.safetensors")]
    options += ["--checkpoint-dir", str(tmp_path / "kept")]
    done = torchrun("killed", str(tmp_path), *options, restarts=1)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "was-killed").read_text() == "epoch 2"
    said = done.stdout + done.stderr
    assert said.count("starting from scratch") == 1  # so the second start found what was kept
    epochs = re.findall(r"^epoch (\d)/3 ", said, re.MULTILINE)  # the last, and not every quick one
    assert epochs == sorted(set(epochs))
    assert epochs[-1] == "3"
    last = re.findall(r"done: epoch (\d+), .*valid_rmse ([\d.]+)", said)
    assert len(last) == 1  # one process speaks

    model = BiasedMF.for_dataset(train, dim=8)
    history = rt.fit(model, train, valid, epochs=3, batch_size=402, lr=0.02, progress=False)
    made = load_file(tmp_path / "made.safetensors")
    for name, value in model.state_dict().items():
        assert torch.allclose(made[name], value, rtol=0, atol=TOLERANCE), name
    assert last[0][0] == "3"
    assert float(last[0][1]) == pytest.approx(history.rows[-1]["valid_rmse"], rel=1e-4)
    assert {p.name for p in (tmp_path / "kept").iterdir()} == {"last.pt"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "nope"], "invalid choice: 'nope' .*BiasedMF"),
        (["--model", "Model"], "invalid choice: 'Model'"),
        (["--loss", "nope"], "invalid choice: 'nope' .*squared_error.*bpr"),
        (["--loss", "l2"], "invalid choice: 'l2'"),  # a penalty
        (["--set", "dim"], "NAME=VALUE"),
    ],
)
def test_what_cannot_work_is_said_before_training(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        script.main(options)
    assert re.search(message, capsys.readouterr().err)


def test_weights_go_into_a_folder_that_is_made(tmp_path: Path) -> None:
    data("dense")[0].save(tmp_path / "data")
    place = tmp_path / "new" / "weights.safetensors"
    options = ["--data", str(tmp_path / "data"), "--epochs", "1", "--save", str(place)]
    assert script.main([*options, "--loss", "squared_error"]) == 0
    assert load_file(place)
    assert [one.name for one in place.parent.iterdir()] == [place.name]


def test_states_of_generators_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that is a view into a larger tensor makes torch read elsewhere, or crash."""
    monkeypatch.setattr(processes.idist, "all_gather", lambda state: torch.cat([state, state]))
    together = object.__new__(processes.Together)
    together.world = 2
    saved = together.states({"draws": torch.Generator().manual_seed(3)})
    assert all(one["draws"].storage_offset() == 0 for one in saved)
    generators = [torch.Generator().manual_seed(7) for _ in saved]
    for generator, one in zip(generators, saved, strict=True):
        generator.set_state(one["draws"])
    first, second = (torch.rand(5, generator=g) for g in generators)
    assert torch.equal(first, second)
    assert torch.equal(first, torch.rand(5, generator=torch.Generator().manual_seed(3)))


# ---- shares ---------------------------------------------------------------------------------


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 11, 12, 13, 14, 24, 100])
def test_shares_are_disjoint_and_even(n: int, world: int) -> None:
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    shares = [part_of(order, 4, rank, world) for rank in range(world)]
    left_out = n - len(torch.cat(shares).unique())
    assert left_out == len(order) - sum(map(len, shares)) < world
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    step = torch.cat([share[:4] for share in shares])  # together the first rows of the order
    assert sorted(step.tolist()) == sorted(order[: 4 * world].tolist()) or n < 4 * world + world
