"""Readers of the MovieLens files: plain tables with the same columns everywhere.

Four layouts are read: the official one of MovieLens-100K, the copy of it in the RecBole wheel
(both give identical tables), that of MovieLens-1M, and the CSV files of all later sets. A reader
gets the folder with the files, on disk or inside an archive.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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

_YEAR = re.compile(r"\((\d{4})\)")
_RATING = {"user": "int32", "item": "int32", "rating": "float32", "timestamp": "int64"}
_USER = {"user": "int64", "age": "int64", "gender": "str", "occupation": "str", "zip_code": "str"}

Folder = Path | zipfile.Path


@dataclass(frozen=True)
class RawTables:
    """The tables of a data set, before ids become positions.

    Attributes:
        ratings: columns user, item, rating (stars), timestamp (seconds).
        users: columns user, age, gender, occupation, zip_code; None where the set has none.
        items: columns item, title, year (Int64), genres (tuple of str).
    """

    ratings: pd.DataFrame
    users: pd.DataFrame | None
    items: pd.DataFrame


def year_of(title: str) -> int | None:
    """The year of a title: 1995 for "Land Before Time III (1995) (V)"; None without one."""
    years = _YEAR.findall(title)
    return int(years[-1]) if years else None


def read_ml100k(folder: Folder) -> RawTables:
    """The official files u.data, u.item (latin-1, 19 genre flags) and u.user."""
    names = ["item", "title", "date", "video", "url", *GENRES_100K]
    films = _table(folder, "u.item", "|", names, encoding="latin-1")
    flags = films[list(GENRES_100K)].to_numpy() == "1"
    genres = [tuple(g for g, flag in zip(GENRES_100K, row, strict=True) if flag) for row in flags]
    ratings = _table(folder, "u.data", "\t", _RATING)
    users = _table(folder, "u.user", "|", _USER, encoding="latin-1")
    return RawTables(ratings, users, _items(films["item"], films["title"], genres))


def read_recbole(folder: Folder) -> RawTables:
    """MovieLens-100K as RecBole rewrote it, with the damage to the titles repaired.

    RecBole cut the last parenthesis off each title as "the year": "(1995)", but also the "(V)"
    of a film made for video. The film of id 267 is called "unknown" and has no year.
    """
    names = ["item", "title", "year", "genres"]
    films = _table(folder, "ml-100k.item", "\t", names, skiprows=1)
    titles = [
        "unknown" if year == "unkonwn" else f"{title.strip()} ({year.strip()})"
        for title, year in zip(films["title"], films["year"], strict=True)
    ]
    ratings = _table(folder, "ml-100k.inter", "\t", _RATING, skiprows=1)
    users = _table(folder, "ml-100k.user", "\t", _USER, skiprows=1)
    return RawTables(ratings, users, _items(films["item"], titles, films["genres"].str.split()))


def read_ml1m(folder: Folder) -> RawTables:
    """ratings.dat, users.dat and movies.dat: latin-1, fields separated by `::`, ids with gaps.

    `age` is the lower end of a bracket; occupations get their names.
    """
    films = _table(folder, "movies.dat", "::", ["item", "title", "genres"], encoding="latin-1")
    coded = {"user": "int64", "gender": "str", "age": "int64", "work": "int64", "zip_code": "str"}
    users = _table(folder, "users.dat", "::", coded, encoding="latin-1")
    users["occupation"] = [OCCUPATIONS_1M[code] for code in users["work"]]
    ratings = _table(folder, "ratings.dat", "::", _RATING)
    items = _items(films["item"], films["title"], films["genres"].str.split("|"))
    return RawTables(ratings, users[[*_USER]].astype({"occupation": "str"}), items)


def read_csv(folder: Folder) -> RawTables:
    """ratings.csv and movies.csv of the later sets: UTF-8, header, quoted commas."""
    names, quotes = ["item", "title", "genres"], csv.QUOTE_MINIMAL
    films = _table(folder, "movies.csv", ",", names, skiprows=1, quoting=quotes)
    listed = films["genres"].replace("(no genres listed)", "")
    genres = [genres.split("|") if genres else () for genres in listed]
    ratings = _table(folder, "ratings.csv", ",", _RATING, skiprows=1)
    return RawTables(ratings, None, _items(films["item"], films["title"], genres))


def _table(
    folder: Folder, name: str, sep: str, types: dict[str, str] | Sequence[str], **options: Any
) -> pd.DataFrame:
    """One file as a table with these columns, which are text unless `types` has their types.

    Raises:
        ValueError: the file does not have this form; the message names the file.
    """
    options = {"encoding": "utf-8", "quoting": csv.QUOTE_NONE, **options}
    dtype: Any = types if isinstance(types, dict) else "str"
    try:
        with (folder / name).open("rb") as file:
            text: IO[Any] = file
            if sep == "::":  # pandas reads fast only where one character separates
                text, sep = io.BytesIO(file.read().replace(b"::", b"\t")), "\t"
            return pd.read_csv(
                text, sep=sep, header=None, names=list(types), index_col=False, dtype=dtype,
                keep_default_na=False, **options,
            )  # fmt: skip
    except (ValueError, OverflowError) as error:  # pandas' own errors are ValueErrors too
        raise ValueError(f"{name}: {error}") from error


def _items(ids: Iterable[str], titles: Iterable[str], genres: Iterable[Any]) -> pd.DataFrame:
    plain = [title.strip() for title in titles]
    return pd.DataFrame(
        {
            "item": pd.Series(list(ids)).astype("int64"),
            "title": pd.Series(plain, dtype="str"),
            "year": pd.Series([year_of(title) for title in plain], dtype="Int64"),
            "genres": pd.Series([tuple(one) for one in genres], dtype="object"),
        }
    )
