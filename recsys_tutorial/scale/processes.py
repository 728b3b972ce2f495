"""Training on several processes, which share the rows of each step, with PyTorch's DDP.

Every process has the whole data (columns on disk take memory only once for all of them) and the
same shuffled order. It computes the gradient of its part of each step's rows. DDP adds the
gradients up, so the step is the one that a single process would make with all rows. Only noise
differs: dropout and negatives come from each process's own generator, which is like another seed.
`fit` uses one process unless a process group is up (`torchrun scripts/train.py`).
"""

from __future__ import annotations

from typing import Any, cast

import ignite.distributed as idist
import numpy as np
import torch
from torch import Tensor, nn

from recsys_tutorial.datasets.dataset import Dataset

States = list[dict[str, Tensor]]  # of the generators, by name, for each process


class Alone:
    """One process, which has all rows.

    Attributes:
        rank, world: Number of this process, and of processes.
    """

    rank, world = 0, 1

    def wrap(self, objective: nn.Module) -> nn.Module:
        """The objective, wrapped so that its gradients are averaged over all processes."""
        return objective

    def share(self, rows: float) -> float:
        """The factor that turns DDP's average of means, each over `rows` rows, into the mean over
        all rows."""
        return 1.0

    def add_sparse(self) -> None:
        """Add up the sparse gradients of all processes."""

    def part(self, data: Dataset) -> Dataset:
        """The rows that this process measures."""
        return data

    def total(self, *numbers: Tensor | float) -> list[float]:
        """Each number summed over all processes, in 64 bits."""
        return [float(n) for n in numbers]

    def states(self, generators: dict[str, torch.Generator]) -> States:
        """The states of all processes' generators, for the checkpoint."""
        return [{name: g.get_state() for name, g in generators.items()}]


class Together(Alone):
    """This process and others."""

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
        fixed = [name for name, _ in objective.named_buffers()]  # equal in all processes
        ddp._set_params_and_buffers_to_ignore_for_model(objective, ours + fixed)
        # With another loss than their own some models do not use all parameters.
        return cast(nn.Module, ddp(objective, static_graph=True))

    def share(self, rows: float) -> float:
        # DDP averages over the processes, whose parts may differ in size.
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
                # A copy: torch's set_state would read a view from the start of the whole tensor.
                one[name] = of_rank.cpu().clone()
        return found


def peers(generator: torch.Generator) -> Alone:
    """The processes of this run. All of them must call it.

    `generator`, the model's source of noise, gets another seed in each process.
    """
    distributed: Any = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return Alone()
    together = Together()
    if together.rank:
        generator.manual_seed(generator.initial_seed() + together.rank)
    return together
