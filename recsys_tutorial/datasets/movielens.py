"""Parsers of the MovieLens files: from bytes to plain tables with the same columns everywhere.

Three layouts are read: the official one of MovieLens-100K, the copy of it that travels in the
RecBole wheel, and the CSV files of the later sets. The first two give identical tables.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

GENRES_100K = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
"""Genre names of MovieLens-100K, in the order of its 19 flags."""

_YEAR = re.compile(r"\((\d{4})\)")
_RATING_COLUMNS = ["user", "item", "rating", "timestamp"]
_RECBOLE_RATINGS = b"user_id:token\titem_id:token\trating:float\ttimestamp:float"
_RECBOLE_ITEMS = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"
_RECBOLE_USERS = "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token"


class ParseError(ValueError):
    """A data file does not have its documented form; names the file, the line and the value."""


@dataclass(frozen=True)
class RawTables:
    """What a set of files says, before ids become positions.

    ratings : user, item (int64), rating (float64, stars), timestamp (int64, seconds)
    users   : user, age, gender, occupation, zip_code, or None where the set tells nothing
    items   : item, title, year (Int64), genres (tuple of str)
    """

    ratings: pd.DataFrame
    users: pd.DataFrame | None
    items: pd.DataFrame


Parser = Callable[[Mapping[str, bytes]], RawTables]


def year_of(title: str) -> int | None:
    """The year of a title: the last four digits in parentheses of their own, None without.

    >>> year_of("Land Before Time III (1995) (V)")
    1995
    """
    years = _YEAR.findall(title)
    return int(years[-1]) if years else None


def parse_ml100k(files: Mapping[str, bytes]) -> RawTables:
    """The official files u.data, u.item (latin-1, 24 fields) and u.user.

    Raises ParseError.
    """
    items = []
    for where, fields in _records(files, "u.item", "latin-1", "|", 5 + len(GENRES_100K)):
        flags = fields[5:]
        if not set(flags) <= {"0", "1"}:
            raise ParseError(f"{where}: genre flags must be 0 or 1, found {flags}")
        genres = tuple(g for g, flag in zip(GENRES_100K, flags, strict=True) if flag == "1")
        items.append((_whole(where, fields[0]), fields[1].strip(), genres))
    ratings = _ratings(files, "u.data", sep="\t")
    return RawTables(ratings, _users(files, "u.user", "latin-1", "|"), _items(items))


def parse_recbole(files: Mapping[str, bytes]) -> RawTables:
    """MovieLens-100K as RecBole rewrote it; what that damaged in the titles is repaired.

    Raises ParseError.
    """
    items = []
    for where, fields in _records(files, "ml-100k.item", "utf-8", "\t", 4, _RECBOLE_ITEMS):
        title = _join_title(fields[1].strip(), fields[2].strip())
        items.append((_whole(where, fields[0]), title, tuple(fields[3].split())))
    name = "ml-100k.inter"
    header = files[name].split(b"\n", 1)[0].rstrip(b"\r")
    if header != _RECBOLE_RATINGS:
        raise ParseError(f"{name}, line 1: not the expected header: {header[:80]!r}")
    ratings = _ratings(files, name, sep="\t", skiprows=1)
    users = _users(files, "ml-100k.user", "utf-8", "\t", _RECBOLE_USERS)
    return RawTables(ratings, users, _items(items))


def parse_csv(files: Mapping[str, bytes]) -> RawTables:
    """ratings.csv and movies.csv of the later sets: UTF-8, header line, quoted commas.

    Raises ParseError.
    """
    ratings = _ratings(files, "ratings.csv", sep=",", header="userId,movieId,rating,timestamp")
    name = "movies.csv"
    lines = csv.reader(io.StringIO(_text(files, name, "utf-8"), newline=""), strict=True)
    items = []
    try:
        header = next(lines, [])
        if header != ["movieId", "title", "genres"]:
            raise ParseError(f"{name}, line 1: not the expected header: {header}")
        for fields in lines:
            where = f"{name}, line {lines.line_num}"
            if len(fields) != 3:
                raise ParseError(f"{where}: expected 3 fields, found {len(fields)}: {fields}")
            none = fields[2] in ("", "(no genres listed)")
            genres = () if none else tuple(fields[2].split("|"))
            items.append((_whole(where, fields[0]), fields[1].strip(), genres))
    except csv.Error as error:
        raise ParseError(f"{name}, line {lines.line_num}: {error}") from error
    return RawTables(ratings, None, _items(items))


def _join_title(title: str, year: str) -> str:
    """Undo the split of RecBole's copy, which cut the last parenthesis off as "the year"."""
    if year == "unkonwn":  # its spelling; the film of id 267 is called "unknown" and has no year
        return "unknown"
    return f"{title} ({year})"  # also "... (1995)" and "V", for a film made for video


def _items(rows: list[tuple[int, str, tuple[str, ...]]]) -> pd.DataFrame:
    ids, titles, genres = zip(*rows, strict=True) if rows else ((), (), ())
    return pd.DataFrame(
        {
            "item": pd.Series(ids, dtype="int64"),
            "title": pd.Series(titles, dtype="str"),
            "year": pd.Series([year_of(t) for t in titles], dtype="Int64"),
            "genres": pd.Series(list(genres), dtype="object"),
        }
    )


def _users(
    files: Mapping[str, bytes], name: str, encoding: str, sep: str, header: str | None = None
) -> pd.DataFrame:
    rows = []
    for where, fields in _records(files, name, encoding, sep, 5, header):
        user, age = _whole(where, fields[0]), _whole(where, fields[1])
        rows.append((user, age, *(text.strip() for text in fields[2:])))
    frame = pd.DataFrame(rows, columns=["user", "age", "gender", "occupation", "zip_code"])
    types = {"user": "int64", "age": "int64", "gender": "str", "occupation": "str"}
    return frame.astype({**types, "zip_code": "str"})


def _records(
    files: Mapping[str, bytes],
    name: str,
    encoding: str,
    sep: str,
    n_fields: int,
    header: str | None = None,
) -> Iterator[tuple[str, list[str]]]:
    """(where, fields) of each line; never splitlines(), which also cuts at rare characters."""
    lines = _text(files, name, encoding).split("\n")
    for number, raw in enumerate(lines, start=1):
        line = raw.removesuffix("\r")
        if header is not None and number == 1:
            if line != header:
                raise ParseError(f"{name}, line 1: not the expected header: {line[:80]!r}")
            continue
        if not line.strip():
            continue
        fields = line.split(sep)
        where = f"{name}, line {number}"
        if len(fields) != n_fields:
            found = f"{len(fields)}: {line[:80]!r}"
            raise ParseError(f"{where}: expected {n_fields} fields, found {found}")
        yield where, fields


def _ratings(
    files: Mapping[str, bytes],
    name: str,
    *,
    sep: str,
    skiprows: int = 0,
    header: str | None = None,
) -> pd.DataFrame:
    content = files[name]
    if header is not None:
        first = content.split(b"\n", 1)[0].rstrip(b"\r")
        if first != header.encode():
            raise ParseError(f"{name}, line 1: not the expected header: {first[:80]!r}")
        skiprows = 1
    types = {"user": "int64", "item": "int64", "rating": "float64", "timestamp": "int64"}
    try:
        with warnings.catch_warnings():
            # pandas only warns when it drops the surplus fields of a line.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.BytesIO(content),
                sep=sep,
                header=None,
                names=_RATING_COLUMNS,
                index_col=False,
                skiprows=skiprows,
                dtype=types,
                encoding="ascii",
                quoting=csv.QUOTE_NONE,
            )
    except (ValueError, OverflowError, pd.errors.ParserWarning) as error:
        raise ParseError(f"{name}: {_bad_rating(content, sep, skiprows) or error}") from error


def _bad_rating(content: bytes, sep: str, skiprows: int) -> str | None:
    """Line number and text of the first line that is not user, item, rating, timestamp."""
    for number, raw in enumerate(content.split(b"\n"), start=1):
        line = raw.rstrip(b"\r").decode("ascii", errors="replace")
        if number <= skiprows or not line:
            continue
        fields = line.split(sep)
        try:
            if len(fields) != 4:
                raise ValueError("fields")
            float(fields[2])
            np.array([fields[0], fields[1], fields[3]]).astype(np.int64)
        except (ValueError, OverflowError):
            return f"line {number}: expected user, item, rating and timestamp, found {line[:80]!r}"
    return None


def _text(files: Mapping[str, bytes], name: str, encoding: str) -> str:
    try:
        return files[name].decode(encoding)
    except UnicodeDecodeError as error:
        line = files[name].count(b"\n", 0, error.start) + 1
        raise ParseError(f"{name}, line {line}: not {encoding} text ({error.reason})") from error


def _whole(where: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ParseError(f"{where}: expected a whole number, found {text!r}") from None
