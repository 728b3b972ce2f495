"""Ratings, from a name, from your own table, or planted."""

from recsys_tutorial.datasets.chunks import from_chunks, from_parquet
from recsys_tutorial.datasets.columns import ColumnsDamaged
from recsys_tutorial.datasets.columns import open_columns as open
from recsys_tutorial.datasets.dataset import Dataset, concat
from recsys_tutorial.datasets.frame import from_frame
from recsys_tutorial.datasets.planted import planted
from recsys_tutorial.datasets.sources import DataUnavailable, load
from recsys_tutorial.datasets.vocabulary import Vocabulary

__all__ = [
    "ColumnsDamaged",
    "DataUnavailable",
    "Dataset",
    "Vocabulary",
    "concat",
    "from_chunks",
    "from_frame",
    "from_parquet",
    "load",
    "open",
    "planted",
]
