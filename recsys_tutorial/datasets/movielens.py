"""Readers of the MovieLens files: plain tables with the same columns everywhere.

Four layouts are read: the official one of MovieLens-100K, the copy of it in the RecBole wheel
(both give identical tables), that of MovieLens-1M, and the CSV files of all later sets. A reader
gets the folder with the files, on disk or inside an archive.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import pandas as pd

GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
    "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi",
    "Thriller", "War", "Western",
)  # fmt: skip
"""Genre names of MovieLens-100K, in the order of its 19 flags."""

OCCUPATIONS_1M = (
    "other", "academic/educator", "artist", "clerical/admin", "college/grad student",
    "customer service", "doctor/health care", "executive/managerial", "farmer", "homemaker",
    "K-12 student", "lawyer", "programmer", "retired", "sales/marketing", "scientist",
    "self-employed", "technician/engineer", "tradesman/craftsman", "unemployed", "writer",
)  # fmt: skip
"""Meaning of the occupation codes of MovieLens-1M, from 0 on."""

_RATING = {"user": "int32", "item": "int32", "rating": "float32", "timestamp": "int64"}
_USER = {"user": "int64", "age": "int64", "gender": "str", "occupation": "str", "zip_code": "str"}
_FILM = {"item": "int64", "title": "str", "genres": "str"}

Folder = Path | zipfile.Path
Tables = tuple[pd.DataFrame, pd.DataFrame | None, pd.DataFrame]
"""Ratings, users (None where the set has none) and items, as `from_frame` takes them."""


def read_ml100k(folder: Folder) -> Tables:
    """The official files u.data, u.item (latin-1, 19 genre flags) and u.user."""
    names = ["item", "title", "date", "video", "url", *GENRES_100K]
    films = _table(folder, "u.item", "|", names, encoding="latin-1").astype({"item": "int64"})
    flags = films[[*GENRES_100K]].to_numpy() == "1"
    films["genres"] = [
        tuple(g for g, has in zip(GENRES_100K, row, strict=True) if has) for row in flags
    ]
    ratings = _table(folder, "u.data", "\t", _RATING)
    return ratings, _table(folder, "u.user", "|", _USER, encoding="latin-1"), films[[*_FILM]]


def read_recbole(folder: Folder) -> Tables:
    """MovieLens-100K as RecBole rewrote it, with the damage to the titles repaired.

    RecBole cut the last parenthesis off each title as "the year": "(1995)", but also the "(V)"
    of a film made for video. The film of id 267 is called "unknown" and has no year.
    """
    names = {"item": "int64", "title": "str", "year": "str", "genres": "str"}
    films = _table(folder, "ml-100k.item", "\t", names, skiprows=1)
    whole = films["title"].str.strip() + " (" + films["year"].str.strip() + ")"
    films["title"] = whole.where(films["year"] != "unkonwn", "unknown")
    films["genres"] = films["genres"].str.split()
    ratings = _table(folder, "ml-100k.inter", "\t", _RATING, skiprows=1)
    return ratings, _table(folder, "ml-100k.user", "\t", _USER, skiprows=1), films[[*_FILM]]


def read_ml1m(folder: Folder) -> Tables:
    """ratings.dat, users.dat and movies.dat: latin-1, fields separated by `::`, ids with gaps.

    `age` is the lower end of a bracket; occupations get their names.
    """
    coded = {"user": "int64", "gender": "str", "age": "int64", "work": "int64", "zip_code": "str"}
    users = _table(folder, "users.dat", "::", coded, encoding="latin-1")
    users["occupation"] = users["work"].map(dict(enumerate(OCCUPATIONS_1M))).astype("str")
    films = _table(folder, "movies.dat", "::", _FILM, encoding="latin-1")
    return _table(folder, "ratings.dat", "::", _RATING), users[[*_USER]], films


def read_csv(folder: Folder) -> Tables:
    """ratings.csv and movies.csv of the later sets: UTF-8, header, quoted commas."""
    films = _table(folder, "movies.csv", ",", _FILM, skiprows=1, quoting=csv.QUOTE_MINIMAL)
    return _table(folder, "ratings.csv", ",", _RATING, skiprows=1), None, films


def _table(
    folder: Folder, name: str, sep: str, types: dict[str, str] | Sequence[str], **options: Any
) -> pd.DataFrame:
    """One file as a table with these columns, which are text unless `types` has their types."""
    options = {"encoding": "utf-8", "quoting": csv.QUOTE_NONE, **options}
    dtype: Any = types if isinstance(types, dict) else "str"
    with (folder / name).open("rb") as file:
        text: IO[Any] = file
        if sep == "::":  # pandas reads fast only where one character separates
            text, sep = io.BytesIO(file.read().replace(b"::", b"\t")), "\t"
        return pd.read_csv(
            text, sep=sep, header=None, names=list(types), index_col=False, dtype=dtype,
            keep_default_na=False, **options,
        )  # fmt: skip
