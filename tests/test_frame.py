"""from_frame: what it accepts, and the one clear error for each thing that it does not."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_tutorial.datasets import from_frame


def frame(**columns: Any) -> pd.DataFrame:
    """Three good ratings, with columns replaced, added, or (None) left out."""
    good = {"user": [7, 3, 7], "item": ["b", "a", "a"], "rating": [4.0, 2.5, 5.0]}
    return pd.DataFrame({k: v for k, v in {**good, **columns}.items() if v is not None})


def objects(*values: Any) -> pd.Series:
    column = pd.Series([None] * len(values), dtype=object)
    for position, value in enumerate(values):
        column.iat[position] = value
    return column


# ---- accepted -------------------------------------------------------------------------------


def test_round_trip_keeps_rows_order_and_ids() -> None:
    given_ = frame(timestamp=[30, 10, 20], weight=[1.0, 0.0, 2.0], extra=["x", "y", "z"])
    made = from_frame(given_)
    pd.testing.assert_frame_equal(
        made.ratings, given_[["user", "item", "rating", "timestamp", "weight"]]
    )
    assert list(made.user_vocab.ids) == [3, 7]
    assert list(made.user) == [1, 0, 1]
    assert (made.n_users, made.n_items, len(made)) == (2, 2, 3)
    assert made.scale == (2.5, 5.0)
    assert not made.implicit


IDS = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=6, unique=True),
    st.lists(st.text(max_size=4), min_size=1, max_size=6, unique=True),
    st.lists(
        st.tuples(st.integers(0, 9), st.text(max_size=2)), min_size=1, max_size=6, unique=True
    ),
    st.lists(st.binary(max_size=3), min_size=1, max_size=6, unique=True),
)


@settings(deadline=None, max_examples=150)
@given(users=IDS, items=IDS, data=st.data())
def test_any_ids_of_one_type_round_trip(users: list, items: list, data: st.DataObject) -> None:
    pair = st.tuples(st.sampled_from(users), st.sampled_from(items))
    pairs = data.draw(st.lists(pair, min_size=1, max_size=12, unique=True))
    ratings = pd.DataFrame({"rating": np.arange(len(pairs), dtype=float)})
    ratings["user"], ratings["item"] = (
        objects(*[p[0] for p in pairs]),
        objects(*[p[1] for p in pairs]),
    )
    before = ratings.copy(deep=True)
    made = from_frame(ratings)
    assert list(zip(made.ratings["user"], made.ratings["item"], strict=True)) == pairs
    assert made.n_users == len({p[0] for p in pairs})
    assert made.ratings["rating"].tolist() == ratings["rating"].tolist()
    assert made.users["user"].tolist() == list(made.user_vocab.ids)
    pd.testing.assert_frame_equal(ratings, before)


@pytest.mark.parametrize("dtype", ["int8", "uint32", "Int64", "category"])
def test_whole_number_ids_of_any_dtype(dtype: str) -> None:
    given_ = frame()
    given_["user"] = given_["user"].astype(dtype)  # type: ignore[call-overload]
    assert from_frame(given_).ratings["user"].tolist() == [7, 3, 7]


def test_without_ratings_rows_are_implicit_pairs() -> None:
    made = from_frame(frame(rating=None))
    assert made.implicit
    assert made.rating.tolist() == [1.0, 1.0, 1.0]
    assert made.timestamp is None
    assert made.weight is None


@pytest.mark.parametrize(
    ("rating", "expected"),
    [
        ([1, 2, 3], [1.0, 2.0, 3.0]),
        (pd.array([1, 2, 3], dtype="Int8"), [1.0, 2.0, 3.0]),
        ([-100.5, 0.0, 1e9], [-100.5, 0.0, 1e9]),
        (objects(1, 2.5, 3), [1.0, 2.5, 3.0]),
        ([True, False, True], [1.0, 0.0, 1.0]),
    ],
)
def test_any_scale_and_numeric_type(rating: Any, expected: list[float]) -> None:
    made = from_frame(frame(rating=rating))
    assert made.rating.tolist() == expected
    assert made.rating.dtype == np.float64


@pytest.mark.parametrize(
    "times",
    [
        [86_400, 0, 86_401],
        [86_400.9, 0.2, 86_401.0],
        pd.to_datetime(["1970-01-02", "1970-01-01", "1970-01-02 00:00:01.5"], format="mixed"),
        pd.to_datetime(
            ["1970-01-02", "1970-01-01", "1970-01-02 00:00:01"], utc=True, format="mixed"
        ),
        [
            datetime.datetime(1970, 1, 2),
            datetime.datetime(1970, 1, 1),
            datetime.datetime(1970, 1, 2, 0, 0, 1),
        ],
    ],
)
def test_times_become_whole_seconds(times: Any) -> None:
    made = from_frame(frame(timestamp=times))
    assert made.timestamp is not None
    assert made.timestamp.tolist() == [86_400, 0, 86_401]
    assert made.timestamp.dtype == np.int64


def test_side_tables_add_ids_and_are_put_in_vocabulary_order() -> None:
    items = pd.DataFrame(
        {
            "item": ["z", "a"],
            "title": [" Zulu ", "Alpha (1990)"],
            "year": [1964, 1990],
            "genres": ["War|Drama", ("Comedy",)],
            "studio": ["P", "Q"],
        }
    )
    users = pd.DataFrame({"user": [9, 3], "age": [30, 40]})
    made = from_frame(frame(), users, items)
    assert made.items["item"].tolist() == ["a", "b", "z"]
    assert made.items["title"].tolist() == ["Alpha (1990)", "b", "Zulu (1964)"]
    assert made.items["year"].tolist() == [1990, pd.NA, 1964]
    assert made.items["year"].dtype == "Int64"
    assert made.items["genres"].tolist() == [("Comedy",), (), ("War", "Drama")]
    assert made.items["studio"].tolist()[::2] == ["Q", "P"]
    assert made.items.index.tolist() == ["a", "b", "z"]
    assert made.users["user"].tolist() == [3, 7, 9]
    assert made.users["age"].tolist() == [40, pd.NA, 30]
    assert made.counts("user").tolist() == [1, 2, 0]
    assert made.counts("item").tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("genres", "expected"),
    [
        (["A", "B"], ("A", "B")),
        (np.array(["A"], dtype=object), ("A",)),
        ("A | B", ("A", "B")),
        ("(no genres listed)", ()),
        ("", ()),
        (None, ()),
        (float("nan"), ()),
    ],
)
def test_forms_of_genres(genres: Any, expected: tuple[str, ...]) -> None:
    items = pd.DataFrame({"item": ["a"], "genres": objects(genres)})
    assert from_frame(frame(), items=items).items.at["a", "genres"] == expected


def test_the_callers_tables_are_not_modified() -> None:
    ratings, users = frame(timestamp=[1.5, 2, 3]), pd.DataFrame({"user": [3], "age": [40]})
    items = pd.DataFrame({"item": ["a"], "title": ["Alpha"], "year": [1990], "genres": ["X|Y"]})
    copies = [t.copy(deep=True) for t in (ratings, users, items)]
    made = from_frame(ratings, users, items)
    for column in (made.rating, made.timestamp, made.user, made.item):
        assert column is not None
        column[:] = -1
    made.items["title"] = "changed"
    for table, copy in zip((ratings, users, items), copies, strict=True):
        pd.testing.assert_frame_equal(table, copy)


@pytest.mark.parametrize(("power", "unit"), [(3, "milli"), (6, "micro"), (9, "nano")])
def test_times_in_smaller_units_are_converted_and_said(power: int, unit: str) -> None:
    times = np.array([1_500_000_000, 1_500_000_001, 1_400_000_000])
    with pytest.warns(UserWarning, match=f"look like {unit}seconds"):
        made = from_frame(frame(timestamp=times * 10**power + 5))
    assert made.timestamp is not None
    assert made.timestamp.tolist() == times.tolist()


def test_counts_become_weights_of_mean_one() -> None:
    plays = [1.0, 0.0, 99.0]
    made = from_frame(frame(rating=None, plays=plays), counts="plays", alpha=2.0)
    assert made.implicit
    assert made.rating.tolist() == [1.0, 1.0, 1.0]
    expected = np.array([1 + 2 * np.log(2), 0.0, 1 + 2 * np.log(100)])
    assert made.weight is not None
    np.testing.assert_allclose(made.weight, expected / expected.mean())
    again = from_frame(frame(rating=plays), counts="rating", alpha=2.0)
    assert again.implicit
    assert np.array_equal(again.weight, made.weight)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"counts.*and a column 'weight'"):
        from_frame(frame(plays=plays, weight=[1.0, 1.0, 1.0]), counts="plays")
    with pytest.raises(TypeError, match="counts= is the name of the column"):
        from_frame(frame(), counts=frame()["rating"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"plays -1 in row 0 .* is negative"):
        from_frame(frame(plays=[-1, 1, 1]), counts="plays")


def test_doubled_pairs_of_an_event_log_are_summed_on_request() -> None:
    events = pd.DataFrame(
        {"user": [7, 3, 7, 7], "item": ["b", "a", "b", "a"], "timestamp": [5, 1, 9, 2]}
    )
    made = from_frame(events, duplicates="sum")
    assert made.ratings[["user", "item"]].to_numpy().tolist() == [[7, "b"], [3, "a"], [7, "a"]]
    assert made.ratings["timestamp"].tolist() == [9, 1, 2]
    once = from_frame(made.ratings[["user", "item"]].assign(n=[2, 1, 1]), counts="n")
    assert np.array_equal(made.weight, once.weight)  # type: ignore[arg-type]
    counted = from_frame(events.assign(n=[1, 4, 2, 5]), counts="n", duplicates="sum")
    direct = from_frame(made.ratings[["user", "item"]].assign(n=[3, 4, 5]), counts="n")
    assert np.array_equal(counted.weight, direct.weight)  # type: ignore[arg-type]
    weighted = from_frame(events.assign(weight=[1.0, 2.0, 0.5, 3.0]), duplicates="sum")
    assert weighted.weight is not None
    assert weighted.weight.tolist() == [1.5, 2.0, 3.0]
    with pytest.raises(ValueError, match=r"cannot be summed.*drop_duplicates"):
        from_frame(events.assign(rating=3.0), duplicates="sum")
    with pytest.raises(ValueError, match="unknown duplicates 'mean'"):
        from_frame(events, duplicates="mean")


def test_ratings_that_look_like_counts_are_noticed() -> None:
    table = pd.DataFrame({"user": range(30), "item": 1, "rating": [1.0] * 29 + [500.0]})
    with pytest.warns(UserWarning, match=r"look like counts.*counts='rating'.*log1p"):
        from_frame(table)
    from_frame(table.assign(rating=range(30)))  # no warning: as good a scale as any


# ---- refused --------------------------------------------------------------------------------

NAN = float("nan")
REFUSED = [
    # id, columns, exception, words of the message: what, where, remedy
    ("empty", {"user": [], "item": [], "rating": []}, ValueError, ["empty"]),
    ("no user", {"user": None}, ValueError, ["0 columns named 'user'", "'item'", "rename"]),
    ("no item", {"item": None}, ValueError, ["0 columns named 'item'", "rename"]),
    ("null user", {"user": [7, None, 7]}, ValueError, ["user nan in row 1", "is null", "dropna"]),
    (
        "null item",
        {"item": ["b", "a", None]},
        ValueError,
        ["item nan in row 2", "is null", "dropna"],
    ),
    ("mixed", {"user": objects(7, "7", 3)}, TypeError, ["user '7' in row 1", "7 (int)", "astype"]),
    ("bool in int", {"user": objects(7, True, 3)}, TypeError, ["user True in row 1", "7 (int)"]),
    ("float ids", {"user": [7.0, 3.0, 7.0]}, TypeError, ["float64", "7.0", "astype('int64')"]),
    (
        "bool ids",
        {"user": [True, False, True]},
        TypeError,
        ["ids are bool", "the first is True", "whole numbers, text or tuples"],
    ),
    ("list ids", {"user": objects([1], [2], [3])}, TypeError, ["the first is [1]", "tuple"]),
    ("nan", {"rating": [4.0, NAN, 5.0]}, ValueError, ["rating nan in row 1", "dropna"]),
    ("inf", {"rating": [4.0, 5.0, np.inf]}, ValueError, ["rating inf in row 2"]),
    ("NA", {"rating": pd.array([1, None, 2], dtype="Int64")}, ValueError, ["rating <NA> in row 1"]),
    ("text", {"rating": ["4", "five", "1"]}, TypeError, ["rating '4' in row 0", "to_numeric"]),
    ("list", {"rating": objects(4, [1, 2], 5)}, TypeError, ["rating [1, 2] in row 1"]),
    ("weight < 0", {"weight": [1.0, 1.0, -0.5]}, ValueError, ["weight -0.5 in row 2", ">= 0"]),
    ("weight nan", {"weight": [1.0, NAN, 1.0]}, ValueError, ["weight nan in row 1"]),
    ("time null", {"timestamp": [1.0, NAN, 2.0]}, ValueError, ["timestamp nan in row 1"]),
    (
        "time too far",
        {"timestamp": [1.0, 1e25, 2.0]},
        ValueError,
        ["1e+25 in row 1", "pd.to_datetime"],
    ),
    ("time inf", {"timestamp": [1.0, 2.0, np.inf]}, ValueError, ["timestamp inf in row 2"]),
    ("time text", {"timestamp": ["today"] * 3}, TypeError, ["'today'", "pd.to_datetime"]),
    ("time text of numbers", {"timestamp": ["15"] * 3}, TypeError, ["'15'", "pd.to_numeric"]),
    (
        "times in two units",
        {"timestamp": [1_500_000_000, 1_500_000_001, 1_500_000_000_000]},
        ValueError,
        ["1500000000000 in row 2", "unit of the others"],
    ),
    ("too large", {"rating": [1.0, 2.0, 1e38]}, ValueError, ["1e+38 in row 2", "divide"]),
    (
        "duplicate",
        {"user": [7, 3, 7], "item": ["a", "a", "a"]},
        ValueError,
        ["user 7", "item 'a'", "again in row 2", "drop_duplicates", "duplicates='sum'"],
    ),
]


@pytest.mark.parametrize(
    ("columns", "exception", "words"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_refused_with_value_place_and_remedy(
    columns: dict[str, Any], exception: type[Exception], words: list[str]
) -> None:
    with pytest.raises(exception) as caught:
        from_frame(frame(**columns))
    message = str(caught.value)
    assert [w for w in words if w not in message] == [], message
    assert "\n" not in message


@pytest.mark.parametrize("given_", [[("u", "i", 1.0)], {"user": [1]}, None, np.zeros((2, 3))])
def test_refuses_what_is_no_frame(given_: Any) -> None:
    with pytest.raises(TypeError, match=r"must be a pandas DataFrame, not .*pd.DataFrame"):
        from_frame(given_)


SIDE = [
    ({"id": [3]}, ValueError, "users has 0 columns named 'user'"),
    ({"user": [3, 7, 3]}, ValueError, "user 3 in row 2 .* has a row already"),
    ({"user": [3, None]}, ValueError, "users: user nan in row 1 .* is null"),
    (
        {"user": ["3"]},
        TypeError,
        r"users: user '3' in row 0 .*same type as 7 \(int\) in row 0 of ratings",
    ),
]


@pytest.mark.parametrize(("columns", "exception", "message"), SIDE)
def test_refused_side_tables(
    columns: dict[str, Any], exception: type[Exception], message: str
) -> None:
    with pytest.raises(exception, match=message):
        from_frame(frame(), users=pd.DataFrame(columns))


@pytest.mark.parametrize("value", [3, (1, 2)])
def test_refused_genres_are_named_with_their_item(value: Any) -> None:
    items = pd.DataFrame({"item": ["a"], "genres": objects(value)})
    with pytest.raises(TypeError) as caught:
        from_frame(frame(), items=items)
    assert f"genres {value!r} of item 'a'" in str(caught.value)


def test_a_refused_year() -> None:
    with pytest.raises(ValueError, match=r"items: a year is not a whole number \(.*soon"):
        from_frame(frame(), items=pd.DataFrame({"item": ["a"], "year": ["soon"]}))
