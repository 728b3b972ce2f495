"""Biased matrix factorisation whose biases know the time."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.mf import BiasedMF

DAY = 86_400  # seconds


class TemporalMF(BiasedMF):
    r"""BiasedMF plus what time adds, all of it in stars:

    $s_{ui}(t) = \mu + b_u + b_i + p_u \cdot q_i
    + o_{n(u,t)} + c_{u,Bin(t)} + d_{i,Bin(t)} + e_{u,day(t)}$

    order_bias : o, (order_bins,): effect of n, the number of the user's *training* ratings
                 strictly earlier than t; bins 0, 1, 2-3, 4-7, ...
    user_time  : c, (n_users, user_bins), item_time : d, (n_items, item_bins): drift over bins of
                 equal length between the first and the last training rating
    day_bias   : e, (n_days,), one for each (user, day) with a training rating; else no effect

    A bin in which the user (item) has no training rating takes the value of its last bin before
    that has one (of its first, if none is before): nothing is known of the future but the present.
    The sizes of training (`n_past` ratings, `n_days` pairs of user and day) are 0 for parts that
    are switched off: order_bins=0, user_bins=0, item_bins=0, days=False leave BiasedMF.

    l2_time, l2_day : penalty on drift and days, stars^-2, of the whole table divided by the number
                      of training ratings; tv : total variation of drift along time, alike;
    tv_squared      : the smooth form of it

    After Koren 2009, "Collaborative filtering with temporal dynamics".
    """

    columns: ClassVar[tuple[str, ...]] = ("user", "item", "rating", "time")

    first: Tensor
    past: Tensor
    past_start: Tensor
    user_seen_bin: Tensor
    item_seen_bin: Tensor
    day_key: Tensor
    day_count: Tensor

    def __init__(
        self,
        n_users: int,
        n_items: int,
        dim: int = 64,
        l2: float = 0.11,
        l2_bias: float = 0.01,
        *,
        order_bins: int = 10,
        user_bins: int = 4,
        item_bins: int = 8,
        l2_time: float = 30.0,
        l2_day: float = 30.0,
        tv: float = 30.0,
        tv_squared: bool = False,
        n_past: int = 0,
        n_days: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(n_users, n_items, dim=dim, l2=l2, l2_bias=l2_bias, seed=seed)
        self.order_bins, self.user_bins, self.item_bins = order_bins, user_bins, item_bins
        self.l2_time, self.l2_day, self.tv, self.tv_squared = l2_time, l2_day, tv, tv_squared
        self.n_past, self.n_days = n_past, n_days
        self.order_bias = nn.Parameter(torch.zeros(order_bins))
        self.user_time = nn.Parameter(torch.zeros(n_users, user_bins))
        self.item_time = nn.Parameter(torch.zeros(n_items, item_bins))
        self.day_bias = nn.Parameter(torch.zeros(n_days))
        self.register_buffer("first", torch.tensor([0, 1]))  # first second, seconds in all
        self.register_buffer("past", torch.zeros(n_past, dtype=torch.int64))
        self.register_buffer("past_start", torch.zeros(n_users, dtype=torch.int64))
        self.register_buffer("user_seen_bin", torch.arange(user_bins).repeat(n_users, 1))
        self.register_buffer("item_seen_bin", torch.arange(item_bins).repeat(n_items, 1))
        self.register_buffer("day_key", torch.zeros(n_days, dtype=torch.int64))
        self.register_buffer("day_count", torch.ones(n_days))

    # ---- what is counted in the training part -------------------------------------------------

    @classmethod
    def for_dataset(cls, train: Dataset, *, days: bool = True, **hyperparameters: Any) -> Self:
        """As for every model; ValueError for a Dataset without timestamps."""
        need_times(cls, train)
        if len(train):
            hyperparameters["n_past"] = len(train)
            days = days and hyperparameters.get("n_days") != 0  # the settings of a kept model
            hyperparameters["n_days"] = len(np.unique(_day_key(train))) if days else 0
        return super().for_dataset(train, **hyperparameters)

    @torch.no_grad()
    def read(self, train: Dataset) -> None:
        """Besides what every model takes: times of ratings, bins that are seen, days."""
        super().read(train)
        assert train.timestamp is not None
        low, high = int(train.timestamp.min()), int(train.timestamp.max())
        self.first.copy_(torch.tensor([low, high - low + 1]))
        columns = (train.user, train.item, train.timestamp)
        user, item, time = (torch.from_numpy(c).long() for c in columns)  # products need 64 bits
        self.past.copy_(self._moment(user, time).sort().values)
        self.past_start.copy_(self.user_count.cumsum(0) - self.user_count)
        carry(self.user_seen_bin, user, self.bin(time, self.user_bins))
        carry(self.item_seen_bin, item, self.bin(time, self.item_bins))
        if self.n_days:
            key, count = torch.from_numpy(_day_key(train)).unique(return_counts=True)
            self.day_key.copy_(key)
            self.day_count.copy_(count)

    def _moment(self, user: Tensor, time: Tensor) -> Tensor:
        """One number a (user, time) that sorts by user, then time; times after training alike."""
        start, length = self.first
        return user * (length + 1) + (time - start).clamp(min=0).minimum(length)

    def earlier(self, user: Tensor, time: Tensor) -> Tensor:
        """n(u, t): how many training ratings the user gave strictly before that second."""
        moment = self._moment(user, time)
        return torch.searchsorted(self.past, moment) - self.past_start[user]

    def bin(self, time: Tensor, bins: int) -> Tensor:
        """Bin(t): equal steps through training; before and after it the first and the last."""
        return bin_of(time, self.first, bins)

    # ---- the equation ---------------------------------------------------------------------

    def forward(self, batch: Batch) -> Tensor:
        user, item, time = batch.need("user", "item", "time")
        return super().forward(batch) + self.of_time(user, item, time)

    def of_time(self, user: Tensor, item: Tensor, time: Tensor) -> Tensor:
        """What time adds to the score, in stars: the four new terms."""
        stars = self.mean.new_zeros(())
        if self.order_bins:
            n = self.earlier(user, time)
            step = (n + 0.5).log2().ceil().long().clamp(0, self.order_bins - 1)
            stars = stars + self.rows(self.order_bias, step)  # o
        if self.user_bins:
            stars = stars + self._drift("user", user, time)  # c
        if self.item_bins:
            stars = stars + self._drift("item", item, time)  # d
        if self.n_days:
            day, known = self._day(user, time)
            stars = stars + self.rows(self.day_bias, day) * known  # e
        return stars

    def _drift(self, side: str, who: Tensor, time: Tensor) -> Tensor:
        table, seen = getattr(self, f"{side}_time"), getattr(self, f"{side}_seen_bin")
        steps = self.bin(time, table.shape[1]).unsqueeze(-1)  # (*S, 1)
        steps = torch.take_along_dim(self.rows(seen, who), steps, dim=-1)
        return torch.take_along_dim(self.rows(table, who), steps, dim=-1).sum(-1)

    def _day(self, user: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """Position among the (user, day) pairs of training, and whether it is one of them."""
        key = _key(user, time)
        place = torch.searchsorted(self.day_key, key).clamp(max=self.n_days - 1)
        return place, self.day_key[place] == key

    def penalty(self, batch: Batch) -> Tensor:
        user, item, time = batch.need("user", "item", "time")
        total = super().penalty(batch)
        for side, who in (("user", user), ("item", item)):
            table, seen = getattr(self, f"{side}_time"), getattr(self, f"{side}_seen_bin")
            if table.shape[1]:
                # Each row of the batch pays its n-th part: on average the whole table, once.
                share = 1 / (getattr(self, f"{side}_count")[who].clamp(min=1) * who.numel())  # (B,)
                drift = self.rows(table, who).gather(-1, self.rows(seen, who))  # (B, bins)
                total = total + self.l2_time * (drift.square().sum(-1) * share).sum()
                total = total + self.tv * losses.total_variation(
                    drift, dim=-1, squared=self.tv_squared, weight=share
                )
        if self.n_days:
            day, known = self._day(user, time)
            of_day = self.rows(self.day_bias, day).square() * known / self.day_count[day]
            total = total + self.l2_day * of_day.mean()
        return total

    def score_items(self, batch: Batch) -> Tensor:
        user, time = batch.need("user", "time")
        catalogue = torch.arange(self.n_items, device=user.device).unsqueeze(0)
        of_time = self.of_time(user.reshape(-1, 1), catalogue, time.reshape(-1, 1))
        return super().score_items(batch) + of_time

    def item_rows(self) -> tuple[Tensor, Tensor]:
        """As BiasedMF has them, at the end of training: a new user comes after it."""
        rows, offset = super().item_rows()
        if self.item_bins:
            last = self.item_seen_bin[:, -1:]
            offset = offset + self.item_time.detach().gather(1, last).squeeze(-1)
        return rows, offset


def need_times(cls: type, train: Dataset) -> None:
    """ValueError for a Dataset without timestamps."""
    if len(train) and train.timestamp is None:
        raise ValueError(
            f"{cls.__name__} needs times, and Dataset {train.name!r} has none: add a "
            "`timestamp` column in from_frame, or use BiasedMF"
        )


def bin_of(time: Tensor, first: Tensor, bins: int) -> Tensor:
    """Bin(t) of `bins` equal ones; `first` holds the first second of training and its length."""
    start, length = first
    return ((time - start) * bins // length).clamp(0, max(bins - 1, 0))


def _key(user: Tensor, time: Tensor) -> Tensor:
    return user * 10**6 + time // DAY  # a million days reach to the year 4707


def _day_key(train: Dataset) -> np.ndarray:
    assert train.timestamp is not None
    return train.user.astype(np.int64) * 10**6 + train.timestamp // DAY


def carry(seen_bin: Tensor, who: Tensor, bin: Tensor) -> None:
    """Per row and bin the last bin up to it with a rating; before the first, the first."""
    n, bins = seen_bin.shape
    if not bins:
        return
    seen = torch.zeros(n, bins, dtype=torch.bool)
    seen[who, bin] = True
    here = torch.where(seen, torch.arange(bins), -1)
    last = here.cummax(dim=1).values
    start = seen.int().argmax(dim=1, keepdim=True)  # 0 where nothing is seen
    seen_bin.copy_(torch.where(last >= 0, last, start))
