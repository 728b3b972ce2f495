"""The parsers: three layouts, the same tables; a line that is wrong is named."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_files import ITEMS, RATINGS, USERS, YEARS, csv_files, ml100k_files, recbole_files

from recsys_tutorial.datasets import Dataset
from recsys_tutorial.datasets.movielens import (
    GENRES_100K,
    ParseError,
    Parser,
    parse_csv,
    parse_ml100k,
    parse_recbole,
    year_of,
)

Files = dict[str, bytes]


@pytest.mark.parametrize(
    ("title", "year"),
    [
        ("Toy Story (1995)", 1995),
        ("Land Before Time III (1995) (V)", 1995),
        ("2001: A Space Odyssey", None),
        ("1941 (1979)", 1979),
        ("Twice (1950) told (1960)", 1960),
        ("Death Note (2006–2007)", None),
        ("Long (12345)", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_year_is_the_last_one_in_parentheses(title: str, year: int | None) -> None:
    assert year_of(title) == year


@pytest.mark.parametrize(
    ("files", "parse"), [(ml100k_files(), parse_ml100k), (recbole_files(), parse_recbole)]
)
def test_layouts_of_ml100k(files: Files, parse: Parser) -> None:
    raw = parse(files)
    assert list(raw.ratings.itertuples(index=False, name=None)) == RATINGS
    assert raw.ratings.dtypes.astype(str).tolist() == ["int64", "int64", "float64", "int64"]
    assert raw.users is not None
    assert list(raw.users.itertuples(index=False, name=None)) == USERS
    assert raw.items["item"].tolist() == [i for i, _, _ in ITEMS]
    assert raw.items["title"].tolist() == [t for _, t, _ in ITEMS]
    assert raw.items["genres"].tolist() == [g for _, _, g in ITEMS]
    assert raw.items["year"].dtype == "Int64"
    assert [None if pd.isna(y) else y for y in raw.items["year"]] == YEARS


def test_both_layouts_of_ml100k_give_identical_tables() -> None:
    official, recbole = parse_ml100k(ml100k_files()), parse_recbole(recbole_files())
    pd.testing.assert_frame_equal(official.ratings, recbole.ratings)
    pd.testing.assert_frame_equal(official.items, recbole.items)
    pd.testing.assert_frame_equal(official.users, recbole.users)


def test_csv_layout() -> None:
    raw = parse_csv(csv_files())
    assert raw.users is None
    assert raw.ratings["rating"].tolist() == [4.0, 0.5, 3.5]
    assert raw.items["title"].tolist() == [
        "Toy Story (1995)",
        "Cité des enfants, La (City, The) (1995)",
        '"Great Performances" Cats (1998)',
        "NA",
        "Death Note (2006–2007)",
    ]
    assert raw.items["genres"].tolist()[0] == ("Adventure", "Animation")
    assert raw.items["genres"].tolist()[3] == ()
    assert [None if pd.isna(y) else y for y in raw.items["year"]] == [1995, 1995, 1998, None, None]


@pytest.mark.parametrize(
    ("make", "parse"),
    [(ml100k_files, parse_ml100k), (recbole_files, parse_recbole), (csv_files, parse_csv)],
)
def test_line_ends_and_a_missing_last_one_do_not_matter(
    make: Callable[[], Files], parse: Parser
) -> None:
    plain = {name: text.replace(b"\r\n", b"\n") for name, text in make().items()}
    windows = {name: text.rstrip(b"\n").replace(b"\n", b"\r\n") for name, text in plain.items()}
    one, two = parse(plain), parse(windows)
    pd.testing.assert_frame_equal(one.ratings, two.ratings)
    pd.testing.assert_frame_equal(one.items, two.items)


def test_only_line_feeds_end_a_line() -> None:
    files = ml100k_files()
    files["u.item"] = files["u.item"].replace(b"Toy Story", b"Toy\x85Story")
    assert parse_ml100k(files).items["title"].iloc[0] == "Toy\x85Story (1995)"


DAMAGE = [
    # layout, file, old bytes, new bytes, what the message must name
    ("100k", "u.data", b"\t878887116", b"", ["u.data", "line 3", "'2\\t1412\\t1'"]),
    ("100k", "u.data", b"\t878887116", b"\t878887116\t9", ["u.data", "line 3", "878887116\\t9"]),
    ("100k", "u.data", b"\t881250949", b"\t881250949\t9", ["u.data", "line 1", "881250949\\t9"]),
    ("100k", "u.data", b"\t267\t", b"\tx67\t", ["u.data", "line 1", "x67"]),
    ("100k", "u.data", b"891717742", b"89171\xff742", ["u.data", "line 2"]),
    ("100k", "u.data", b"881250949", b"9" * 20, ["u.data", "line 1", "9" * 20]),
    ("100k", "u.item", b"|unknown ", b"|un|known ", ["u.item", "line 3", "24 fields", "25"]),
    ("100k", "u.item", b"267|", b"2x7|", ["u.item", "line 3", "'2x7'"]),
    ("100k", "u.item", b"/267|1", b"/267|y", ["u.item", "line 3", "'y'"]),
    ("100k", "u.user", b"|53|", b"|fifty|", ["u.user", "line 2", "'fifty'"]),
    ("100k", "u.user", b"|T8H1N", b"", ["u.user", "line 2", "5 fields"]),
    ("recbole", "ml-100k.inter", b"user_id", b"user", ["ml-100k.inter", "line 1", "header"]),
    ("recbole", "ml-100k.item", b"item_id", b"item", ["ml-100k.item", "line 1", "header"]),
    ("recbole", "ml-100k.item", "Été".encode(), b"\xc9t\xe9", ["ml-100k.item", "line 3", "utf-8"]),
    ("recbole", "ml-100k.user", b"user_id", b"user", ["ml-100k.user", "line 1", "header"]),
    ("csv", "ratings.csv", b"userId", b"user", ["ratings.csv", "line 1", "header"]),
    ("csv", "ratings.csv", b",0.5,", b",half,", ["ratings.csv", "line 3", "half"]),
    ("csv", "movies.csv", b"movieId", b"id", ["movies.csv", "line 1", "header"]),
    ("csv", "movies.csv", b"12,NA,", b"12,", ["movies.csv", "line 5", "3 fields"]),
    ("csv", "movies.csv", b'Cats (1998)"', b"Cats (1998)", ["movies.csv", "line"]),
    ("csv", "movies.csv", b"12,", b"twelve,", ["movies.csv", "line 5", "'twelve'"]),
]


@pytest.mark.parametrize(("layout", "name", "old", "new", "words"), DAMAGE)
def test_a_wrong_line_is_named(
    layout: str, name: str, old: bytes, new: bytes, words: list[str]
) -> None:
    make, parse = {
        "100k": (ml100k_files, parse_ml100k),
        "recbole": (recbole_files, parse_recbole),
        "csv": (csv_files, parse_csv),
    }[layout]
    files = make()
    assert old in files[name]
    files[name] = files[name].replace(old, new)
    with pytest.raises(ParseError) as caught:
        parse(files)
    assert [w for w in words if w not in str(caught.value)] == [], str(caught.value)


@settings(deadline=None, max_examples=100)
@given(content=st.binary(max_size=80))
def test_any_bytes_parse_or_give_a_parse_error(content: bytes) -> None:
    for make, parse in ((ml100k_files, parse_ml100k), (csv_files, parse_csv)):
        for name in make():
            files = make()
            files[name] += content
            message = name
            try:
                parse(files)
            except ParseError as error:
                message = str(error)
            assert name in message


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(1, 10**6),
            st.integers(1, 10**6),
            st.sampled_from([0.5, 1.0, 2.5, 5.0]),
            st.integers(0, 2**31),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_ratings_round_trip(rows: list[tuple[int, int, float, int]]) -> None:
    lines = ["userId,movieId,rating,timestamp", *(",".join(map(str, row)) for row in rows)]
    files = {**csv_files(), "ratings.csv": "\n".join(lines).encode()}
    read = parse_csv(files).ratings
    assert list(read.itertuples(index=False, name=None)) == rows


# ---- the real thing -------------------------------------------------------------------------


@pytest.mark.real
def test_real_ml100k_has_the_published_figures(ml100k: Dataset) -> None:
    assert (len(ml100k), ml100k.n_users, ml100k.n_items) == (100_000, 943, 1_682)
    assert ml100k.name == "ml-100k"
    stars = ml100k.ratings["rating"].value_counts()
    assert stars.to_dict() == {1: 6_110, 2: 11_370, 3: 27_145, 4: 34_174, 5: 21_201}
    assert ml100k.rating.mean() == pytest.approx(3.52986)
    assert ml100k.counts("user").min() == 20
    assert ml100k.counts("user").max() == 737
    assert (ml100k.counts("item") == 1).sum() == 141
    first = ml100k.ratings.iloc[0]
    assert first.tolist() == [196, 242, 3.0, 881_250_949]


@pytest.mark.real
def test_real_ml100k_side_tables(ml100k: Dataset) -> None:
    items, users = ml100k.items, ml100k.users
    assert items.loc[1, "title"] == "Toy Story (1995)"
    assert items.loc[1, "genres"] == ("Animation", "Children's", "Comedy")
    assert items.loc[267, "title"] == "unknown"
    assert items["year"].isna().sum() == 1
    assert items.loc[1412, "title"].endswith("(1995) (V)")
    assert items.loc[1412, "year"] == 1995
    assert items["year"].min() == 1922
    assert items["year"].max() == 1998
    assert set().union(*items["genres"]) == set(GENRES_100K)
    assert [i for i, g in zip(items["item"], items["genres"], strict=True) if "unknown" in g] == [
        267,
        1373,
    ]
    assert items["title"].str.contains("é").sum() >= 3
    assert not (items["title"] != items["title"].str.strip()).any()
    assert users.loc[1].tolist() == [1, 24, "M", "technician", "85711"]
    assert (users["age"].min(), users["age"].max()) == (7, 73)
    assert (~users["zip_code"].str.fullmatch(r"\d+")).sum() == 18
