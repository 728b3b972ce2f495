"""Training on several processes by PyTorch's DDP: the same steps, shared out.

Every process has the whole data (mapped from one set of columns, it is in memory once) and the
same shuffled order. Of each step's rows it takes its part and computes the gradient of its part;
DDP adds the gradients up, so that what follows is the step that one process would have made with
all the rows. Noise is the exception: dropout and drawn negatives come from each process's own
generator, so that models with them end alike, as with another seed, and not equal.
`fit` is alone unless a process group is up (`torchrun scripts/train.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import ignite.distributed as idist
import numpy as np
import torch
from torch import Tensor, nn

from recsys_tutorial.datasets.dataset import Dataset

States = list[dict[str, Tensor]]  # of the generators, one dict per process


class Alone:
    """One process: it has all rows, and nothing to tell anybody.

    Attributes:
        rank, world: Number of this process, of how many.
    """

    rank, world = 0, 1

    def wrap(self, objective: nn.Module) -> nn.Module:
        """The objective whose gradients are those of all processes."""
        return objective

    def share(self, rows: float) -> float:
        """The factor that makes the mean over `rows` rows this process's part of all means."""
        return 1.0

    def add_sparse(self) -> None:
        """Add up the gradients that hold only some rows of a table."""

    def part(self, data: Dataset) -> Dataset:
        """What this process measures."""
        return data

    def total(self, *numbers: Tensor | float) -> list[float]:
        """Each number summed over all processes, in 64 bits."""
        return [float(n) for n in numbers]

    def states(self, generators: dict[str, torch.Generator]) -> States:
        """The states of everybody's generators, for the checkpoint that the first one writes."""
        return [{name: g.get_state() for name, g in generators.items()}]

    def own(self, states: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """This process's states out of a checkpoint's.

        A process that the checkpoint does not know takes the shuffling, which is everybody's.
        """
        if self.rank < len(states):
            return states[self.rank]
        return {"shuffle": states[0]["shuffle"]}


class Together(Alone):
    """This process and others, which make each step together."""

    def __init__(self) -> None:
        self.rank, self.world = idist.get_rank(), idist.get_world_size()
        self.sparse: list[nn.Parameter] = []

    def wrap(self, objective: nn.Module) -> nn.Module:
        named = dict(objective.named_parameters())
        ours = [name for name, p in named.items() if getattr(p, "sparse_rows", False)]
        self.sparse = [named[name] for name in ours]
        if len(ours) == len(named):
            return objective
        ddp = nn.parallel.DistributedDataParallel
        fixed = [name for name, _ in objective.named_buffers()]  # everybody has the same
        ddp._set_params_and_buffers_to_ignore_for_model(objective, ours + fixed)
        # Under a loss that is not their own some models leave parameters out, always the same.
        return cast(nn.Module, ddp(objective, static_graph=True))

    def share(self, rows: float) -> float:
        # DDP takes the mean over the processes, whose parts may differ in size.
        return rows * self.world / self.total(rows)[0]

    def add_sparse(self) -> None:
        for parameter in self.sparse:
            if parameter.grad is not None:
                torch.distributed.all_reduce(parameter.grad)
                parameter.grad = parameter.grad / self.world

    def part(self, data: Dataset) -> Dataset:
        return data.take(np.flatnonzero(data.user % self.world == self.rank))

    def total(self, *numbers: Tensor | float) -> list[float]:
        each = torch.tensor([float(n) for n in numbers], dtype=torch.float64, device=idist.device())
        return cast(Tensor, idist.all_reduce(each)).tolist()

    def states(self, generators: dict[str, torch.Generator]) -> States:
        found = [{} for _ in range(self.world)]  # type: States
        for name, generator in generators.items():
            state = generator.get_state().to(idist.device())
            every = cast(Tensor, idist.all_gather(state)).view(self.world, -1)
            for one, of_rank in zip(found, every, strict=True):
                # A copy: torch's set_state reads a view from the start of what it is a view of.
                one[name] = of_rank.cpu().clone()
        return found


def peers(generator: torch.Generator) -> Alone:
    """The processes of this run. All of them must call it.

    Args:
        generator: The model's, for noise: each process gets its own, or each part of a batch would
            get the same noise.
    """
    distributed: Any = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return Alone()
    together = Together()
    if together.rank:
        generator.manual_seed(generator.initial_seed() + together.rank)
    return together
