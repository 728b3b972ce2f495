"""A fitted model as files that another machine can trust: weights as safetensors, a card as JSON.

An export is a directory:

    card.json                 what the model is and was trained on; ids, titles; sums of everything
    weights-<sum>.safetensors the model's tables, and which user rated what

Nothing in it is code, so that loading runs none. The card is written last and in one move, and
names its weights by their sum: who reads during a new export gets the old model or the new one.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
import re
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
from recsys_tutorial.atomic import alone, replacing
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.vocabulary import Vocabulary
from recsys_tutorial.models.base import Model

FORMAT = 1
CARD = "card.json"
_PROBED = 8  # users whose scores are compared before an export is left to itself


class ExportError(ValueError):
    """An export that cannot be used; the message says why, in one line, and what to do."""


@dataclass(frozen=True)
class Seen:
    """Which user rated what, as the export knows it: to leave it out, and to give reasons.

    start        : int64 (n_users + 1,), the rows of user u are start[u] to start[u + 1]
    item, rating : int64 and float64 (n,), positions and stars
    time         : int64 (n_users,), seconds of each user's last rating; None without timestamps
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
    """A loaded export: the model as it was, its card, and who rated what."""

    model: Model
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
    model: Model, dataset: Dataset, path: str | Path, *, metrics: Mapping[str, float] | None = None
) -> Path:
    """Write a fitted model into the directory `path`, over an earlier export if there is one.

    dataset : the part whose ratings the service knows: a known user is not recommended what it
              has, and gets reasons from it; usually the training part
    metrics : numbers for the card, from `rt.evaluate` say

    The export is loaded back before it counts as written; it must give the same scores.

    Returns the directory. Raises ValueError for a model of another vocabulary, one that diverged,
    one that no class of `rt.models` can hold, or ids that are neither whole numbers nor strings.
    """
    model.check_vocabulary(dataset)
    for name, table in model.named_parameters():
        if not bool(torch.isfinite(table).all()):
            raise ValueError(
                f"{name} of this {type(model).__name__} holds numbers that are not finite: its "
                "training diverged; fit it again with a smaller lr"
            )
    folder = Path(path)
    tensors = {f"model.{name}": t for name, t in model.state_dict().items()}
    tensors |= {f"seen.{name}": t for name, t in _seen_tensors(dataset).items()}
    weights = safetensors.torch.save(
        {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
    )
    card = _card(model, dataset, weights, dict(metrics or {}))
    _compare(model, _assemble(card, weights).model, dataset)
    text = json.dumps(card, ensure_ascii=False, allow_nan=False, indent=None)
    with alone(folder):
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


def _card(
    model: Model, dataset: Dataset, weights: bytes, metrics: dict[str, float]
) -> dict[str, Any]:
    name, settings = model.library_class().__name__, model.settings()
    items = dataset.items
    digest = hashlib.sha256(weights).hexdigest()
    card: dict[str, Any] = {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "recsys_tutorial": recsys_tutorial.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__.split("+")[0],
            "numpy": np.__version__,
        },
        "model": {"class": name, "predicts": model.predicts, "settings": settings},
        "data": {
            "name": dataset.name,
            "source": dataset.source.split(" in ")[0],  # without anybody's directories
            "planted": dataset.truth is not None,
            "ratings": len(dataset),
            "sha256": data_hash(dataset),
            "scale": [float(end) for end in dataset.scale],
        },
        "metrics": {key: _number(value) for key, value in metrics.items()},
        "weights": {
            "file": f"weights-{digest[:16]}.safetensors",
            "bytes": len(weights),
            "sha256": digest,
        },
        "users": _ids(dataset.user_vocab),
        "items": {
            **_ids(dataset.item_vocab),
            "title": [str(title) for title in items["title"]],
            "year": [_year(year) for year in items["year"]] if "year" in items else None,
            "genres": [list(map(str, g)) for g in items["genres"]] if "genres" in items else None,
        },
    }
    return {**card, "sha256": _sum_of(card)}


def data_hash(dataset: Dataset) -> str:
    """sha256 of the ratings in their order: users, items (positions) and stars."""
    digest = hashlib.sha256()
    for column, kind in ((dataset.user, "<i8"), (dataset.item, "<i8"), (dataset.rating, "<f8")):
        digest.update(np.ascontiguousarray(column, dtype=kind).tobytes())
    return digest.hexdigest()


def _ids(vocabulary: Vocabulary) -> dict[str, Any]:
    ids = vocabulary.ids.tolist()
    kind = str if ids and type(ids[0]) is str else int
    if odd := [one for one in ids if type(one) is not kind]:
        raise ValueError(
            f"{vocabulary.kind} id {odd[0]!r} cannot be exported: a web address can hold whole "
            "numbers or strings, all of one kind"
        )
    return {"ids": ids, "fingerprint": vocabulary.fingerprint}


def _number(value: Any) -> float | int | None:
    plain = value.item() if isinstance(value, np.generic) else value
    if not isinstance(plain, int | float):
        raise ValueError(f"metrics must be numbers, and {value!r} is none")
    return plain if math.isfinite(plain) else None


def _year(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):  # missing
        return None


def _sum_of(card: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in card.items() if key != "sha256"}
    text = json.dumps(rest, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@torch.no_grad()
def _compare(model: Model, loaded: Model, dataset: Dataset) -> None:
    """A class of one's own may compute something else than the class that will hold it."""
    users = torch.arange(min(_PROBED, dataset.n_users))
    last = _seen_tensors(dataset).get("time")
    batch = Batch(user=users, time=None if last is None else last[users])
    was_training = model.training
    model.eval()
    mine = model.score_items(batch.to(model.mean.device)).cpu()
    model.train(was_training)
    if not torch.allclose(mine, loaded.score_items(batch), rtol=1e-5, atol=1e-5):
        raise ValueError(
            f"{type(model).__name__} scores otherwise than the {type(loaded).__name__} that an "
            "export of it would be: export a model of the library, or add yours to rt.models"
        )


# ---- reading ----------------------------------------------------------------------------------


def load(path: str | Path, dataset: Dataset | None = None) -> Exported:
    """Load an export: the same model, whose predictions are equal to the last bit.

    dataset : refuse an export whose users or items are not those of this Dataset

    Raises ExportError for a file that is missing, cut short, changed in any byte, of another
    format, or whose ids do not have the fingerprint that the card states.
    """
    folder = Path(path)
    for _ in range(3):  # a new export may come between reading the card and reading its weights
        try:
            return _load(folder, dataset)
        except ExportError as error:
            problem = error
    raise ExportError(f"{folder}: {problem}. Export the model again")


def _load(folder: Path, dataset: Dataset | None) -> Exported:
    card = read_card(folder)
    stated = card["weights"]
    weights = _read(folder / stated["file"])
    if len(weights) != stated["bytes"]:
        raise ExportError(
            f"{stated['file']} has {len(weights):,} bytes, the card says {stated['bytes']:,}"
        )
    if hashlib.sha256(weights).hexdigest() != stated["sha256"]:
        raise ExportError(f"{stated['file']} was changed: its sha256 is not the card's")
    exported = _assemble(card, weights)
    if dataset is not None:
        for mine, theirs in (
            (exported.model.user_vocab, dataset.user_vocab),
            (exported.model.item_vocab, dataset.item_vocab),
        ):
            if mine != theirs:
                raise ExportError(
                    f"its {theirs.kind}s are not those of Dataset {dataset.name!r} (it was made "
                    f"from {card['data']['name']!r})"
                )
    return exported


def read_card(folder: Path) -> dict[str, Any]:
    """The card alone, checked against its own sum. Raises ExportError."""
    content = _read(folder / CARD)
    try:
        card = json.loads(content)
    except (ValueError, RecursionError):
        raise ExportError(f"{CARD} is not whole: it cannot be read as JSON") from None
    if not isinstance(card, dict) or "format" not in card:
        raise ExportError(f"{CARD} is not the card of an export")
    if card["format"] != FORMAT:
        raise ExportError(
            f"{CARD} is of format {card['format']!r}, and this version "
            f"({recsys_tutorial.__version__}) reads format {FORMAT}"
        )
    if card.get("sha256") != _sum_of(card):
        raise ExportError(f"{CARD} was changed: its sha256 is not what it states")
    if not re.fullmatch(r"weights-[0-9a-f]{16}\.safetensors", str(card["weights"]["file"])):
        raise ExportError(f"{CARD} names no weights of its own directory")
    return card


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ExportError(f"there is no {path.name}") from None
    except OSError as error:
        raise ExportError(f"{path.name} cannot be read ({error.strerror or error})") from None


@torch.no_grad()
def _assemble(card: dict[str, Any], weights: bytes) -> Exported:
    try:
        tensors = safetensors.torch.load(weights)
    except Exception as error:  # SafetensorError derives from Exception alone
        raise ExportError(f"the weights cannot be read ({error})") from None
    vocabularies = {}
    for side in ("user", "item"):
        vocabularies[side] = Vocabulary(card[f"{side}s"]["ids"], side)
        if vocabularies[side].fingerprint != card[f"{side}s"]["fingerprint"]:
            raise ExportError(f"its {side} ids do not have the fingerprint that the card states")
    name = card["model"]["class"]
    if name not in models.__all__ or not issubclass(getattr(models, name), Model):
        raise ExportError(
            f"it holds a {name!r}, which this version ({recsys_tutorial.__version__}) does not "
            f"have; it was written by version {card['versions']['recsys_tutorial']}"
        )
    try:
        model = getattr(models, name)(**card["model"]["settings"])
        model.load_state_dict(_part(tensors, "model."))
    except (TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ExportError(f"its weights do not fit a {name} of this version ({reason})") from None
    if (len(vocabularies["user"]), len(vocabularies["item"])) != (model.n_users, model.n_items):
        raise ExportError("the card's ids are not as many as the weights have rows")
    model.user_vocab, model.item_vocab = vocabularies["user"], vocabularies["item"]
    model.eval()
    seen = {name: table.numpy() for name, table in _part(tensors, "seen.").items()}
    rated = Seen(seen["start"], seen["item"], seen["rating"], seen.get("time"))
    return Exported(model, card, rated)


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those whose names begin so, by the rest of their names."""
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
