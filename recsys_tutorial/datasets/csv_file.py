"""A CSV file of your own, as a Dataset."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.frame import from_frame

_NAMES = {
    "userId": "user", "user_id": "user", "movieId": "item", "movie_id": "item", "item_id": "item",
}  # fmt: skip


def from_csv(path: Path) -> Dataset:
    """The ratings of a CSV file (tabs for .tsv) with the columns of `from_frame`.

    `userId`, `movieId` and the like are read as `user` and `item`. Titles, years and genres come
    from columns of the file itself, or from `items.csv` or `movies.csv` beside it, and facts about
    people from `users.csv`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError, TypeError: what `from_frame` refuses.
    """
    ratings, users, items = _read(path), _beside(path, "users"), _beside(path, "items", "movies")
    if items is None and "item" in ratings:
        facts = [name for name in ("item", "title", "year", "genres") if name in ratings]
        items = ratings[facts].drop_duplicates("item")
    origin = f"the file {path.absolute()}"
    return from_frame(ratings, users, items, name=path.stem, source=origin)


def _beside(path: Path, *names: str) -> pd.DataFrame | None:
    """The first table with one of these names in the same folder, or None."""
    files = [path.with_name(f"{name}{path.suffix}") for name in names]
    return next((_read(file) for file in files if file.is_file() and file != path), None)


def _read(path: Path) -> pd.DataFrame:
    """One table; ids stay text unless all of them are plain whole numbers ("007" is not)."""
    separator = "\t" if ".tsv" in path.suffixes else ","
    text = dict.fromkeys((*_NAMES, *_NAMES.values()), "str")
    table = pd.read_csv(path, sep=separator, dtype=text).rename(columns=_NAMES)
    for side in {"user", "item"} & set(table.columns):
        if table[side].str.fullmatch(r"0|-?[1-9]\d{0,17}").all():
            table[side] = table[side].astype("int64")
    return table
