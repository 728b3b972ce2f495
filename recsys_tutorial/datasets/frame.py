"""`from_frame`: anybody's table becomes a Dataset, or one clear error says what to mend."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.movielens import year_of
from recsys_tutorial.datasets.vocabulary import Vocabulary


def from_frame(
    ratings: pd.DataFrame,
    users: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    *,
    name: str = "frame",
    source: str = "a table given to from_frame",
) -> Dataset:
    """Make a Dataset from tables; the tables are not modified.

    Args:
        ratings: one row a rating. `user` and `item`: any hashable ids, all users of one type and
            all items of one type (numbers, "007", tuples; not float or bool). `rating`: finite
            numbers on any scale; without this column rows are implicit pairs with rating 1.
            Optional `timestamp`: seconds as a number (fractions are dropped), or datetimes.
            Optional `weight`: finite numbers >= 0. Other columns are ignored.
        users: optional; `user` and anything known about them. Columns are kept; whole numbers
            become nullable where a user of `ratings` has no row here.
        items: optional; `item`, and if known `title`, `year` and `genres` (a tuple or list of
            str, or "Comedy|Drama"). Other columns are kept as those of `users`.
        name: what the Dataset is called.
        source: where it came from.

    Returns:
        A Dataset whose vocabularies hold the ids of the ratings and of the side tables, so a side
        table may tell of users and items without a rating. `items` always has `title`: the id
        where none is known, and "(year)" is appended to a title that has no year yet.

    Raises:
        TypeError: something is not a DataFrame, ids of mixed type or unhashable, values that are
            no numbers or times.
        ValueError: an empty table, a missing or doubled column, a null or doubled id, a rating or
            weight that is not finite or negative, a (user, item) pair that occurs twice.
    """
    _check_table(ratings, "ratings")
    if len(ratings) == 0:
        raise ValueError("ratings is empty: give at least one row with a user and an item")
    _column(ratings, "ratings", "user")  # name what is missing before looking at any value
    _column(ratings, "ratings", "item")
    user_vocab, user, user_rows = _vocabulary(ratings, users, "user")
    item_vocab, item, item_rows = _vocabulary(ratings, items, "item")
    _check_pairs(user, item, user_vocab, item_vocab)

    implicit = "rating" not in ratings.columns
    rating = np.ones(len(ratings)) if implicit else _finite(ratings, "rating")
    weight = None
    if "weight" in ratings.columns:
        weight = _finite(ratings, "weight")
        if (below := np.flatnonzero(weight < 0)).size:
            raise ValueError(
                f"ratings: weight {float(weight[below[0]])} in row {below[0]} is negative: weights "
                "say how much a row counts, so they are >= 0; drop rows that should not count"
            )
    columns = {"user": user, "item": item, "rating": rating, "weight": weight}
    columns["timestamp"] = _seconds(ratings) if "timestamp" in ratings.columns else None
    return assemble(
        user_vocab, item_vocab, columns, (users, user_rows), (items, item_rows),
        name=name, source=source, implicit=implicit,
    )  # fmt: skip


def assemble(
    user_vocab: Vocabulary,
    item_vocab: Vocabulary,
    columns: Mapping[str, np.ndarray | None],
    users: tuple[pd.DataFrame | None, np.ndarray | None],
    items: tuple[pd.DataFrame | None, np.ndarray | None],
    *,
    scale: tuple[float, float] | None = None,
    **about: Any,
) -> Dataset:
    """A Dataset of columns that are known to be good; rows are numbered in their order.

    users, items : a side table, and the position in the vocabulary of each of its rows
    scale        : lowest and highest rating; about: the other fields of Dataset
    """
    rating = columns["rating"]
    assert rating is not None
    return Dataset(
        user_vocab=user_vocab,
        item_vocab=item_vocab,
        **columns,  # type: ignore[arg-type]
        users=_side_frame(users[0], user_vocab, users[1], "user"),
        items=_item_frame(items[0], item_vocab, items[1]),
        row=np.arange(len(rating), dtype=columns["user"].dtype),  # type: ignore[union-attr]
        scale=scale or (float(rating.min()), float(rating.max())),
        **about,
    )


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


# ---------------------------------------------------------------------------- ids


@dataclass(frozen=True)
class _Ids:
    """One column of ids: what they are, and where they stand for messages."""

    label: str
    values: np.ndarray
    kind: type

    def show(self, position: int = 0) -> str:
        value = _plain(self.values[position])
        return f"{value!r} ({type(value).__name__}) in row {position} of {self.label}"


def _vocabulary(
    ratings: pd.DataFrame, side: pd.DataFrame | None, name: str
) -> tuple[Vocabulary, np.ndarray, np.ndarray | None]:
    """The vocabulary of one side, the codes (n,) of the ratings and those of the side table."""
    rated = _ids(ratings, "ratings", name)
    if side is None:
        vocab = Vocabulary(rated.values, kind=name)
        return vocab, vocab.index(rated.values), None
    _check_table(side, f"{name}s")
    described = _ids(side, f"{name}s", name)
    if len(described.values) == 0:
        vocab = Vocabulary(rated.values, kind=name)
        return vocab, vocab.index(rated.values), np.empty(0, dtype=np.int64)
    if described.kind is not rated.kind:
        raise TypeError(
            f"{name} ids of two types: {rated.show()} but {described.show()}. "
            f"Give both tables the same type, as with .astype(str)"
        )
    vocab = Vocabulary(np.concatenate([rated.values, described.values]), kind=name)
    rows = vocab.index(described.values)
    if (again := np.flatnonzero(pd.Series(rows).duplicated())).size:
        raise ValueError(
            f"{name}s describes {name} {_plain(described.values[again[0]])!r} twice, again in "
            f"row {again[0]}: keep one row an id, as with .drop_duplicates('{name}')"
        )
    return vocab, vocab.index(rated.values), rows


def _ids(table: pd.DataFrame, label: str, name: str) -> _Ids:
    """The ids of a column as int64 or as an object array of Python values, all of one kind."""
    column = _column(table, label, name)
    if (null := np.flatnonzero(column.isna())).size:
        raise ValueError(
            f"{label}: null {name} id in row {null[0]} ({null.size} in all): drop such rows with "
            f"{label}.dropna(subset=['{name}'])"
        )
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if len(column) == 0:
        return _Ids(label, np.empty(0, dtype=object), object)
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_float_dtype(column):
        _refuse_kind(label, name, column.iloc[0], column.dtype)
    if pd.api.types.is_integer_dtype(column):
        if int(column.max()) > np.iinfo(np.int64).max:
            _refuse_large(label, name, column.max())
        return _Ids(label, column.to_numpy(dtype=np.int64), int)
    values = [_plain(value) for value in column.tolist()]
    kind = type(values[0])
    if set(map(type, values)) != {kind}:
        other = next(i for i, v in enumerate(values) if type(v) is not kind)
        shown = _Ids(label, _object_array([values[0], values[other]]), kind)
        raise TypeError(
            f"{name} ids of two types: {shown.show()} but {values[other]!r} "
            f"({type(values[other]).__name__}) in row {other}. Make them one type, as with "
            f"{label}['{name}'].astype(str)"
        )
    if kind in (bool, float):
        _refuse_kind(label, name, values[0], kind.__name__)
    if kind is int:
        try:
            return _Ids(label, np.array(values, dtype=np.int64), int)
        except OverflowError:
            _refuse_large(label, name, max(values, key=abs))
    _check_hashable(label, name, values)
    return _Ids(label, _object_array(values), kind)


def _plain(value: Any) -> Any:
    """The Python value of a numpy scalar: what people wrote, and what a message should show."""
    return value.item() if isinstance(value, np.generic) else value


def _is_null(value: Any) -> bool:
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _object_array(values: Sequence[Any]) -> np.ndarray:
    """A 1-d array of objects; numpy would make tuples of equal length a 2-d one."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _check_hashable(label: str, name: str, values: list[Any]) -> None:
    for position, value in enumerate(values):
        try:
            hash(value)
        except TypeError:
            raise TypeError(
                f"{label}: {name} id {value!r} in row {position} is a {type(value).__name__}, "
                "which cannot be an id because it is not hashable: make it a tuple or a string"
            ) from None


def _refuse_kind(label: str, name: str, value: object, dtype: object) -> NoReturn:
    raise TypeError(
        f"{label}: {name} ids are {dtype} (the first is {value!r}), which are no ids. Whole "
        f"numbers become float where a null once was: use {label}['{name}'].astype('int64'), or "
        "choose the column that holds the ids"
    )


def _refuse_large(label: str, name: str, value: object) -> NoReturn:
    raise TypeError(
        f"{label}: {name} id {value} does not fit 64 bits: use {label}['{name}'].astype(str)"
    )


def _check_pairs(user: np.ndarray, item: np.ndarray, users: Vocabulary, items: Vocabulary) -> None:
    pairs = pd.Series(user.astype(np.int64) * len(items) + item)
    ordered = np.sort(pairs)  # a hash table of them would be far larger
    if (ordered[1:] == ordered[:-1]).any():
        again = np.flatnonzero(pairs.duplicated())
        second = int(again[0])
        first = int(np.flatnonzero(pairs == pairs.iloc[second])[0])
        who, what = users.ids[user[second]], items.ids[item[second]]
        raise ValueError(
            f"ratings: user {_plain(who)!r} has item {_plain(what)!r} twice, in rows"
            f" {first} and {second} ({again.size} such rows in all): keep one, as with "
            "ratings.drop_duplicates(['user', 'item'], keep='last')"
        )


# ---------------------------------------------------------------------------- numbers and times


def _finite(ratings: pd.DataFrame, name: str) -> np.ndarray:
    """A column of finite numbers as float64 (n,)."""
    column = _column(ratings, "ratings", name)
    if pd.api.types.is_complex_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        for position, value in enumerate(column):
            if not isinstance(value, numbers.Real) and not _is_null(value):
                raise TypeError(
                    f"ratings: {name} {value!r} in row {position} is a {type(value).__name__}, not "
                    f"a number: convert the column with pd.to_numeric(ratings['{name}'])"
                )
    # A copy: a view would follow what the caller does to the table later (and torch wants
    # writable memory).
    numbers_ = column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    if (bad := np.flatnonzero(~np.isfinite(numbers_))).size:
        raise ValueError(
            f"ratings: {name} {float(numbers_[bad[0]])} in row {bad[0]} is not finite ({bad.size} "
            f"such rows in all): drop them, as with ratings.dropna(subset=['{name}'])"
        )
    return numbers_


def _seconds(ratings: pd.DataFrame) -> np.ndarray:
    """The timestamps as whole seconds, int64 (n,)."""
    column = _column(ratings, "ratings", "timestamp")
    if (null := np.flatnonzero(column.isna())).size:
        raise ValueError(
            f"ratings: null timestamp in row {null[0]} ({null.size} in all): drop these rows, or "
            "leave the column out"
        )
    if pd.api.types.is_datetime64_any_dtype(column):
        # Zone-aware times are UTC underneath; naive ones are taken as they stand.
        return column.dt.as_unit("s").astype("int64").to_numpy(copy=True)
    if pd.api.types.is_integer_dtype(column):
        far = np.flatnonzero(column > np.iinfo(np.int64).max)  # uint64: they would become negative
        if far.size:
            _refuse_time(column.iloc[far[0]], far[0])
        return column.to_numpy(dtype=np.int64, copy=True)
    if not pd.api.types.is_float_dtype(column):
        raise TypeError(
            f"ratings: timestamp {_plain(column.iloc[0])!r} in row 0 is neither seconds nor a "
            "datetime: convert the column with pd.to_datetime(ratings['timestamp'])"
        )
    seconds = np.floor(_finite(ratings, "timestamp"))
    if (far := np.flatnonzero(np.abs(seconds) >= 2.0**62)).size:
        _refuse_time(seconds[far[0]], far[0])
    return seconds.astype(np.int64)


def _refuse_time(value: float, row: int) -> NoReturn:
    raise ValueError(
        f"ratings: timestamp {value:g} in row {row} is no time in seconds: divide the column by "
        "its unit, or convert it with pd.to_datetime"
    )


# ---------------------------------------------------------------------------- side tables


def _side_frame(
    side: pd.DataFrame | None, vocab: Vocabulary, rows: np.ndarray | None, name: str
) -> pd.DataFrame:
    """One row an id of the vocabulary, in its order; the id is a column and the index."""
    index = pd.Index(vocab.ids, tupleize_cols=False)
    frame = pd.DataFrame(index=index)
    frame[name] = vocab.ids
    if side is None or rows is None:
        return frame
    place = np.full(len(vocab), -1, dtype=np.int64)  # where in `side` each id stands, -1 nowhere
    place[rows] = np.arange(len(rows))
    for label in side.columns:
        if label == name:
            continue
        column = _column(side, f"{name}s", label).reset_index(drop=True)
        if (place < 0).any() and pd.api.types.is_integer_dtype(column):
            column = column.astype("Int64")
        column = column.reindex(place) if (place < 0).any() else column.take(place)
        frame[label] = column.set_axis(index)
    return frame


def _item_frame(
    side: pd.DataFrame | None, vocab: Vocabulary, rows: np.ndarray | None
) -> pd.DataFrame:
    """The items with `title` for all, `year` and `genres` in their one form where given."""
    frame = _side_frame(side, vocab, rows, "item")
    titles = [str(i) for i in vocab.ids]
    if "title" in frame.columns:
        known = [("" if _is_null(t) else str(t).strip()) for t in frame["title"]]
        titles = [t or fallback for t, fallback in zip(known, titles, strict=True)]
    if "year" in frame.columns:
        years = _years(frame)
        frame["year"] = years
        titles = [
            title if pd.isna(year) or year_of(title) is not None else f"{title} ({year})"
            for title, year in zip(titles, years, strict=True)
        ]
    frame["title"] = pd.Series(titles, index=frame.index, dtype="str")
    if "genres" in frame.columns:
        genres = [_genres(i, g) for i, g in zip(vocab.ids, frame["genres"], strict=True)]
        frame["genres"] = pd.Series(genres, index=frame.index, dtype="object")
    first = [c for c in ("item", "title", "year", "genres") if c in frame.columns]
    return frame[[*first, *(c for c in frame.columns if c not in first)]]


def _years(frame: pd.DataFrame) -> pd.Series:
    years = pd.to_numeric(frame["year"], errors="coerce")
    wrong = (years.isna() & frame["year"].notna()) | (years.notna() & (years % 1 != 0))
    if (bad := np.flatnonzero(wrong.to_numpy(dtype=bool, na_value=False))).size:
        raise ValueError(
            f"items: year {_plain(frame['year'].iloc[bad[0]])!r} of item "
            f"{_plain(frame['item'].iloc[bad[0]])!r} is not a whole number: correct it, or leave "
            "it null where it is unknown"
        )
    return years.astype("Int64")


def _genres(item: object, value: Any) -> tuple[str, ...]:
    if isinstance(value, np.ndarray):  # what a tuple becomes on its way through a Parquet file
        value = value.tolist()
    if isinstance(value, tuple | list):
        if all(isinstance(g, str) for g in value):
            return tuple(value)
    elif isinstance(value, str):
        text = value.strip()
        return () if text in ("", "(no genres listed)") else tuple(map(str.strip, text.split("|")))
    elif _is_null(value):
        return ()
    raise TypeError(
        f"items: genres {value!r} of item {_plain(item)!r} must be a tuple of str or a text like "
        "'Comedy|Drama'"
    )
