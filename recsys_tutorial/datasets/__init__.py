"""Ratings, from a name, from your own table, or planted."""

from __future__ import annotations

import os

from recsys_tutorial.datasets.dataset import Dataset, concat
from recsys_tutorial.datasets.frame import from_frame
from recsys_tutorial.datasets.planted import planted
from recsys_tutorial.datasets.sources import DataUnavailable, load
from recsys_tutorial.datasets.vocabulary import Vocabulary

__all__ = [
    "DataUnavailable",
    "Dataset",
    "Vocabulary",
    "concat",
    "from_frame",
    "load",
    "open",
    "planted",
]


def open(directory: str | os.PathLike[str]) -> Dataset:
    """The Dataset that `dataset.save(directory)` wrote, its columns mapped into memory."""
    from recsys_tutorial.scale import columns

    return columns.open_columns(directory)
