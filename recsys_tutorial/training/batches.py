"""The batches of an epoch, in the form that the loss needs; `batches_for` chooses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import Model
from recsys_tutorial.models.multi_output import time_to_next
from recsys_tutorial.scale.processes import Alone
from recsys_tutorial.training.negatives import Negatives
from recsys_tutorial.training.sequences import SequenceBatches

AT_ONCE = 16 * 1024  # rows measured at once


@dataclass
class Rows:
    """Batches of rated rows, with the columns that the model needs.

    Args:
        size: Rows per batch of one process.
        generator: Shuffles the rows anew in each pass; None keeps the order of the data.
        peers: Other processes, which share each step.
    """

    model: Model
    data: Dataset
    size: int
    generator: torch.Generator | None
    peers: Alone

    def __post_init__(self) -> None:
        self.batches = self.data.batches(
            [*self.model.columns, "rating"],
            batch_size=self.size, generator=self.generator, device=self.model.mean.device,
        )  # fmt: skip
        self.batches.shard = self.peers.rank, self.peers.world

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.batches)

    def score(self, model: Model, batch: Batch) -> Any:
        """The model's output for a batch of this form."""
        return model(batch)

    def sizes(self, batch: Batch) -> tuple[float, float]:
        """Number of rows, and the sum of their weights."""
        rows = len(batch.need("user")[0])
        return rows, rows if batch.weight is None else float(batch.weight.sum())


@dataclass
class Pairs(Rows):
    """Rated items in column 0, and beside each one items that the user has not rated.

    Args:
        contrast: Draws the unrated items; None for the whole catalogue.
        m: How many to draw.
        keeps: Columns of the rated item to keep; they are NaN for the unrated ones.
    """

    contrast: Negatives | None
    m: int
    keeps: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.contrast is not None and not self.keeps:  # users who rated everything drop out
            self.data = self.data.take(self.contrast.room.numpy()[self.data.user] > 0)
            if len(self.data) == 0:
                raise ValueError(
                    "every user has rated every item, so there is no unrated item to rank below "
                    "a rated one: train on the ratings instead (loss=squared_error)"
                )
        super().__post_init__()
        if "gap" in self.keeps:
            if self.contrast is None:
                raise ValueError('negatives="all": this loss needs a number instead, 1 say')
            gap = torch.from_numpy(time_to_next(self.data, self.contrast.train)).float()
            self.batches.tensors["gap"] = gap.to(self.model.mean.device)

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.batches:
            user, item = batch.need("user", "item")
            columns: dict[str, Tensor | None] = {"rating": None}
            for name in ("user", "time", "weight"):
                value = getattr(batch, name)
                columns[name] = None if value is None else value.unsqueeze(1)
            others = self._others(user.cpu(), item.cpu()).to(item.device)
            nothing = torch.full(others.shape, torch.nan, device=item.device)
            for name in self.keeps:
                columns[name] = torch.cat([getattr(batch, name).unsqueeze(1), nothing], dim=1)
            yield replace(batch, item=torch.cat([item.unsqueeze(1), others], dim=1), **columns)

    def _others(self, user: Tensor, item: Tensor) -> Tensor:
        """The items beside the rated one, (B, m) or (B, n_items)."""
        if self.contrast is None:
            return torch.arange(self.data.n_items).expand(len(user), -1)
        others = self.contrast.draw(user, self.m)
        if not self.keeps:
            return others
        # Users without an unrated item get the rated one again.
        return torch.where(self.contrast.room[user].unsqueeze(1) > 0, others, item.unsqueeze(1))

    def score(self, model: Model, batch: Batch) -> Any:
        """Scores of the rated item and the others; `score_items` scores the whole catalogue."""
        if self.contrast is not None:
            return model(batch)
        (item,) = batch.need("item")
        rated = losses.score_of(model(replace(batch, item=item[:, :1])))
        return torch.cat([rated, model.score_items(batch)], dim=1)


@dataclass
class Feed:
    """The input of a run.

    Attributes:
        train, valid: Batches of one form.
        generators: By name: of shuffling, negatives and the model's noise; and "valid", which is
            seeded again before each measurement, so that all use the same negatives.
        negatives: A number or "all"; 0 for rated rows alone.
        touched: Rows of a table that a step looks up.
    """

    train: Rows | SequenceBatches
    valid: Rows | SequenceBatches | None
    generators: dict[str, torch.Generator]
    negatives: int | str
    touched: int


def batches_for(
    model: Model,
    train: Dataset,
    valid: Dataset | None,
    loss: Callable[..., Tensor],
    size: int,
    negatives: int | str,
    popularity: float,
    seed: int,
    peers: Alone,
) -> Feed:
    """The batches in the form that the loss needs; arguments as in `fit`."""
    needs = losses.needs(loss)
    name, kind = getattr(loss, "__name__", "this loss"), type(model).__name__
    if (needs.batch == "sequence") != hasattr(model, "score_sequence"):
        raise ValueError(
            f"{kind} does not learn from sequences, but {name} does: use another loss"
            if needs.batch == "sequence"
            else f"{kind} learns from sequences, but {name} does not: leave loss=None"
        )
    if needs.batch != "pairs" and (negatives != 0 or popularity != 0):
        raise ValueError(f"{negatives=}, {popularity=}: {name} learns from rated rows alone")
    if negatives != "all" and (not isinstance(negatives, (int, np.integer)) or negatives < 0):
        raise ValueError(f'negatives={negatives!r} must be a number >= 0 or "all"')
    generators = {
        "shuffle": torch.Generator().manual_seed(seed),
        "draws": torch.Generator().manual_seed(seed + 1 + peers.rank * 2**20),
        "model": model.generator,
        "valid": torch.Generator(),
    }
    m = 0 if negatives == "all" else int(negatives) or needs.negatives
    touched = min(size * peers.world, len(train)) * (1 + m)
    if needs.batch == "sequence" or negatives == "all":
        touched = train.n_items  # a softmax over the catalogue touches all of them in each step

    def made(data: Dataset, measured: bool) -> Any:
        shuffle = None if measured else generators["shuffle"]
        shared = Alone() if measured else peers
        if needs.batch == "sequence":
            return SequenceBatches(model, data, size, shuffle, shared, measured)
        if needs.batch == "rows":
            return Rows(model, data, AT_ONCE if measured else size, shuffle, shared)
        draws = generators["valid" if measured else "draws"]
        contrast = None if negatives == "all" else Negatives(train, draws, popularity)
        return Pairs(model, data, size, shuffle, shared, contrast, m, needs.keeps)

    held = None if valid is None else made(peers.part(valid), measured=True)
    feed = made(train, measured=False)
    return Feed(feed, held, generators, "all" if negatives == "all" else m, touched)
