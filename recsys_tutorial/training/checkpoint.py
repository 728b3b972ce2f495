"""Checkpoints: written whole or not at all, read without unpickling anything but tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from recsys_tutorial.files import replacing


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


def load(path: Path, run: dict[str, Any]) -> dict[str, Any]:
    """The checkpoint of the run with these settings.

    Raises:
        ValueError: the file is damaged or belongs to a run with other settings or data.
    """
    content = read(path)
    found = content.get("run", {})
    name = next((name for name in run if found.get(name) != run[name]), None)
    if name is None:
        return content
    before, now = found.get(name), run[name]
    remedy = "Use the same settings to resume, or another checkpoint_dir"
    if name == "epochs":
        remedy = (
            f"The learning rate fell to zero over the {before} epochs, so the run cannot continue "
            f"to {now}: finish with epochs={before}, then fit the model once more without resume, "
            "which starts a new cycle, in another checkpoint_dir"
        )
    raise ValueError(
        f"{path} belongs to another run: its {name} is {before!r}, this one's is {now!r}. {remedy}"
    )
