"""The argument of a model's `forward`: a batch of tensors."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors that broadcast to one shape S; a field is None unless the model asks for it.

    S is `(B,)` for rows, and `(B, 1)` against `(B, 1 + m)` or `(1, n_items)` for ranking.

    Attributes:
        user: int64, positions in the vocabulary of users.
        item: int64, positions in the vocabulary of items.
        rating: float32, in the units of the data (stars).
        time: int64, seconds.
        history: int64 with one more trailing axis L, positions of earlier items.
        weight: float32, how much a row counts (1 where the data has no weights).
        gap: float32, seconds until the user's next training rating; NaN where none follows.
    """

    user: Tensor | None = None
    item: Tensor | None = None
    rating: Tensor | None = None
    time: Tensor | None = None
    history: Tensor | None = None
    weight: Tensor | None = None
    gap: Tensor | None = None

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        moved = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: v.to(device) for k, v in moved.items() if v is not None})

    def need(self, *names: str) -> tuple[Tensor, ...]:
        """The named fields; ValueError names the first missing one."""
        for name in names:
            if getattr(self, name) is None:
                raise ValueError(f"this batch has no {name!r}: add it to the model's `columns`")
        return tuple(getattr(self, name) for name in names)
