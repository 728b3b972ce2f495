"""Checkpoints: written whole or not at all, read without unpickling anything but tensors."""

from __future__ import annotations

import io
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch

from recsys_tutorial.files import replacing

_DAMAGE = (
    RuntimeError, ValueError, EOFError, KeyError, TypeError, AttributeError, IndexError,
    pickle.UnpicklingError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def save(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values: a kill leaves the old file or the new one.

    Raises OSError where that is not possible; the old file stays.
    """
    with replacing(path) as temporary:
        try:
            with temporary.open("wb") as file:
                torch.save(content, file)
        except RuntimeError as error:
            # Where a write fails in its middle, torch raises an error of its own on top.
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def read(path: Path) -> dict[str, Any]:
    """What `save` wrote, every byte of it compared with its checksum.

    Raises ValueError when the file is not whole or was changed, OSError when it cannot be read.
    """
    content = path.read_bytes()  # once: the file may be replaced meanwhile
    try:
        # torch.load looks at no checksum: a flipped byte would be another weight, in silence.
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            if (damaged := parts.testzip()) is not None:
                raise ValueError(f"the checksum of its part {damaged} is wrong")
        found = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except _DAMAGE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} is damaged ({reason[:120]})") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} is damaged (it holds a {type(found).__name__})")
    return found


def load(path: Path, run: dict[str, Any]) -> dict[str, Any]:
    """The checkpoint of this very run.

    Raises ValueError when the file is damaged or belongs to a run with other settings or data.
    """
    try:
        content = read(path)
        found = dict(content["run"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is no readable checkpoint ({error}): delete it to start from scratch"
        ) from None
    other = [name for name in run if found.get(name) != run[name]]
    if other:
        name = other[0]
        raise ValueError(
            f"{path} belongs to another run: its {name} is {found.get(name)!r}, this one's is "
            f"{run[name]!r}. Use the same settings to resume, or another checkpoint_dir"
        )
    return content
