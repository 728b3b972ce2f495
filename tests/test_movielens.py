"""The readers of MovieLens: three layouts give the same tables."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from sample_files import (
    ITEMS,
    RATINGS,
    USERS,
    YEARS,
    csv_files,
    ml100k_files,
    recbole_files,
    zipped,
)

from recsys_tutorial.datasets import Dataset, from_frame
from recsys_tutorial.datasets.movielens import GENRES_100K, read_csv, read_ml100k, read_recbole
from recsys_tutorial.datasets.side_tables import year_of

Files = dict[str, bytes]


def parsed(files: Files, read: Any) -> Dataset:
    folder = zipfile.Path(zipfile.ZipFile(io.BytesIO(zipped("set", files))), "set/")
    return from_frame(*read(folder))


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
    ("files", "read"), [(ml100k_files(), read_ml100k), (recbole_files(), read_recbole)]
)
def test_layouts_of_ml100k(files: Files, read: Any) -> None:
    made = parsed(files, read)
    assert list(made.ratings.itertuples(index=False, name=None)) == RATINGS
    assert list(made.users.itertuples(index=False, name=None)) == USERS
    assert list(made.items[["item", "title", "genres"]].itertuples(index=False, name=None)) == ITEMS
    assert [None if pd.isna(y) else y for y in made.items["year"]] == YEARS


def test_csv_layout() -> None:
    made = parsed(csv_files(), read_csv)
    assert made.ratings["rating"].tolist() == [4.0, 0.5, 3.5]
    assert made.items["title"].tolist() == [
        "Toy Story (1995)",
        "Cité des enfants, La (City, The) (1995)",
        '"Great Performances" Cats (1998)',
        "NA",
        "Death Note (2006–2007)",
    ]
    assert made.items["genres"].tolist()[0] == ("Adventure", "Animation")
    assert made.items["genres"].tolist()[3] == ()
    years = [None if pd.isna(y) else y for y in made.items["year"]]
    assert years == [1995, 1995, 1998, None, None]


@pytest.mark.parametrize(
    ("make", "read"),
    [(ml100k_files, read_ml100k), (recbole_files, read_recbole), (csv_files, read_csv)],
)
def test_line_ends_and_a_missing_last_one_do_not_matter(
    make: Callable[[], Files], read: Any
) -> None:
    plain = {name: text.replace(b"\r\n", b"\n") for name, text in make().items()}
    windows = {name: text.rstrip(b"\n").replace(b"\n", b"\r\n") for name, text in plain.items()}
    one, two = parsed(plain, read), parsed(windows, read)
    pd.testing.assert_frame_equal(one.ratings, two.ratings)
    pd.testing.assert_frame_equal(one.items, two.items)


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
