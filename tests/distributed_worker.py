"""What the processes of `test_distributed.py` run; it also says what one process is to do.

torchrun ... distributed_worker.py together DIRECTORY
torchrun ... distributed_worker.py killed DIRECTORY   (then the options of scripts/train.py)
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "scripts"))

import recsys_tutorial as rt  # noqa: E402
from recsys_tutorial.datasets import Dataset  # noqa: E402
from recsys_tutorial.models import MF, BiasedMF, Model, SequenceLSTM, VariationalMF  # noqa: E402

CASES = ("dense", "sparse", "weighted", "sequence", "early", "ranking", "unused")
KILL_AT = 13  # step of the second process; in the second epoch


def data(case: str) -> tuple[Dataset, Dataset]:
    planted = rt.datasets.planted(n_users=400, n_items=100, n_ratings=4_001, seed=3)
    if case == "weighted":
        table = planted.ratings
        weight = np.random.default_rng(0).uniform(0, 3, len(table))
        planted = rt.datasets.from_frame(table.assign(weight=weight), items=planted.items)
    train, valid, _ = planted.split(seed=1)
    return train, valid


def run(case: str, world: int) -> tuple[Model, list[dict[str, float]]]:
    """One case, with the rows of a step shared among `world` processes."""
    train, valid = data(case)
    step = {"sparse": 18, "sequence": 400}.get(case, 402)
    options = {"epochs": 2, "batch_size": step // world, "lr": 0.02, "progress": False}
    if case == "sequence":
        model: Model = SequenceLSTM.for_dataset(train, dim=8, length=20, dropout=0)
    elif case == "ranking":
        model = MF.for_dataset(train, dim=8, l2=0.01)
        options |= {"loss": rt.losses.bpr, "epochs": 8}
    elif case == "unused":  # a ranking loss has no use for what the model says of the noise
        model = VariationalMF.for_dataset(train, dim=4)
        options |= {"loss": rt.losses.bpr}
    else:
        model = BiasedMF.for_dataset(train, dim=8)
    if case == "early":
        options |= {"epochs": 30, "lr": 0.3, "early_stopping": 1}
    history = rt.fit(model, train, valid, **options)
    return model, history.rows


def together(directory: Path) -> None:
    import ignite.distributed as idist

    for case in CASES:
        model, rows = run(case, idist.get_world_size())
        weights = {k: v.numpy() for k, v in model.state_dict().items()}
        np.savez(directory / f"{case}-{idist.get_rank()}.npz", **weights)
        pd.DataFrame(rows).to_csv(directory / f"{case}-{idist.get_rank()}.csv")


def kill_once(directory: Path) -> None:
    """The second process dies in the middle of the second epoch, and only once."""
    from recsys_tutorial.training.run import Run

    step, marker = Run.step, directory / "was-killed"

    def deadly(self: Run, engine: object, batch: object) -> object:
        state = engine.state  # type: ignore[attr-defined]
        second = self.peers.rank == 1
        if second and state.iteration == KILL_AT and not marker.exists():
            marker.write_text(f"epoch {state.epoch}")
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, engine, batch)  # type: ignore[arg-type]

    Run.step = deadly  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    import train as script

    what, place = sys.argv[1], Path(sys.argv[2])
    if what == "killed":
        kill_once(place)
        sys.exit(script.main(sys.argv[3:]))
    with script.group():
        together(place)
