"""Checkpoints: written whole or not at all, read without unpickling anything but tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from recsys_tutorial.files import replacing
from recsys_tutorial.training.run import Run


def save(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values; after a kill or an OSError the old file is still there."""
    with replacing(path) as temporary:
        torch.save(content, temporary)


def read(path: Path) -> dict[str, Any]:
    """Read what `save` wrote; ValueError for a damaged file."""
    try:
        return dict(torch.load(path, weights_only=True, map_location="cpu"))
    except Exception as error:  # torch raises many kinds
        raise ValueError(
            f"{path} is not a readable checkpoint (it is damaged: {type(error).__name__}): delete "
            "it to start from scratch"
        ) from None


def attach_checkpoints(run: Run, path: Path, resume: bool, settings: dict[str, Any]) -> None:
    """Write a checkpoint after every epoch; with `resume` continue from the one in `path`.

    Raises:
        ValueError: the file is damaged or belongs to a run with other `settings`.
    """
    history, generators = run.history, run.feed.generators

    @run.engine.on(Events.EPOCH_COMPLETED)
    def keep(engine: Engine) -> None:
        content = {
            "settings": settings, "epoch": engine.state.epoch, "model": run.good,
            "optimisers": run.optimisers.state_dict(), "best": run.best, "rows": history.rows,
            "generators": run.peers.states(generators), "stopped": history.stopped,
        }  # fmt: skip
        if run.peers.rank == 0:
            save(path, content)

    if not resume:
        return
    if not path.exists():
        if run.peers.rank == 0:
            print(f"no checkpoint in {path.parent} yet: starting from scratch", flush=True)
        return
    saved = read(path)
    for name, value in settings.items():
        if (before := saved["settings"][name]) != value:
            raise ValueError(
                f"{path} belongs to another run: its {name} is {before!r}, here it is {value!r}. "
                "Use the same settings to resume, or another checkpoint_dir"
            )
    run.model.load_state_dict(saved["model"])
    run.optimisers.load_state_dict(saved["optimisers"])
    for name, state in saved["generators"][run.peers.rank].items():
        generators[name].set_state(state)
    run.best.update(saved["best"])
    history.rows[:] = saved["rows"]
    history.stopped = "early" if saved["stopped"] == "early" else None
    length = {"max_epochs": history.epochs, "epoch_length": len(run.feed.train)}
    run.engine.load_state_dict({"epoch": saved["epoch"], **length})
