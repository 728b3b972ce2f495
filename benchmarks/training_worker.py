"""One way to train, in a process of its own: `python -m benchmarks.training_worker NAME FILE`.

FILE (npz) has the codes and stars of training and validation rows. Printed as JSON: for each number
of epochs the CPU and wall seconds of a fresh fit and the RMSE that it reached, and how far the
memory of the process rose above what it held once everything was read. Nothing of this project is
imported but by the ways that need it: peers may live in another environment.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Rows(NamedTuple):
    """Training and validation rows: codes (n,), stars (n,)."""

    user: np.ndarray
    item: np.ndarray
    rating: np.ndarray
    valid_user: np.ndarray
    valid_item: np.ndarray
    valid_rating: np.ndarray


Fit = Callable[[int], Callable[[], np.ndarray]]
"""Train for so many epochs; what comes back predicts the validation rows."""


def ours(rows: Rows) -> Fit:
    import recsys_tutorial as rt

    train, valid = _datasets(rows)

    def fit(epochs: int) -> Callable[[], np.ndarray]:
        model = rt.models.BiasedMF.for_dataset(train)
        rt.fit(model, train, epochs=epochs, progress=False)
        return lambda: rt.predict(model, valid)

    return fit


def bare(rows: Rows) -> Fit:
    """The same model, loss, optimiser and learning rate, in a loop of ten lines."""
    import torch

    import recsys_tutorial as rt
    from recsys_tutorial.losses import squared_error
    from recsys_tutorial.training.run import one_cycle

    train, valid = _datasets(rows)
    defaults = rt.models.BiasedMF.fit_defaults
    size = min(defaults["batch_size"], max(32, len(train) // 40))  # as `fit` chooses it
    torch.set_num_threads(1)

    def fit(epochs: int) -> Callable[[], np.ndarray]:
        model = rt.models.BiasedMF.for_dataset(train)
        adam = torch.optim.Adam(model.parameters(), betas=(0.9, 0.99), fused=True)
        shuffle = torch.Generator().manual_seed(0)
        batches = train.batches(batch_size=size, generator=shuffle)
        step, total = 0, epochs * len(batches)
        for _ in range(epochs):
            for batch in batches:
                adam.param_groups[0]["lr"] = one_cycle(step, total, defaults["lr"])
                loss = squared_error(model(batch), batch) + model.penalty(batch)
                adam.zero_grad()
                loss.backward()
                adam.step()
                step += 1
        return lambda: rt.predict(model, valid)

    return fit


def earlier(rows: Rows) -> Fit:
    """The loop of earlier tutorials: rows out of a DataLoader, L2 over the whole tables."""
    import torch

    from benchmarks.speed import earlier_loop

    torch.set_num_threads(1)
    train, _ = _datasets(rows)

    def fit(epochs: int) -> Callable[[], np.ndarray]:
        model, epoch = earlier_loop(train, batch_size=1024)
        for _ in range(epochs):
            epoch()
        user, item = torch.from_numpy(rows.valid_user), torch.from_numpy(rows.valid_item)
        with torch.no_grad():
            return lambda: model(user, item).detach().clamp(1, 5).numpy()

    return fit


def surprise_svd(rows: Rows) -> Fit:
    """Settings: the tuned ones of `benchmarks/accuracy.py`, its number of epochs aside."""
    import pandas as pd
    from surprise import SVD, Dataset, Reader

    frame = pd.DataFrame({"u": rows.user, "i": rows.item, "r": rows.rating})
    trainset = Dataset.load_from_df(frame, Reader(rating_scale=(1, 5))).build_full_trainset()

    def fit(epochs: int) -> Callable[[], np.ndarray]:
        model = SVD(n_factors=128, n_epochs=epochs, lr_all=0.01, reg_all=0.09, random_state=0)
        model.fit(trainset)
        pairs = zip(rows.valid_user, rows.valid_item, strict=True)
        return lambda: np.array([model.predict(u, i).est for u, i in pairs])

    return fit


def cornac_mf(rows: Rows) -> Fit:
    from cornac.data import Dataset
    from cornac.models import MF

    triples = zip(rows.user.tolist(), rows.item.tolist(), rows.rating.tolist(), strict=True)
    train = Dataset.from_uir(triples, seed=0)

    def fit(epochs: int) -> Callable[[], np.ndarray]:
        model = MF(
            k=64,
            max_iter=epochs,
            learning_rate=0.01,
            lambda_reg=0.08,
            use_bias=True,
            num_threads=1,
            seed=0,
        )
        model.fit(train)
        users = [train.uid_map.get(u, -1) for u in rows.valid_user.tolist()]
        items = [train.iid_map.get(i, -1) for i in rows.valid_item.tolist()]
        known = [u >= 0 and i >= 0 for u, i in zip(users, items, strict=True)]
        scored = lambda u, i, k: float(model.score(u, i)) if k else train.global_mean  # noqa: E731
        return lambda: np.clip(
            [scored(u, i, k) for u, i, k in zip(users, items, known, strict=True)], 1, 5
        )

    return fit


def lenskit_als(rows: Rows) -> Fit:
    import pandas as pd
    from lenskit.als import BiasedMFScorer
    from lenskit.data import from_interactions_df
    from lenskit.operations import predict
    from lenskit.pipeline import predict_pipeline

    frame = pd.DataFrame({"user_id": rows.user, "item_id": rows.item, "rating": rows.rating})
    train = from_interactions_df(frame)
    asked = pd.DataFrame({"user_id": rows.valid_user, "item_id": rows.valid_item})

    def fit(epochs: int) -> Callable[[], np.ndarray]:
        scorer = BiasedMFScorer(embedding_size=32, epochs=epochs, regularization=0.1, damping=5.0)
        pipeline = predict_pipeline(scorer, fallback=True)
        pipeline.train(train)

        def scores() -> np.ndarray:
            out = np.empty(len(asked))
            for user, some in asked.groupby("user_id"):
                said = predict(pipeline, user, items=some["item_id"].tolist())
                out[some.index] = said.to_df().set_index("item_id").loc[some["item_id"], "score"]
            return np.clip(out, 1, 5)

        return scores

    return fit


class Way(NamedTuple):
    """A way to train, the packages whose versions matter, and the numbers of epochs to try."""

    build: Callable[[Rows], Fit]
    packages: tuple[str, ...]
    epochs: tuple[int, ...]


WAYS = {
    "this library": Way(ours, ("torch",), (1, 2, 3, 4, 6, 8, 12)),
    "bare torch loop": Way(bare, ("torch",), (1, 2, 3, 4, 6, 8, 12)),
    "earlier tutorials' loop": Way(earlier, ("torch",), (2, 8, 32)),
    "scikit-surprise SVD": Way(surprise_svd, ("scikit-surprise",), (5, 10, 15, 20, 30, 40)),
    "cornac MF": Way(cornac_mf, ("cornac",), (10, 20, 30, 40, 60)),
    "LensKit biased ALS": Way(lenskit_als, ("lenskit", "torch"), (2, 4, 6, 10, 15)),
}


def measure(name: str, rows: Rows, epochs: Iterable[int] = ()) -> dict[str, Any]:
    """What a way does, epochs by epochs; the shortest run is made twice, to warm up."""
    way = WAYS[name]
    fit = way.build(rows)
    tried = tuple(epochs) or way.epochs
    held, runs = _status("VmRSS"), []
    _forget_the_peak()
    fit(tried[0])
    for n in tried:
        cpu, wall = time.process_time(), time.perf_counter()
        predictions = fit(n)
        run = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        error = predictions() - rows.valid_rating
        runs.append({"epochs": n, "rmse": float(np.sqrt((error**2).mean())), **run})
    return {
        "runs": runs,
        "mib": _status("VmHWM") - held,
        "peak_mib": _status("VmHWM"),
        "versions": {p: importlib.metadata.version(p).split("+")[0] for p in way.packages},
    }


def _status(name: str) -> float:
    """MiB that the kernel tells of this process; NaN where there is no /proc."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name)) / 1024


def _forget_the_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _datasets(rows: Rows) -> tuple[Any, Any]:
    import pandas as pd

    import recsys_tutorial as rt

    user = np.concatenate([rows.user, rows.valid_user])
    item = np.concatenate([rows.item, rows.valid_item])
    rating = np.concatenate([rows.rating, rows.valid_rating])
    data = rt.datasets.from_frame(pd.DataFrame({"user": user, "item": item, "rating": rating}))
    n = len(rows.user)
    return data.take(np.arange(n)), data.take(np.arange(n, len(user)))


def main() -> int:
    logging.disable(logging.INFO)
    warnings.simplefilter("ignore")  # of peers, in a process that only measures
    with np.load(sys.argv[2], allow_pickle=False) as file:
        rows = Rows(*(file[name] for name in Rows._fields))
    answer = os.dup(1)  # what the peers print goes elsewhere
    os.dup2(2, 1)
    found = measure(sys.argv[1], rows)
    os.write(answer, json.dumps(found).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
