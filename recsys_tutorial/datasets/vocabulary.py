"""Ids of users and items, and their positions in a table."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
import pandas as pd


def plain(value: Any) -> Any:
    """The Python value of a numpy scalar, which is what a message should show."""
    return value.item() if isinstance(value, np.generic) else value


def one_dimensional(ids: Iterable[Hashable]) -> np.ndarray:
    """A 1-d array of ids; tuples stay single ids, strings stay Python strings."""
    if isinstance(ids, np.ndarray) and ids.ndim == 1 and ids.dtype.kind in "iu":
        return ids
    values = ids.tolist() if isinstance(ids, np.ndarray | pd.Series | pd.Index) else list(ids)
    if values and all(isinstance(v, int | np.integer) and not isinstance(v, bool) for v in values):
        return np.asarray(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


class Vocabulary:
    """The ids of one side (users or items), each at a fixed position.

    It is an index, not a statistic: all parts of a Dataset share it, and it also holds ids that
    have no row in a part. Numbers and text are sorted; other ids keep the order in which they
    first appear.

    Attributes:
        ids: array (n,), the original values.
        kind: "user" or "item", for messages.
    """

    def __init__(self, ids: Iterable[Hashable], kind: str = "id") -> None:
        self.kind = kind
        array = one_dimensional(ids)
        if array.dtype.kind in "iu":
            self.ids = np.unique(array)
        else:
            once = dict.fromkeys(array)
            text = all(isinstance(one, str) for one in once)
            self.ids = one_dimensional(sorted(once) if text else once)
        self.ids.setflags(write=False)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self):,} {self.kind} ids)"

    @cached_property
    def _lookup(self) -> pd.Index:
        return pd.Index(self.ids, tupleize_cols=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return self is other or np.array_equal(self.ids, other.ids)

    def __deepcopy__(self, memo: dict[int, Any]) -> Vocabulary:
        return self  # it never changes, so copies of a model share it

    def __contains__(self, one: Any) -> bool:
        return one in self._lookup

    def index(self, ids: Iterable[Hashable]) -> np.ndarray:
        """Positions (n,) int64 of many ids; KeyError names the first unknown one."""
        array = one_dimensional(ids)
        position = self._lookup.get_indexer(pd.Index(array, tupleize_cols=False))
        if (unknown := np.flatnonzero(position < 0)).size:
            self._refuse(array[unknown[0]])
        return position.astype(np.int64, copy=False)

    def id_at(self, position: int) -> Any:
        """The id at a position as a plain Python value, for messages."""
        return plain(self.ids[position])

    def position(self, one: Hashable) -> int:
        """The position of one id; KeyError names an unknown one and the remedy."""
        try:
            return int(self._lookup.get_loc(one))  # type: ignore[arg-type]  # ids are unique
        except (KeyError, TypeError, pd.errors.InvalidIndexError):  # the last for a list
            self._refuse(one)

    def _refuse(self, one: Any) -> NoReturn:
        one, known, hint = plain(one), self.id_at(0) if len(self) else None, ""
        if known is not None and type(one) is not type(known):
            types = type(known).__name__, type(one).__name__
            hint = f" Ids here are of type {types[0]}, this one is {types[1]}."
        of_user = "for a new user pass ratings={item: rating} instead"
        raise KeyError(
            f"unknown {self.kind} {one!r}: it is not among the {len(self):,} {self.kind}s of this "
            f"Dataset (the first is {known!r}).{hint} Build the Dataset from a table that has it, "
            f"or {of_user if self.kind == 'user' else 'leave it out'}."
        )
