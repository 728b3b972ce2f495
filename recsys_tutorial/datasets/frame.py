"""`from_frame`: any table of ratings becomes a Dataset, or one clear error says what to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.numbers import confidence, finite, seconds, warn_of_counts
from recsys_tutorial.datasets.side_tables import item_frame, side_frame
from recsys_tutorial.datasets.vocabulary import Vocabulary, one_dimensional

Side = tuple[pd.DataFrame | None, np.ndarray | None]


def from_frame(
    ratings: pd.DataFrame,
    users: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    *,
    counts: str | None = None,
    alpha: float = 1.0,
    duplicates: str | None = None,
    name: str = "frame",
    source: str = "a table given to from_frame",
) -> Dataset:
    """Make a Dataset from tables; the tables are not modified.

    Args:
        ratings: one row per rating. `user` and `item`: any hashable ids, all users of one type and
            all items of one type (numbers, "007", tuples; not float or bool). `rating`: finite
            numbers on any scale; without this column rows are pairs with rating 1. Optional
            `timestamp`: seconds as a number (fractions are dropped), or datetimes; milli-, micro-
            and nanoseconds are recognised and converted. Optional `weight`: finite numbers >= 0,
            how much a row counts. Other columns are ignored.
        users: optional; `user` and any facts about them. Columns are kept; whole numbers become
            nullable where a user of `ratings` has no row here.
        items: optional; `item`, and if known `title`, `year` and `genres` (a tuple or list of
            str, or "Comedy|Drama"). Other columns are kept as those of `users`.
        counts: the column with numbers of events (plays, clicks, purchases). Rows are then pairs
            of rating 1, and a row's weight is proportional to the confidence 1 + alpha log(1 + c)
            of Hu, Koren and Volinsky (2008), with mean 1, for every model that ranks.
        alpha: how much more a large count weighs than a small one.
        duplicates: "sum" merges all rows of one user and item, as in an event log: counts (1 for
            each row without `counts`) and weights add up, and the last time is kept.
        name: what the Dataset is called.
        source: where it came from.

    Returns:
        A Dataset whose vocabularies hold the ids of the ratings and of the side tables, so a side
        table may describe users and items without a rating. `items` always has `title`: the id
        where none is known, and "(year)" is appended to a title that has no year yet.

    Raises:
        TypeError: something is not a DataFrame, ids of mixed type or unhashable, values that are
            not numbers or times.
        ValueError: an empty table, a missing or doubled column, a null or doubled id, a rating or
            weight that is not finite or negative, a (user, item) pair that occurs twice.
    """
    if duplicates not in (None, "sum"):
        raise ValueError(f'unknown duplicates {duplicates!r}: it is None or "sum"')
    if counts is not None and not isinstance(counts, str):
        raise TypeError("counts= is the name of the column with numbers of events, like 'plays'")
    _check_table(ratings, "ratings")
    if len(ratings) == 0:
        raise ValueError("ratings is empty: give at least one row with a user and an item")
    given = [n for n in ("rating", "timestamp", "weight") if n in ratings.columns]
    for column in ("user", "item", *given, *([counts] if counts else [])):
        _column(ratings, "ratings", column)  # name a missing column before looking at any value
    if counts and "weight" in given:
        raise ValueError(
            f"ratings has counts ({counts!r}) and a column 'weight', and both say how much a row "
            "counts: drop one of them"
        )
    user_vocab, user, user_rows = _vocabulary(ratings, users, "user")
    item_vocab, item, item_rows = _vocabulary(ratings, items, "item")

    implicit = counts is not None or "rating" not in given
    columns: dict[str, np.ndarray | None] = {
        "user": user,
        "item": item,
        "rating": np.ones(len(user)) if implicit else finite(ratings["rating"], "rating"),
        "timestamp": seconds(ratings["timestamp"]) if "timestamp" in given else None,
        "weight": finite(ratings["weight"], "weight", signed=False) if "weight" in given else None,
        "events": finite(ratings[counts], counts, signed=False) if counts else None,
    }
    if duplicates == "sum":
        if not implicit:
            raise ValueError(
                "ratings: the ratings of one user for one item cannot be summed: keep the last one "
                "with ratings.drop_duplicates(['user', 'item'], keep='last'), or name a column of "
                "numbers of events with counts="
            )
        if not counts and "weight" not in given:
            columns["events"] = np.ones(len(user))
        columns = _summed(columns)
    else:
        _check_pairs(user, item, user_vocab, item_vocab)
    if (events := columns.pop("events")) is not None:
        columns["weight"] = confidence(events, alpha)
    if not implicit:
        warn_of_counts(columns["rating"])  # type: ignore[arg-type]
    return assemble(
        user_vocab, item_vocab, columns, (users, user_rows), (items, item_rows),
        name=name, source=source, implicit=implicit,
    )  # fmt: skip


def assemble(
    user_vocab: Vocabulary,
    item_vocab: Vocabulary,
    columns: Mapping[str, np.ndarray | None],
    users: Side,
    items: Side,
    *,
    scale: tuple[float, float] | None = None,
    **about: Any,
) -> Dataset:
    """A Dataset of checked columns (n,), with rows numbered in their order.

    `users` and `items` are a side table and the position in the vocabulary of each of its rows;
    `about` holds the other fields of Dataset.
    """
    rating = columns["rating"]
    assert rating is not None
    return Dataset(
        user_vocab=user_vocab,
        item_vocab=item_vocab,
        **columns,  # type: ignore[arg-type]
        users=side_frame(users[0], user_vocab, users[1], "user"),
        items=item_frame(items[0], item_vocab, items[1]),
        row=np.arange(len(rating)),
        scale=scale or (float(rating.min()), float(rating.max())),
        **about,
    )


# ---------------------------------------------------------------------------- columns and ids


def _check_table(table: object, label: str) -> None:
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"{label} must be a pandas DataFrame, not {type(table).__name__}: "
            f"build one with pd.DataFrame({{...}}) or pd.read_csv(path)"
        )


def _column(table: pd.DataFrame, label: str, name: str) -> pd.Series:
    times = int((table.columns == name).sum())
    if times == 0:
        raise ValueError(
            f"{label} has no column {name!r}, only {[*map(str, table.columns)]}: rename one with "
            f"{label}.rename(columns={{'its name': '{name}'}}), or reset_index() if it is the index"
        )
    if times > 1:
        raise ValueError(f"{label} has {times} columns named {name!r}: keep one of them")
    return table[name]


def _vocabulary(
    ratings: pd.DataFrame, side: pd.DataFrame | None, name: str
) -> tuple[Vocabulary, np.ndarray, np.ndarray | None]:
    """The vocabulary of one side, the positions (n,) of the ratings and those of the side table."""
    rated = _ids(ratings[name], "ratings", name)
    if side is None:
        vocab = Vocabulary(rated, kind=name)
        return vocab, vocab.index(rated), None
    _check_table(side, f"{name}s")
    described = _ids(_column(side, f"{name}s", name), f"{name}s", name)
    if len(described) and type(_plain(described[0])) is not type(_plain(rated[0])):
        here, there = _plain(rated[0]), _plain(described[0])
        raise TypeError(
            f"{name} ids of two types: {here!r} ({type(here).__name__}) in row 0 of ratings but "
            f"{there!r} ({type(there).__name__}) in row 0 of {name}s. Give both tables the same "
            "type, as with .astype(str)"
        )
    vocab = Vocabulary(np.concatenate([rated, described]), kind=name)
    rows = vocab.index(described)
    if (again := np.flatnonzero(pd.Series(rows).duplicated())).size:
        raise ValueError(
            f"{name}s describes {name} {_plain(described[again[0]])!r} twice, again in "
            f"row {again[0]}: keep one row per id, as with .drop_duplicates('{name}')"
        )
    return vocab, vocab.index(rated), rows


def _ids(column: pd.Series, label: str, name: str) -> np.ndarray:
    """The ids as int64, or as an object array of Python values of one type: (n,)."""
    if (null := np.flatnonzero(column.isna())).size:
        raise ValueError(
            f"{label}: null {name} id in row {null[0]} ({null.size} in all): drop such rows with "
            f"{label}.dropna(subset=['{name}'])"
        )
    if pd.api.types.is_integer_dtype(column) and column.dtype.name.lower() != "uint64":
        return column.to_numpy(dtype=np.int64)
    values = [_plain(value) for value in column.tolist()]
    first = type(values[0]) if values else object
    if first in (bool, float):
        raise TypeError(
            f"{label}: {name} ids are {column.dtype} (the first is {values[0]!r}): ids must be "
            "whole numbers or text. Whole numbers become float where a null once was: "
            f"use {label}['{name}'].astype('int64')"
        )
    for row, value in enumerate(values):
        if type(value) is not first:
            raise TypeError(
                f"{label}: {name} ids of two types: {values[0]!r} ({first.__name__}) in row 0 but "
                f"{value!r} ({type(value).__name__}) in row {row}: make them one type, as with "
                f"{label}['{name}'].astype(str)"
            )
    array = one_dimensional(values)
    try:
        pd.unique(array)
    except TypeError:
        raise TypeError(
            f"{label}: {name} id {values[0]!r} in row 0 is a {first.__name__}, which is not "
            "hashable: make it a tuple or a string"
        ) from None
    return array


def _plain(value: Any) -> Any:
    """The Python value of a numpy scalar, which is what a message should show."""
    return value.item() if isinstance(value, np.generic) else value


# ---------------------------------------------------------------------------- doubled pairs


def _check_pairs(user: np.ndarray, item: np.ndarray, users: Vocabulary, items: Vocabulary) -> None:
    pairs = user * len(items) + item
    twice = pd.Series(pairs).duplicated().to_numpy()
    if not twice.any():
        return
    second = int(twice.argmax())
    first = int((pairs == pairs[second]).argmax())
    raise ValueError(
        f"ratings: user {users.id_at(user[second])!r} has item {items.id_at(item[second])!r} twice,"
        f" in rows {first} and {second} ({twice.sum()} such rows in all): if rows are events, add "
        "them up with duplicates='sum'; else keep one, as with "
        "ratings.drop_duplicates(['user', 'item'], keep='last')"
    )


def _summed(columns: dict[str, np.ndarray | None]) -> dict[str, np.ndarray | None]:
    """One row per pair, in order of first appearance: the last time, and sums of the rest."""
    rows = pd.DataFrame({name: column for name, column in columns.items() if column is not None})
    how = {"rating": "first", "timestamp": "max", "weight": "sum", "events": "sum"}
    pairs = rows.groupby(["user", "item"], sort=False, as_index=False)
    merged = pairs.agg({name: of for name, of in how.items() if name in rows})
    return {n: merged[n].to_numpy(copy=True) if n in merged else None for n in columns}
