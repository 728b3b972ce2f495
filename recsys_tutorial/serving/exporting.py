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
FORMAT = 2


class ExportError(ValueError):
    """An export that cannot be used; the message says why, in one line, and what to do."""


@dataclass(frozen=True)
class Seen:
    """The users' ratings, to leave rated items out and to give reasons.

    Attributes:
        start: int64 (n_users + 1,); the rows of user u are start[u] to start[u + 1].
        item, rating: int64 and float64 (n,), positions and stars.
        time: int64 (n_users,), seconds of each user's last rating; None without timestamps.
    """

    start: np.ndarray
    item: np.ndarray
    rating: np.ndarray
    time: np.ndarray | None = None

    def of(self, user: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions and stars of the ratings of the user at this position."""
        rows = slice(int(self.start[user]), int(self.start[user + 1]))
        return self.item[rows], self.rating[rows]


@dataclass(frozen=True, repr=False)
class Exported:
    """A loaded export.

    Attributes:
        model: The model that fills lists.
        stars: The model that predicts the stars beside each title, or None.
        card: Their classes, settings, data and metrics.
        seen: The users' ratings.
    """

    model: Model
    stars: Model | None
    card: dict[str, Any]
    seen: Seen


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
    tensors |= {f"seen.{name}": table for name, table in _seen(dataset).items()}
    weights = safetensors.torch.save(
        {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
    )
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
        "items": {"ids": _ids(dataset.item_vocab), **_items(dataset)},
    }
    text = json.dumps(card, ensure_ascii=False, allow_nan=False)
    folder = Path(path)
    for name, content in ((file, weights), (CARD, text.encode())):
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)
    for old in folder.glob("weights-*.safetensors"):
        if old.name != file:
            with suppress(OSError):  # on Windows an open file cannot be removed
                old.unlink()
    return folder


def _seen(dataset: Dataset) -> dict[str, Tensor]:
    order = np.argsort(dataset.user, kind="stable")
    start = np.concatenate([[0], np.cumsum(dataset.counts("user"))])
    columns = {"start": start, "item": dataset.item[order], "rating": dataset.rating[order]}
    if (last := dataset.last_times()) is not None:
        columns["time"] = last
    return {name: torch.from_numpy(np.ascontiguousarray(c)) for name, c in columns.items()}


def _about(model: Model) -> dict[str, Any]:
    return {
        "class": model.library_class().__name__,
        "for": "stars" if model.predicts == "rating" else "lists",
        "settings": model.settings(),
    }


def _items(dataset: Dataset) -> dict[str, Any]:
    """Titles, and years and genres where known: lists in the order of the vocabulary, or None."""
    table = dataset.items.astype(object).where(dataset.items.notna(), None)
    plain: dict[str, Any] = {"title": str, "year": lambda y: y and int(y), "genres": list}
    return {
        name: [of(value) for value in table[name]] if name in table else None
        for name, of in plain.items()
    }


def _ids(vocabulary: Vocabulary) -> list[Any]:
    ids: list[Any] = vocabulary.ids.tolist()
    kind = str if ids and type(ids[0]) is str else int
    if odd := [one for one in ids if type(one) is not kind]:
        raise ValueError(
            f"{vocabulary.kind} id {odd[0]!r} cannot be exported: a web address can hold whole "
            "numbers or strings, all of one kind"
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
        ExportError: a file is missing, cut short or of another format, or the weights were changed.
    """
    folder = Path(path)
    try:
        try:
            card, weights = _read(folder)
        except (ExportError, FileNotFoundError):
            card, weights = _read(folder)  # a new export may have replaced the weights meanwhile
        exported = _assemble(card, weights)
        if dataset is not None:
            exported.model.check_vocabulary(dataset)
        return exported
    except FileNotFoundError as error:
        reason = f"there is no {Path(error.filename).name}"
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split())
    raise ExportError(f"{folder}: {reason}. Export the model again")


def _read(folder: Path) -> tuple[dict[str, Any], bytes]:
    content = (folder / CARD).read_bytes()
    try:
        card = json.loads(content)
        version, file, digest = card["format"], card["weights"]["file"], card["weights"]["sha256"]
    except (ValueError, TypeError, LookupError, RecursionError):
        raise ExportError(f"{CARD} is not whole, or not the card of an export") from None
    if version != FORMAT:
        raise ExportError(f"{CARD} is of format {version!r}, but this version reads {FORMAT}")
    weights = (folder / Path(file).name).read_bytes()
    if hashlib.sha256(weights).hexdigest() != digest:
        raise ExportError(f"{file} is damaged: it was cut short, or its content was changed")
    return card, weights


@torch.no_grad()
def _assemble(card: dict[str, Any], weights: bytes) -> Exported:
    try:
        tensors = safetensors.torch.load(weights)
    except Exception as error:  # SafetensorError derives from Exception alone
        raise ExportError(f"the weights cannot be read ({error})") from None
    try:
        vocabularies = [Vocabulary(card[f"{one}s"]["ids"], one) for one in ("user", "item")]
        model, stars = (
            _model(card[part], _part(tensors, part), *vocabularies) if part in card else None
            for part in ("model", "stars")
        )
        assert model is not None
        seen = {name: table.numpy() for name, table in _part(tensors, "seen").items()}
        return Exported(model, stars, card, Seen(**seen))
    except (TypeError, ValueError, LookupError, RuntimeError, AssertionError) as error:
        raise ExportError(f"{CARD} and the weights do not fit each other ({error})") from None


def _model(
    about: dict[str, Any], tensors: dict[str, Tensor], users: Vocabulary, items: Vocabulary
) -> Model:
    name = about["class"]
    if name not in models.__all__:
        raise ValueError(f"this version ({recsys_tutorial.__version__}) has no model {name!r}")
    model: Model = getattr(models, name)(**about["settings"])
    model.load_state_dict(tensors)
    if (len(users), len(items)) != (model.n_users, model.n_items):
        raise ValueError("the numbers of ids and of rows of the weights differ")
    model.user_vocab, model.item_vocab = users, items
    return model.eval()


def _part(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    """The tensors of one part, by their names in it."""
    return {k.split(".", 1)[1]: t for k, t in tensors.items() if k.startswith(f"{part}.")}
