"""`from_frame`: any table of ratings becomes a Dataset, or one clear error says what to change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from recsys_tutorial.datasets.checking import (
    confidence,
    finite,
    ids_of,
    only_column,
    refuse,
    seconds,
    warn_of_counts,
)
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.side_tables import in_order, item_frame
from recsys_tutorial.datasets.vocabulary import Vocabulary, plain


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
        where none is known, and "(year)" is appended to a title that has no year yet. Without a
        column `year` it is read from titles like "Toy Story (1995)".

    Raises:
        TypeError: something is not a DataFrame, ids of mixed type or unhashable, values that are
            not numbers or times.
        ValueError: an empty table, a missing or doubled column, a null or doubled id, a rating that
            is not finite, a negative weight, a (user, item) pair that occurs twice.
    """
    if duplicates not in (None, "sum"):
        raise ValueError(f'unknown duplicates {duplicates!r}: it is None or "sum"')
    if counts is not None and not isinstance(counts, str):
        raise TypeError("counts= is the name of the column with numbers of events, like 'plays'")
    names = ("user", "item", *([counts] if counts else []))
    columns = {name: only_column(ratings, "ratings", name) for name in names}
    optional = ("timestamp", "weight", *([] if counts else ["rating"]))
    columns |= {n: only_column(ratings, "ratings", n) for n in optional if n in ratings}
    if len(ratings) == 0:
        raise ValueError("ratings is empty: give at least one row with a user and an item")
    if counts and "weight" in columns:
        raise ValueError(
            f"ratings has counts ({counts!r}) and a column 'weight', and both say how much a row "
            "counts: drop one of them"
        )
    user_vocab, user, user_table = _described(columns["user"], users)
    item_vocab, item, item_table = _described(columns["item"], items)

    implicit = counts is not None or "rating" not in columns
    rating = np.ones(len(user)) if implicit else finite(columns["rating"])
    rows: dict[str, Any] = {"user": user, "item": item, "rating": rating}
    if "timestamp" in columns:
        rows["timestamp"] = seconds(columns["timestamp"])
    if "weight" in columns:
        rows["weight"] = finite(columns["weight"], signed=False)
    if counts:
        rows["events"] = finite(columns[counts], signed=False)
    if duplicates == "sum":
        if not implicit:
            raise ValueError(
                "ratings: the ratings of one user for one item cannot be summed: keep the last one "
                "with ratings.drop_duplicates(['user', 'item'], keep='last'), or name a column of "
                "numbers of events with counts="
            )
        if not counts and "weight" not in rows:
            rows["events"] = np.ones(len(user))
        rows = _summed(rows)
    elif (twice := np.flatnonzero(pd.Series(user * len(item_vocab) + item).duplicated())).size:
        u, i = (plain(columns[side].iloc[twice[0]]) for side in ("user", "item"))
        raise ValueError(
            f"ratings: user {u!r} has item {i!r} twice, again in row {twice[0]} ({twice.size} such "
            "rows in all): if rows are events, add them up with duplicates='sum'; else keep one, "
            "as with ratings.drop_duplicates(['user', 'item'], keep='last')"
        )
    if "events" in rows:
        rows["weight"] = confidence(rows.pop("events"), alpha)
    if not implicit:
        warn_of_counts(rating)
    return Dataset(
        name=name,
        source=source,
        user_vocab=user_vocab,
        item_vocab=item_vocab,
        users=user_table,
        items=item_frame(item_table),
        row=np.arange(len(rows["user"])),
        scale=(float(rating.min()), float(rating.max())),
        implicit=implicit,
        **rows,
    )


def _described(
    column: pd.Series, side: pd.DataFrame | None
) -> tuple[Vocabulary, np.ndarray, pd.DataFrame]:
    """The vocabulary of one side, the positions (n,) of its column, and its table in that order."""
    name, first = str(column.name), plain(column.iloc[0])
    rated = ids_of(column, first)
    described = rated[:0]
    table = pd.DataFrame({name: described})
    if side is not None:
        own, table = only_column(side, f"{name}s", name), side
        described = ids_of(own, first, f"{name}s")
        again = pd.Series(described).duplicated()
        remedy = f"has a row already: keep one per id, as with .drop_duplicates('{name}')"
        refuse(own, again, remedy, table=f"{name}s")
    vocab = Vocabulary(np.concatenate([rated, described]), kind=name)
    return vocab, vocab.index(rated), in_order(table, vocab, vocab.index(described))


def _summed(rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """One row per pair, in order of first appearance: the last time, and sums of the rest."""
    how = {"rating": "first", "timestamp": "max", "weight": "sum", "events": "sum"}
    pairs = pd.DataFrame(rows).groupby(["user", "item"], sort=False, as_index=False)
    merged = pairs.agg({name: of for name, of in how.items() if name in rows})
    return {name: merged[name].to_numpy(copy=True) for name in rows if name in merged}
