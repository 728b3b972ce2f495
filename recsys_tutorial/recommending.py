"""Recommendations with titles, for a known user or for ratings given on the spot, with reasons."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from recsys_tutorial import models
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import FoldedUser, Model


def recommend(
    model: Model,
    dataset: Dataset,
    user: Hashable | None = None,
    *,
    ratings: Mapping[Hashable, float] | None = None,
    k: int = 10,
    reasons: bool = False,
    exclude_rated: bool = True,
    stars: Model | None = None,
) -> pd.DataFrame:
    """The k best items: a frame with item, title, year and genres where known, and score.

    Exactly one of `user` (an id of the Dataset) and `ratings` (item id to rating, of somebody the
    model has never seen) is given. Scores are in stars, clipped to the scale, or unitless for
    ranking models; ties come in the order of the vocabulary.

    reasons       : adds a column with the ratings that speak most for each item. Each new user's
                    row is a sum over the ratings, so a score can be taken apart exactly; for a
                    known user the row is folded in from the ratings in `dataset`
    exclude_rated : leave out what is rated in `dataset` (or in `ratings`); fewer than k rows
                    come back if fewer remain
    stars         : a model that predicts ratings, while `model` was asked for lists: its prediction
                    for each item stands in a column `stars`

    Raises KeyError for an unknown user or item, ValueError for impossible ratings or k, TypeError
    when the model cannot fold in a new user.
    """
    model.check_vocabulary(dataset)
    if (user is None) == (ratings is None):
        raise ValueError(
            "give exactly one of user and ratings: recommend(model, dataset, user) or "
            "recommend(model, dataset, ratings={item: rating})"
        )
    if k < 1:
        raise ValueError(f"k={k} must be at least 1")
    if user is None:
        assert ratings is not None
        items, values = _check_ratings(model, dataset, ratings)
        folded: FoldedUser | None = _fold(model, items, values)
        assert folded is not None
        scores = _scores(model, folded)
    else:
        position = dataset.user_vocab.position(user)
        mine = dataset.user == position
        items, values = dataset.item[mine], dataset.rating[mine]
        scores = _known_user(model, dataset, position, mine)
        folded = _fold(model, items, values) if reasons else None
    candidate = np.ones(dataset.n_items, dtype=bool)
    if exclude_rated:
        candidate[items] = False
    left = np.flatnonzero(candidate)
    best = left[np.argsort(-scores[left], kind="stable")][:k]
    known = [c for c in ("item", "title", "year", "genres") if c in dataset.items]
    table = dataset.items.iloc[best][known].reset_index(drop=True)
    clipped = scores[best].clip(*model.scale.tolist())
    table["score"] = clipped if model.predicts == "rating" else scores[best]
    if stars is not None:
        everything = recommend(
            stars, dataset, user, ratings=ratings, k=dataset.n_items, exclude_rated=False
        )
        table["stars"] = everything.set_index("item")["score"].loc[table["item"]].to_numpy()
    if reasons:
        assert folded is not None
        table["reasons"] = _reasons(model, dataset, folded, items, values, best)
    return table


def _check_ratings(
    model: Model, dataset: Dataset, ratings: Mapping[Hashable, float]
) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(ratings, Mapping):
        raise ValueError(
            f"ratings must map item id to rating, like {{50: 5, 181: 4}}; this is a "
            f"{type(ratings).__name__}"
        )
    low, high = model.scale.tolist()
    for item, value in ratings.items():
        title = dataset.items["title"].iloc[dataset.item_vocab.position(item)]
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not low <= number <= high:
            raise ValueError(
                f"rating {value!r} of {title!r} is not a number on the scale {low:g} to {high:g}"
            )
    items = np.array([dataset.item_vocab.position(item) for item in ratings], dtype=np.int64)
    return items, np.array([float(v) for v in ratings.values()], dtype=np.float64)


def _fold(model: Model, items: np.ndarray, values: np.ndarray) -> FoldedUser:
    fold_in: Any = getattr(model, "fold_in", None)
    if fold_in is None:
        able = [n for n in models.__all__ if callable(getattr(getattr(models, n), "fold_in", None))]
        raise TypeError(
            f"{type(model).__name__} cannot place a new user from ratings (nor give reasons by "
            f"them); these models can: {', '.join(able)}"
        )
    device = model.mean.device
    return fold_in(
        torch.from_numpy(items).to(device),
        torch.from_numpy(np.asarray(values, dtype=np.float32)).to(device),
    )


def _item_rows(model: Model) -> tuple[Tensor, Tensor]:
    item_rows: Any = model.item_rows
    return item_rows()


def _scores(model: Model, folded: FoldedUser) -> np.ndarray:
    rows, offset = _item_rows(model)
    return (rows @ folded.row + offset).cpu().numpy().astype(np.float64)


@torch.no_grad()
def _known_user(model: Model, dataset: Dataset, position: int, mine: np.ndarray) -> np.ndarray:
    model.eval()
    time = None
    if dataset.timestamp is not None:
        time = torch.tensor([int(dataset.timestamp[mine].max()) if mine.any() else 0])
    batch = Batch(user=torch.tensor([position]), time=time).to(model.mean.device)
    return model.list_scores(batch)[0].cpu().numpy().astype(np.float64)


def _reasons(
    model: Model,
    dataset: Dataset,
    folded: FoldedUser,
    items: np.ndarray,
    values: np.ndarray,
    best: np.ndarray,
) -> list[str]:
    """For each item the ratings that lift it most above what they do for items in general.

    One high and one low rating where there are both: low ones alone would often be the larger
    numbers, and people ask first what they liked.
    """
    rows, _ = _item_rows(model)
    centred = rows - rows.mean(0)
    lift = (folded.parts @ centred[torch.from_numpy(best).to(rows.device)].T).cpu().numpy()
    titles = dataset.items["title"].to_numpy()
    texts = []
    for column in range(len(best)):
        order = [j for j in np.argsort(-lift[:, column], kind="stable") if lift[j, column] > 0.005]
        high = [j for j in order if values[j] >= values.mean()]
        low = [j for j in order if values[j] < values.mean()]
        named = [
            f"{titles[items[j]]}, rated {values[j]:g} ({lift[j, column]:+.2f})"
            for j in ([*high[:1], *low[:1]] if high and low else order[:2])
        ]
        texts.append("; ".join(named) or "liked by most, whatever their taste")
    return texts
