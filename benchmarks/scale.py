"""Growth.

One model with 16 factors on planted ratings (seed 0), on one thread. Each size has its own process,
which reads columns on disk. Time grows like the number of ratings to the power of `exponent`.
`times a rating` is the time per rating in the last row, divided by that in the second. The RMSE on
validation rows is that of a model with as many factors as were planted. The noise is the error of
the planted truth on these rows.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import recsys_tutorial as rt
from benchmarks.evaluation import page_entries as page_entries
from benchmarks.measuring import Gate, answer, at_least, at_most, in_a_process, memory_gib
from recsys_tutorial.datasets import Dataset, Vocabulary

SEED = 0
BATCH = 2**16
LR = 0.02
WIDE: dict[str, Any] = {"dim": 16, "l2": 0.05, "l2_bias": 0.01}
PLANTED: dict[str, Any] = {"dim": 1, "l2": 0.002, "l2_bias": 0.004}  # one axis, as in the data
NOISE = 0.4  # stars
VALID = 0.02  # such a small part of the largest size still has half a million ratings
MOST_EXPONENT, MOST_TIMES, MOST_ABOVE_FLOOR = 1.2, 2.0, 0.01
LEAST_PER_SECOND, MOST_GIB = 2_000_000, 2.5


class Size(NamedTuple):
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


def make(place: str, size: Sequence[int]) -> dict[str, Any]:
    """Plant ratings of one size and save the parts `train` and `valid` as columns: at what cost?

    There is one axis of taste. With more axes, no method comes within 1 % of the noise from so few
    ratings per user. `floor` is the error of the truth itself on the part `valid`.
    """
    start = time.process_time()
    train, valid, _ = plant(Size(*size)).split("random", valid=VALID, test=0, seed=SEED)
    floor = _rmse(_expected(valid.truth, valid.user, valid.item), valid)
    train.save(Path(place) / "train")
    valid.save(Path(place) / "valid")
    seconds = time.process_time() - start
    return {"floor": floor, "make_cpu_seconds": seconds, "make_peak_gib": memory_gib()}


def plant(size: Size) -> Dataset:
    """Ratings = mean + biases + one axis + noise, for pairs drawn by activity and popularity.

    `rt.datasets.planted` also lets taste decide who rates what, which takes more memory.
    """
    rng = np.random.default_rng(SEED)
    n_users, n_items = size.n_users, size.n_items
    weights = rng.lognormal(0.0, 0.9, n_users), 1 / (np.arange(n_items) + 0.05 * n_items + 1.0)
    ladders = [np.cumsum(weight / weight.sum()) for weight in weights]
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
    return Dataset(
        name="planted",
        source=f"planted for growth, seed {SEED}",
        user_vocab=Vocabulary(np.arange(n_users), kind="user"),
        item_vocab=Vocabulary(np.arange(n_items), kind="item"),
        user=user.astype(np.int32),
        item=item.astype(np.int32),
        rating=rating,
        users=pd.DataFrame({"user": np.arange(n_users)}),
        items=pd.DataFrame({"item": np.arange(n_items), "title": np.arange(n_items).astype(str)}),
        row=np.arange(len(rating)),
        scale=(float(rating.min()), float(rating.max())),
        truth=truth,
    )


def fit(place: str, size: Sequence[int]) -> dict[str, Any]:
    """Train on mapped columns; what it cost, and the error on the validation part.

    The cost is that of a model of the usual width. The error `planted_rmse` is that of a model with
    the planted number of axes, which nobody knows of real data.
    """
    train, valid = (rt.datasets.open(Path(place) / part) for part in ("train", "valid"))
    epochs, planted_epochs = Size(*size)[3:]
    # The first training of a process imports the engine, which is not a cost per rating.
    _train(train.take(np.arange(1_000)), valid, 1, WIDE)
    cpu, wall, rmse = _train(train, valid, epochs, WIDE)
    wide_peak = memory_gib()
    planted_cpu, _, planted_rmse = _train(train, valid, planted_epochs, PLANTED)
    seen = len(train) * epochs
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


def _expected(truth: Any, user: np.ndarray, item: np.ndarray) -> np.ndarray:
    """Ratings before their noise, in stars: nobody predicts better."""
    personal = np.einsum("nd,nd->n", truth.user_factors[user], truth.item_factors[item])
    return truth.mean + truth.user_bias[user] + truth.item_bias[item] + personal


def _rmse(predicted: np.ndarray, data: Dataset) -> float:
    return float(np.sqrt(np.mean(np.square(predicted - data.rating, dtype=np.float64))))


def _train(
    train: Dataset, valid: Dataset, epochs: int, settings: dict[str, Any]
) -> tuple[float, float, float]:
    """CPU seconds and seconds of the training, and the RMSE in stars after it."""
    model = rt.models.BiasedMF.for_dataset(train, seed=SEED, **settings)
    how = {"batch_size": BATCH, "lr": LR, "seed": SEED, "progress": False, "device": "cpu"}
    cpu, wall = time.process_time(), time.perf_counter()
    rt.fit(model, train, epochs=epochs, **how)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return cpu, wall, _rmse(rt.predict(model, valid, clip=False), valid)


def compare(data: Dataset, sizes: Sequence[Size] = SIZES) -> dict[str, Any]:
    """All sizes, each made and trained on in processes of its own; whatever data comes in."""
    rows: list[dict[str, Any]] = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="planted-") as place:
            made = in_a_process("scale", "make", place, size)
            found = in_a_process("scale", "fit", place, size)
        above = found["planted_rmse"] / made["floor"] - 1
        rows.append({**size._asdict(), **made, **found, "above_floor": above})
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


def gates(result: dict[str, Any]) -> list[Gate]:
    last, mid = result["sizes"][-1], result["sizes"][1]
    exponent, times = result["exponent"], result["times_a_rating"]
    speed, above = last["ratings_a_cpu_second"], last["above_floor"]
    peak, make_peak = last["peak_gib"], last["make_peak_gib"]
    large = f"{last['n_ratings'] / 1e6:g} million ratings"
    than = f"the time per rating of {mid['n_ratings'] / 1e6:g} million"
    return [
        at_most(f"an epoch's time grows like ratings^{exponent:.2f}", exponent, MOST_EXPONENT),
        at_most(f"{large}: {times:.2f} times {than}", times, MOST_TIMES),
        at_most(f"{large}: RMSE {above:.2%} above the planted noise", above, MOST_ABOVE_FLOOR),
        at_least(f"{large}: {speed:,.0f} ratings per CPU second", speed, LEAST_PER_SECOND),
        at_most(f"{large}: training peaks at {peak:.2f} GiB", peak, MOST_GIB),
        at_most(f"{large}: planting and saving peak at {make_peak:.2f} GiB", make_peak, MOST_GIB),
    ]


if __name__ == "__main__":
    answer(make, fit)
