"""The parts of the training loop: optimiser, learning rate, batches and the measuring of epochs."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import Model
from recsys_tutorial.models.multi_output import time_to_next
from recsys_tutorial.models.sequences import SequenceModel
from recsys_tutorial.training.distributed import Peers
from recsys_tutorial.training.negatives import Negatives
from recsys_tutorial.training.sequences import SequenceBatches


def one_cycle(step: int, total: int, peak: float) -> float:
    """The learning rate at a step: up during the first tenth, then down to zero like a cosine.

    Smith and Topin 2017, "Super-convergence".
    """
    warm = max(1, total // 10)
    if step < warm:
        return peak * (step + 1) / warm
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


class Optimisers:
    """Adam for small tables, its sparse form for tables far larger than a batch.

    Dense Adam touches every row in every step. That is cheapest while a table is no larger than
    a few batches, and ruinous beyond: so that a step's cost never grows with the tables, larger
    ones get gradients and updates for the rows of the batch alone.
    """

    LARGE = 8  # batches; below it the dense update is the faster one

    def __init__(self, model: Model, lr: float, rows_per_batch: int) -> None:
        tables = {id(p) for _, p in model.tables()}
        dense: list[torch.nn.Parameter] = []
        sparse: list[torch.nn.Parameter] = []
        for parameter in model.parameters():
            if not parameter.requires_grad:
                continue
            large = id(parameter) in tables and len(parameter) > self.LARGE * rows_per_batch
            parameter.sparse_rows = large  # type: ignore[attr-defined]
            (sparse if large else dense).append(parameter)
        self.each: list[torch.optim.Optimizer] = []
        if dense:
            fused = all(p.is_floating_point() for p in dense)
            self.each.append(torch.optim.Adam(dense, lr=lr, betas=(0.9, 0.99), fused=fused))
        if sparse:
            self.each.append(torch.optim.SparseAdam(sparse, lr=lr, betas=(0.9, 0.99)))

    def step(self, lr: float) -> None:
        for optimiser in self.each:
            for group in optimiser.param_groups:
                group["lr"] = lr
            optimiser.step()

    def zero_grad(self) -> None:
        for optimiser in self.each:
            optimiser.zero_grad(set_to_none=True)

    def state_dict(self) -> list[dict[str, Any]]:
        return [optimiser.state_dict() for optimiser in self.each]

    def load_state_dict(self, states: Sequence[dict[str, Any]]) -> None:
        for optimiser, state in zip(self.each, states, strict=True):
            optimiser.load_state_dict(state)


Objective = Callable[[Batch], tuple[Tensor, Tensor]]


def compiled(objective: Objective) -> Objective:
    """The same by `torch.compile`, or as it is, with a warning, where that does not work.

    Compiling takes up to a minute and a C++ compiler; it pays for large batches and many of them.
    """
    fast: Objective | None = torch.compile(objective)

    def either(batch: Batch) -> tuple[Tensor, Tensor]:
        nonlocal fast
        if fast is not None:
            try:
                return fast(batch)
            except Exception as error:
                fast = None
                result = objective(batch)  # what is wrong with the model itself is raised here
                why = str(error).strip().splitlines() or [""]
                warnings.warn(
                    f"torch.compile does not work here ({type(error).__name__}: {why[0]}): the "
                    "training goes on without it, to the same result but for the last digits",
                    stacklevel=2,
                )
                return result
        return objective(batch)

    return either


class TrainingBatches:
    """The batches of one epoch, in the form that the loss needs; iterate again for the next."""

    def __init__(
        self,
        model: Model,
        data: Dataset,
        loss: Callable[..., Tensor],
        batch_size: int,
        negatives: int | str,
        contrast: Negatives | None,
        generator: torch.Generator | None,
        device: torch.device,
    ) -> None:
        self.pairs, self.keeps = losses.needs(loss).batch == "pairs", losses.needs(loss).keeps
        self.negatives, self.contrast, self.device = negatives, contrast, device
        self.n_items = data.n_items
        # Who has rated everything has nothing to be contrasted with.
        if contrast is not None and not self.keeps:
            data = data.take(contrast.room.numpy()[data.user] > 0)
            if len(data) == 0:
                raise ValueError(
                    "every user has rated every item, so that ranking has nothing to contrast "
                    "with: train on the ratings instead (loss=squared_error)"
                )
        on = torch.device("cpu") if self.pairs else device
        with_rating = not self.pairs or "rating" in self.keeps
        columns = [c for c in model.columns if c != "rating"] + ["rating"] * with_rating
        self.batches = data.batches(columns, batch_size=batch_size, generator=generator, device=on)
        if "gap" in self.keeps:
            if contrast is None:
                raise ValueError('negatives="all": this loss needs a number of drawn items')
            gap = time_to_next(data, contrast.train)
            self.batches.tensors["gap"] = torch.from_numpy(gap).to(on, torch.float32)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.batches:
            yield self._with_negatives(batch).to(self.device) if self.pairs else batch

    def _with_negatives(self, batch: Batch) -> Batch:
        user, item = batch.need("user", "item")
        if self.negatives == "all":
            others = torch.arange(self.n_items).expand(len(user), self.n_items)
        else:
            assert self.contrast is not None
            others = self.contrast.draw(user, int(self.negatives))
        as_column = {
            name: value.unsqueeze(1)
            for name in ("user", "time", "weight")
            if (value := getattr(batch, name)) is not None
        }
        if self.keeps:  # no row is left out: who has no unrated item is shown the rated one again
            assert self.contrast is not None
            room = self.contrast.room[user] > 0
            others = torch.where(room.unsqueeze(1), others, item.unsqueeze(1))
        for name in self.keeps:
            value = getattr(batch, name)
            nothing = value.new_full(others.shape, torch.nan)
            as_column[name] = torch.cat([value.unsqueeze(1), nothing], dim=1)
        return replace(batch, item=torch.cat([item.unsqueeze(1), others], dim=1), **as_column)


def scores(model: Model, batch: Batch, negatives: int | str) -> Any:
    """The model's output for a training batch; the whole catalogue goes through `score_items`."""
    if batch.history is not None:  # windows of a sequence
        assert isinstance(model, SequenceModel)
        return model.score_sequence(batch)
    if negatives != "all":
        return model(batch)
    (item,) = batch.need("item")
    rated = losses.score_of(model(replace(batch, item=item[:, :1])))
    return torch.cat([rated, model.score_items(batch)], dim=1)


def size(batch: Batch) -> float:
    """How much a batch counts in the mean of an epoch: its rows, in windows the sum of weights."""
    if batch.history is not None:
        return float(batch.need("weight")[0].sum())
    return len(batch.need("user")[0])


@torch.no_grad()
def measure(
    model: Model,
    data: TrainingBatches | SequenceBatches,
    loss: Callable[..., Tensor],
    negatives: int | str,
    peers: Peers | None = None,
) -> dict[str, float]:
    """valid_loss, the mean over rows, and for rating models valid_rmse in stars.

    With peers each process measures its part.
    """
    was_training = model.training
    model.eval()
    total = squared = torch.zeros((), dtype=torch.float64)
    n, n_rated = 0.0, 0
    for batch in data:
        output = scores(model, batch, negatives)
        counts = size(batch)
        total = total + loss(*model.in_units(output, batch)).double().cpu() * counts
        if model.predicts == "rating" and batch.rating is not None:
            low, high = model.scale
            rated = ~batch.rating.isnan()
            error = (losses.score_of(output).clamp(low, high) - batch.rating)[rated]
            squared = squared + error.double().square().sum().cpu()
            n_rated += error.numel()
        n += counts
    model.train(was_training)
    sums = [float(total), float(squared), n, n_rated]
    all_loss, all_squares, rows, rated_rows = sums if peers is None else peers.total(*sums)
    result = {"valid_loss": all_loss / rows}
    if rated_rows:
        result["valid_rmse"] = math.sqrt(all_squares / rated_rows)
    return result


_inside = 0
_threads_before = 1
_counting = threading.Lock()


@contextmanager
def cpu_threads(number: int) -> Iterator[None]:
    """Inside, torch works with so many threads.

    Part of torch's setting belongs to the calling thread, part to the process: each run puts back
    its own, and the last of several that overlap what there was before the first.
    """
    global _inside, _threads_before
    own = torch.get_num_threads()
    with _counting:
        if _inside == 0:
            _threads_before = own
        _inside += 1
    torch.set_num_threads(number)
    try:
        yield
    finally:
        with _counting:
            _inside -= 1
            torch.set_num_threads(own if _inside else _threads_before)
