"""Biased matrix factorisation whose biases depend on the time."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import Model, mean_square, rated
from recsys_tutorial.models.mf import BiasedMF

DAY = 86_400  # seconds


class TemporalMF(BiasedMF):
    r"""BiasedMF plus four biases that depend on the time t, in units:

    $s_{ui}(t) = \mu + b_u + b_i + p_u \cdot q_i
    + o_{n(u,t)} + c_{u,Bin(t)} + d_{i,Bin(t)} + e_{u,day(t)}$

    A bin in which the user (item) has no training rating takes the value of the last bin before it
    that has one, or else of the first that has one. order_bins=0, user_bins=0, item_bins=0 and
    days=False leave out one term each; without all four the model is BiasedMF.

    Args:
        l2_time, l2_day: Penalties on the whole tables of drift and of days, divided by the number
            of training ratings.
        tv: Penalty on the total variation of drift along time, divided in the same way.
        **rest: As in BiasedMF.

    Attributes:
        order_bias: o, (order_bins,): effect of n, the number of the user's *training* ratings
            strictly earlier than t; bins 0, 1, 2-3, 4-7, ...
        user_time, item_time: c, (n_users, user_bins), and d, (n_items, item_bins): drift over bins
            of equal length between the first and the last training rating.
        day_bias: e, (n_days,), one for each (user, day) with a training rating; 0 on other days.

    After Koren 2009, "Collaborative filtering with temporal dynamics".
    """

    columns: ClassVar[tuple[str, ...]] = ("user", "item", "rating", "time")

    def __init__(
        self,
        n_users: int,
        n_items: int,
        *,
        order_bins: int = 10,
        user_bins: int = 4,
        item_bins: int = 8,
        l2_time: float = 30.0,
        l2_day: float = 30.0,
        tv: float = 30.0,
        days: bool = True,
        **rest: Any,
    ) -> None:
        super().__init__(n_users, n_items, **rest)
        self.order_bins, self.user_bins, self.item_bins = order_bins, user_bins, item_bins
        self.l2_time, self.l2_day, self.tv, self.days = l2_time, l2_day, tv, days
        self.order_bias = nn.Parameter(torch.zeros(order_bins))
        self.user_time = nn.Parameter(torch.zeros(n_users, user_bins))
        self.item_time = nn.Parameter(torch.zeros(n_items, item_bins))
        self.day_bias = nn.Parameter(torch.zeros(0))
        self.register_buffer("span", torch.tensor([0, 1]))
        self.register_buffer("past", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("user_seen_bin", torch.arange(user_bins).repeat(n_users, 1))
        self.register_buffer("item_seen_bin", torch.arange(item_bins).repeat(n_items, 1))
        self.register_buffer("known_days", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("day_weight", torch.zeros(0))

    @torch.no_grad()
    def read(self, train: Dataset) -> None:
        super().read(train)
        need_times(self, train)
        self.span.copy_(time_span(train))
        columns = (train.user, train.item, train.timestamp)
        user, item, time = (torch.from_numpy(c).long() for c in columns)  # products need 64 bits
        self.past = self._moment(user, time).sort().values
        for side, who in (("user", user), ("item", item)):
            seen_bin = getattr(self, f"{side}_seen_bin")
            when = bin_of(time, self.span, seen_bin.shape[1])
            seen_bin.copy_(last_rated_bin(who, when, *seen_bin.shape))
        if self.days:
            self.known_days, day = day_key(user, time).unique(return_inverse=True)
            weight = np.bincount(day.numpy(), train.weight)
            self.day_weight = torch.from_numpy(weight.astype(np.float32))
            self.day_bias.data = torch.zeros(len(self.known_days))

    def _moment(self, user: Tensor, time: Tensor) -> Tensor:
        """One number per (user, time) that sorts by user, then time; after the end of training all
        times have the same number."""
        start, length = self.span
        return user * (length + 1) + (time - start).clamp(min=0).minimum(length)

    def earlier(self, user: Tensor, time: Tensor) -> Tensor:
        """n(u, t), the number of the user's training ratings strictly before that second."""
        first = self._moment(user, self.span[0])
        until = self._moment(user, time)
        return torch.searchsorted(self.past, until) - torch.searchsorted(self.past, first)

    # ---- the equation ---------------------------------------------------------------------

    def forward(self, batch: Batch) -> Tensor:
        user, item, time = batch.need("user", "item", "time")
        return super().forward(batch) + self.unit * self.of_time(user, item, time)

    def of_time(self, user: Tensor, item: Tensor, time: Tensor) -> Tensor:
        """What time adds to the score, in units: the four new terms, o + c + d + e."""
        added = self._drift("user", user, time) + self._drift("item", item, time)
        if self.order_bins:
            step = (self.earlier(user, time) + 0.5).log2().ceil().long()
            added = added + self.rows(self.order_bias, step.clamp(0, self.order_bins - 1))
        return added + self._of_day(user, time)[0] if self.days else added

    def _drift(self, side: str, index: Tensor, time: Tensor) -> Tensor:
        table, seen = getattr(self, f"{side}_time"), getattr(self, f"{side}_seen_bin")
        if not table.shape[1]:
            return self.mean.new_zeros(())
        bin = seen[index, bin_of(time, self.span, table.shape[1])].unsqueeze(-1)  # (*S, 1)
        return torch.take_along_dim(self.rows(table, index), bin, dim=-1).sum(-1)

    def _of_day(self, user: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """e, (*S,), and the positions (*S,) of the days; e is 0 on days without training rating."""
        key = day_key(user, time)
        day = torch.searchsorted(self.known_days, key).clamp(max=len(self.known_days) - 1)
        return self.rows(self.day_bias, day) * (self.known_days[day] == key), day

    def penalty(self, batch: Batch) -> Tensor:
        rows, total = rated(batch), super().penalty(batch)
        (user, item, time), weight = rows.need("user", "item", "time"), rows.weight
        for side, who in (("user", user), ("item", item)):
            table, seen = getattr(self, f"{side}_time"), getattr(self, f"{side}_seen_bin")
            if table.shape[1]:
                share = self.share(side, who)
                drift = self.rows(table, who).gather(-1, self.rows(seen, who))  # (B, bins)
                total = total + self.l2_time * mean_square(drift, weight, share)
                variation = drift.diff(dim=-1).abs().sum(-1) * share
                total = total + self.tv * losses.weighted_mean(variation, weight)
        if self.days:
            of_day, day = self._of_day(user, time)
            total = total + self.l2_day * mean_square(of_day, weight, 1 / self.day_weight[day])
        return total

    def score_items(self, batch: Batch) -> Tensor:
        user, time = batch.need("user", "time")
        catalogue = torch.arange(self.n_items, device=user.device).unsqueeze(0)
        of_time = self.of_time(user.reshape(-1, 1), catalogue, time.reshape(-1, 1))
        return super().score_items(batch) + self.unit * of_time

    @torch.no_grad()
    def item_rows(self) -> tuple[Tensor, Tensor]:
        """As in BiasedMF, at the end of training."""
        rows, offset = super().item_rows()
        everything = torch.arange(self.n_items, device=self.mean.device)
        return rows, offset + self.unit * self._drift("item", everything, self.span.sum())


def need_times(model: Model, train: Dataset) -> None:
    """ValueError for a Dataset without timestamps."""
    if train.timestamp is None:
        raise ValueError(
            f"{type(model).__name__} needs times, and Dataset {train.name!r} has none: add a "
            "`timestamp` column in from_frame, or use BiasedMF"
        )


def time_span(train: Dataset) -> Tensor:
    """The first second of the training data, and their length in seconds: (2,)."""
    assert train.timestamp is not None
    start, end = int(train.timestamp.min()), int(train.timestamp.max())
    return torch.tensor([start, end - start + 1])


def bin_of(time: Tensor, span: Tensor, bins: int) -> Tensor:
    """Bin(t): bins of equal length; times before the first and after the last fall into these."""
    start, length = span
    return ((time - start) * bins // length).clamp(0, max(bins - 1, 0))


def day_key(user: Tensor, time: Tensor) -> Tensor:
    """One number for each (user, day); unique until the year 4707."""
    return user * 10**6 + time // DAY


def last_rated_bin(who: Tensor, bin: Tensor, n: int, bins: int) -> Tensor:
    """For each of n rows and each bin: the last bin up to it with a rating, or else the first one
    with a rating; (n, bins), 0 for rows without ratings.

    `who` and `bin` are the row and the bin of each training rating.
    """
    if not bins:
        return torch.zeros(n, 0, dtype=torch.int64)
    seen = torch.zeros(n, bins, dtype=torch.bool)
    seen[who, bin] = True
    last = torch.where(seen, torch.arange(bins), -1).cummax(dim=1).values
    return torch.where(last >= 0, last, seen.int().argmax(dim=1, keepdim=True))
