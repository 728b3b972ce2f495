"""Progress as plain lines of text, which any log, pipe or notebook can show."""

from __future__ import annotations

import sys
import time
from typing import Any


def in_notebook() -> bool:
    """True in a cell of a notebook."""
    if "ipykernel" not in sys.modules:
        return False
    from IPython.core.getipython import get_ipython

    return hasattr(get_ipython(), "kernel")


def somebody_watches() -> bool:
    """True in a terminal and in a notebook; False in a pipe, a test or a log file."""
    return in_notebook() or sys.stdout.isatty()


def describe(row: dict[str, Any], epochs: int) -> str:
    """One epoch as a line: `epoch  3/12  train loss 0.8312  valid rmse 0.9211  0.2 s`."""
    measured = "valid_rmse" if "valid_rmse" in row else "valid_loss"
    parts = [f"epoch {row['epoch']:>{len(str(epochs))}}/{epochs}"]
    parts += [f"{n.replace('_', ' ')} {row[n]:.4f}" for n in ("train_loss", measured) if n in row]
    return "  ".join([*parts, f"{row['seconds']:.1f} s"])


class Progress:
    """Prints at most two lines per second, and always the last epoch."""

    def __init__(self, wanted: bool | str, epochs: int) -> None:
        self.wanted = wanted == "always" or (bool(wanted) and somebody_watches())
        self.epochs = epochs
        self.printed = time.monotonic()

    def epoch(self, row: dict[str, Any]) -> None:
        now = time.monotonic()
        if self.wanted and (row["epoch"] == self.epochs or now - self.printed > 0.5):
            self.printed = now
            print(describe(row, self.epochs), flush=True)
