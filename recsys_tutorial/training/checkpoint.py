"""Checkpoints: written whole or not at all, read without unpickling anything but tensors."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.files import replacing

_DAMAGE = (RuntimeError, ValueError, EOFError, KeyError, TypeError, AttributeError,
           pickle.UnpicklingError)  # fmt: skip


def save(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values: a kill leaves the old file or the new one.

    Raises:
        OSError: that is not possible; the old file stays.
    """
    with replacing(path) as temporary:
        try:
            with temporary.open("wb") as file:
                torch.save(content, file)
        except RuntimeError as error:
            # Where a write fails in its middle, torch raises an error of its own on top.
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def read(path: Path) -> dict[str, Any]:
    """What `save` wrote.

    Raises:
        ValueError: the file is not whole.
        OSError: it cannot be read.
    """
    try:
        found = torch.load(path, weights_only=True, map_location="cpu")
    except _DAMAGE as error:
        raise ValueError(f"it is damaged: {type(error).__name__}") from None
    if not isinstance(found, dict):
        raise ValueError(f"it is damaged: it holds a {type(found).__name__}")
    return found


def load(path: Path, run: dict[str, Any]) -> dict[str, Any]:
    """The checkpoint of this very run.

    Raises:
        ValueError: the file is damaged or belongs to a run with other settings or data.
    """
    try:
        content = read(path)
        found = dict(content["run"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is no readable checkpoint ({error}): delete it to start from scratch"
        ) from None
    other = [name for name in run if found.get(name) != run[name]]
    if not other:
        return content
    name, before, now = other[0], found.get(other[0]), run[other[0]]
    remedy = "Use the same settings to resume, or another checkpoint_dir"
    if name == "epochs":
        remedy = (
            f"The learning rate went down to zero over the {before} epochs, so there is no going "
            f"on to {now}: finish with epochs={before}, then fit the model once more without "
            "resume, which starts a new cycle, in another checkpoint_dir"
        )
    raise ValueError(
        f"{path} belongs to another run: its {name} is {before!r}, this one's is {now!r}. {remedy}"
    )


def hash_of(data: Dataset) -> str:
    """The same for the same rows in the same order."""
    digest = hashlib.sha256()
    for column in (data.user, data.item, data.rating, data.timestamp, data.weight):
        if column is None:
            digest.update(b"no such column")
        else:
            digest.update(np.ascontiguousarray(column).view(np.uint8).data)  # no copy
    return digest.hexdigest()[:16]
