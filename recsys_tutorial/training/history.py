"""What happened, or is still happening, in a training run."""

from __future__ import annotations

import threading
from typing import Any

import pandas as pd


class TrainingDiverged(ArithmeticError):
    """The loss is no longer a number. The model keeps the weights of the last good epoch."""


class History:
    """The record of a run, and its handle while it runs in the background.

    frame   : one row per epoch: train_loss and valid_loss in the loss's units, valid_rmse in stars
              (rating models), lr at the end of the epoch, seconds since the start
    done    : True once nothing runs any more
    stopped : why it ended before the last epoch ("early", "interrupted", "stopped"), else None
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.rows: list[dict[str, Any]] = []
        self.stopped: str | None = None
        self.error: BaseException | None = None
        self._finished = threading.Event()
        self._stop_requested = threading.Event()

    @property
    def done(self) -> bool:
        return self._finished.is_set()

    @property
    def stop_requested(self) -> bool:
        return self._stop_requested.is_set()

    def finish(self) -> None:
        """Called by `fit` when nothing runs any more."""
        self._finished.set()

    @property
    def frame(self) -> pd.DataFrame:
        """A copy of the record so far, indexed by epoch."""
        columns = ["epoch", "train_loss", "valid_loss", "valid_rmse", "lr", "seconds"]
        frame = pd.DataFrame(list(self.rows), columns=columns).set_index("epoch")
        return frame.dropna(axis=1, how="all") if self.rows else frame

    def wait(self, timeout: float | None = None) -> History:
        """Wait for the end (or `timeout` seconds); an error of a background run is raised here."""
        self._finished.wait(timeout)
        if self.error is not None:
            raise self.error
        return self

    def stop(self) -> History:
        """Ask a background run to end after its current step, and wait for it."""
        self._stop_requested.set()
        return self.wait()

    def __repr__(self) -> str:
        state = "running" if not self.done else self.stopped or "done"
        if self.error is not None:
            state = f"failed: {self.error}"
        row = self.rows[-1] if self.rows else {}
        shown = [n for n in ("train_loss", "valid_loss", "valid_rmse") if n in row]
        last = "".join(f"; {name} {row[name]:.4f}" for name in shown)
        return f"<History: {len(self.rows)} of {self.epochs} epochs, {state}{last}>"
