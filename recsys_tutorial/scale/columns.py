"""Datasets on disk: one file per column, mapped into memory.

A directory holds `user.npy`, `item.npy` and so on, the side tables as `users.json` and
`items.json`, and `meta.json`, which is written last: a directory without it holds no Dataset.
Nothing is unpickled. Writing to a mapped column changes a copy, never the file.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recsys_tutorial.datasets.dataset import COLUMNS, Dataset
from recsys_tutorial.datasets.vocabulary import Vocabulary
from recsys_tutorial.files import replacing

META = "meta.json"
ABOUT = ("name", "source", "scale", "implicit")


def save(dataset: Dataset, directory: str | os.PathLike[str]) -> Path:
    """Write `dataset` as one file per column; an older save in the directory is replaced.

    Columns have 32 bits where every value survives. The `truth` of planted data is not kept. Ids
    must be whole numbers or text.
    """
    place = Path(directory)
    place.mkdir(parents=True, exist_ok=True)
    (place / META).unlink(missing_ok=True)
    columns = [name for name in COLUMNS if getattr(dataset, name) is not None]
    for name in columns:  # in a new file, since the old one may be mapped
        with replacing(place / f"{name}.npy") as part, part.open("wb") as file:
            np.save(file, _narrow(getattr(dataset, name)), allow_pickle=False)
    for name in ("users", "items"):
        (place / f"{name}.json").write_text(_text(getattr(dataset, name)), encoding="utf-8")
    about = {key: getattr(dataset, key) for key in ABOUT} | {"columns": columns}
    with replacing(place / META) as part:
        part.write_text(json.dumps(about, indent=1), encoding="utf-8")
    return place


def open_columns(directory: str | os.PathLike[str]) -> Dataset:
    """The Dataset that `save` wrote there; its mapped columns fill memory only as they are used.

    Raises:
        FileNotFoundError: nothing was saved there.
    """
    place = Path(directory)
    if not (place / META).is_file():
        raise FileNotFoundError(
            f"{place} holds no saved Dataset (no {META}): write one with dataset.save(directory)"
        )
    known: dict[str, Any] = json.loads((place / META).read_text(encoding="utf-8"))
    for name in known.pop("columns"):
        known[name] = np.load(place / f"{name}.npy", mmap_mode="c", allow_pickle=False)
    known["scale"] = tuple(known["scale"])
    for side in ("user", "item"):
        known[f"{side}_vocab"], known[f"{side}s"] = _table(place / f"{side}s.json", side)
    return Dataset(**known)


def _narrow(column: np.ndarray) -> np.ndarray:
    """The column in 32 bits if every value survives."""
    small = column.astype(np.float32 if column.dtype.kind == "f" else np.int32)
    return small if np.array_equal(small, column) else column


def _text(table: pd.DataFrame) -> str:
    """A side table as JSON, with the types of its columns."""
    plain = table.rename(columns=str).reset_index(drop=True)
    return plain.to_json(orient="table", index=False, double_precision=15)


def _table(path: Path, side: str) -> tuple[Vocabulary, pd.DataFrame]:
    text = io.StringIO(path.read_text(encoding="utf-8"))
    table = pd.read_json(text, orient="table", precise_float=True)
    if "genres" in table.columns:
        table["genres"] = pd.Series([tuple(g) for g in table["genres"]], dtype="object")
    vocab = Vocabulary(table[side].tolist(), kind=side)
    return vocab, table.set_axis(pd.Index(vocab.ids, tupleize_cols=False))
