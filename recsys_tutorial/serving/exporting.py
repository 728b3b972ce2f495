"""A fitted model as files that another machine can trust: weights as safetensors, a card as JSON.

An export is a directory:

    card.json                 what the models are and were trained on; ids and titles
    weights-<sum>.safetensors their tables, and which user rated what

Nothing in it is code, so that loading runs none. The card is written last and in one move, and
names its weights by their sum: who reads during a new export gets the old one or the new one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

import recsys_tutorial
from recsys_tutorial import models
from recsys_tutorial.arguments import check_model
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.vocabulary import Vocabulary
from recsys_tutorial.files import replacing
from recsys_tutorial.models.base import Model
from recsys_tutorial.serving.card import FORMAT, card_of

CARD = "card.json"


class ExportError(ValueError):
    """An export that cannot be used; the message says why, in one line, and what to do."""


@dataclass(frozen=True)
class Seen:
    """Which user rated what, as the export knows it: to leave it out, and to give reasons.

    Attributes:
        start: int64 (n_users + 1,), the rows of user u are start[u] to start[u + 1].
        item, rating: int64 and float64 (n,), positions and stars.
        time: int64 (n_users,), seconds of each user's last rating; None without timestamps.
    """

    start: np.ndarray
    item: np.ndarray
    rating: np.ndarray
    time: np.ndarray | None

    def of(self, user: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions and stars of what the user at this position rated."""
        rows = slice(int(self.start[user]), int(self.start[user + 1]))
        return self.item[rows], self.rating[rows]


@dataclass(frozen=True)
class Exported:
    """A loaded export.

    Attributes:
        model: The model that fills lists, as it was.
        stars: The model that predicts the stars beside each title, if there is a second one.
        card: What they are and were trained on.
        seen: Who rated what.
    """

    model: Model
    stars: Model | None
    card: dict[str, Any]
    seen: Seen

    def __repr__(self) -> str:
        card = self.card
        return (
            f"<Exported {card['model']['class']} of {card['data']['name']}: "
            f"{len(card['items']['ids']):,} items, written {card['created']}>"
        )


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
        model: It fills the lists: a ranker, or a model of stars.
        dataset: The part whose ratings the service knows: a known user is not recommended what it
            has, and gets reasons from it; usually the training part.
        path: The directory.
        stars: Predicts the stars beside each title, where `model` ranks.
        metrics: What `rt.evaluate` says of `model`, for the card.
        popularity: The same of `Popularity`, to compare with.

    Returns:
        The directory.

    Raises:
        TypeError: no model or no Dataset.
        ValueError: a model of another vocabulary, never fitted, diverged, or of no class of
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
    tensors |= {f"seen.{name}": table for name, table in _seen_tensors(dataset).items()}
    weights = safetensors.torch.save(
        {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
    )
    card = card_of(both, dataset, weights, metrics, popularity)
    text = json.dumps(card, ensure_ascii=False, allow_nan=False)
    folder = Path(path)
    _write(folder / card["weights"]["file"], weights)
    _write(folder / CARD, text.encode())
    for old in folder.glob("weights-*.safetensors"):
        if old.name != card["weights"]["file"]:
            with suppress(OSError):  # somebody may be reading it, on Windows
                old.unlink()
    return folder


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _seen_tensors(dataset: Dataset) -> dict[str, Tensor]:
    order = np.argsort(dataset.user, kind="stable")
    start = np.concatenate([[0], np.cumsum(dataset.counts("user"))])
    columns = {"start": start, "item": dataset.item[order], "rating": dataset.rating[order]}
    if (last := dataset.last_times()) is not None:
        columns["time"] = last
    return {name: torch.from_numpy(np.ascontiguousarray(c)) for name, c in columns.items()}


# ---- reading ----------------------------------------------------------------------------------


def load(path: str | Path, dataset: Dataset | None = None) -> Exported:
    """Load an export: the same models, whose predictions are equal to the last bit.

    Args:
        path: The directory.
        dataset: Refuse an export whose users or items are not those of this Dataset.

    Raises:
        ExportError: a file is missing, cut short or of another format, or the weights were changed.
    """
    folder = Path(path)
    try:
        try:
            card, weights = _read(folder)
        except ExportError:  # a new export may have come between the card and its weights
            card, weights = _read(folder)
        return _assemble(card, weights, dataset)
    except ExportError as error:
        raise ExportError(f"{folder}: {error}. Export the model again") from None


def _read(folder: Path) -> tuple[dict[str, Any], bytes]:
    try:
        card = json.loads((folder / CARD).read_bytes())
        if card["format"] != FORMAT:
            raise ExportError(
                f"{CARD} is of format {card['format']!r}, and this version "
                f"({recsys_tutorial.__version__}) reads format {FORMAT}"
            )
        file, wanted = Path(card["weights"]["file"]).name, card["weights"]["sha256"]
        weights = (folder / file).read_bytes()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        name, why = Path(str(error.filename)).name, error.strerror or str(error)
        raise ExportError(
            f"there is no {name}" if missing else f"{name} cannot be read ({why})"
        ) from None
    except ExportError:
        raise
    except (ValueError, TypeError, LookupError, RecursionError):
        raise ExportError(f"{CARD} is not whole, or not the card of an export") from None
    if hashlib.sha256(weights).hexdigest() != wanted:
        raise ExportError(f"{file} is damaged: it was cut short, or its content was changed")
    return card, weights


@torch.no_grad()
def _assemble(card: dict[str, Any], weights: bytes, dataset: Dataset | None) -> Exported:
    try:
        tensors = safetensors.torch.load(weights)
    except Exception as error:  # SafetensorError derives from Exception alone
        raise ExportError(f"the weights cannot be read ({error})") from None
    try:
        users, items = (Vocabulary(card[f"{one}s"]["ids"], one) for one in ("user", "item"))
        model = _model(card["model"], _part(tensors, "model."), users, items)
        stars = None
        if "stars" in card:
            stars = _model(card["stars"], _part(tensors, "stars."), users, items)
        seen = {name: table.numpy() for name, table in _part(tensors, "seen.").items()}
        rated = Seen(seen["start"], seen["item"], seen["rating"], seen.get("time"))
    except ExportError:
        raise
    except (TypeError, ValueError, LookupError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ExportError(f"{CARD} and the weights do not fit each other ({reason})") from None
    if dataset is not None:
        for mine, theirs in ((users, dataset.user_vocab), (items, dataset.item_vocab)):
            if mine != theirs:
                raise ExportError(
                    f"its {mine.kind}s are not those of Dataset {dataset.name!r} (it was made from "
                    f"{card['data']['name']!r})"
                )
    return Exported(model, stars, card, rated)


def _model(
    about: dict[str, Any], tensors: dict[str, Tensor], users: Vocabulary, items: Vocabulary
) -> Model:
    name = about["class"]
    kind = getattr(models, name) if name in models.__all__ else None
    if not (isinstance(kind, type) and issubclass(kind, Model)):
        raise ExportError(
            f"it holds a {name!r}, which this version ({recsys_tutorial.__version__}) does not have"
        )
    model = kind(**about["settings"])
    model.load_state_dict(tensors)
    if (len(users), len(items)) != (model.n_users, model.n_items):
        raise ExportError(f"the ids of {CARD} are not as many as the weights have rows")
    model.user_vocab, model.item_vocab = users, items
    return model.eval()


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those whose names begin so, by the rest of their names."""
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
