"""A fitted model as files: weights as safetensors, a card as JSON.

An export is a directory:

    card.json                 the models' classes, settings and data; ids and titles
    weights-<sum>.safetensors their tables, and the users' ratings

It holds no code, so loading runs none. The card is written last and in one move, and names its
weights by their checksum: a reader gets the old export or the new one, never a mixture.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

import recsys_tutorial
from recsys_tutorial import models
from recsys_tutorial.arguments import check_model
from recsys_tutorial.datasets.dataset import Dataset, hash_of
from recsys_tutorial.datasets.vocabulary import Vocabulary
from recsys_tutorial.files import replacing
from recsys_tutorial.models.base import Model

CARD = "card.json"
FORMAT = 3


class ExportError(ValueError):
    """An export that cannot be used; the message says why, in one line, and what to do."""


@dataclass(frozen=True, repr=False)
class Exported:
    """A loaded export.

    Attributes:
        model: The model that fills lists.
        stars: The model that predicts the stars beside each title, or None.
        card: Their classes, settings, data and metrics.
        seen: The users' ratings, to leave rated items out and to give reasons: positions `item` and
            stars `rating` (n,), those of user u from `start[u]` to `start[u + 1]`; with timestamps
            also `time` (n_users,), seconds of each user's last rating.
    """

    model: Model
    stars: Model | None
    card: dict[str, Any]
    seen: dict[str, np.ndarray]


# ---- writing ----------------------------------------------------------------------------------


def export(
    model: Model,
    dataset: Dataset,
    path: str | Path,
    *,
    stars: Model | None = None,
    metrics: Mapping[str, float] | None = None,
    popularity: Mapping[str, float] | None = None,
) -> Path:
    """Write fitted models into the directory `path`, over an earlier export if there is one.

    Args:
        model: Fills the lists: a ranker, or a model of stars.
        dataset: The ratings that the service knows, which a known user's list leaves out and takes
            reasons from; usually the training part.
        path: The directory.
        stars: Predicts the stars beside each title, where `model` ranks.
        metrics: The result of `rt.evaluate` for `model`, for the card.
        popularity: The same for `Popularity`, to compare with.

    Returns:
        The directory.

    Raises:
        TypeError: no model or no Dataset.
        ValueError: a model of another vocabulary, never fitted, diverged, or not of a class of
            `rt.models`; ids that are neither whole numbers nor strings.
    """
    both = {"model": model} if stars is None else {"model": model, "stars": stars}
    tensors: dict[str, Tensor] = {}
    for part, one in both.items():
        check_model(one, dataset)
        one.check_fitted()
        tensors |= {f"{part}.{name}": table for name, table in one.state_dict().items()}
    if stars is not None and stars.predicts != "rating":
        raise ValueError(
            f"stars={type(stars).__name__} ranks and predicts no stars: give a model of ratings"
        )
    tensors |= _seen(dataset)
    weights = safetensors.torch.save({n: t.cpu().contiguous().clone() for n, t in tensors.items()})
    digest = hashlib.sha256(weights).hexdigest()
    file = f"weights-{digest[:16]}.safetensors"
    card = {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "recsys_tutorial": recsys_tutorial.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__.split("+")[0],
        },
        **{part: _about(one) for part, one in both.items()},
        "data": {
            "name": dataset.name,
            "source": dataset.source.split(" in ")[0],  # without the path
            "planted": dataset.truth is not None,
            "ratings": len(dataset),
            "sha256": hash_of(dataset),
            "scale": [float(end) for end in dataset.scale],
        },
        "metrics": _finite(metrics or {}),
        "popularity": _finite(popularity or {}),
        "weights": {"file": file, "sha256": digest},
        "users": {"ids": _ids(dataset.user_vocab)},
        "items": _items(dataset),
    }
    text = json.dumps(card, ensure_ascii=False, allow_nan=False)
    folder = Path(path)
    for name, content in ((file, weights), (CARD, text.encode())):
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)
    for old in set(folder.glob("weights-*.safetensors")) - {folder / file}:
        with suppress(OSError):  # on Windows an open file cannot be removed
            old.unlink()
    return folder


def _seen(dataset: Dataset) -> dict[str, Tensor]:
    order = np.argsort(dataset.user, kind="stable")
    columns = {
        "start": np.concatenate([[0], np.cumsum(dataset.counts("user"))]),
        "item": dataset.item[order],
        "rating": dataset.rating[order],
        "time": dataset.last_times(),
    }
    return {f"seen.{n}": torch.from_numpy(c) for n, c in columns.items() if c is not None}


def _about(model: Model) -> dict[str, Any]:
    return {
        "class": model.library_class().__name__,
        "for": "stars" if model.predicts == "rating" else "lists",
        "settings": model.settings(),
    }


def _items(dataset: Dataset) -> list[dict[str, Any]]:
    """One mapping per item, in the order of the vocabulary; None where something is unknown."""
    table = dataset.items.reindex(columns=["item", "title", "year", "genres"]).astype(object)
    table["item"] = _ids(dataset.item_vocab)
    return table.where(table.notna(), None).to_dict("records")  # type: ignore[return-value]


def _ids(vocabulary: Vocabulary) -> list[Any]:
    ids: list[Any] = vocabulary.ids.tolist()
    if not isinstance(ids[0], int | str):
        raise ValueError(
            f"{vocabulary.kind} id {ids[0]!r} cannot be exported: a web address can hold whole "
            "numbers or strings"
        )
    return ids


def _finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """As JSON can hold them: NaN becomes None."""
    return {key: float(v) if math.isfinite(v) else None for key, v in metrics.items()}


# ---- reading ----------------------------------------------------------------------------------


def load(path: str | Path, dataset: Dataset | None = None) -> Exported:
    """Load an export; the models predict the same to the last bit.

    Args:
        path: The directory.
        dataset: Refuse an export with other users or items than this Dataset.

    Raises:
        ExportError: a file is missing, damaged or of another version.
        ValueError: the export has other users or items than `dataset`.
    """
    try:
        exported = _read(Path(path))
    except ExportError:
        exported = _read(Path(path))  # a new export may have replaced the weights meanwhile
    if dataset is not None:
        exported.model.check_vocabulary(dataset)
    return exported


def _read(folder: Path) -> Exported:
    try:
        card = json.loads((folder / CARD).read_bytes())
        if card["format"] != FORMAT:
            raise ExportError(f"{CARD} is of format {card['format']!r}, expected {FORMAT}")
        file = Path(card["weights"]["file"]).name
        weights = (folder / file).read_bytes()
        if hashlib.sha256(weights).hexdigest() != card["weights"]["sha256"]:
            raise ExportError(f"{file} is damaged: it was cut short, or its content was changed")
        return _assemble(card, weights)
    except FileNotFoundError as error:
        reason = f"there is no {Path(error.filename).name}"
    except ExportError as error:
        reason = str(error)
    except Exception as error:  # json, safetensors and torch have many of their own
        text = " ".join(str(error).split())
        reason = f"{CARD} is not whole, or of another version than its weights ({text})"
    raise ExportError(f"{folder}: {reason}. Export the model again")


@torch.no_grad()
def _assemble(card: dict[str, Any], weights: bytes) -> Exported:
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "stars": {}, "seen": {}}
    for name, table in safetensors.torch.load(weights).items():
        part, _, own = name.partition(".")
        parts[part][own] = table
    users = Vocabulary(card["users"]["ids"], "user")
    items = Vocabulary([one["item"] for one in card["items"]], "item")
    made: dict[str, Model] = {}
    for part in ("model", "stars"):
        if part in card:
            kind = card[part]["class"]
            if kind not in models.__all__:
                raise ExportError(f"version {recsys_tutorial.__version__} has no model {kind!r}")
            made[part] = getattr(models, kind)(**card[part]["settings"]).eval()
            made[part].load_state_dict(parts[part])
            made[part].user_vocab, made[part].item_vocab = users, items
    seen = {name: table.numpy() for name, table in parts["seen"].items()}
    return Exported(made["model"], made.get("stars"), card, seen)
