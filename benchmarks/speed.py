"""Samples a second: our loop, the same loop bare, and the loop of earlier tutorials.

The earlier loop takes rows one by one out of a DataLoader and adds an L2 term over the whole
tables in every step. All run in one process, in interleaved rounds, on one thread.
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
    """A model, and one epoch of the earlier loop on it, ready to be called again and again."""
    rows = TensorDataset(
        torch.from_numpy(train.user),
        torch.from_numpy(train.item),
        torch.from_numpy(train.rating).float(),
    )
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


def our_epoch(train: Dataset, batch_size: int, epochs: int = 4) -> Callable[[], float]:
    """Seconds of the fastest epoch of a whole `fit`, engine and all."""

    def epoch() -> float:
        model = BiasedMF.for_dataset(train, dim=DIM)
        history = rt.fit(model, train, epochs=epochs, batch_size=batch_size, progress=False)
        ends = [0.0, *history.frame["seconds"]]
        return min(b - a for a, b in pairwise(ends))

    return epoch


def timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    spent = work()
    return spent if isinstance(spent, float) else time.perf_counter() - start


def against_the_earlier_loop(train: Dataset) -> dict[str, Any]:
    """Samples a second (median of the rounds) of both, at batch 1024 and at each one's best."""
    sizes = {"earlier": (1024, 4096, 16384), "ours": (1024, 16384, 32768)}
    work = {
        (who, size): earlier_loop(train, size)[1] if who == "earlier" else our_epoch(train, size)
        for who, some in sizes.items()
        for size in some
    }
    seconds: dict[tuple[str, int], list[float]] = {key: [] for key in work}
    for _ in range(ROUNDS):
        for key, epoch in work.items():
            seconds[key].append(timed(epoch))
    speed = {key: len(train) / median(values) for key, values in seconds.items()}
    spread = {
        f"{who}, batch {size}_range": [len(train) / max(values), len(train) / min(values)]
        for (who, size), values in seconds.items()
    }
    best = {who: max(speed[who, size] for size in some) for who, some in sizes.items()}
    return {
        "samples_per_second": {
            **{f"{who}, batch {size}": round(v) for (who, size), v in speed.items()},
            **spread,
        },
        "times_at_1024": speed["ours", 1024] / speed["earlier", 1024],
        "times_at_best": best["ours"] / best["earlier"],
    }


def overhead(train: Dataset, epochs: int = 12) -> dict[str, Any]:
    """Share that engine, progress and logging add to the very same steps in a bare loop.

    In CPU seconds of the one thread, so that other work on the machine does not count.
    """
    size = BiasedMF.fit_defaults["batch_size"]
    lr = BiasedMF.fit_defaults["lr"]

    def bare() -> float:
        model = BiasedMF.for_dataset(train)
        optimisers = Optimisers(model, lr, size)
        shuffle = torch.Generator().manual_seed(0)
        batches = train.batches(batch_size=size, generator=shuffle)
        total, step = epochs * len(batches), 0
        start = time.process_time()
        for _ in range(epochs):
            for batch in batches:
                loss = squared_error(model(batch), batch) + model.penalty(batch)
                optimisers.zero_grad()
                loss.backward()
                optimisers.step(one_cycle(step, total, lr))
                step += 1
        return time.process_time() - start

    def full() -> float:
        model = BiasedMF.for_dataset(train)
        with tempfile.TemporaryDirectory() as directory:
            start = time.process_time()
            rt.fit(model, train, epochs=epochs, log_dir=directory, progress=True)
            return time.process_time() - start

    # Print as in a terminal, into a buffer.
    with patch.object(progress, "somebody_watches", lambda: True), redirect_stdout(StringIO()):
        pairs = [(bare(), full()) for _ in range(ROUNDS + 4)]
    return {
        "bare_seconds": median(b for b, _ in pairs),
        "fit_seconds": median(f for _, f in pairs),
        "overhead": median(f / b for b, f in pairs) - 1,
        "overhead_range": [min(f / b for b, f in pairs) - 1, max(f / b for b, f in pairs) - 1],
    }


def plain_torch(train: Dataset, batch_size: int, epochs: int) -> None:
    """What plain PyTorch can do, the bound of `fit`: biased MF in twenty lines.

    Rows by `index_select`, biases in the tables' last columns, weight decay in a fused optimiser;
    shuffled once an epoch, then slices.
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
    """Samples a CPU second of a whole `fit` and of plain PyTorch, interleaved; and what bounds it.

    share: ours / plain, median of the rounds. operations: their parts of PyTorch's time in `fit`.
    """

    def fit() -> None:
        model = BiasedMF.for_dataset(train, dim=DIM)
        rt.fit(model, train, epochs=epochs, batch_size=batch_size, progress=False)

    def cpu(work: Callable[[], None]) -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    pairs = [
        (cpu(fit), cpu(lambda: plain_torch(train, batch_size, epochs))) for _ in range(ROUNDS + 4)
    ]
    shares = [plain / ours for ours, plain in pairs]
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        fit()
    rows = profiler.key_averages()
    whole = sum(row.self_cpu_time_total for row in rows)
    top = sorted(rows, key=lambda row: -row.self_cpu_time_total)[:8]
    rows_read = epochs * len(train)
    return {
        "batch": batch_size,
        "fit_per_cpu_second": round(rows_read / median(ours for ours, _ in pairs)),
        "plain_per_cpu_second": round(rows_read / median(plain for _, plain in pairs)),
        "share": median(shares),
        "share_range": [min(shares), max(shares)],
        "operations": {row.key: row.self_cpu_time_total / whole for row in top},
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


def gates(result: dict[str, Any]) -> list[tuple[str, bool]]:
    at_1024, at_best = result["times_at_1024"], result["times_at_best"]
    return [
        (
            f"batch 1024: {at_1024:.1f} times the samples a second of the earlier loop "
            f"(at least {TIMES_AT_1024})",
            at_1024 >= TIMES_AT_1024,
        ),
        (
            f"each one's best batch: {at_best:.1f} times (at least {TIMES_AT_BEST})",
            at_best >= TIMES_AT_BEST,
        ),
        (
            f"progress, logging and engine add {result['overhead']:.1%} (at most "
            f"{MOST_OVERHEAD:.0%})",
            result["overhead"] <= MOST_OVERHEAD,
        ),
    ]
