"""Datasets on disk: one file a column, read by mapping it into memory.

A directory holds `user-<save>.npy`, `item-<save>.npy` and so on, the ids and side tables as JSON,
and `meta.json` with the size and sha256 of each file and of itself. It is written last and in one
move: after an interrupted save the directory is what it was before. Nothing is ever unpickled.
Mapped columns are copied on write: the files never change.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import numpy as np
import pandas as pd

from recsys_tutorial.atomic import alone, replacing
from recsys_tutorial.datasets.dataset import COLUMNS, Dataset
from recsys_tutorial.datasets.download import sha256_of
from recsys_tutorial.datasets.vocabulary import Vocabulary

FORMAT = 2
_META = "meta.json"
_OURS = re.compile(r"[a-z]+-[0-9a-f]{12}\.(npy|npz|json)")


class ColumnsDamaged(ValueError):
    """A directory of columns is not what was saved; the message names the file."""


def save(dataset: Dataset, directory: str | os.PathLike[str], *, fingerprint: str = "") -> Path:
    """Write `dataset` as columns of at most 32-bit ids; an older save there is replaced at the end.

    fingerprint : what the columns were made from, for `open` to ask for
    Ratings are written with 32 bits where that loses nothing, times where they fit.

    Raises TypeError for ids or side columns that are neither numbers, text nor tuples of text.
    """
    place = Path(directory)
    this_save = secrets.token_hex(6)  # never a name that another save, or process, uses
    with alone(place):
        try:
            _write(dataset, place, fingerprint, this_save)
        except BaseException:
            _remove(place.glob(f"*-{this_save}.*"))
            raise
        ours = (path for path in place.iterdir() if _OURS.fullmatch(path.name))
        _remove(path for path in ours if this_save not in path.name)
    return place


def _write(dataset: Dataset, place: Path, fingerprint: str, this_save: str) -> None:
    files: dict[str, dict[str, Any]] = {}

    def write(name: str, fill: Callable[[IO[bytes]], Any]) -> None:
        path = place / name.replace(".", f"-{this_save}.")
        with replacing(path) as part, part.open("wb") as file:
            fill(file)
        about = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        files[name] = {"file": path.name, **about}

    for name in COLUMNS:
        column = getattr(dataset, name)
        if column is not None:
            write(f"{name}.npy", partial(np.save, arr=narrow(column), allow_pickle=False))
    sides = {
        "users": _frame_out(dataset.users, "user", dataset.user_vocab),
        "items": _frame_out(dataset.items, "item", dataset.item_vocab),
    }
    write("tables.json", lambda file: file.write(json.dumps(sides).encode()))
    if dataset.truth is not None:
        truth = {k: np.asarray(v) for k, v in vars(dataset.truth).items()}
        write("truth.npz", lambda file: np.savez(file, allow_pickle=False, **truth))
    about: dict[str, Any] = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "files": files,
        **{key: getattr(dataset, key) for key in ("name", "source", "scale", "implicit")},
    }
    with replacing(place / _META) as part:
        part.write_text(json.dumps({**about, "sha256": _sum_of(about)}, indent=1))


def open_columns(directory: str | os.PathLike[str], *, fingerprint: str | None = None) -> Dataset:
    """The Dataset that `save` wrote there, its columns mapped: memory fills as they are used.

    fingerprint : if given, what the columns must have been made from

    Every file is compared with its recorded size and sha256 first.

    Raises FileNotFoundError where nothing was saved, ColumnsDamaged when a file is missing, cut
    short or altered, or when the fingerprint is another one.
    """
    place = Path(directory)
    for patience in (2, 1, 0):
        try:
            return _open(place, fingerprint)
        except ColumnsDamaged:  # another save may have come between two of its files
            if not patience:
                raise
    raise AssertionError("not reached")


def _open(place: Path, fingerprint: str | None) -> Dataset:
    meta = place / _META
    if not meta.is_file():
        raise FileNotFoundError(
            f"{place} holds no saved Dataset (no {_META}): write one with dataset.save(directory)"
        )
    try:
        about = json.loads(meta.read_text(encoding="utf-8"))
        files, made_from = dict(about["files"]), about["fingerprint"]
        version = about["format"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(place, _META, f"it cannot be read ({error})") from None
    if version != FORMAT:
        raise _damaged(place, _META, f"it has format {version}, this version reads {FORMAT}")
    if about.get("sha256") != _sum_of(about):
        raise _damaged(place, _META, "its content is not what was written")
    if fingerprint is not None and made_from != fingerprint:
        raise _damaged(place, _META, f"it was made from {made_from!r}, not from {fingerprint!r}")
    at = {name: place / known["file"] for name, known in files.items()}
    for name, known in files.items():
        path = at[name]
        if not path.is_file():
            raise _damaged(place, path.name, "it is missing")
        if (size := path.stat().st_size) != known["bytes"]:
            raise _damaged(place, path.name, f"it has {size} bytes instead of {known['bytes']}")
        if sha256_of(path) != known["sha256"]:
            raise _damaged(place, path.name, "its content is not what was written")
    columns = {n: _map(at[f"{n}.npy"]) for n in COLUMNS if f"{n}.npy" in files}
    sides = json.loads(at["tables.json"].read_text(encoding="utf-8"))
    user_vocab, users = _frame_in(sides["users"], "user")
    item_vocab, items = _frame_in(sides["items"], "item")
    return Dataset(
        user_vocab=user_vocab,
        item_vocab=item_vocab,
        users=users,
        items=items,
        truth=_truth(at["truth.npz"]) if "truth.npz" in files else None,
        name=about["name"],
        source=about["source"],
        scale=(float(about["scale"][0]), float(about["scale"][1])),
        implicit=bool(about["implicit"]),
        **columns,
    )


def _damaged(place: Path, name: str, what: str) -> ColumnsDamaged:
    return ColumnsDamaged(
        f"{place / name} is damaged: {what}. Delete {place} and make it again, by "
        "dataset.save(directory) or by loading the data set anew"
    )


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with suppress(OSError):  # somebody may have it open, on Windows
            path.unlink(missing_ok=True)


def _sum_of(about: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in about.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def narrow(column: np.ndarray) -> np.ndarray:
    """The column with 32 bits where every value survives."""
    small = np.dtype(np.float32 if column.dtype.kind == "f" else np.int32)
    if column.dtype.itemsize <= small.itemsize or len(column) == 0:
        return column.astype(small) if len(column) == 0 else column
    if column.dtype.kind in "iu":
        limits = np.iinfo(np.int32)
        fits = limits.min <= column.min() and column.max() <= limits.max
        return column.astype(np.int32) if fits else column
    narrow = column.astype(np.float32)
    return narrow if np.array_equal(narrow, column) else column


def _map(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="c", allow_pickle=False)
    except ValueError:  # an empty file cannot be mapped
        return np.load(path, allow_pickle=False)


def _truth(path: Path) -> SimpleNamespace:
    with np.load(path, allow_pickle=False) as arrays:
        values = {name: arrays[name] for name in arrays.files}
    plain = {k: v.item() if v.ndim == 0 else v for k, v in values.items()}
    plain["axis_genres"] = tuple(map(tuple, values["axis_genres"].tolist()))
    return SimpleNamespace(**plain)


# ---------------------------------------------------------------------------- side tables


def _frame_out(frame: pd.DataFrame, name: str, vocab: Vocabulary) -> dict[str, Any]:
    ids = vocab.ids.tolist()
    if ids and not isinstance(ids[0], int | str):
        raise TypeError(
            f"{name} ids like {ids[0]!r} cannot be saved: use numbers or text, as with .astype(str)"
        )
    columns = {}
    for label in frame.columns:
        if label == name:
            continue
        if str(label) in columns:
            raise TypeError(f"{name}s: two columns are called {label}, as text: rename one of them")
        column = frame[label]
        values = [None if pd.api.types.is_scalar(v) and pd.isna(v) else v for v in column.tolist()]
        kinds = {type(v) for v in values} - {type(None)}
        tuples = kinds == {tuple}
        if not (kinds <= {int, float, bool, str} or tuples):
            raise TypeError(
                f"{name}s: column {label!r} holds {kinds.pop().__name__}, which cannot be saved: "
                "drop it, or make it numbers or text"
            )
        dtype = "tuples" if tuples else str(column.dtype)
        columns[str(label)] = {"dtype": dtype, "values": values}
    return {"ids": ids, "columns": columns}


def _frame_in(content: dict[str, Any], name: str) -> tuple[Vocabulary, pd.DataFrame]:
    vocab = Vocabulary(content["ids"], kind=name)
    if vocab.ids.tolist() != content["ids"]:  # ids that cannot be sorted keep their saved order
        raise ColumnsDamaged(f"the saved {name} ids are not in the order of a vocabulary")
    index = pd.Index(vocab.ids, tupleize_cols=False)
    columns: dict[str, Any] = {name: vocab.ids}
    for label, column in content["columns"].items():
        values = column["values"]
        if column["dtype"] == "tuples":
            values, dtype = [None if v is None else tuple(v) for v in values], "object"
        else:
            dtype = column["dtype"]
        columns[label] = pd.Series(values, index=index, dtype=dtype)
    return vocab, pd.DataFrame(columns, index=index)
