"""How fast a model trains, and what limits it.

Samples per second of `rt.fit` (`ours`), of the loop of earlier tutorials (`earlier`), and of plain
PyTorch (tables read by `index_select`, a fused optimiser, nothing else). Medians of rounds that
take turns, with seed 0. `share` is the speed of `fit` divided by that of plain PyTorch;
`operations` is each operation's share of the time.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from itertools import pairwise
from statistics import median
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import recsys_tutorial as rt
from benchmarks.measuring import Gate, at_least, at_most, cpu, middle
from recsys_tutorial.datasets import Dataset
from recsys_tutorial.losses import squared_error
from recsys_tutorial.models import BiasedMF
from recsys_tutorial.scale.sparse import Optimisers
from recsys_tutorial.training import progress
from recsys_tutorial.training.run import one_cycle

DIM = 10  # as in the earlier tutorials
ROUNDS = 5
TIMES_AT_1024 = 8
TIMES_AT_BEST = 40
MOST_OVERHEAD = 0.10


class EarlierMF(nn.Module):
    """The usual way: nn.Embedding, and a regulariser over all rows of all tables."""

    def __init__(self, n_users: int, n_items: int, mean: float) -> None:
        super().__init__()
        self.mean = mean
        self.p, self.q = nn.Embedding(n_users, DIM), nn.Embedding(n_items, DIM)
        self.b_u, self.b_i = nn.Embedding(n_users, 1), nn.Embedding(n_items, 1)

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        dot = (self.p(user) * self.q(item)).sum(1)
        return self.mean + dot + self.b_u(user).squeeze(1) + self.b_i(item).squeeze(1)

    def penalty(self) -> Tensor:
        return 1e-6 * sum(table.weight.square().sum() for table in self.children())


def earlier_loop(train: Dataset, batch_size: int) -> tuple[EarlierMF, Callable[[], None]]:
    """A model, and a function that trains it for one epoch: rows one by one from a DataLoader."""
    columns = torch.from_numpy(train.user), torch.from_numpy(train.item)
    rows = TensorDataset(*columns, torch.from_numpy(train.rating).float())
    generator = torch.Generator().manual_seed(0)
    loader = DataLoader(rows, batch_size=batch_size, shuffle=True, generator=generator)
    model = EarlierMF(train.n_users, train.n_items, float(train.rating.mean()))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)

    def epoch() -> None:
        for user, item, rating in loader:
            loss = nn.functional.mse_loss(model(user, item), rating) + model.penalty()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    return model, epoch


def bare_loop(train: Dataset, epochs: int, batch_size: int) -> BiasedMF:
    """The steps of `rt.fit` for BiasedMF in a plain loop: same model, loss and optimiser."""
    model, lr = BiasedMF.for_dataset(train), BiasedMF.fit_defaults["lr"]
    optimisers = Optimisers(model, lr, batch_size)
    shuffle = torch.Generator().manual_seed(0)
    batches = train.batches(batch_size=batch_size, generator=shuffle)
    total, step = epochs * len(batches), 0
    for _ in range(epochs):
        for batch in batches:
            loss = squared_error(model(batch), batch) + model.penalty(batch)
            optimisers.zero_grad()
            loss.backward()
            optimisers.step(one_cycle(step, total, lr))
            step += 1
    return model


def fastest_epoch(train: Dataset, batch_size: int) -> float:
    """Seconds of the fastest of four epochs of `rt.fit`, engine and all."""
    model = BiasedMF.for_dataset(train, dim=DIM)
    history = rt.fit(model, train, epochs=4, batch_size=batch_size, progress=False)
    return min(b - a for a, b in pairwise([0.0, *history.frame["seconds"]]))


def against_the_earlier_loop(train: Dataset) -> dict[str, Any]:
    """Samples per second (median of the rounds) of both, at batch 1024 and at each one's best."""
    loops = {size: earlier_loop(train, size)[1] for size in (1024, 4096, 16384)}
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for size, epoch in loops.items():
            start = time.perf_counter()
            epoch()
            seconds = time.perf_counter() - start
            found.setdefault(f"earlier, batch {size}", []).append(len(train) / seconds)
        for size in (1024, 16384, 32768):
            speed = len(train) / fastest_epoch(train, size)
            found.setdefault(f"ours, batch {size}", []).append(speed)
    middles = {name: median(values) for name, values in found.items()}
    best = {who: max(v for n, v in middles.items() if who in n) for who in ("ours", "earlier")}
    return {
        "samples_per_second": middle(found),
        "times_at_1024": middles["ours, batch 1024"] / middles["earlier, batch 1024"],
        "times_at_best": best["ours"] / best["earlier"],
    }


def overhead(train: Dataset) -> dict[str, Any]:
    """Share of CPU time that engine, progress and logging add to the same steps in a bare loop."""
    size, epochs = BiasedMF.fit_defaults["batch_size"], 12

    def full() -> None:
        with tempfile.TemporaryDirectory() as directory:
            model = BiasedMF.for_dataset(train)
            rt.fit(model, train, epochs=epochs, log_dir=directory, progress=True)

    # Print as in a terminal, into a buffer.
    with patch.object(progress, "somebody_watches", lambda: True), redirect_stdout(StringIO()):
        pairs = [
            (cpu(lambda: bare_loop(train, epochs, size))[1], cpu(full)[1])
            for _ in range(ROUNDS + 4)
        ]
    return {
        "bare_seconds": median(b for b, _ in pairs),
        "fit_seconds": median(f for _, f in pairs),
        **middle({"overhead": [f / b - 1 for b, f in pairs]}),
    }


def plain_torch(train: Dataset, batch_size: int, epochs: int) -> None:
    """What plain PyTorch can do, the bound of `fit`: biased MF in twenty lines.

    Rows by `index_select`, biases in the tables' last columns, weight decay in a fused optimiser;
    shuffled once per epoch, then slices.
    """
    generator = torch.Generator().manual_seed(0)
    user, item = torch.from_numpy(train.user), torch.from_numpy(train.item)
    rating = torch.from_numpy(train.rating).float() - float(train.rating.mean())
    tables = [
        nn.Parameter(0.1 * torch.randn(n, DIM + 1, generator=generator))
        for n in (train.n_users, train.n_items)
    ]
    adam = torch.optim.AdamW(tables, lr=1e-2, weight_decay=0.1, fused=True)
    for _ in range(epochs):
        order = torch.randperm(len(train), generator=generator)
        shuffled = user[order], item[order], rating[order]
        for u, i, r in zip(*(one.split(batch_size) for one in shuffled), strict=True):
            p, q = (t.index_select(0, x) for t, x in zip(tables, (u, i), strict=True))
            dot = (p[:, :DIM] * q[:, :DIM]).sum(1)
            loss = (dot + p[:, DIM] + q[:, DIM] - r).square().mean()
            adam.zero_grad()
            loss.backward()
            adam.step()


def near_the_bound(train: Dataset, batch_size: int = 16384, epochs: int = 40) -> dict[str, Any]:
    """Samples per CPU second of a whole `fit` and of plain PyTorch, and what the time goes to.

    share: ours / plain, median of the rounds. operations: their parts of PyTorch's time in `fit`.
    """

    def fit() -> None:
        model = BiasedMF.for_dataset(train, dim=DIM)
        rt.fit(model, train, epochs=epochs, batch_size=batch_size, progress=False)

    pairs = [
        (cpu(fit)[1], cpu(lambda: plain_torch(train, batch_size, epochs))[1])
        for _ in range(ROUNDS + 4)
    ]
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        fit()
    rows = sorted(profiler.key_averages(), key=lambda row: -row.self_cpu_time_total)
    whole = sum(row.self_cpu_time_total for row in rows)
    samples = epochs * len(train)
    return {
        "batch": batch_size,
        "fit_per_cpu_second": round(samples / median(ours for ours, _ in pairs)),
        "plain_per_cpu_second": round(samples / median(plain for _, plain in pairs)),
        **middle({"share": [plain / ours for ours, plain in pairs]}),
        "operations": {row.key: row.self_cpu_time_total / whole for row in rows[:8]},
    }


def compare(data: Dataset) -> dict[str, Any]:
    train = data.split("random", valid=0, seed=42)[0]
    return {
        **against_the_earlier_loop(train),
        **overhead(train),
        "plain_torch": near_the_bound(train),
        "dim": DIM,
        "rounds": ROUNDS,
    }


def gates(result: dict[str, Any]) -> list[Gate]:
    at_1024, at_best, added = (
        result[key] for key in ("times_at_1024", "times_at_best", "overhead")
    )
    earlier = "times the samples per second of the earlier loop"
    return [
        at_least(f"batch 1024: {at_1024:.1f} {earlier}", at_1024, TIMES_AT_1024),
        at_least(f"best batch of each: {at_best:.1f} {earlier}", at_best, TIMES_AT_BEST),
        at_most(f"progress, logging and engine add {added:.1%}", added, MOST_OVERHEAD),
    ]
