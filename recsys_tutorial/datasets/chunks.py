"""Tables too large for one frame: they come in pieces, and become columns of 32 bits."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Iterator

import numpy as np
import pandas as pd

from recsys_tutorial.datasets.columns import narrow
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.frame import (
    _check_pairs,
    _check_table,
    _finite,
    _ids,
    _seconds,
    _vocabulary,
    assemble,
)
from recsys_tutorial.datasets.vocabulary import Vocabulary

_OPTIONAL = ("rating", "timestamp", "weight")


def from_chunks(
    chunks: Iterable[pd.DataFrame],
    users: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    *,
    name: str = "frame",
    source: str = "tables given to from_chunks",
) -> Dataset:
    """As `from_frame`, for ratings that come as many tables: about 24 bytes a rating at the peak.

    Every chunk has the same columns. Codes have 32 bits and so have ratings and weights; times
    have where they fit. Row numbers in messages count within a chunk, but for doubled pairs.

    Raises what from_frame raises.
    """
    sides = {"user": _Codes("user"), "item": _Codes("item")}
    extra: dict[str, list[np.ndarray]] = {}
    has: tuple[str, ...] | None = None
    for chunk in chunks:
        _check_table(chunk, "ratings")
        here = tuple(c for c in _OPTIONAL if c in chunk.columns)
        if has is not None and here != has:
            raise ValueError(f"chunks differ: the first has {list(has)}, another has {list(here)}")
        has = here
        if len(chunk) == 0:
            continue
        for side in sides.values():
            side.add(chunk)
        for column in here:
            values = _seconds(chunk) if column == "timestamp" else _finite(chunk, column)
            small = narrow(values) if column == "timestamp" else values.astype(np.float32)
            extra.setdefault(column, []).append(small)
    if not sides["user"].parts:
        raise ValueError("there are no ratings in the chunks: give at least one row")
    user_vocab, user, user_rows = sides["user"].finish(users)
    item_vocab, item, item_rows = sides["item"].finish(items)
    _check_pairs(user, item, user_vocab, item_vocab)
    columns: dict[str, np.ndarray | None] = {"user": user, "item": item, "rating": None}
    for column in list(extra):
        columns[column] = np.concatenate(extra.pop(column))
    if implicit := columns["rating"] is None:
        columns["rating"] = np.ones(len(user), dtype=np.float32)
    if (weight := columns.get("weight")) is not None and weight.min() < 0:
        raise ValueError(f"ratings: weight {weight.min()} is negative: weights are >= 0")
    return assemble(
        user_vocab, item_vocab, columns, (users, user_rows), (items, item_rows),
        name=name, source=source, implicit=implicit,
    )  # fmt: skip


def from_parquet(
    path: str | os.PathLike[str],
    users: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    *,
    name: str = "frame",
    rows: int = 1_000_000,
) -> Dataset:
    """A Parquet file of ratings (columns as in `from_frame`), read `rows` rows at a time.

    Needs pyarrow. Keep the result with `dataset.save(directory)`: opening that takes no parsing.

    Raises ImportError without pyarrow, and what from_frame raises.
    """
    try:
        from pyarrow import parquet
    except ImportError:
        raise ImportError(
            "reading Parquet needs pyarrow: pip install pyarrow, or give from_chunks an iterator "
            "of frames"
        ) from None
    wanted = {"user", "item", *_OPTIONAL}

    def pieces() -> Iterator[pd.DataFrame]:
        with parquet.ParquetFile(path) as file:
            there = file.schema_arrow.names
            if missing := {"user", "item"} - set(there):
                raise ValueError(
                    f"{path} has no column {min(missing)!r}, only {there}: write it with the names "
                    "of from_frame, or rename the columns in chunks that you give to from_chunks"
                )
            columns = [c for c in there if c in wanted]
            for piece in file.iter_batches(batch_size=rows, columns=columns):
                yield piece.to_pandas()

    return from_chunks(pieces(), users, items, name=name, source=f"the Parquet file {path}")


class _Codes:
    """Ids as they come, each chunk as 32-bit numbers in the order of first sight."""

    def __init__(self, side: str) -> None:
        self.side, self.parts = side, list[np.ndarray]()
        self.place: dict[Hashable, int] = {}

    def add(self, chunk: pd.DataFrame) -> None:
        codes, found = pd.factorize(_ids(chunk, "ratings", self.side).values)
        known = [self.place.setdefault(one, len(self.place)) for one in found.tolist()]
        self.parts.append(np.array(known, dtype=np.int32)[codes])

    def finish(
        self, described: pd.DataFrame | None
    ) -> tuple[Vocabulary, np.ndarray, np.ndarray | None]:
        """The vocabulary, the codes (n,) in it, and the position of each row of the side table."""
        seen = pd.DataFrame({self.side: pd.Series(list(self.place))})
        vocab, position, rows = _vocabulary(seen, described, self.side)
        position = position.astype(np.int32)
        for number, part in enumerate(self.parts):
            self.parts[number] = position[part]
        codes = np.concatenate(self.parts)
        self.parts.clear()
        return vocab, codes, rows
