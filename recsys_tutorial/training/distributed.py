"""Training on several processes: the same steps, shared out.

Every process has the whole data (mapped from one set of columns, it is in memory once) and the
same shuffled order. Of each step's rows it takes its part, computes the gradient of its part, and
all add theirs up: what follows is the step that one process would have made with all the rows.
Noise is the exception: dropout and drawn negatives come from each process's own generator, so that
models with them end alike, as with another seed, and not equal.
`fit` looks for peers once, and has none unless a process group is up (`torchrun`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import ignite.distributed as idist
import numpy as np
import torch
from torch import Tensor

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import Model
from recsys_tutorial.models.sequences import PADDING


class Peers:
    """The other processes of this run.

    rank, world : number of this process, of how many
    """

    def __init__(self, model: Model) -> None:
        self.rank, self.world = idist.get_rank(), idist.get_world_size()
        self.first = self.rank == 0
        with torch.no_grad():
            for tensor in model.state_dict().values():
                tensor.copy_(idist.broadcast(tensor.clone(), src=0))
        if not self.first:  # noise must differ, or each part of a batch would get the same
            model.generator.manual_seed(model.generator.initial_seed() + self.rank)

    @property
    def shard(self) -> tuple[int, int]:
        return self.rank, self.world

    def part(self, data: Dataset) -> Dataset:
        """This process's users: what is measured is measured in parts and added up."""
        rows = np.flatnonzero(data.user % self.world == self.rank)
        return data.take(rows)

    def total(self, *numbers: Tensor | float) -> list[float]:
        """Each number summed over all processes, in 64 bits."""
        each = torch.tensor([float(n) for n in numbers], dtype=torch.float64, device=idist.device())
        return _sum(each).tolist()

    def weigh(self, loss: Tensor, penalty: Tensor, batch: Batch) -> Tensor:
        """This part's share of the objective: shares add up to the means over all rows."""
        rows = len(batch.need("user")[0])
        if batch.history is not None:  # windows: their penalty is a mean over the rows in them
            rows = int((batch.history != PADDING).sum())
        counts = rows if batch.weight is None else float(batch.weight.sum())
        all_counts, all_rows = self.total(counts, rows)
        return loss * (counts / (all_counts or 1)) + penalty * (rows / all_rows)

    def add_gradients(self, model: Model) -> None:
        """Replace each gradient by the sum of those of all processes."""
        dense: list[tuple[torch.nn.Parameter, Tensor]] = []
        for parameter in model.parameters():
            gradient = parameter.grad
            if gradient is not None and gradient.is_sparse:
                parameter.grad = self._sum_of_rows(gradient)
            elif gradient is not None:
                dense.append((parameter, gradient))
        if dense:  # one message for all of them
            flat = _sum(torch.cat([gradient.reshape(-1) for _, gradient in dense]))
            parts = flat.split([gradient.numel() for _, gradient in dense])
            for (parameter, _), part in zip(dense, parts, strict=True):
                parameter.grad = part.view_as(parameter)

    def _sum_of_rows(self, gradient: Tensor) -> Tensor:
        """The rows that any process touched; parts may have different numbers of them."""
        index, values = gradient._indices()[0], gradient._values()
        sizes = _gather(torch.tensor([len(index)], device=index.device)).tolist()
        most = max(sizes)
        padded = values.new_zeros((most, *values.shape[1:]))
        padded[: len(index)] = values
        place = index.new_zeros(most)
        place[: len(index)] = index
        all_places = _gather(place).view(self.world, most)
        all_values = _gather(padded).view(self.world, most, *values.shape[1:])
        places = torch.cat([p[:n] for p, n in zip(all_places, sizes, strict=True)])
        rows = torch.cat([v[:n] for v, n in zip(all_values, sizes, strict=True)])
        return torch.sparse_coo_tensor(
            places.unsqueeze(0), rows, gradient.shape, check_invariants=False
        )

    def states(self, generators: dict[str, torch.Generator]) -> list[dict[str, Tensor]]:
        """The states of everybody's generators, for the checkpoint that the first one writes."""
        mine = [generators[name].get_state() for name in sorted(generators)]
        device = idist.device()
        of_each = [_gather(state.to(device)).view(self.world, -1) for state in mine]
        # A copy of each: torch's set_state reads a view from the start of what it is a view of.
        return [
            {name: of_each[n][rank].cpu().clone() for n, name in enumerate(sorted(generators))}
            for rank in range(self.world)
        ]


def _sum(tensor: Tensor) -> Tensor:
    return cast(Tensor, idist.all_reduce(tensor))


def _gather(tensor: Tensor) -> Tensor:
    return cast(Tensor, idist.all_gather(tensor))


def peers(model: Model) -> Peers | None:
    """The other processes, or None where this one is alone. All of them must call it."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return None
    return Peers(model) if idist.get_world_size() > 1 else None


def own_states(saved: Sequence[dict[str, Any]], together: Peers | None) -> dict[str, Any]:
    """The generator states for this process out of a checkpoint's.

    A process that the checkpoint does not know takes the shuffling, which is everybody's.
    """
    rank = 0 if together is None else together.rank
    return saved[rank] if rank < len(saved) else {"shuffle": saved[0]["shuffle"]}
