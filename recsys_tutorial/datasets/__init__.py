"""Ratings, from a name, from your own table, or planted."""

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
    "planted",
]
