"""Tensor factorisation: user x item x time, each with a vector."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.mf import BiasedMF
from recsys_tutorial.models.temporal import bin_of, carry, need_times


class TensorFactorization(BiasedMF):
    r"""BiasedMF with a third factor: $s_{ui}(t) = \mu + b_u + b_i + \sum_f p_{uf} q_{if} w_{tf}$.

    time_factors : w, (bins, dim): how much each axis counts in a stretch of time. They start at
                   one, where the model is BiasedMF; small random numbers in all three factors
                   would multiply to next to nothing, and learn as slowly
    bins : stretches of equal length between the first and the last training rating. One without
           training ratings takes the vector of the last before it; time after training, the last
    l2_time, tv : penalties on w - 1 and on its squared steps along time, of the whole table
                  divided by the number of training ratings

    The CP (canonical polyadic) form: Karatzoglou et al. 2010, "Multiverse recommendation", has the
    Tucker form as well; Kolda and Bader 2009, "Tensor decompositions and applications".
    """

    columns: ClassVar[tuple[str, ...]] = ("user", "item", "rating", "time")

    first: Tensor
    seen_bin: Tensor

    def __init__(
        self,
        n_users: int,
        n_items: int,
        dim: int = 64,
        l2: float = 0.11,
        l2_bias: float = 0.01,
        *,
        bins: int = 8,
        l2_time: float = 300.0,
        tv: float = 300.0,
        seed: int = 0,
    ) -> None:
        if bins < 1:
            raise ValueError(f"bins={bins} must be at least 1")
        super().__init__(n_users, n_items, dim=dim, l2=l2, l2_bias=l2_bias, seed=seed)
        self.bins, self.l2_time, self.tv = bins, l2_time, tv
        self.time_factors = nn.Parameter(torch.ones(bins, dim))
        self.register_buffer("first", torch.tensor([0, 1]))  # first second, seconds in all
        self.register_buffer("seen_bin", torch.arange(bins))

    @classmethod
    def for_dataset(cls, train: Dataset, **hyperparameters: Any) -> Self:
        """As for every model; ValueError for a Dataset without timestamps."""
        need_times(cls, train)
        return super().for_dataset(train, **hyperparameters)

    @torch.no_grad()
    def read(self, train: Dataset) -> None:
        super().read(train)
        time = torch.from_numpy(train.timestamp).long()  # seconds times bins need 64 bits
        self.first.copy_(torch.stack([time.min(), time.max() - time.min() + 1]))
        stretch = bin_of(time, self.first, self.bins)
        carry(self.seen_bin.unsqueeze(0), torch.zeros_like(stretch), stretch)

    def at(self, time: Tensor) -> Tensor:
        """w: what each axis counts at these seconds, (*S, dim)."""
        return self.rows(self.time_factors, self.seen_bin[bin_of(time, self.first, self.bins)])

    def forward(self, batch: Batch) -> Tensor:
        user, item, time = batch.need("user", "item", "time")
        p, q = self.rows(self.user_factors, user), self.rows(self.item_factors, item)
        b_u, b_i = self.rows(self.user_bias, user), self.rows(self.item_bias, item)
        return self.mean + b_u + b_i + (p * q * self.at(time)).sum(-1)

    def penalty(self, batch: Batch) -> Tensor:
        drift = self.time_factors - 1
        smooth = self.tv * losses.total_variation(drift, dim=0, squared=True)
        of_time = self.l2_time * drift.square().sum() + smooth
        return super().penalty(batch) + of_time / self.user_count.sum().clamp_min(1)

    def score_items(self, batch: Batch) -> Tensor:
        user, time = (t.reshape(-1) for t in batch.need("user", "time"))
        p = self.user_factors[user] * self.at(time)
        scores = torch.addmm(self.mean + self.item_bias, p, self.item_factors.T)
        return scores.add_(self.user_bias[user].unsqueeze(-1))

    def item_rows(self) -> tuple[Tensor, Tensor]:
        """As BiasedMF has them, at the end of training: a new user comes after it."""
        rows, offset = super().item_rows()
        last = self.time_factors.detach()[self.seen_bin[-1]]
        return rows * torch.cat([last, last.new_ones(1)]), offset
