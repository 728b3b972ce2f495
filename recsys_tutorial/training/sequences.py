"""Batches for losses on sequences: windows of each user's items in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.sequences import NEVER, PADDING, windows
from recsys_tutorial.scale.processes import Alone


@dataclass
class SequenceBatches:
    """Windows of each user's items in order. Each row is predicted once.

    Args: as `Rows`, with about `size` rows per batch, in whole windows of `model.length`.
        valid: Each row is predicted from the model's own history, that is from training alone, as
            if it came next.
    """

    model: Any
    data: Dataset
    size: int
    generator: torch.Generator | None
    peers: Alone
    valid: bool = False

    def __post_init__(self) -> None:
        self.windows = windows(self.data, self.model.length)
        self.long = (self.windows.need("history")[0] != PADDING).sum(1)  # rows of each window
        if self.valid:
            self.windows = _behind_history(self.model, self.windows)
        # Long enough that no window fills two steps and every process gets one.
        world = self.peers.world
        long = max(self.size * world, self.model.length * world * (2 if world > 1 else 1))
        self.steps = max(1, min(len(self.long), int(self.long.sum()) // long))

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Batch]:
        order = torch.arange(len(self.long))
        if self.generator is not None:
            order = torch.randperm(len(order), generator=self.generator)
        last = self.long[order].cumsum(0)  # rows up to each window's end
        ends = torch.arange(1, self.steps) * last[-1] // self.steps
        for step in order.tensor_split(torch.searchsorted(last, ends, right=True)):
            mine = step.tensor_split(self.peers.world)[self.peers.rank]
            used = (self.windows.need("history")[0][mine] != PADDING).any(0).nonzero()
            width = int(used.max()) + 1  # the rest is padding
            cut = {
                name: getattr(self.windows, name)[mine, :width]
                for name in ("history", "rating", "time", "weight")
            }
            yield Batch(user=self.windows.need("user")[0][mine], **cut).to(self.model.mean.device)

    def score(self, model: Any, batch: Batch) -> Any:
        """Scores (B, L) of the rows in the windows."""
        return model.score_sequence(batch)

    def sizes(self, batch: Batch) -> tuple[float, float]:
        """As `Rows.sizes`; padding is not counted."""
        history, weight = batch.need("history", "weight")
        return float((history != PADDING).sum()), float(weight.sum())


def _behind_history(model: Any, new: Batch) -> Batch:
    """Each window of new rows after its user's history; only the new rows count."""
    user, history, rating, weight = new.need("user", "history", "rating", "weight")
    past, past_rating = model.history.cpu()[user], model.history_rating.cpu()[user]
    known = past != PADDING
    return replace(
        new,
        history=torch.cat([past, history], dim=1),
        rating=torch.cat([past_rating, rating], dim=1),
        # All history is earlier than all new rows, whatever the timestamps say.
        time=torch.cat([torch.where(known, 0, NEVER), torch.where(weight > 0, 1, NEVER)], dim=1),
        weight=torch.cat([torch.zeros_like(past_rating), weight], dim=1),
    )
