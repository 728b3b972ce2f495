"""Places of items as files that TensorBoard's projector opens."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from tensorboardX import SummaryWriter

from recsys_tutorial.datasets.dataset import Dataset

_MARK = "projector_config.pbtxt"


def projector(
    places: np.ndarray, dataset: Dataset, folder: str | os.PathLike[str], *, min_ratings: int = 20
) -> Path | None:
    """Write places (n_items, d) of items, with title, year, genres and ratings to search for.

    Look at them with `tensorboard --logdir FOLDER` and choose Projector. A folder that this
    function has written before is replaced.

    Returns the folder; None, after one line that says why, if it cannot be written.

    Raises ValueError for a folder with anything else in it.
    """
    target = Path(folder).expanduser().absolute()
    if target.exists() and not (target / _MARK).is_file() and any(target.iterdir()):
        raise ValueError(f"{target} holds other files: name a folder that is new or empty")
    counts = dataset.counts("item")
    rows = np.flatnonzero(counts >= min_ratings)
    table = _words(dataset.items.iloc[rows]).assign(ratings=counts[rows].astype(str))
    try:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        with SummaryWriter(str(target)) as writer:
            writer.add_embedding(
                np.asarray(places[rows], dtype=np.float32),
                metadata=table.to_numpy().tolist(),
                metadata_header=list(table),
                tag="items",
            )
    except OSError as error:
        print(f"{target} could not be written ({error.strerror or error}); the page continues.")
        return None
    return target


def _words(items: pd.DataFrame) -> pd.DataFrame:
    """Title, year and genres as text; tabs and line ends would break the columns of the file."""
    table = pd.DataFrame({"title": [" ".join(str(title).split()) for title in items["title"]]})
    if "year" in items:
        table["year"] = ["unknown" if pd.isna(y) else str(int(y)) for y in items["year"]]
    if "genres" in items:
        table["genres"] = [", ".join(g) if isinstance(g, tuple) else "" for g in items["genres"]]
    return table
