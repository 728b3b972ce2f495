"""Facts about users and items: one row per id of the vocabulary, in its order."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from recsys_tutorial.datasets.vocabulary import Vocabulary

_YEAR = re.compile(r"\((\d{4})\)")


def in_order(table: pd.DataFrame, vocab: Vocabulary, rows: np.ndarray) -> pd.DataFrame:
    """One row per id of the vocabulary, in its order; the id is the first column and the index.

    `rows` (n,) holds the position in the vocabulary of each row of `table`.
    """
    place = np.full(len(vocab), -1)  # the row that describes each id, -1 for none
    place[rows] = np.arange(len(rows))
    facts = table.drop(columns=vocab.kind).reset_index(drop=True)
    if (place < 0).any():
        facts = facts.astype(dict.fromkeys(facts.select_dtypes("integer"), "Int64"))
    facts = facts.reindex(place).set_axis(pd.Index(vocab.ids, tupleize_cols=False))
    facts.insert(0, vocab.kind, vocab.ids)
    return facts


def year_of(title: str) -> int | None:
    """The year of a title: 1995 for "Land Before Time III (1995) (V)"; None without one."""
    years = _YEAR.findall(title)
    return int(years[-1]) if years else None


def item_frame(table: pd.DataFrame) -> pd.DataFrame:
    """The items with a `title` each; `year` as Int64 and `genres` as tuples where known.

    Raises:
        ValueError, TypeError: a year that is not a whole number, or genres that are neither text
            nor a list of text.
    """
    titles = table["item"].map(str)
    if "title" in table:
        given = table["title"].astype("str").str.strip()
        titles = given.where(table["title"].notna() & (given != ""), titles)
    years = pd.Series(titles.map(year_of), dtype="Int64")
    if "year" in table:
        try:
            known = pd.to_numeric(table["year"]).astype("Int64")
        except (ValueError, TypeError) as error:
            raise ValueError(f"items: a year is not a whole number ({error}): correct it") from None
        added = " (" + known.astype("str") + ")"
        titles = titles.where(years.notna() | known.isna(), titles + added)
        years = known
    facts: dict[str, Any] = {"title": titles.astype("str")}
    if "year" in table or years.notna().any():
        facts["year"] = years
    if "genres" in table:
        genres = map(_genres, table["item"], table["genres"])
        facts["genres"] = pd.Series([*genres], index=table.index, dtype="object")
    others = table.columns.drop(["item", *facts], errors="ignore")
    return table.assign(**facts)[["item", *facts, *others]]


def _genres(item: object, value: Any) -> tuple[str, ...]:
    if isinstance(value, np.ndarray):  # a tuple that was kept in a Parquet file
        value = value.tolist()
    if isinstance(value, tuple | list):
        if all(isinstance(genre, str) for genre in value):
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
