"""Growth: seconds a rating, memory and error from 100 thousand to 25 million planted ratings.

Each size is made and saved as columns by one process, and trained on by another, which maps them:
its peak memory is that of training alone. Seconds are CPU seconds of one thread, so that other work
on the machine does not count; those on the wall are given beside them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

import recsys_tutorial as rt
from benchmarks.evaluation import page_entries as page_entries
from benchmarks.evaluation import peak_gib
from recsys_tutorial.datasets import Dataset, Vocabulary
from recsys_tutorial.datasets.frame import assemble

SEED = 0
BATCH = 2**16
LR = 0.02
WIDE: dict[str, Any] = {"dim": 16, "l2": 0.05, "l2_bias": 0.01}
PLANTED: dict[str, Any] = {"dim": 1, "l2": 0.002, "l2_bias": 0.004}  # one axis, as in the data
NOISE = 0.4  # stars
VALID = 0.02  # a part of the largest size this small still has half a million ratings
MOST_EXPONENT, MOST_TIMES, MOST_ABOVE_FLOOR = 1.2, 2.0, 0.01
LEAST_PER_SECOND, MOST_GIB = 2_000_000, 2.5


@dataclass(frozen=True)
class Size:
    """A MovieLens shape; epochs to time, and epochs to learn in."""

    n_ratings: int
    n_users: int
    n_items: int
    epochs: int
    planted_epochs: int


SIZES = (
    Size(100_000, 943, 1_682, 40, 400),
    Size(1_000_000, 6_040, 3_706, 8, 20),
    Size(10_000_000, 70_000, 10_000, 2, 16),
    Size(25_000_000, 162_000, 59_000, 2, 16),
)


def make(place: Path, size: Size) -> dict[str, Any]:
    """Plant ratings of one size; save the parts `train` and `valid` as columns, and what it cost.

    One axis of taste: with more, so few ratings a user do not suffice to come within 1 % of the
    noise, whatever the method. `floor` is the error of the truth itself on the part `valid`.
    """
    start = time.process_time()
    data = plant(size)
    train, valid, _ = data.split("random", valid=VALID, test=0, seed=SEED)
    del data
    floor = _rmse(_truth(valid), valid)
    train.save(place / "train")
    valid.save(place / "valid")
    seconds = time.process_time() - start
    return {"floor": floor, "make_cpu_seconds": seconds, "make_peak_gib": peak_gib()}


def plant(size: Size) -> Dataset:
    """Ratings = mean + biases + one axis + noise, for pairs drawn by activity and popularity.

    As `rt.datasets.planted` without tastes in who rates what, which takes more memory.
    """
    rng = np.random.default_rng(SEED)
    n_users, n_items = size.n_users, size.n_items
    ladders = [
        np.cumsum(weight / weight.sum())
        for weight in (
            rng.lognormal(0.0, 0.9, n_users),
            1.0 / (np.arange(n_items) + 0.05 * n_items + 1.0),
        )
    ]
    pairs = np.empty(0, dtype=np.int64)
    while len(pairs) < size.n_ratings:
        draw = max(size.n_ratings - len(pairs), 1_000)
        user, item = (np.searchsorted(ladder, rng.random(draw)) for ladder in ladders)
        pairs = np.unique(np.concatenate([pairs, user * n_items + item]))
    pairs = rng.permutation(pairs)[: size.n_ratings]
    user, item = np.divmod(pairs, n_items)
    del pairs
    truth = SimpleNamespace(
        mean=3.4,
        user_bias=rng.normal(0.0, 0.35, n_users),
        item_bias=rng.normal(0.0, 0.45, n_items),
        user_factors=rng.normal(0.0, 0.9, (n_users, 1)),
        item_factors=rng.normal(0.0, 0.9, (n_items, 1)),
        axis_genres=(),
    )
    rating = np.empty(len(user), dtype=np.float32)
    for rows in np.array_split(np.arange(len(user)), max(len(user) // 2**20, 1)):
        expected = _expected(truth, user[rows], item[rows])
        rating[rows] = expected + rng.normal(0.0, NOISE, len(rows))
    return assemble(
        Vocabulary(np.arange(n_users), kind="user"),
        Vocabulary(np.arange(n_items), kind="item"),
        {"user": user.astype(np.int32), "item": item.astype(np.int32), "rating": rating},
        (None, None),
        (None, None),
        name="planted",
        source=f"planted for growth, seed {SEED}",
        truth=truth,
    )


def fit(place: Path, size: Size) -> dict[str, Any]:
    """Train on mapped columns; what it cost, and the error on the validation part.

    Cost is measured with a model of usual width. Its error is that of a model which knows what it
    cannot know, how many axes there are: `planted_rmse` is that of the planted number.
    """
    train, valid = (rt.datasets.open(place / part) for part in ("train", "valid"))
    # The first training of a process imports the engine, which is no cost of a rating.
    _train(train.take(np.arange(1_000)), valid, 1, WIDE)
    cpu, wall, rmse = _train(train, valid, size.epochs, WIDE)
    wide_peak = peak_gib()
    planted_cpu, _, planted_rmse = _train(train, valid, size.planted_epochs, PLANTED)
    seen = len(train) * size.epochs
    return {
        "rows": len(train),
        "cpu_seconds_a_rating": cpu / seen,
        "ratings_a_cpu_second": seen / cpu,
        "ratings_a_wall_second": seen / wall,
        "cpu_seconds": cpu,
        "wall_seconds": wall,
        "peak_gib": wide_peak,
        "rmse": rmse,
        "planted_rmse": planted_rmse,
        "planted_cpu_seconds": planted_cpu,
    }


def _truth(data: Dataset) -> np.ndarray:
    """The planted rating of each row before its noise, in stars: nobody predicts better."""
    assert data.truth is not None
    return _expected(data.truth, data.user, data.item)


def _expected(truth: SimpleNamespace, user: np.ndarray, item: np.ndarray) -> np.ndarray:
    personal = np.einsum("nd,nd->n", truth.user_factors[user], truth.item_factors[item])
    return truth.mean + truth.user_bias[user] + truth.item_bias[item] + personal


def _rmse(predicted: np.ndarray, data: Dataset) -> float:
    return float(np.sqrt(np.mean(np.square(predicted - data.rating, dtype=np.float64))))


def _train(
    train: Dataset, valid: Dataset, epochs: int, settings: dict[str, Any]
) -> tuple[float, float, float]:
    """CPU seconds and seconds of the training, and the RMSE in stars after it."""
    model = rt.models.BiasedMF.for_dataset(train, seed=SEED, **settings)
    cpu, wall = time.process_time(), time.perf_counter()
    rt.fit(
        model, train, epochs=epochs, batch_size=BATCH, lr=LR, seed=SEED, progress=False,
        device="cpu",
    )  # fmt: skip
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return cpu, wall, _rmse(rt.predict(model, valid, clip=False), valid)


def compare(data: Dataset, sizes: Sequence[Size] = SIZES) -> dict[str, Any]:
    """All sizes, each made and trained on in processes of its own; whatever data comes in."""
    rows: list[dict[str, Any]] = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="planted-") as place:
            made = _in_own_process("make", Path(place), size)
            found = _in_own_process("fit", Path(place), size)
        above = found["planted_rmse"] / made["floor"] - 1
        rows.append({**asdict(size), **made, **found, "above_floor": above})
        print(rows[-1], flush=True)
    grown = np.log([[row["rows"], row["cpu_seconds"] / row["epochs"]] for row in rows])
    return {
        "sizes": rows,
        "rows": [size.n_ratings for size in sizes],
        "exponent": float(np.polyfit(grown[:, 0], grown[:, 1], 1)[0]),
        "times_a_rating": rows[-1]["cpu_seconds_a_rating"] / rows[1]["cpu_seconds_a_rating"],
        "settings": {
            "batch_size": BATCH, "lr": LR, "seed": SEED, "threads": 1, "noise": NOISE,
            "valid": VALID, "wide": WIDE, "planted": PLANTED,
        },
    }  # fmt: skip


def gates(result: dict[str, Any]) -> list[tuple[str, bool]]:
    last, mid = result["sizes"][-1], result["sizes"][1]
    exponent, times = result["exponent"], result["times_a_rating"]
    speed, above = last["ratings_a_cpu_second"], last["above_floor"]
    # A number learned from n ratings with this noise is wrong by noise / sqrt(n).
    numbers = 2 * (last["n_users"] + last["n_items"])
    allowed = (1 + numbers / last["rows"]) ** 0.5 - 1
    large = f"{last['n_ratings'] / 1e6:g} million ratings"
    return [
        (
            f"an epoch's time grows like ratings^{exponent:.2f} (at most {MOST_EXPONENT})",
            exponent <= MOST_EXPONENT,
        ),
        (
            f"{large}: {times:.2f} times the time a rating of {mid['n_ratings'] / 1e6:g} million "
            f"(at most {MOST_TIMES:g})",
            times <= MOST_TIMES,
        ),
        (
            f"{large}: validation RMSE {above:.2%} above the planted noise (at most "
            f"{MOST_ABOVE_FLOOR:.0%}; so few ratings for {numbers:,} numbers allow about "
            f"{allowed:.2%})",
            above <= MOST_ABOVE_FLOOR,
        ),
        (
            f"{large}: {speed / 1e6:.1f} million ratings a CPU second (at least "
            f"{LEAST_PER_SECOND / 1e6:g})",
            speed >= LEAST_PER_SECOND,
        ),
        (
            f"{large}: peak {last['peak_gib']:.2f} GiB (at most {MOST_GIB})",
            last["peak_gib"] <= MOST_GIB,
        ),
        (
            f"{large}: planting, splitting and saving them peaks at {last['make_peak_gib']:.2f} "
            f"GiB (at most {MOST_GIB})",
            last["make_peak_gib"] <= MOST_GIB,
        ),
    ]


def _in_own_process(step: str, place: Path, size: Size) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.scale", step, str(place), json.dumps(asdict(size))]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)


if __name__ == "__main__":
    torch.set_num_threads(1)
    step = {"make": make, "fit": fit}[sys.argv[1]]
    print(json.dumps(step(Path(sys.argv[2]), Size(**json.loads(sys.argv[3])))))
