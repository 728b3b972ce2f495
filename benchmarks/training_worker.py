"""One way to train, timed in a process of its own. See `benchmarks.training`.

Ours are imported where they are needed: peers may live in another environment.
"""

from __future__ import annotations

import importlib.metadata
import logging
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.measuring import answer, memory_gib


class Rows(NamedTuple):
    """Training and validation rows: codes (n,), stars (n,)."""

    user: np.ndarray
    item: np.ndarray
    rating: np.ndarray
    valid_user: np.ndarray
    valid_item: np.ndarray
    valid_rating: np.ndarray


Fit = Callable[[int], Callable[[], np.ndarray]]
"""Trains for so many epochs, and returns a function that predicts the validation rows."""


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
    import recsys_tutorial as rt
    from benchmarks.speed import bare_loop

    train, valid = _datasets(rows)
    usual = rt.models.BiasedMF.fit_defaults["batch_size"]
    size = min(usual, max(32, len(train) // 40))  # as `fit` chooses it

    def fit(epochs: int) -> Callable[[], np.ndarray]:
        model = bare_loop(train, epochs, size)
        return lambda: rt.predict(model, valid)

    return fit


def earlier(rows: Rows) -> Fit:
    """The loop of earlier tutorials: rows out of a DataLoader, L2 over the whole tables."""
    import torch

    from benchmarks.speed import earlier_loop

    train, _ = _datasets(rows)

    def fit(epochs: int) -> Callable[[], np.ndarray]:
        model, epoch = earlier_loop(train, batch_size=1024)
        for _ in range(epochs):
            epoch()
        user, item = torch.from_numpy(rows.valid_user), torch.from_numpy(rows.valid_item)
        return lambda: model(user, item).detach().clamp(1, 5).numpy()

    return fit


def surprise_svd(rows: Rows) -> Fit:
    """The tuned settings of `benchmarks.accuracy`, except for the number of epochs."""
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
    users = [train.uid_map.get(u) for u in rows.valid_user.tolist()]
    items = [train.iid_map.get(i) for i in rows.valid_item.tolist()]
    how = {"k": 64, "learning_rate": 0.01, "lambda_reg": 0.08, "use_bias": True}

    def fit(epochs: int) -> Callable[[], np.ndarray]:
        model = MF(max_iter=epochs, num_threads=1, seed=0, **how)
        model.fit(train)

        def score(user: int | None, item: int | None) -> float:
            unknown = user is None or item is None
            return train.global_mean if unknown else float(model.score(user, item))

        return lambda: np.clip(list(map(score, users, items)), 1, 5)

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
                answers = predict(pipeline, user, items=some["item_id"].tolist()).to_df()
                out[some.index] = answers.set_index("item_id").loc[some["item_id"], "score"]
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
    """CPU seconds and RMSE per number of epochs; the shortest run is made twice, to warm up.

    `mib` is what training added to the memory that the process had after reading everything.
    """
    way = WAYS[name]
    fit = way.build(rows)
    tried = tuple(epochs) or way.epochs
    before, runs = memory_gib("VmRSS"), []
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    fit(tried[0])
    for n in tried:
        start = time.process_time()
        predictions = fit(n)
        seconds = time.process_time() - start
        error = predictions() - rows.valid_rating
        runs.append({"epochs": n, "rmse": float(np.sqrt((error**2).mean())), "cpu": seconds})
    peak = memory_gib()
    return {
        "runs": runs,
        "mib": (peak - before) * 1024,
        "peak_mib": peak * 1024,
        "versions": {p: importlib.metadata.version(p).split("+")[0] for p in way.packages},
    }


def _datasets(rows: Rows) -> tuple[Any, Any]:
    import pandas as pd

    import recsys_tutorial as rt

    user = np.concatenate([rows.user, rows.valid_user])
    item = np.concatenate([rows.item, rows.valid_item])
    rating = np.concatenate([rows.rating, rows.valid_rating])
    data = rt.datasets.from_frame(pd.DataFrame({"user": user, "item": item, "rating": rating}))
    n = len(rows.user)
    return data.take(np.arange(n)), data.take(np.arange(n, len(user)))


def timed(name: str, file: str) -> dict[str, Any]:
    """`measure` with the rows of a file (npz)."""
    logging.disable(logging.INFO)
    warnings.simplefilter("ignore")  # of peers, in a process that only measures
    with np.load(file, allow_pickle=False) as arrays:
        return measure(name, Rows(*(arrays[field] for field in Rows._fields)))


if __name__ == "__main__":
    answer(timed)
