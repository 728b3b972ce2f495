"""`sweep`: many runs in the background, one row of a table for each."""

from __future__ import annotations

import itertools
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


@dataclass
class SweepRun:
    """One run of a sweep; what it has found can be read as soon as it is there.

    settings : what this run has of its own
    state    : "waiting", "running", "done", "stopped" or "failed"
    history  : its record, growing while it runs; None before
    model    : the fitted model; None before it is
    metrics  : of `rt.evaluate` on the validation part, with the items of train taken out
    seconds  : for fitting and evaluating
    error    : what it failed from, or None
    """

    name: str
    settings: dict[str, Any]
    state: str = "waiting"
    history: History | None = None
    model: Model | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    error: Exception | None = None


def sweep(
    model: Callable[..., Model],
    train: Dataset,
    valid: Dataset,
    settings: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]],
    *,
    relevant: float | None = None,
    seed: int = 0,
    log_dir: str | Path | None = None,
    progress: bool = True,
    **common: Any,
) -> Sweep:
    """Fit and evaluate a model with many settings, in the background; returns at once.

    model          : a class of `rt.models`, built by its `for_dataset`, or any function
                     `(train, **hyperparameters) -> model`
    settings       : a grid, name to values, of which every combination is run, the last name
                     changing fastest; or a list of settings
    common         : settings that all runs share. `loss`, `epochs`, `batch_size`, `lr`,
                     `negatives`, `early_stopping` and `device` go to `fit`, the others to the model
    relevant       : as in `rt.evaluate`: needed where the scale does not end at 5
    seed           : of every model and of every fit, unless its settings name another
    log_dir        : event files, in a folder for each run (older ones there are removed)
    progress       : the curves of all runs, drawn while they grow

    The result of a run depends on its settings only, not on the order. A run that
    fails is shown and recorded, and the others go on.

    Raises ValueError when two runs have the same settings, or `relevant` is unclear.
    """
    own = _combinations(settings)
    names = [_name(one) for one in own]
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise ValueError(f"two runs have the same settings: {twice[0]}")
    relevant_rows(valid, relevant)  # asks for a threshold now, not when a run has been trained
    result = Sweep([SweepRun(name, one) for name, one in zip(names, own, strict=True)], log_dir)
    for older in list(Handle._running):
        if isinstance(older, Sweep) and older.log_dir == log_dir is not None:
            older.stop()  # the cell is run again: the new sweep replaces it

    def one(run: SweepRun) -> None:
        rest = {"seed": seed, **common, **run.settings}
        of_fit = {name: rest.pop(name) for name in OF_FIT & set(rest)}
        build = getattr(model, "for_dataset", model)
        fitted = build(train, **rest)
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
    """A button under the curves, where a notebook can show one."""
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

    `runs[0]` or `runs["name"]` is a SweepRun; iterate over all of them.
    """

    def __init__(self, runs: list[SweepRun], log_dir: str | Path | None = None) -> None:
        super().__init__()
        self.runs, self.log_dir = runs, log_dir

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[SweepRun]:
        return iter(self.runs)

    def __getitem__(self, which: int | str) -> SweepRun:
        if isinstance(which, int):
            return self.runs[which]
        for run in self.runs:
            if run.name == which:
                return run
        raise KeyError(f"no run {which!r}; there are: {'; '.join(r.name for r in self.runs)}")

    @property
    def frame(self) -> pd.DataFrame:
        """One row per run: settings, state, epochs, losses of the last epoch, metrics, seconds.

        Losses of different loss functions have different units; the metrics of `rt.evaluate`, on
        the validation part, can be compared.
        """
        rows = []
        for run in self.runs:
            row: dict[str, Any] = {"run": run.name}
            row |= {name: _text(value) for name, value in run.settings.items()}
            record = list(run.history.rows) if run.history is not None else []
            row |= {"state": run.state, "epochs": len(record)}
            if record:
                row |= {n: v for n, v in record[-1].items() if n in ("train_loss", "valid_loss")}
            row |= run.metrics
            row["seconds"] = run.seconds or None
            if run.error is not None:
                row["error"] = f"{type(run.error).__name__}: {run.error}"
            rows.append(row)
        return pd.DataFrame(rows).set_index("run")

    def wait(self, timeout: float | None = None) -> Self:
        """Wait for the end; in a notebook the waiting cell says how far the runs are."""
        if timeout is None and not self.done and in_notebook():
            from IPython.display import display

            place: Any = display({"text/plain": self.status()}, raw=True, display_id=True)
            while not self._finished.wait(EVERY):
                place.update({"text/plain": self.status()}, raw=True)
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
            said = run.history is not None and run.history.error is error  # by the run's own thread
            why = "" if said else f": {error}"
            print(f"run {run.name} failed, others go on{why}", file=sys.stderr, flush=True)
        else:
            assert run.history is not None
            run.state = "stopped" if run.history.stopped == "stopped" else "done"
        finally:
            run.seconds = time.monotonic() - start

    # ---- to be watched ------------------------------------------------------------------------

    def panels(self) -> list[Panel]:
        """A panel for each loss function, since their units differ."""
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
        """One line: how many runs are done, what is running, and about how long it will take."""
        if self.error is not None:
            return f"the sweep failed: {self.error}"
        ended = [run for run in self.runs if run.state in ("done", "stopped", "failed")]
        parts = [f"{len(ended)} of {len(self.runs)} runs done"]
        if failed := sum(run.state == "failed" for run in self.runs):
            parts.append(f"{failed} failed")
        if self.done and len(ended) < len(self.runs):
            parts.append("stopped")
        for run in self.runs:
            if run.state == "running" and not self.done:
                epoch = len(run.history.rows) if run.history is not None else 0
                parts.append(f"now {run.name}, epoch {epoch}")
        if ended and not self.done:
            spent = time.monotonic() - self.started
            left = spent / len(ended) * (len(self.runs) - len(ended))
            parts.append(f"about {_rounded(left)} s left")
        return "; ".join(parts)

    def __repr__(self) -> str:
        return f"<Sweep: {self.status()}>"


def _rounded(seconds: float, step: int = 5) -> int:
    """Rounded up to whole steps: a number that does not pretend to be exact."""
    return int(-(-seconds // step) * step)


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
    """A function by its name, in names of runs and in tables; anything else as it is."""
    return getattr(value, "__name__", type(value).__name__) if callable(value) else value


def _folder(parent: str | Path | None, name: str) -> Path | None:
    if parent is None:
        return None
    folder = Path(parent) / re.sub(r"[^\w.-]+", "-", name.replace(", ", "_"))
    for old in folder.glob("events.out.tfevents.*"):
        old.unlink()  # two files in a folder would be drawn as one curve that jumps back
    return folder
