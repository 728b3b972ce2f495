"""Slices of columns as Batches: the only loader."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recsys_tutorial.batch import Batch

_GATHER = 2**20  # rows gathered at once for shuffled batches


class Batches:
    """Iterable of Batch; every row once a pass, the last, smaller part included.

    Attributes:
        shard: this process, and of how many. The shuffled batches are then `batch_size` times as
            many rows, of which each process gets its part.
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
        # 32-bit codes become the 64 bits of a Batch where the batch is made.
        self.wide = {n: torch.int64 for n, t in tensors.items() if not t.is_floating_point()}
        self.batch_size, self.generator, self.device = batch_size, generator, device
        self.n = len(next(iter(tensors.values())))

    def __len__(self) -> int:
        whole = self.batch_size * self.shard[1]
        return self.n // whole + (self.n % whole >= self.shard[1])

    def __iter__(self) -> Iterator[Batch]:
        if self.generator is None:
            yield from self._slices(self.tensors)
            return
        # Gathering many rows at once is far cheaper than collating them one by one.
        order = torch.randperm(self.n, generator=self.generator)
        order = part_of(order, self.batch_size, *self.shard).to(self.device)
        for some in order.split(-(-_GATHER // self.batch_size) * self.batch_size):
            yield from self._slices({n: t.index_select(0, some) for n, t in self.tensors.items()})

    def _slices(self, tensors: dict[str, Tensor]) -> Iterator[Batch]:
        parts = (t.split(self.batch_size) for t in tensors.values())
        for values in zip(*parts, strict=True):
            named = zip(tensors, values, strict=True)
            yield Batch(**{name: t.to(self.wide.get(name, t.dtype)) for name, t in named})


def part_of(order: Tensor, size: int, rank: int, world: int) -> Tensor:
    """The places of one of `world` processes in an order that all of them share.

    Each `size * world` places are one step of all; a rest of fewer places than processes is left
    out, so that nobody has an empty batch.
    """
    if world == 1:
        return order
    n_whole = len(order) // (size * world)
    whole, rest = order[: n_whole * size * world], order[n_whole * size * world :]
    mine = whole.view(n_whole, world, size)[:, rank].reshape(-1)
    if len(rest) < world:
        return mine
    return torch.cat([mine, torch.tensor_split(rest, world)[rank]])
