"""Datasets on disk: one file per column, read by mapping it into memory.

A directory holds `user.npy`, `item.npy` and so on, the side tables as `users.json` and
`items.json`, and `meta.json`, which is written last: a directory without it holds no Dataset.
Nothing is ever unpickled, and mapped columns are copied on write: the files never change.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from recsys_tutorial.datasets.dataset import COLUMNS, Dataset
from recsys_tutorial.datasets.vocabulary import Vocabulary
from recsys_tutorial.files import replacing

META = "meta.json"


def save(dataset: Dataset, directory: str | os.PathLike[str]) -> Path:
    """Write `dataset` as one file per column; an older save in the directory is replaced.

    Columns have 32 bits where that loses nothing, which is half the memory and half the disk.

    Raises:
        TypeError: ids that are neither numbers nor text, or two side columns of one name.
    """
    place = Path(directory)
    tables = {"user": dataset.users, "item": dataset.items}
    sides = {f"{side}s.json": _text(table, side) for side, table in tables.items()}
    place.mkdir(parents=True, exist_ok=True)
    (place / META).unlink(missing_ok=True)  # until the new one is written, nothing is saved here
    for name in COLUMNS:
        column = getattr(dataset, name)
        if column is None:
            (place / f"{name}.npy").unlink(missing_ok=True)
            continue
        with replacing(place / f"{name}.npy") as part, part.open("wb") as file:
            np.save(file, narrow(column), allow_pickle=False)
    for name, text in sides.items():
        (place / name).write_text(text, encoding="utf-8")
    if dataset.truth is not None:
        truth = {key: np.asarray(value) for key, value in vars(dataset.truth).items()}
        np.savez(place / "truth.npz", allow_pickle=False, **truth)
    about: dict[str, Any] = {
        key: getattr(dataset, key) for key in ("name", "source", "scale", "implicit")
    }
    about |= {"rows": len(dataset), "truth": dataset.truth is not None}
    about["columns"] = [name for name in COLUMNS if getattr(dataset, name) is not None]
    with replacing(place / META) as part:
        part.write_text(json.dumps(about, indent=1), encoding="utf-8")
    return place


def open_columns(directory: str | os.PathLike[str]) -> Dataset:
    """The Dataset that `save` wrote there, its columns mapped: memory fills as they are used.

    Raises:
        FileNotFoundError: nothing was saved there.
        ValueError: a column is missing or has another length than the others.
    """
    place = Path(directory)
    if not (place / META).is_file():
        raise FileNotFoundError(
            f"{place} holds no saved Dataset (no {META}): write one with dataset.save(directory)"
        )
    try:
        about = json.loads((place / META).read_text(encoding="utf-8"))
        columns: dict[str, Any] = {
            name: _map(place / f"{name}.npy") for name in about.pop("columns")
        }
        if wrong := {n: len(c) for n, c in columns.items() if len(c) != about["rows"]}:
            raise ValueError(f"{about['rows']} rows were saved, and there are {wrong}")
        users, items = (_table(place / f"{side}s.json", side) for side in ("user", "item"))
        truth = _truth(place / "truth.npz") if about.pop("truth") else None
        del about["rows"]
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise ValueError(
            f"{place} is damaged: {error}. Delete it and make it again with dataset.save(directory)"
        ) from error
    about["scale"] = tuple(about["scale"])
    return Dataset(
        user_vocab=users[0], item_vocab=items[0], users=users[1], items=items[1],
        truth=truth, **about, **columns,
    )  # fmt: skip


def narrow(column: np.ndarray) -> np.ndarray:
    """The column with 32 bits where every value survives."""
    small = column.astype(np.float32 if column.dtype.kind == "f" else np.int32)
    return small if np.array_equal(small, column) else column


def _map(path: Path) -> np.ndarray:
    empty = path.stat().st_size < 256 and np.load(path, allow_pickle=False).size == 0
    return np.load(path, mmap_mode=None if empty else "c", allow_pickle=False)


def _text(table: pd.DataFrame, side: str) -> str:
    """A side table as JSON, with the types of its columns."""
    if len(table) and not isinstance(table[side].iloc[0], int | np.integer | str):
        raise TypeError(
            f"{side} ids like {table[side].iloc[0]!r} cannot be saved: use numbers or text, as "
            "with .astype(str)"
        )
    labels = [str(label) for label in table.columns]
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise TypeError(f"{side}s: two columns are called {twice[0]}, as text: rename one of them")
    plain = table.set_axis(labels, axis=1).reset_index(drop=True)
    return plain.to_json(orient="table", index=False, double_precision=15)


def _table(path: Path, side: str) -> tuple[Vocabulary, pd.DataFrame]:
    text = io.StringIO(path.read_text(encoding="utf-8"))
    table = pd.read_json(text, orient="table", precise_float=True)
    if "genres" in table.columns:
        table["genres"] = pd.Series([tuple(g) for g in table["genres"]], dtype="object")
    vocab = Vocabulary(table[side].tolist(), kind=side)
    return vocab, table.set_axis(pd.Index(vocab.ids, tupleize_cols=False))


def _truth(path: Path) -> SimpleNamespace:
    with np.load(path, allow_pickle=False) as arrays:
        values = {name: arrays[name] for name in arrays.files}
    plain = {k: v.item() if v.ndim == 0 else v for k, v in values.items()}
    plain["axis_genres"] = tuple(map(tuple, values["axis_genres"].tolist()))
    return SimpleNamespace(**plain)
