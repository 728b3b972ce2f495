"""Would it come out again? Other seeds, other people, and ratings without any taste in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.evaluation import predict
from recsys_tutorial.interpret.axes import pca
from recsys_tutorial.models.base import Model
from recsys_tutorial.models.mf import BiasedMF
from recsys_tutorial.training import fit

M = TypeVar("M", bound=Model)


def refit(model: M, train: Dataset, *, seed: int, **options: Any) -> M:
    """A model of the same class and hyperparameters, fitted on `train` from another seed.

    Args:
        options: What `fit` was told for the first one, such as epochs; nothing for its defaults.
    """
    settings = {**model.settings(), "seed": seed}
    del settings["n_users"], settings["n_items"]
    other = type(model).for_dataset(train, **settings)
    fit(other, train, progress=False, seed=seed, **options)
    return other


def halves(dataset: Dataset, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Two parts with half of the people each, drawn at random; the vocabulary stays the same."""
    order = np.random.default_rng(seed).permutation(dataset.n_users)
    first = (order < dataset.n_users // 2)[dataset.user]
    return dataset.take(first), dataset.take(~first)


def permutation_baseline(
    model: Model, train: Dataset, *, repeats: int = 3, seed: int = 0, **options: Any
) -> np.ndarray:
    """Axes that mean nothing: sd (repeats, k) in stars, of `pca` on ratings without taste.

    What is left of each rating over user and item bias is shuffled among the ratings of the same
    user, so that who rated what, all biases and the size of each user's noise stay, and no taste
    does. The model is fitted to that as to the real ratings; an axis no wider than these is noise.

    Args:
        options: What `fit` was told for the model, such as epochs.

    Raises ValueError for pairs without ratings, where there is nothing to deal out.
    """
    if train.implicit:
        raise ValueError("permutation_baseline needs ratings: these pairs have none to permute")
    plain = BiasedMF.for_dataset(train, dim=0)
    fit(plain, train, progress=False)
    expected = predict(plain, train, clip=False).astype(np.float64)
    left = train.rating - expected
    found = []
    for number in range(repeats):
        draw = np.random.default_rng([seed, number]).random(len(train))
        dealt = np.empty_like(left)
        dealt[np.argsort(train.user, kind="stable")] = left[np.lexsort((draw, train.user))]
        shuffled = replace(train, rating=expected + dealt)
        found.append(pca(refit(model, shuffled, seed=seed + number, **options)).sd)
    least = min(map(len, found))
    return np.array([sd[:least] for sd in found])
