"""Parsers of the MovieLens files: from bytes to plain tables with the same columns everywhere.

Four layouts are read: the official one of MovieLens-100K, the copy of it that travels in the
RecBole wheel (both give identical tables), that of MovieLens-1M, and the CSV files of the later
sets, whose ratings also come in chunks where they are many.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from recsys_tutorial.datasets.archive import ArchiveError, Stream

GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
    "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi",
    "Thriller", "War", "Western",
)  # fmt: skip
"""Genre names of MovieLens-100K, in the order of its 19 flags."""

AGES_1M = {
    1: "under 18", 18: "18-24", 25: "25-34", 35: "35-44", 45: "45-49", 50: "50-55",
    56: "56 or more",
}  # fmt: skip
"""What the age codes of MovieLens-1M stand for: brackets, named by their lower end."""

OCCUPATIONS_1M = (
    "other", "academic/educator", "artist", "clerical/admin", "college/grad student",
    "customer service", "doctor/health care", "executive/managerial", "farmer", "homemaker",
    "K-12 student", "lawyer", "programmer", "retired", "sales/marketing", "scientist",
    "self-employed", "technician/engineer", "tradesman/craftsman", "unemployed", "writer",
)  # fmt: skip
"""What the occupation codes of MovieLens-1M stand for, from 0 on."""

_CSV_HEADER = "userId,movieId,rating,timestamp"
_CHUNK = 1_000_000  # lines of a large file read at once
_YEAR = re.compile(r"\((\d{4})\)")
_RECBOLE_RATINGS = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
_RECBOLE_ITEMS = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"
_RECBOLE_USERS = "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token"


class ParseError(ValueError):
    """A data file does not have its documented form; names the file, the line and the value."""


@dataclass(frozen=True)
class RawTables:
    """What a set of files says, before ids become positions.

    ratings : user, item (int64), rating (float64, stars), timestamp (int64, seconds); None where
              they are so many that `rating_chunks` reads them
    users   : user, age, gender, occupation, zip_code, or None where the set tells nothing
    items   : item, title, year (Int64), genres (tuple of str)
    """

    ratings: pd.DataFrame | None
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
    ratings = _ratings(files, "ml-100k.inter", sep="\t", header=_RECBOLE_RATINGS)
    users = _users(files, "ml-100k.user", "utf-8", "\t", _RECBOLE_USERS)
    return RawTables(ratings, users, _items(items))


def parse_ml1m(files: Mapping[str, bytes]) -> RawTables:
    """ratings.dat, users.dat and movies.dat: latin-1, fields apart by `::`, ids with gaps.

    `age` is the lower end of a bracket, which `age_group` spells out; occupations get their names.

    Raises ParseError.
    """
    items = []
    for where, fields in _records(files, "movies.dat", "latin-1", "::", 3):
        items.append((_whole(where, fields[0]), fields[1].strip(), tuple(fields[2].split("|"))))
    people = []
    lines = _records(files, "users.dat", "latin-1", "::", 5)
    for where, (user, gender, code, work, zip_code) in lines:
        age, occupation = _whole(where, code), _whole(where, work)
        if age not in AGES_1M or not 0 <= occupation < len(OCCUPATIONS_1M):
            raise ParseError(f"{where}: unknown age {age} or occupation {occupation}")
        who = (_whole(where, user), age, gender, OCCUPATIONS_1M[occupation], zip_code.strip())
        people.append((*who, AGES_1M[age]))
    name = "ratings.dat"
    if b"\t" in files[name]:  # it would be taken for a separator below
        raise ParseError(f"{name}: holds a tab, which this layout has nowhere")
    ratings = _ratings({name: files[name].replace(b"::", b"\t")}, name, sep="\t")
    return RawTables(ratings, _people(people, "age_group"), _items(items))


def parse_csv(files: Mapping[str, bytes]) -> RawTables:
    """movies.csv and, if given, ratings.csv of the later sets: UTF-8, header, quoted commas.

    Raises ParseError.
    """
    ratings = None
    if "ratings.csv" in files:
        ratings = _ratings(files, "ratings.csv", sep=",", header=_CSV_HEADER)
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


def rating_chunks(stream: Stream) -> Iterator[pd.DataFrame]:
    """ratings.csv of the large sets, a million lines at a time, in the columns of RawTables.

    Raises ParseError, and ArchiveError where the archive is damaged.
    """
    name = stream.member.name
    with stream.open() as file:
        _check_header(name, file.readline(), _CSV_HEADER)
        reader = pd.read_csv(file, **_csv_options(","), chunksize=_CHUNK)
        while True:
            with _csv_errors(name, lambda: _bad_line(stream)):
                chunk = next(reader, None)
            if chunk is None:
                return
            yield chunk


def _bad_line(stream: Stream) -> str | None:
    with stream.open() as file:
        return _bad_rating(file, ",", 1)


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
    return _people(rows)


def _people(rows: list[tuple[Any, ...]], *more: str) -> pd.DataFrame:
    columns = ["user", "age", "gender", "occupation", "zip_code", *more]
    whole = ("user", "age")
    types = {c: "int64" if c in whole else "str" for c in columns}
    return pd.DataFrame(rows, columns=columns).astype(types)


def _records(
    files: Mapping[str, bytes], name: str, encoding: str, sep: str, n_fields: int,
    header: str | None = None,
) -> Iterator[tuple[str, list[str]]]:  # fmt: skip
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
    files: Mapping[str, bytes], name: str, *, sep: str, header: str | None = None
) -> pd.DataFrame:
    content = files[name]
    skiprows = 0 if header is None else 1
    if header is not None:
        _check_header(name, content.split(b"\n", 1)[0], header)
    with _csv_errors(name, lambda: _bad_rating(io.BytesIO(content), sep, skiprows)):
        return pd.read_csv(io.BytesIO(content), **_csv_options(sep), skiprows=skiprows)


def _check_header(name: str, line: bytes, header: str) -> None:
    found = line.rstrip(b"\r\n")
    if found != header.encode():
        raise ParseError(f"{name}, line 1: not the expected header: {found[:80]!r}")


def _csv_options(sep: str) -> dict[str, Any]:
    types = {"user": "int64", "item": "int64", "rating": "float64", "timestamp": "int64"}
    return {
        "sep": sep, "header": None, "names": list(types), "index_col": False, "dtype": types,
        "encoding": "ascii", "quoting": csv.QUOTE_NONE,
    }  # fmt: skip


@contextmanager
def _csv_errors(name: str, find: Callable[[], str | None]) -> Iterator[None]:
    """What pandas dislikes as a ParseError that names the first bad line."""
    try:
        with warnings.catch_warnings():
            # pandas only warns when it drops the surplus fields of a line.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # numpy warns before pandas refuses a number that no integer holds.
            warnings.simplefilter("error", RuntimeWarning)
            yield
    except ArchiveError:
        raise
    except (ValueError, OverflowError, RuntimeWarning, pd.errors.ParserWarning) as error:
        raise ParseError(f"{name}: {find() or error}") from error


def _bad_rating(lines: Iterable[bytes], sep: str, skiprows: int) -> str | None:
    """Line number and text of the first line that is not user, item, rating, timestamp."""
    for number, raw in enumerate(lines, start=1):
        line = raw.rstrip(b"\r\n").decode("ascii", errors="replace")
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
