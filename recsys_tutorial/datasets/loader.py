"""Slices of columns as Batches: the only loader."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recsys_tutorial.batch import Batch


class Batches:
    """Iterable of Batch; each pass gives every row once, and the last batch may be smaller.

    Args:
        tensors: By the name of their field in Batch, all of one length.
        generator: Shuffles the rows anew in each pass; None keeps the order of the data.

    Attributes:
        shard: (number of this process, number of processes), each with `batch_size` rows per step.
    """

    shard: tuple[int, int] = (0, 1)

    def __init__(
        self,
        tensors: dict[str, Tensor],
        batch_size: int,
        generator: torch.Generator | None,
        device: torch.device | str,
    ) -> None:
        self.tensors = {name: t.to(device) for name, t in tensors.items()}
        self.batch_size, self.generator, self.device = batch_size, generator, device
        self.n = len(next(iter(tensors.values())))

    def __len__(self) -> int:
        step = self.batch_size * self.shard[1]
        return self.n // step + (self.n % step >= self.shard[1])

    def __iter__(self) -> Iterator[Batch]:
        order = torch.arange(self.n)
        if self.generator is not None:
            order = torch.randperm(self.n, generator=self.generator)
        order = part_of(order, self.batch_size, *self.shard).to(self.device)
        for rows in order.split(self.batch_size):
            picked = {name: t.index_select(0, rows) for name, t in self.tensors.items()}
            # Columns on disk may have 32 bits; products of positions need 64.
            yield Batch(**{n: t if t.is_floating_point() else t.long() for n, t in picked.items()})


def part_of(order: Tensor, size: int, rank: int, world: int) -> Tensor:
    """The rows of process `rank` of `world` in an order that all of them share.

    Each step takes `size * world` rows. The last, smaller step is shared out too, or left out where
    a process would get no row.
    """
    n_whole = len(order) // (size * world)
    whole, rest = order[: n_whole * size * world], order[n_whole * size * world :]
    mine = whole.view(n_whole, world, size)[:, rank].reshape(-1)
    return mine if len(rest) < world else torch.cat([mine, rest.tensor_split(world)[rank]])
