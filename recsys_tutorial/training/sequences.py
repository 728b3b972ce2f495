"""Batches for losses on sequences: windows of each user's films in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset, part_of
from recsys_tutorial.models.sequences import NEVER, PADDING, SequenceModel, windows


class SequenceBatches:
    """The windows of one epoch; iterate again for the next. Each row is predicted once.

    batch_size : about how many rows a batch has; it has as many whole windows as fit in it
    valid      : rows to be predicted from the model's own history, that is from training alone,
                 each as if it came next; the history itself is only read
    """

    pairs = False
    shard: tuple[int, int] = (0, 1)  # as in Batches

    def __init__(
        self,
        model: SequenceModel,
        data: Dataset,
        batch_size: int,
        generator: torch.Generator | None,
        device: torch.device,
        *,
        valid: bool = False,
    ) -> None:
        self.generator, self.device = generator, device
        self.windows = windows(data, model.length)
        if valid:
            self.windows = _behind_history(model, self.windows)
        self.size = max(1, batch_size // model.length)

    def __len__(self) -> int:
        (user,) = self.windows.need("user")
        whole = self.size * self.shard[1]
        return len(user) // whole + (len(user) % whole >= self.shard[1])

    def __iter__(self) -> Iterator[Batch]:
        user, history, rating, time, weight = self.windows.need(
            "user", "history", "rating", "time", "weight"
        )
        order = torch.arange(len(user))
        if self.generator is not None:
            order = torch.randperm(len(user), generator=self.generator)
        for some in part_of(order, self.size, *self.shard).split(self.size):
            used = (history[some] != PADDING).any(0).nonzero()
            width = int(used.max()) + 1  # padding that nobody needs is cut off
            yield Batch(
                user=user[some],
                history=history[some, :width],
                rating=rating[some, :width],
                time=time[some, :width],
                weight=weight[some, :width],
            ).to(self.device)


def _behind_history(model: SequenceModel, new: Batch) -> Batch:
    """Each window of new rows behind its user's history; only the new rows count."""
    user, history, rating, weight = new.need("user", "history", "rating", "weight")
    past, past_rating = model.history.cpu()[user], model.history_rating.cpu()[user]
    known = past != PADDING
    return replace(
        new,
        history=torch.cat([past, history], dim=1),
        rating=torch.cat([past_rating, rating], dim=1),
        # All of the past is earlier than all that is new, whatever the clock says.
        time=torch.cat([torch.where(known, 0, NEVER), torch.where(weight > 0, 1, NEVER)], dim=1),
        weight=torch.cat([torch.zeros_like(past_rating), weight], dim=1),
    )
