"""The card of an export: what its models are, what they were trained on, and how good they were."""

from __future__ import annotations

import hashlib
import math
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch

import recsys_tutorial
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.vocabulary import Vocabulary
from recsys_tutorial.models.base import Model

FORMAT = 2


def card_of(
    models: Mapping[str, Model],
    dataset: Dataset,
    weights: bytes,
    metrics: Mapping[str, float] | None,
    popularity: Mapping[str, float] | None,
) -> dict[str, Any]:
    """What goes into the card, for the models "model" and perhaps "stars"."""
    digest = hashlib.sha256(weights).hexdigest()
    return {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": _versions(),
        **{part: _about(model) for part, model in models.items()},
        "data": _data(dataset),
        "metrics": _numbers(metrics),
        "popularity": _numbers(popularity),
        "weights": {"file": f"weights-{digest[:16]}.safetensors", "sha256": digest},
        "users": _ids(dataset.user_vocab),
        "items": _items(dataset),
    }


def _versions() -> dict[str, str]:
    return {
        "recsys_tutorial": recsys_tutorial.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "numpy": np.__version__,
    }


def _about(model: Model) -> dict[str, Any]:
    return {
        "class": model.library_class().__name__,
        "for": "stars" if model.predicts == "rating" else "lists",
        "predicts": model.predicts,
        "settings": model.settings(),
    }


def _data(dataset: Dataset) -> dict[str, Any]:
    digest = hashlib.sha256()  # of the ratings in their order: positions and stars
    for column, kind in ((dataset.user, "<i8"), (dataset.item, "<i8"), (dataset.rating, "<f8")):
        digest.update(np.ascontiguousarray(column, dtype=kind).tobytes())
    return {
        "name": dataset.name,
        "source": dataset.source.split(" in ")[0],  # without anybody's directories
        "planted": dataset.truth is not None,
        "ratings": len(dataset),
        "sha256": digest.hexdigest(),
        "scale": [float(end) for end in dataset.scale],
    }


def _items(dataset: Dataset) -> dict[str, Any]:
    frame = dataset.items
    years = [None if y is None or y != y else int(y) for y in _column(frame, "year")]
    return {
        **_ids(dataset.item_vocab),
        "title": [str(title) for title in frame["title"]],
        "year": years or None,
        "genres": [list(map(str, g)) for g in _column(frame, "genres")] or None,
    }


def _column(frame: Any, name: str) -> list[Any]:
    if name not in frame:
        return []
    return frame[name].astype(object).where(frame[name].notna(), None).tolist()


def _ids(vocabulary: Vocabulary) -> dict[str, Any]:
    ids = vocabulary.ids.tolist()
    kind = str if ids and type(ids[0]) is str else int
    if odd := [one for one in ids if type(one) is not kind]:
        raise ValueError(
            f"{vocabulary.kind} id {odd[0]!r} cannot be exported: a web address can hold whole "
            "numbers or strings, all of one kind"
        )
    return {"ids": ids}


def _numbers(metrics: Mapping[str, float] | None) -> dict[str, float | int | None]:
    plain = {}
    for key, value in (metrics or {}).items():
        number = value.item() if isinstance(value, np.generic) else value
        if not isinstance(number, int | float):
            raise ValueError(f"metrics must be numbers, and {value!r} is none")
        plain[key] = number if math.isfinite(number) else None
    return plain
