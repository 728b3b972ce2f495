"""Facts about users and items: one row per id of the vocabulary, in its order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from recsys_tutorial.datasets.movielens import year_of
from recsys_tutorial.datasets.vocabulary import Vocabulary


def side_frame(
    side: pd.DataFrame | None, vocab: Vocabulary, rows: np.ndarray | None, name: str
) -> pd.DataFrame:
    """One row per id of the vocabulary, in its order; the id is a column and the index.

    `rows` (n,) holds the position in the vocabulary of each row of `side`, if there is one.
    """
    index = pd.Index(vocab.ids, tupleize_cols=False)
    frame = pd.DataFrame({name: vocab.ids}, index=index)
    if side is None or rows is None:
        return frame
    place = np.full(len(vocab), -1)  # the row of `side` that describes each id, -1 for none
    place[rows] = np.arange(len(rows))
    for label in side.columns.drop(name):
        column = side[label]
        if isinstance(column, pd.DataFrame):
            raise ValueError(f"{name}s has several columns named {label!r}: keep one of them")
        if (place < 0).any() and pd.api.types.is_integer_dtype(column):
            column = column.astype("Int64")
        frame[label] = column.reset_index(drop=True).reindex(place).set_axis(index)
    return frame


def item_frame(
    side: pd.DataFrame | None, vocab: Vocabulary, rows: np.ndarray | None
) -> pd.DataFrame:
    """The items with a `title` each; `year` as Int64 and `genres` as tuples where given.

    Raises:
        ValueError, TypeError: a year that is not a whole number, or genres that are neither text
            nor a list of text.
    """
    frame = side_frame(side, vocab, rows, "item")
    titles = pd.Series([str(i) for i in vocab.ids], index=frame.index, dtype="str")
    if "title" in frame.columns:
        given = frame["title"].astype("str").str.strip()
        titles = given.where(frame["title"].notna() & (given != ""), titles)
    if "year" in frame.columns:
        try:
            frame["year"] = pd.to_numeric(frame["year"]).astype("Int64")
        except (ValueError, TypeError) as error:
            raise ValueError(f"items: a year is not a whole number ({error}): correct it") from None
        titles = pd.Series(
            [
                title if pd.isna(year) or year_of(title) is not None else f"{title} ({year})"
                for title, year in zip(titles, frame["year"], strict=True)
            ],
            index=frame.index,
        )
    frame["title"] = titles.astype("str")
    if "genres" in frame.columns:
        genres = [_genres(i, g) for i, g in zip(vocab.ids, frame["genres"], strict=True)]
        frame["genres"] = pd.Series(genres, index=frame.index, dtype="object")
    first = [c for c in ("item", "title", "year", "genres") if c in frame.columns]
    return frame[[*first, *(c for c in frame.columns if c not in first)]]


def _genres(item: object, value: Any) -> tuple[str, ...]:
    if isinstance(value, np.ndarray):  # a tuple that was kept in a Parquet file
        value = value.tolist()
    if isinstance(value, tuple | list):
        if all(isinstance(g, str) for g in value):
            return tuple(value)
    elif isinstance(value, str):
        text = value.strip()
        return () if text in ("", "(no genres listed)") else tuple(map(str.strip, text.split("|")))
    elif value is None or pd.isna(value):
        return ()
    raise TypeError(
        f"items: genres {value!r} of item {item!r} must be a tuple of str or a text like "
        "'Comedy|Drama'"
    )
