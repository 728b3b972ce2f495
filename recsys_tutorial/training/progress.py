"""Progress as plain lines of text: nothing to break in a log, a pipe or an old notebook."""

from __future__ import annotations

import sys
import time
from typing import Any


def in_notebook() -> bool:
    """True in a cell of a notebook, whatever shows it."""
    if "ipykernel" not in sys.modules:
        return False
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def somebody_watches() -> bool:
    """True in a terminal and in a notebook; False in a pipe, a test or a log file."""
    return in_notebook() or bool(sys.stdout is not None and sys.stdout.isatty())


def describe(row: dict[str, Any], epochs: int) -> str:
    """One epoch as a line: `epoch  3/12  train loss 0.8312  valid rmse 0.9211  0.2 s`."""
    parts = [f"epoch {row['epoch']:>{len(str(epochs))}}/{epochs}"]
    for name in ("train_loss", "valid_loss", "valid_rmse"):
        if row.get(name) is not None and not (name == "valid_loss" and "valid_rmse" in row):
            parts.append(f"{name.replace('_', ' ')} {row[name]:.4f}")
    return "  ".join([*parts, f"{row['seconds']:.1f} s"])


class Progress:
    """Prints at most about two lines a second, and always the last epoch."""

    def __init__(self, wanted: bool | str, epochs: int) -> None:
        self.wanted = wanted == "always" or (bool(wanted) and somebody_watches())
        self.epochs = epochs
        self.printed = time.monotonic()

    def epoch(self, row: dict[str, Any]) -> None:
        now = time.monotonic()
        if self.wanted and (row["epoch"] == self.epochs or now - self.printed > 0.5):
            self.printed = now
            print(describe(row, self.epochs), flush=True)

    def say(self, text: str) -> None:
        """Something that must be seen even where nobody watches the epochs."""
        print(text, flush=True)
