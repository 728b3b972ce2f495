"""Checks of arguments: one sentence names the mistake and the remedy."""

from __future__ import annotations

from typing import Any

import pandas as pd

from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import Model


def check_model(model: Any, *datasets: Any) -> None:
    """Refuse arguments that are not a model and Datasets of its vocabulary.

    Raises:
        TypeError: a class instead of a model, a frame instead of a Dataset, the two swapped.
        ValueError: the model was built for another vocabulary.
    """
    if isinstance(model, Dataset) and any(isinstance(one, Model) for one in datasets):
        raise TypeError("the model comes first, then the Dataset: these two are swapped")
    if isinstance(model, type) and issubclass(model, Model):
        name = model.__name__
        raise TypeError(f"{name} is a class, not a model: build one by {name}.for_dataset(train)")
    if not isinstance(model, Model):
        raise TypeError(
            f"this needs a model, and got a {type(model).__name__}: build one, for example by "
            "rt.models.BiasedMF.for_dataset(train)"
        )
    for data in datasets:
        check_dataset(data)
        model.check_vocabulary(data)


def check_dataset(data: Any) -> None:
    """TypeError unless this is a Dataset."""
    if isinstance(data, pd.DataFrame):
        raise TypeError("this is a pandas frame: make a Dataset by rt.datasets.from_frame(frame)")
    if not isinstance(data, Dataset):
        raise TypeError(
            f"this needs a Dataset, and got a {type(data).__name__}: load one by "
            "rt.datasets.load or rt.datasets.from_frame, and pass it or one of its parts"
        )
