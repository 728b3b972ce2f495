"""Places of items as files that TensorBoard's projector opens."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from tensorboardX import SummaryWriter

from recsys_tutorial.datasets.dataset import Dataset

_MARK = "projector_config.pbtxt"


def projector(
    places: np.ndarray, dataset: Dataset, folder: str | os.PathLike[str], *, min_ratings: int = 20
) -> Path | None:
    """Write places (n_items, d) of items, with title, year, genres and ratings to search for.

    Look at them with `tensorboard --logdir FOLDER` and choose Projector. A folder that this
    function has written before is replaced.

    Returns the folder; None, after one line that says why, where it cannot be written.

    Raises ValueError for a folder with anything else in it.
    """
    target = Path(folder).expanduser().absolute()
    if target.exists() and not (target / _MARK).is_file() and any(target.iterdir()):
        raise ValueError(f"{target} holds other files: name a folder that is new or empty")
    rows = np.flatnonzero(dataset.counts("item") >= min_ratings)
    header, table = _words(dataset, rows)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            with SummaryWriter(str(fresh)) as writer:
                writer.add_embedding(
                    np.asarray(places[rows], dtype=np.float32),
                    metadata=table,
                    metadata_header=header,
                    tag="items",
                )
            shutil.rmtree(target, ignore_errors=True)
            fresh.chmod(0o755)  # mkdtemp lets only its owner in
            os.replace(fresh, target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        print(f"{target} could not be written ({error.strerror or error}); the page goes on.")
        return None
    return target


def _words(dataset: Dataset, rows: np.ndarray) -> tuple[list[str], list[list[str]]]:
    """Header and one line an item; tabs and line ends would break the file's columns."""
    items = dataset.items.iloc[rows]
    columns = {"title": [" ".join(str(t).split()) for t in items["title"]]}
    if "year" in items:
        columns["year"] = ["unknown" if y != y else str(y) for y in _plain(items["year"])]
    if "genres" in items:
        columns["genres"] = [", ".join(g) if isinstance(g, tuple) else "" for g in items["genres"]]
    columns["ratings"] = dataset.counts("item")[rows].astype(str).tolist()
    return list(columns), [list(row) for row in zip(*columns.values(), strict=True)]


def _plain(years: object) -> list[object]:
    """Years as int, nan where unknown."""
    values = list(years)  # type: ignore[call-overload]
    return [int(y) if isinstance(y, int | np.integer) else float("nan") for y in values]
