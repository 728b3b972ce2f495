"""Recommendations with titles and reasons, for a known user or for the ratings of a new one."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import torch

from recsys_tutorial import models
from recsys_tutorial.arguments import check_model
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.metrics.checks import whole
from recsys_tutorial.models.base import FoldedUser, Model

LEAST_LIFT = 0.005  # stars; a smaller lift is not a reason
LEAST_SHARE = 0.02  # of the strongest lift in a list, where scores have no unit
MOST_SHARE = 0.3  # of a list's titles that one rating may lead if another is close
CLOSE = 0.5  # share of the strongest lift from which another is close to it
FEW = 10  # an item with fewer ratings has a score that is mostly guesswork


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

    Give exactly one of `user` and `ratings`. Scores are in stars, clipped to the scale, or without
    unit for ranking models; ties come in the order of the vocabulary. An item with few ratings does
    not lead the list. A user without training ratings gets the list of an average user, with a line
    that says so.

    Args:
        model: A fitted model.
        dataset: Has the titles and the user's ratings: usually the training part.
        user: An id of the Dataset.
        ratings: Item id to rating, for a new user.
        k: Length of the list; shorter if fewer items remain.
        reasons: Add a column with the ratings that lift each item most. A new user's row is a sum
            over the ratings, so scores can be taken apart exactly; for a known user the row is
            folded in from the ratings in `dataset`.
        exclude_rated: Leave out the items rated in `dataset` (or in `ratings`).
        stars: A model of ratings, where `model` ranks; its predictions are the column `stars`.

    Raises:
        KeyError: an unknown user or item.
        TypeError: no model or Dataset, or a model that cannot fold in a new user.
        ValueError: impossible ratings or k, a model that was never fitted.
    """
    for one in (model, *([] if stars is None else [stars])):
        check_model(one, dataset)
        one.check_fitted()
    k = whole("k", k)
    if (user is None) == (ratings is None):
        raise ValueError(
            "give exactly one of user and ratings: recommend(model, dataset, user) or "
            "recommend(model, dataset, ratings={item: rating})"
        )
    who: Batch | FoldedUser
    if ratings is not None:
        items, values = _check_ratings(model, dataset, ratings)
        who = fold(model, items, values)
    else:
        position = dataset.user_vocab.position(user)
        theirs = dataset.take(dataset.user == position)
        items, values, ends = theirs.item, theirs.rating, theirs.last_times()
        time = None if ends is None else torch.from_numpy(ends[[position]])
        who = Batch(user=torch.tensor([position]), time=time)
        if model.user_count[position] == 0:
            print(f"user {user!r} has no training rating: this is an average user's list")
    scores = _scores(model, who)
    left_out = items if exclude_rated else items[:0]
    best = best_items(scores, left_out, model.item_count.cpu().numpy(), k)
    known = [c for c in ("item", "title", "year", "genres") if c in dataset.items]
    table = dataset.items.iloc[best][known].reset_index(drop=True)
    table["score"] = _in_scale(model, scores[best])
    if stars is not None:
        again = who if isinstance(who, Batch) else fold(stars, items, values)
        table["stars"] = _in_scale(stars, _scores(stars, again)[best])
    if reasons:
        folded = fold(model, items, values) if isinstance(who, Batch) else who
        titles = dataset.items["title"].to_numpy()[items]
        table["reasons"] = _texts(model, titles, folded.parts.cpu().numpy(), values, best)
    return table


def _check_ratings(
    model: Model, dataset: Dataset, ratings: Mapping[Hashable, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Positions (n,) and stars (n,) of a new user's ratings."""
    if not isinstance(ratings, Mapping):
        raise ValueError(
            f"ratings must map item id to rating, like {{50: 5, 181: 4}}; this is a "
            f"{type(ratings).__name__}"
        )
    low, high = model.scale.tolist()
    positions = [dataset.item_vocab.position(item) for item in ratings]
    for position, value in zip(positions, ratings.values(), strict=True):
        if not isinstance(value, Real) or not low <= value <= high:
            title = dataset.items["title"].iloc[position]
            raise ValueError(
                f"rating {value!r} of {title!r} is not a number on the scale {low:g} to {high:g}"
            )
    return np.array(positions, dtype=np.int64), np.array(list(ratings.values()), dtype=np.float64)


def fold(model: Model, items: np.ndarray, values: np.ndarray) -> FoldedUser:
    """The row of a new user with these ratings, by the model's own fold-in."""
    fold_in: Any = getattr(model, "fold_in", None)
    if fold_in is None:
        able = [n for n in models.__all__ if callable(getattr(getattr(models, n), "fold_in", None))]
        raise TypeError(
            f"{type(model).__name__} cannot place a new user from ratings, nor give reasons; these "
            f"models can: {', '.join(able)}"
        )
    stars = torch.from_numpy(values.astype(np.float32))
    return fold_in(torch.from_numpy(items).to(model.mean.device), stars.to(model.mean.device))


def item_rows(model: Model) -> tuple[np.ndarray, np.ndarray]:
    """(n_items, d) and (n_items,) such that a folded-in user scores rows @ row + offset."""
    of_model: Any = model.item_rows
    rows, offset = of_model()
    return rows.cpu().numpy(), offset.cpu().numpy()


@torch.no_grad()
def _scores(model: Model, user: Batch | FoldedUser) -> np.ndarray:
    """(n_items,) for a user of the Dataset, a batch of one, or for a new one by their row."""
    if isinstance(user, FoldedUser):
        rows, offset = item_rows(model)
        return rows @ user.row.cpu().numpy() + offset
    model.eval()
    return model.list_scores(user.to(model.mean.device))[0].cpu().numpy()


def _in_scale(model: Model, scores: np.ndarray) -> np.ndarray:
    """Stars clipped to the scale; scores without a unit as they are."""
    scores = scores.astype(np.float64)
    return scores.clip(*model.scale.tolist()) if model.predicts == "rating" else scores


def best_items(scores: np.ndarray, left_out: np.ndarray, counts: np.ndarray, k: int) -> np.ndarray:
    """Positions of the k best by `scores` (n_items,) without those left out; ties in their order.

    The first has at least FEW ratings (`counts`, (n_items,)) if any of the k has.
    """
    left = np.delete(np.arange(len(scores)), left_out)
    return well_known_first(left[np.argsort(-scores[left], kind="stable")][:k], counts)


def well_known_first(best: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The list with its first item of at least FEW ratings moved to the front."""
    known = np.flatnonzero(counts[best] >= FEW)
    if len(known) == 0:
        return best
    return np.concatenate([best[known[:1]], np.delete(best, known[0])])


def pick_reasons(lift: np.ndarray, ratings: np.ndarray, in_stars: bool = True) -> list[list[int]]:
    """The ratings to name as reasons for each title of a list, the strongest first.

    Up to two per title: the one that lifts it most, and the best of the other kind (high or low
    ratings; low ones alone often have the larger lifts, but people ask first what they liked), or
    if there is none the next best. One rating leads at most three of ten titles while another
    lifts the title at least half as much.

    Args:
        lift: (n, k), how much each of n ratings lifts each of k titles above its effect on items
            in general: `parts @ (rows[titles] - rows.mean(0)).T` of a folded-in user.
        ratings: (n,) the ratings; those at or above their mean are the high ones.
        in_stars: Whether lifts are in stars. A tiny lift is not a reason.

    Returns:
        For each title positions among the n ratings; none if no rating lifts it.
    """
    least = LEAST_LIFT if in_stars else LEAST_SHARE * float(np.abs(lift).max(initial=0))
    most, led = max(1, round(MOST_SHARE * lift.shape[1])), np.zeros(len(ratings), dtype=int)
    high = ratings >= ratings.mean() if len(ratings) else np.empty(0, dtype=bool)
    picked = []
    for column in lift.T:
        order = [j for j in np.argsort(-column, kind="stable").tolist() if column[j] > least]
        fresh = [j for j in order if led[j] < most and column[j] >= CLOSE * column[order[0]]]
        lead = (fresh or order)[:1]
        others = [j for j in order if j not in lead]
        unlike = [j for j in others if high[j] != high[lead[0]]]
        led[lead] += 1
        picked.append(lead + (unlike or others)[:1])
    return picked


def _texts(
    model: Model, titles: np.ndarray, parts: np.ndarray, values: np.ndarray, best: np.ndarray
) -> list[str]:
    """The reasons for each item of a list as text; titles and parts belong to the rated items."""
    rows, _ = item_rows(model)
    lift = parts @ (rows[best] - rows.mean(0)).T  # (n, k)
    texts = []
    picks = pick_reasons(lift, values, model.predicts == "rating")
    for column, item, picked in zip(lift.T, best, picks, strict=True):
        said = [f"{titles[j]}, rated {values[j]:g} ({column[j]:+.2f})" for j in picked]
        text = "; ".join(said) or "liked by most, whatever their taste"
        count = int(model.item_count[item])
        texts.append(text if count >= FEW else f"{text}; {count} ratings only")
    return texts
