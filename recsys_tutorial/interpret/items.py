"""What a model says about single items: bias, neighbours, how much people disagree."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recsys_tutorial.arguments import check_model
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.interpret.axes import pca
from recsys_tutorial.interpret.factors import Factors, factors
from recsys_tutorial.metrics.checks import whole
from recsys_tutorial.models.base import Model
from recsys_tutorial.titles import find


def biases(model: Model, dataset: Dataset) -> pd.DataFrame:
    """Why an item has the mean rating it has: one row per item, all numbers in stars.

    Args:
        dataset: The ratings that the model was trained on.

    Returns:
        Columns, besides item and title:

        - ratings: number of them;
        - mean: their mean, `model.mean + bias + generosity + fans + rest`; nan without ratings;
        - bias: b_i + mean p . q_i, what the average person thinks of it above the mean;
        - generosity: how far above the mean its raters rate whatever they see (mean of b_u);
        - fans: how much better it suits its raters than people at large, mean of
          (p_u - mean p) . q_i over them;
        - rest: what the model leaves unexplained, mostly shrinkage of rare items;
        - beyond: -(generosity + fans): above zero it is loved beyond its ratings, since stern or
          unlikely people rated it.

    Raises ValueError for another vocabulary; TypeError or ValueError for a model without factors.
    """
    check_model(model, dataset)
    f = factors(model)
    centre = f.user[f.seen_user].mean(0)
    n = dataset.counts("item")
    b_u = getattr(model, "user_bias", None)
    own = np.zeros(dataset.n_users) if b_u is None else b_u.detach().cpu().numpy().astype(float)
    personal = np.einsum("nd,nd->n", (f.user - centre)[dataset.user], f.item[dataset.item])

    def mean_of(values: np.ndarray) -> np.ndarray:
        total = np.bincount(dataset.item, weights=values, minlength=dataset.n_items)
        return np.where(n > 0, total / np.maximum(n, 1), np.nan)

    table = _table(dataset)
    table["mean"] = mean_of(dataset.rating)
    table["bias"] = np.where(f.seen_item, f.bias + f.item @ centre, np.nan)
    table["generosity"] = mean_of(own[dataset.user])
    table["fans"] = mean_of(personal)
    explained = float(model.mean) + table["bias"] + table["generosity"] + table["fans"]
    table["rest"] = table["mean"] - explained
    table["beyond"] = -(table["generosity"] + table["fans"])
    return table


def neighbours(
    model: Model, dataset: Dataset, title: str, k: int = 10, *, min_ratings: int = 20
) -> pd.DataFrame:
    """The k items that the model expects to please the same people as this one.

    similarity is the cosine between the items' places on all axes of `pca`; that is the
    correlation, over the people, between the personal parts of their scores. (The cosine between
    rows of the table of factors changes with the gauge, this one does not.)

    Args:
        title: Searched for as by `find`; what was found heads the table's columns.
        dataset: Counts its ratings for `min_ratings`, which neighbours must have: the place of a
            rare item is mostly guesswork.

    Raises KeyError that suggests titles, ValueError for k < 1 or an item that was never rated.
    """
    check_model(model, dataset)
    position, k = find(dataset, title), whole("k", k)
    found = str(dataset.items["title"].iloc[position])
    places = pca(model).items
    length = np.linalg.norm(places, axis=1)
    if length[position] == 0:
        raise ValueError(f"{found!r} has no training rating: the model knows nothing of its place")
    similarity = places @ places[position] / np.maximum(length * length[position], 1e-300)
    candidate = (dataset.counts("item") >= min_ratings) & (length > 0)
    candidate[position] = False
    left = np.flatnonzero(candidate)
    if len(left) == 0:
        raise ValueError(
            f"no other item has {min_ratings} ratings, and the most rated one has "
            f"{dataset.counts('item').max()}: pass a lower min_ratings"
        )
    best = left[np.argsort(-similarity[left], kind="stable")][:k]
    table = _table(dataset).iloc[best].reset_index(drop=True)
    return table.assign(similarity=similarity[best]).rename_axis(columns=f"like {found}")


def polarizability(model: Model, dataset: Dataset, again: Model | None = None) -> pd.DataFrame:
    """How much people disagree about each item, says the model: one row per item.

    Args:
        dataset: Counts the ratings.
        again: The same model from another seed or other people; `attrs["reliability"]` of the table
            is then the correlation of the two over the items that both have seen.

    Returns:
        Columns, besides item, title and ratings:

        - polarizability: stars; standard deviation over users of (p_u - mean p) . q_i;
        - beyond_popularity: stars; what is left when its straight line on log(ratings) is taken
          out;
        - again: stars; polarizability by the second model.

    Unseen items have nan. The mean over users of p . q_i belongs to the bias (see `biases`), and
    everybody can agree on a bias.

    Raises ValueError for another vocabulary; TypeError or ValueError for a model without factors.
    """
    check_model(model, dataset)
    table = _table(dataset)
    spread = table["polarizability"] = _spread(factors(model))
    known = np.isfinite(spread) & (table["ratings"] > 0)
    log_n = np.log(table["ratings"].where(known))
    line = np.polyfit(log_n[known], spread[known], 1)
    table["beyond_popularity"] = spread - np.polyval(line, log_n)
    if again is not None:
        check_model(again, dataset)
        table["again"] = _spread(factors(again))
        both = table[["polarizability", "again"]].dropna()
        table.attrs["reliability"] = float(np.corrcoef(both.to_numpy().T)[0, 1])
    return table


def _spread(f: Factors) -> np.ndarray:
    """sd over the seen users of p . q_i: sqrt(q_i^T C q_i) with C the covariance of p."""
    users = f.user[f.seen_user]
    centred = users - users.mean(0)
    variance = np.einsum("id,id->i", f.item @ (centred.T @ centred / len(users)), f.item)
    return np.where(f.seen_item, np.sqrt(variance.clip(0)), np.nan)


def _table(dataset: Dataset) -> pd.DataFrame:
    """item, title and ratings, in the order of the vocabulary and indexed by position."""
    table = dataset.items[["item", "title"]].reset_index(drop=True)
    return table.assign(ratings=dataset.counts("item"))
