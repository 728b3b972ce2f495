"""Tensor factorisation: users, items and periods of time have vectors."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.mf import BiasedMF
from recsys_tutorial.models.temporal import bin_of, last_rated_bin, need_times, time_span


class TensorFactorization(BiasedMF):
    r"""BiasedMF with a third factor: $s_{ui}(t) = \mu + b_u + b_i + \sum_f p_{uf} q_{if} w_{tf}$.

    Args:
        bins: Periods of equal length between the first and the last training rating. A period
            without training ratings takes the vector of the last one before it that has some.
        l2_time, tv: Penalties on w - 1 and on its squared steps along time, of the whole table
            divided by the number of training ratings.
        **rest: As in BiasedMF.

    Attributes:
        time_factors: w, (bins, dim), the weight of each axis in a period. They start at one, so
            at first the model is BiasedMF; products of three small random numbers learn slowly.

    The CP (canonical polyadic) form: Karatzoglou et al. 2010, "Multiverse recommendation"; Kolda
    and Bader 2009, "Tensor decompositions and applications".
    """

    columns: ClassVar[tuple[str, ...]] = ("user", "item", "rating", "time")
    least: ClassVar = {"bins": 1}

    def __init__(
        self,
        n_users: int,
        n_items: int,
        *,
        bins: int = 8,
        l2_time: float = 300.0,
        tv: float = 300.0,
        **rest: Any,
    ) -> None:
        super().__init__(n_users, n_items, **rest)
        self.bins, self.l2_time, self.tv = bins, l2_time, tv
        self.time_factors = nn.Parameter(torch.ones(bins, self.dim))
        self.register_buffer("span", torch.tensor([0, 1]))
        self.register_buffer("seen_bin", torch.arange(bins))

    @torch.no_grad()
    def read(self, train: Dataset) -> None:
        super().read(train)
        need_times(self, train)
        self.span.copy_(time_span(train))
        time = torch.from_numpy(train.timestamp).long()  # seconds times bins need 64 bits
        period = bin_of(time, self.span, self.bins)
        self.seen_bin.copy_(last_rated_bin(torch.zeros_like(period), period, 1, self.bins)[0])

    def of_users(self, batch: Batch) -> tuple[Tensor, Tensor]:
        (time,), (p, b_u) = batch.need("time"), super().of_users(batch)
        w = self.rows(self.time_factors, self.seen_bin[bin_of(time, self.span, self.bins)])
        return p * w, b_u

    def penalty(self, batch: Batch) -> Tensor:
        drift = self.time_factors - 1
        steps = drift.diff(dim=0)
        of_table = self.l2_time * drift.square().sum() + self.tv * steps.square().sum()
        return super().penalty(batch) + self.paid_by_all(of_table)

    def item_rows(self) -> tuple[Tensor, Tensor]:
        """As in BiasedMF, at the end of training."""
        rows, offset = super().item_rows()
        last = self.time_factors.detach()[self.seen_bin[-1]]
        return rows * torch.cat([last, last.new_ones(1)]), offset
