"""Do we find it again? Other seeds, other people, and ratings without any taste in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import recsys_tutorial as rt
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import Model


def refit(model: Model, train: Dataset, *, seed: int, **options: Any) -> Model:
    """A model of the same class and hyperparameters, fitted on `train` from another seed.

    `options` go to `fit`, such as epochs.
    """
    settings = {**model.settings(), "seed": seed}
    del settings["n_users"], settings["n_items"]
    other = type(model).for_dataset(train, **settings)
    rt.fit(other, train, progress=False, seed=seed, **options)
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

    This shuffles the residuals of a model of biases among the ratings of each user. That keeps who
    rated what, all biases and the size of each user's noise, but no taste. Then it fits the model
    to these ratings; a real axis that is no wider than theirs is noise.

    `options` go to `fit`, such as epochs.
    """
    if train.implicit:
        raise ValueError("permutation_baseline needs ratings: these pairs have none to permute")
    plain = rt.models.BiasedMF.for_dataset(train, dim=0)
    rt.fit(plain, train, progress=False)
    expected = rt.predict(plain, train, clip=False).astype(np.float64)
    residual, shuffled = train.rating - expected, np.empty(len(train))
    widths = []
    for number in range(repeats):
        draw = np.random.default_rng([seed, number]).random(len(train))
        shuffled[np.argsort(train.user, kind="stable")] = residual[np.lexsort((draw, train.user))]
        without_taste = replace(train, rating=expected + shuffled)
        again = refit(model, without_taste, seed=seed + number, **options)
        widths.append(rt.interpret.pca(again).sd)
    k = min(map(len, widths))
    return np.array([sd[:k] for sd in widths])
