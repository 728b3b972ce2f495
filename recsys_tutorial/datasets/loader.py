"""Slices of columns as Batches: the only loader."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recsys_tutorial.batch import Batch


class Batches:
    """Iterable of Batch; every row once a pass, the last, smaller part included.

    Args:
        tensors: By the name of their field in Batch, all of one length.
        batch_size: Rows per batch.
        generator: Of the order, which is new in each pass; None for the order of the data.
        device: Where the batches are wanted.

    Attributes:
        shard: this process, and of how many. Each step's rows are then `batch_size` times as many,
            of which each process gets its part.
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
        whole = self.batch_size * self.shard[1]
        return self.n // whole + (self.n % whole >= self.shard[1])

    def __iter__(self) -> Iterator[Batch]:
        order = torch.arange(self.n)
        if self.generator is not None:
            order = torch.randperm(self.n, generator=self.generator)
        order = part_of(order, self.batch_size, *self.shard).to(self.device)
        for rows in order.split(self.batch_size):
            picked = {name: t.index_select(0, rows) for name, t in self.tensors.items()}
            # Columns on disk may have 32 bits; a Batch has the 64 that positions are multiplied in.
            yield Batch(**{n: t if t.is_floating_point() else t.long() for n, t in picked.items()})


def part_of(order: Tensor, size: int, rank: int, world: int) -> Tensor:
    """The places of one of `world` processes in an order that all of them share.

    Each `size * world` places are one step of all; a rest of fewer places than processes is left
    out, so that nobody has an empty batch.
    """
    n_whole = len(order) // (size * world)
    whole, rest = order[: n_whole * size * world], order[n_whole * size * world :]
    mine = whole.view(n_whole, world, size)[:, rank].reshape(-1)
    return mine if len(rest) < world else torch.cat([mine, rest.tensor_split(world)[rank]])
