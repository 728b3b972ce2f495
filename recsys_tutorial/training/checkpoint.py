"""Checkpoints: written whole or not at all, read without unpickling anything but tensors."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch


def save(path: Path, content: dict[str, Any]) -> None:
    """Write to a temporary neighbour, then rename: a kill leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load(path: Path, run: dict[str, Any]) -> dict[str, Any]:
    """The checkpoint of this very run.

    Raises ValueError when the file is damaged or belongs to a run with other settings or data.
    """
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
        found = content["run"]
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{path} is no readable checkpoint ({reason[:120]}): delete it to start from scratch"
        ) from None
    other = [name for name in run if found.get(name) != run[name]]
    if other:
        name = other[0]
        raise ValueError(
            f"{path} belongs to another run: its {name} is {found.get(name)!r}, this one's is "
            f"{run[name]!r}. Use the same settings to resume, or another checkpoint_dir"
        )
    return content
