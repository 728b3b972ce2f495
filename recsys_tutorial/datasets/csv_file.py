"""A CSV file of your own, as a Dataset."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.frame import from_frame

_NAMES = {
    "userId": "user", "user_id": "user", "movieId": "item", "movie_id": "item", "item_id": "item",
}  # fmt: skip
_FACTS = ("title", "year", "genres")


def from_csv(path: Path) -> Dataset:
    """The ratings of a CSV file (tabs for .tsv) with the columns of `from_frame`.

    `userId`, `movieId` and the like are read as `user` and `item`. Titles, years and genres come
    from columns of the file itself, or from `items.csv` or `movies.csv` beside it, and facts about
    people from `users.csv`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError, TypeError: what `from_frame` refuses.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path.absolute()}: check the path")
    ratings, tables = _read(path), {}
    for side, names in {"user": ("users",), "item": ("items", "movies")}.items():
        beside = [path.with_name(f"{name}{path.suffix}") for name in names]
        tables[side] = next((_read(one) for one in beside if one.is_file() and one != path), None)
    known = [fact for fact in _FACTS if fact in ratings.columns]
    if tables["item"] is None and known and "item" in ratings.columns:
        tables["item"] = ratings[["item", *known]].drop_duplicates("item")
    origin = f"the file {path.absolute()}"
    return from_frame(ratings, tables["user"], tables["item"], name=path.stem, source=origin)


def _read(path: Path) -> pd.DataFrame:
    """One table; ids stay text unless all of them are plain whole numbers ("007" is not)."""
    separator = "\t" if ".tsv" in path.suffixes else ","
    text = dict.fromkeys((*_NAMES, *_NAMES.values()), "str")
    table = pd.read_csv(path, sep=separator, dtype=text).rename(columns=_NAMES)
    for side in {"user", "item"} & set(table.columns):
        if table[side].str.fullmatch(r"0|-?[1-9]\d{0,17}").all():
            table[side] = table[side].astype("int64")
    return table
