"""Dataset: ratings as columns, with one vocabulary for all its parts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import torch

from recsys_tutorial.datasets.loader import Batches
from recsys_tutorial.datasets.vocabulary import Vocabulary

COLUMNS = ("user", "item", "rating", "timestamp", "weight", "row")


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Ratings, stored as columns of equal length n, and the side tables.

    Attributes:
        user, item: int64 (n,), positions in `user_vocab` and `item_vocab`; 32 bits from `open`,
            so convert them to 64 bits before you multiply.
        rating: float (n,), in the units of the data (stars); 1 for pairs without ratings.
        timestamp: int64 (n,), seconds, or None.
        weight: float (n,), how much a row counts, or None.
        row: int64 (n,), the row's number in the whole Dataset; it breaks ties in time.
        users, items: frames with one row per id of the vocabulary, in its order. The column `user`
            or `item` is the id, which is also the frame's index.
        scale: lowest and highest rating of the whole Dataset.
        truth: what planted data was made from, else None.
        implicit: True where the data came as pairs without ratings.
        name, source: what the data is called and where it came from.
    """

    name: str
    source: str
    user_vocab: Vocabulary
    item_vocab: Vocabulary
    user: np.ndarray
    item: np.ndarray
    rating: np.ndarray
    users: pd.DataFrame
    items: pd.DataFrame
    row: np.ndarray
    scale: tuple[float, float]
    timestamp: np.ndarray | None = None
    weight: np.ndarray | None = None
    truth: SimpleNamespace | None = None
    implicit: bool = False

    def __len__(self) -> int:
        return len(self.user)

    def __repr__(self) -> str:
        return (
            f"<Dataset {self.name}: {len(self):,} ratings, {self.n_users:,} users, "
            f"{self.n_items:,} items, from {self.source}>"
        )

    @property
    def n_users(self) -> int:
        """Size of the user vocabulary (users without a rating here count too)."""
        return len(self.user_vocab)

    @property
    def n_items(self) -> int:
        """Size of the item vocabulary (items without a rating here count too)."""
        return len(self.item_vocab)

    @cached_property
    def ratings(self) -> pd.DataFrame:
        """The rows as a frame with the original ids, indexed by row number."""
        user, item = self.user_vocab.ids[self.user], self.item_vocab.ids[self.item]
        optional = {"timestamp": self.timestamp, "weight": self.weight}
        given = {name: column for name, column in optional.items() if column is not None}
        columns = {"user": user, "item": item, "rating": self.rating, **given}
        return pd.DataFrame(columns, index=self.row)

    def counts(self, side: str) -> np.ndarray:
        """Number of rows of each "user" or "item": int64 (n_users,) or (n_items,)."""
        codes, size = {"user": (self.user, self.n_users), "item": (self.item, self.n_items)}[side]
        return np.bincount(codes, minlength=size)

    def last_times(self) -> np.ndarray | None:
        """Time of each user's last row, 0 without a row: int64 (n_users,); None without times."""
        if self.timestamp is None:
            return None
        last = np.full(self.n_users, np.iinfo(np.int64).min)  # times before 1970 are below 0
        np.maximum.at(last, self.user, self.timestamp)
        return np.where(self.counts("user") > 0, last, 0)

    # ---- parts ----------------------------------------------------------------------------

    def take(self, rows: np.ndarray | slice) -> Dataset:
        """The part with these rows (positions, a boolean mask or a slice), in the given order."""
        columns = {name: getattr(self, name) for name in COLUMNS}
        part: dict[str, Any] = {n: None if c is None else c[rows] for n, c in columns.items()}
        return replace(self, **part)

    def split(
        self, how: str = "random", valid: float = 0.1, test: float = 0.1, seed: int = 0
    ) -> tuple[Dataset, Dataset, Dataset]:
        """Train, validation and test part; a part of share 0 is empty.

        Args:
            how: "random" takes the rows in the order of `default_rng(seed).permutation(n)`: the
                first int(n * test) are test, up to int(n * (test + valid)) valid, the rest train.
                "last" takes the last int(n_u * test) of a user's n_u rows as test and those before
                them as valid; a user with too few rows stays in train. "time" cuts at the same
                time for all users: the last int(n * test) rows are test. Rows of equal time keep
                their order.
            valid, test: shares of the rows.
            seed: for "random" only.

        Raises:
            ValueError: an unknown `how`, impossible shares, or missing timestamps.
        """
        if min(valid, test) < 0 or not valid + test < 1:
            raise ValueError(
                f"valid={valid} and test={test} must be >= 0 and leave rows to train on: "
                "valid + test < 1"
            )
        n = len(self)
        if how == "random":
            order = np.random.default_rng(seed).permutation(n)
            tested, held_out = int(n * test), int(n * (test + valid))
            parts = (order[held_out:], order[tested:held_out], order[:tested])
            return tuple(map(self.take, parts))  # type: ignore[return-value]
        if how in ("last", "time"):
            if self.timestamp is None:
                raise ValueError(
                    f"split({how!r}) needs times, and this Dataset has none: add a `timestamp` "
                    'column in from_frame, or use split("random")'
                )
            groups = self.user if how == "last" else np.zeros(n, dtype=np.int64)
            order = np.lexsort((self.row, self.timestamp, groups))
            size = np.bincount(groups, minlength=1)[groups[order]]
            first = np.searchsorted(groups[order], groups[order])
            rank = size - 1 - (np.arange(n) - first)  # 0 for the newest row of its group
        else:
            raise ValueError(f'unknown split {how!r}: choose "random", "last" or "time"')
        is_test = rank < (size * test).astype(np.int64)
        is_valid = ~is_test & (rank < (size * (test + valid)).astype(np.int64))
        masks = (~is_test & ~is_valid, is_valid, is_test)
        chosen = [np.sort(order[mask]) for mask in masks]  # parts keep the order of the table
        return tuple(map(self.take, chosen))  # type: ignore[return-value]

    def folds(self, k: int = 5, seed: int | None = None) -> Iterator[tuple[Dataset, Dataset]]:
        """Yield k pairs (train, test).

        Without a seed the test parts are blocks of rows in the given order (on ml-100k the official
        u1 to u5). With a seed the rows are shuffled first.
        """
        if not 2 <= k <= len(self):
            raise ValueError(f"folds(k={k}) needs 2 <= k <= {len(self)}, the number of rows")
        n = len(self)
        order = np.arange(n) if seed is None else np.random.default_rng(seed).permutation(n)
        for block in np.array_split(order, k):
            held_out = np.zeros(n, dtype=bool)
            held_out[block] = True
            yield self.take(order[~held_out[order]]), self.take(block)

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write the columns into a directory; `rt.datasets.open` reads them."""
        from recsys_tutorial.scale import columns

        columns.save(self, directory)

    # ---- batches --------------------------------------------------------------------------

    def batches(
        self,
        columns: Sequence[str] = ("user", "item", "rating"),
        *,
        batch_size: int,
        generator: torch.Generator | None = None,
        device: torch.device | str = "cpu",
    ) -> Batches:
        """The only loader: slices of tensors, shuffled anew each pass if a generator is given.

        Args:
            columns: Fields of Batch among user, item, rating, time; weights too, where there are
                any.
        """
        arrays = {
            "user": self.user, "item": self.item, "rating": self.rating, "time": self.timestamp,
            "weight": self.weight,
        }  # fmt: skip
        if "time" in columns and self.timestamp is None:
            raise ValueError("this model needs times, and this Dataset has no timestamps")
        wanted = [(name, arrays[name]) for name in (*columns, "weight")]
        tensors = {name: torch.from_numpy(column) for name, column in wanted if column is not None}
        tensors = {n: t.float() if t.is_floating_point() else t for n, t in tensors.items()}
        return Batches(tensors, batch_size, generator, device)


def concat(*parts: Dataset) -> Dataset:
    """Join parts of one Dataset, in the order given.

    Raises:
        ValueError: the vocabularies differ, or a (user, item) pair occurs twice.
    """
    first = parts[0]
    for part in parts[1:]:
        if (part.user_vocab, part.item_vocab) != (first.user_vocab, first.item_vocab):
            raise ValueError(
                f"cannot join {first.name!r} and {part.name!r}: their vocabularies differ; "
                "put the tables together first and call from_frame once"
            )
    # Columns may have 32 bits; pairs need 64.
    pair = np.concatenate([p.user * np.int64(p.n_items) + p.item for p in parts])
    pair.sort()
    if len(twice := pair[1:][pair[1:] == pair[:-1]]):
        u, i = divmod(int(twice[0]), first.n_items)
        raise ValueError(
            f"user {first.user_vocab.id_at(u)!r} has item {first.item_vocab.id_at(i)!r} in more "
            "than one part: join parts that do not overlap"
        )
    joined: dict[str, Any] = {}
    for name in COLUMNS:
        columns = [getattr(p, name) for p in parts]
        joined[name] = None if columns[0] is None else np.concatenate(columns)
    scale = (min(p.scale[0] for p in parts), max(p.scale[1] for p in parts))
    return replace(first, scale=scale, **joined)


def hash_of(data: Dataset) -> str:
    """A short text that is the same for the same rows in the same order."""
    digest = hashlib.sha256()
    for name in COLUMNS:
        column = getattr(data, name)
        digest.update(b"none" if column is None else np.ascontiguousarray(column).data)
    return digest.hexdigest()[:16]
