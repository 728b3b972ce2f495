"""The record of a training run, which may still be going on."""

from __future__ import annotations

import atexit
import contextvars
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any, ClassVar, Self

import pandas as pd

from recsys_tutorial.training.live import Line, Panel
from recsys_tutorial.training.progress import describe

_NAME = "recsys-tutorial"  # of the threads


class TrainingDiverged(ArithmeticError):
    """The loss is no longer a number. The model keeps the weights of the last good epoch."""


class Handle:
    """Work in the background, to wait for, stop and look at.

    Attributes:
        done: True once the work has ended.
        error: The error that ended it, else None.
    """

    _running: ClassVar[weakref.WeakSet[Handle]] = weakref.WeakSet()

    def __init__(self) -> None:
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
        """The work calls this when it ends."""
        self._finished.set()

    def request_stop(self) -> None:
        """Ask the work to end, without waiting for it."""
        self._stop_requested.set()

    def wait(self, timeout: float | None = None) -> Self:
        """Wait for the end (or `timeout` seconds); raises the error of a background run."""
        self._finished.wait(timeout)
        if self.error is not None:
            raise self.error
        return self

    def stop(self) -> Self:
        """Ask a background run to end after its current step, and wait for it."""
        self.request_stop()
        return self.wait()

    def start(self, work: Callable[[], None]) -> None:
        """Run `work` in a thread. An error is printed there, and `wait` raises it again.

        The thread gets the context of its caller, so a notebook shows its output below the cell
        that started it, not below the cell that happens to run.
        """

        def run() -> None:
            try:
                work()
            except BaseException as error:
                self.error = error
                print(f"background training failed: {error}", file=sys.stderr, flush=True)
            finally:
                self.finish()

        Handle._running.add(self)
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(run,), name=_NAME, daemon=True).start()


@atexit.register
def _end_all() -> None:
    """At the end of the program, let background runs finish their step.

    It waits for the threads, not for `done`: a thread that frees its tensors while the interpreter
    shuts down would abort the process.
    """
    for handle in list(Handle._running):
        handle.request_stop()
    for thread in threading.enumerate():
        if thread.name == _NAME:
            thread.join(20)


class History(Handle):
    """The record of a run, and its handle while it runs in the background.

    Attributes:
        frame: One row per epoch: train_loss and valid_loss in the loss's units, valid_rmse in stars
            (rating models), lr at the end of the epoch, seconds since the start.
        loss: Name of the loss function.
        stopped: Why it ended before the last epoch ("early", "interrupted", "stopped"), else None.
    """

    def __init__(self, epochs: int, loss: str = "loss") -> None:
        super().__init__()
        self.epochs, self.loss = epochs, loss
        self.rows: list[dict[str, Any]] = []
        self.stopped: str | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """A copy of the record so far, indexed by epoch."""
        columns = ["epoch", "train_loss", "valid_loss", "valid_rmse", "lr", "seconds"]
        frame = pd.DataFrame(list(self.rows), columns=columns).set_index("epoch")
        return frame.dropna(axis=1, how="all") if self.rows else frame

    def line(self, column: str, style: str) -> Line:
        """One column of the record against the epoch."""
        points = [(float(r["epoch"]), float(r[column])) for r in list(self.rows) if column in r]
        return Line(points, style)

    def panels(self) -> list[Panel]:
        """The panels of a live curve."""
        lines = [self.line("valid_loss", "now"), self.line("train_loss", "train")]
        return [Panel(f"loss: {self.loss}", lines, self.epochs)]

    def status(self) -> str:
        """One line: the progress, and the numbers of the last epoch."""
        if self.error is not None:
            return f"failed: {self.error}"
        state = f"  {self.stopped or 'done'}" if self.done else ""
        if not self.rows:
            return f"0 of {self.epochs} epochs{state}"
        return describe(self.rows[-1], self.epochs) + state

    def __repr__(self) -> str:
        return f"<History: {self.status()}>"
