"""`sweep`: many runs in the background, one row of a table for each."""

from __future__ import annotations

import itertools
import math
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pandas as pd

from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.evaluation import evaluate, relevant_rows
from recsys_tutorial.models.base import Model
from recsys_tutorial.training import History, fit, watch
from recsys_tutorial.training.history import Handle
from recsys_tutorial.training.live import EVERY, Panel
from recsys_tutorial.training.progress import in_notebook

OF_FIT = {"loss", "epochs", "batch_size", "lr", "negatives", "early_stopping", "device"}
ENDED = ("done", "stopped", "failed")


@dataclass
class SweepRun:
    """One run of a sweep; each result can be read as soon as it exists.

    settings : the settings that distinguish this run
    state    : "waiting", "running", "done", "stopped" or "failed"
    history  : its record, which grows while it runs
    model    : the fitted model; None until it is fitted
    metrics  : of `rt.evaluate` on the validation part, without the items of train
    seconds  : for fitting and evaluating
    error    : why it failed, or None
    """

    name: str
    settings: dict[str, Any]
    state: str = "waiting"
    history: History | None = None
    model: Model | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    error: Exception | None = None

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The record of its epochs so far."""
        return [] if self.history is None else list(self.history.rows)


def sweep(
    model: Callable[..., Model],
    train: Dataset,
    valid: Dataset,
    settings: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]],
    *,
    relevant: float | None = None,
    log_dir: str | Path | None = None,
    progress: bool = True,
    **common: Any,
) -> Sweep:
    """Fit and evaluate a model with many settings, in the background; returns at once.

    model    : a class of `rt.models`, or any function `(train, **hyperparameters) -> model`
    settings : a grid {name: values}, of which every combination is run; or a list of settings
    common   : settings that all runs share. `loss`, `epochs`, `batch_size`, `lr`, `negatives`,
               `early_stopping` and `device` are for `fit`, `seed` for both, the rest for the model
    relevant : as in `rt.evaluate`: needed if the scale does not end at 5
    log_dir  : for event files, one folder per run; those of an earlier sweep are removed
    progress : draw the curves of all runs while they grow

    The result of a run depends only on its settings, not on the order. If a run fails, the sweep
    records that and continues with the next one.

    Raises ValueError if two runs have the same settings, or `relevant` is unclear.
    """
    own = _combinations(settings)
    names = [_name(one) for one in own]
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise ValueError(f"two runs have the same settings: {twice[0]}")
    relevant_rows(valid, relevant)  # complains now, not after the first run
    result = Sweep([SweepRun(name, one) for name, one in zip(names, own, strict=True)], log_dir)
    for older in list(Handle._running):
        if isinstance(older, Sweep) and older.log_dir == log_dir is not None:
            older.stop()  # somebody runs the cell again: the new sweep replaces the old one

    def one(run: SweepRun) -> None:
        rest = {"seed": 0, **common, **run.settings}
        of_fit = {name: rest.pop(name) for name in OF_FIT & set(rest)}
        fitted = getattr(model, "for_dataset", model)(train, **rest)
        run.history = fit(
            fitted, train, valid, **of_fit, seed=rest["seed"], progress=False,
            log_dir=_folder(log_dir, run.name), background=True,
        )  # fmt: skip
        if result.stop_requested:
            run.history.request_stop()
        run.history.wait()
        run.metrics = evaluate(fitted, valid, train=train, relevant=relevant)
        run.model = fitted

    result.start(lambda: result.work(one))
    if progress:
        watch(result)
        _stop_button(result)
    return result


def _stop_button(result: Sweep) -> None:
    """A button under the curves, if a notebook can show one."""
    if not in_notebook():
        return
    from IPython.display import display
    from ipywidgets import Button

    button = Button(description="Stop the sweep")

    def stop(_: Any) -> None:
        result.request_stop()
        button.disabled = True

    button.on_click(stop)
    shown: Any = button._repr_mimebundle_()
    display({**shown, "text/plain": ""}, raw=True)


class Sweep(Handle):
    """The runs of a sweep, and its handle while it runs: done, wait(), stop(), frame.

    `runs["name"]` is a SweepRun; iterate to get all of them.
    """

    def __init__(self, runs: list[SweepRun], log_dir: str | Path | None = None) -> None:
        super().__init__()
        self.runs, self.log_dir = runs, log_dir

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[SweepRun]:
        return iter(self.runs)

    def __getitem__(self, name: str) -> SweepRun:
        for run in self.runs:
            if run.name == name:
                return run
        raise KeyError(f"no run {name!r}; there are: {'; '.join(r.name for r in self.runs)}")

    @property
    def frame(self) -> pd.DataFrame:
        """One row per run: settings, state, epochs, losses of the last epoch, metrics, seconds.

        Different loss functions have different units, so compare runs by the metrics of
        `rt.evaluate`, which are for the validation part.
        """
        rows = []
        for run in self.runs:
            row: dict[str, Any] = {"run": run.name}
            row |= {name: _text(value) for name, value in run.settings.items()}
            row |= {"state": run.state, "epochs": len(run.rows)}
            for last in run.rows[-1:]:
                row |= {name: v for name, v in last.items() if name in ("train_loss", "valid_loss")}
            row |= {**run.metrics, "seconds": run.seconds or None}
            if run.error is not None:
                row["error"] = f"{type(run.error).__name__}: {run.error}"
            rows.append(row)
        return pd.DataFrame(rows).set_index("run")

    def wait(self, timeout: float | None = None) -> Self:
        """Wait for the end; in a notebook the waiting cell says how far the runs are."""
        if timeout is None and not self.done and in_notebook():
            from IPython.display import display

            place: Any = display({"text/plain": self.status()}, raw=True, display_id=True)
            over = False
            while not over:
                over = self._finished.wait(EVERY)
                place.update({"text/plain": self.status()}, raw=True)
        return super().wait(timeout)

    def request_stop(self) -> None:
        super().request_stop()
        for run in self.runs:
            if run.history is not None:
                run.history.request_stop()

    def work(self, one: Callable[[SweepRun], None]) -> None:
        """Take the runs one after the other. Called by `sweep`."""
        self.started = time.monotonic()
        for run in self.runs:
            if self.stop_requested:
                return
            self._one(run, one)

    def _one(self, run: SweepRun, one: Callable[[SweepRun], None]) -> None:
        start = time.monotonic()
        run.state = "running"
        try:
            one(run)
        except Exception as error:
            run.error, run.state = error, "failed"
            told = run.history is not None and run.history.error is error  # by the run's own thread
            why = "" if told else f": {error}"
            print(f"run {run.name} failed, the others continue{why}", file=sys.stderr, flush=True)
        else:
            assert run.history is not None
            run.state = "stopped" if run.history.stopped == "stopped" else "done"
        finally:
            run.seconds = time.monotonic() - start

    def panels(self) -> list[Panel]:
        """The live curves: a panel for each loss function, since their units differ."""
        made: dict[str, Panel] = {}
        for run in self.runs:
            if run.history is None:
                continue
            panel = made.setdefault(run.history.loss, Panel(f"loss: {run.history.loss}", [], 1))
            current = run.state == "running"
            panel.lines.append(run.history.line("valid_loss", "now" if current else "past"))
            if current:
                panel.lines.append(run.history.line("train_loss", "train"))
            last = max(panel.last, run.history.epochs)
            made[run.history.loss] = panel._replace(last=last)
        return list(made.values())

    def status(self) -> str:
        """One line: how many runs are done, which one is running, and how long it may take."""
        if self.error is not None:
            return f"the sweep failed: {self.error}"
        ended, failed = (
            sum(run.state in states for run in self.runs) for states in (ENDED, ("failed",))
        )
        parts = [f"{ended} of {len(self.runs)} runs done"]
        parts += [f"{failed} failed"] if failed else []
        if self.done:
            parts += ["stopped"] if ended < len(self.runs) else []
            return "; ".join(parts)
        running = [run for run in self.runs if run.state == "running"]
        parts += [f"now {run.name}, epoch {len(run.rows)}" for run in running]
        if ended:
            left = (time.monotonic() - self.started) / ended * (len(self.runs) - ended)
            parts.append(f"about {5 * math.ceil(left / 5)} s left")
        return "; ".join(parts)

    def __repr__(self) -> str:
        return f"<Sweep: {self.status()}>"


def _combinations(
    settings: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    if not isinstance(settings, Mapping):
        return [dict(one) for one in settings]
    return [dict(zip(settings, v, strict=True)) for v in itertools.product(*settings.values())]


def _name(settings: Mapping[str, Any]) -> str:
    return ", ".join(
        _text(value) if callable(value) else f"{name} {_text(value)}"
        for name, value in settings.items()
    )


def _text(value: Any) -> Any:
    """The name of a function, for names of runs and tables; any other value as it is."""
    return getattr(value, "__name__", type(value).__name__) if callable(value) else value


def _folder(parent: str | Path | None, name: str) -> Path | None:
    if parent is None:
        return None
    folder = Path(parent) / re.sub(r"[^\w.-]+", "-", name.replace(", ", "_"))
    for old in folder.glob("events.out.tfevents.*"):
        old.unlink()  # TensorBoard draws two files in a folder as one curve that jumps back
    return folder
