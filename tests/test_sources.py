"""load: what is here already, in every form, and what is here but wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from loopback import Server, answers
from sample_files import ITEMS, RATINGS, csv_files, ml100k_files, recbole_files, sha256
from sample_sources import LATEST, OFFICIAL, WHEEL, WHEEL_NAME, files_in, unpack

from recsys_tutorial.datasets import DataUnavailable, load, sources

# ---- what is here ---------------------------------------------------------------------------


def put_zip(directory: Path) -> Path:
    (directory / "ml-100k.zip").write_bytes(OFFICIAL)
    return directory


def put_wheel(directory: Path) -> Path:
    (directory / WHEEL_NAME).write_bytes(WHEEL)
    return directory


def put_folder(directory: Path) -> Path:
    unpack(directory / "ml-100k", ml100k_files())
    return directory


def put_recbole_folder(directory: Path) -> Path:
    unpack(directory / "ml-100k", recbole_files())
    return directory


def put_files(directory: Path) -> Path:
    unpack(directory, ml100k_files())
    return directory


PUT = [
    (put_zip, "ml-100k.zip"),
    (put_wheel, WHEEL_NAME),
    (put_folder, "u.data"),
    (put_recbole_folder, "ml-100k.inter"),
    (put_files, "u.data"),
    (lambda d: put_zip(d) / "ml-100k.zip", "ml-100k.zip"),
    (lambda d: put_wheel(d) / WHEEL_NAME, WHEEL_NAME),
]


@pytest.mark.parametrize(("put", "word"), PUT)
def test_every_local_form_gives_the_same_data(
    table: object, tmp_path: Path, put: Callable[[Path], Path], word: str
) -> None:
    made = load("ml-100k", data_dir=put(tmp_path), offline=True)
    assert made.name == "ml-100k"
    assert word in made.source
    assert str(tmp_path) in made.source
    assert list(made.ratings.itertuples(index=False, name=None)) == RATINGS
    assert made.items["title"].tolist() == [title for _, title, _ in ITEMS]
    assert made.users["zip_code"].tolist() == ["85711", "T8H1N"]
    assert made.items.index.tolist() == [1, 7, 267, 1412]


@pytest.mark.parametrize("form", ["zip", "folder", "files"])
def test_latest_small_from_here(table: object, tmp_path: Path, form: str) -> None:
    if form == "zip":
        (tmp_path / "ml-latest-small.zip").write_bytes(LATEST)
    else:
        unpack(tmp_path / "ml-latest-small" if form == "folder" else tmp_path, csv_files())
    made = load("ml-latest-small", data_dir=str(tmp_path), offline=True)
    assert (len(made), made.n_users, made.n_items) == (3, 2, 5)
    assert made.scale == (0.5, 4.0)
    assert made.users.columns.tolist() == ["user"]


def test_relative_and_home_directories(
    table: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_zip(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert len(load("ml-100k", data_dir=".", offline=True)) == len(RATINGS)
    assert len(load("ml-100k", data_dir="ml-100k.zip", offline=True)) == len(RATINGS)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert len(load("ml-100k", data_dir="~", offline=True)) == len(RATINGS)


def test_nothing_is_written_where_the_data_is(table: object, tmp_path: Path) -> None:
    put_zip(tmp_path)
    tmp_path.chmod(0o555)
    try:
        load("ml-100k", data_dir=tmp_path)
        assert files_in(tmp_path) == ["ml-100k.zip"]
    finally:
        tmp_path.chmod(0o755)


def test_directory_argument_then_environment_then_default(
    table: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {name: tmp_path / name for name in ("argument", "environment", "default")}
    for place in places.values():
        place.mkdir()
        put_zip(place)
    monkeypatch.setattr(sources, "default_directory", lambda: places["default"])
    assert str(places["default"]) in load("ml-100k").source
    monkeypatch.setenv(sources.ENVIRONMENT, str(places["environment"]))
    assert str(places["environment"]) in load("ml-100k").source
    assert str(places["argument"]) in load("ml-100k", data_dir=places["argument"]).source
    monkeypatch.setenv(sources.ENVIRONMENT, "")
    assert str(places["default"]) in load("ml-100k").source


def test_default_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root = Path(sources.__file__).parents[2]
    assert sources.default_directory() == root / "data"
    installed = tmp_path / "lib" / "recsys_tutorial" / "datasets" / "sources.py"
    monkeypatch.setattr(sources, "__file__", str(installed))
    monkeypatch.setattr(sources.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert sources.default_directory() == tmp_path / "cache" / "recsys-tutorial"


def test_a_foreign_ratings_file_in_the_default_directory_is_not_ours(
    table: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "default_directory", lambda: tmp_path)
    (tmp_path / "ratings.csv").write_text("user,item\n1,2\n")
    with pytest.raises(DataUnavailable, match="holds none of"):
        load("ml-latest-small", offline=True)
    with pytest.raises(DataUnavailable, match="damaged or another version"):
        load("ml-latest-small", data_dir=tmp_path, offline=True)


# ---- what is here but wrong -----------------------------------------------------------------


def damage_zip(directory: Path) -> str:
    put_zip(directory)
    (directory / "ml-100k.zip").write_bytes(OFFICIAL[:-30])
    return "ml-100k.zip"


def damage_wheel(directory: Path) -> str:
    put_wheel(directory)
    (directory / WHEEL_NAME).write_bytes(WHEEL.replace(b"PK", b"KP", 1))
    return WHEEL_NAME


def damage_ratings(directory: Path) -> str:
    put_folder(directory)
    (directory / "ml-100k" / "u.data").write_bytes(ml100k_files()["u.data"][:-5])
    return "u.data"


@pytest.mark.parametrize("damage", [damage_zip, damage_wheel, damage_ratings])
@pytest.mark.parametrize("fallback", [None, "planted"])
def test_a_damaged_file_is_never_passed_over(
    table: object,
    server: Server,
    tmp_path: Path,
    damage: Callable[[Path], str],
    fallback: str | None,
) -> None:
    name = damage(tmp_path)
    server.on("/ml-100k.zip", answers(OFFICIAL))
    before = files_in(tmp_path)
    with pytest.raises(DataUnavailable) as caught:
        load("ml-100k", data_dir=tmp_path, fallback=fallback)
    message = str(caught.value)
    for word in (name, "expected sha256", "found", "Delete it", "from_frame"):
        assert word in message
    assert "\n" not in message
    assert files_in(tmp_path) == before


WRONG_CONTENT = [
    ("u.item", lambda b: b.split(b"\n", 1)[1], r"expected \(ratings, users, items\)"),
    ("u.user", lambda b: b.split(b"\n", 1)[1], r"side tables of 1 users"),
    ("u.item", lambda b: b.replace(b"|0|", b"|2|", 1), "u.item, line 1: genre flags"),
    ("u.user", lambda b: b + b"\xff", "u.user, line 3: expected 5 fields"),
    ("u.item", lambda b: b + bytes(600_000), "above the cap of 500000"),
]


@pytest.mark.parametrize(("name", "change", "message"), WRONG_CONTENT)
def test_files_without_a_pin_are_checked_by_content(
    table: object,
    tmp_path: Path,
    name: str,
    change: Callable[[bytes], bytes],
    message: str,
) -> None:
    files = ml100k_files()
    unpack(tmp_path / "ml-100k", {**files, name: change(files[name])})
    with pytest.raises(DataUnavailable, match=message):
        load("ml-100k", data_dir=tmp_path)


@pytest.mark.parametrize("counts", [(5, 2, 4), (4, 3, 4), (4, 2, 5)])
def test_counts_are_checked(
    table: dict[str, sources.Source], tmp_path: Path, counts: tuple[int, int, int]
) -> None:
    table["ml-100k"] = replace(table["ml-100k"], counts=counts)
    with pytest.raises(DataUnavailable) as caught:
        load("ml-100k", data_dir=put_zip(tmp_path), offline=True)
    assert f"expected (ratings, users, items) {counts}, found (4, 2, 4)" in str(caught.value)


@pytest.mark.parametrize("missing", ["u.item", "u.user"])
def test_an_incomplete_directory(table: object, tmp_path: Path, missing: str) -> None:
    put_folder(tmp_path)
    (tmp_path / "ml-100k" / missing).unlink()
    with pytest.raises(DataUnavailable, match=rf"{missing} is missing"):
        load("ml-100k", data_dir=tmp_path)


def test_a_named_archive_that_is_not_there(table: object, tmp_path: Path) -> None:
    with pytest.raises(DataUnavailable, match=r"there is no file .*stick\.zip"):
        load("ml-100k", data_dir=tmp_path / "stick.zip")
    assert files_in(tmp_path) == []


def test_a_named_archive_of_something_else(table: object, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(LATEST)
    with pytest.raises(DataUnavailable, match=rf"x\.zip .*found {sha256(LATEST)}"):
        load("ml-100k", data_dir=tmp_path / "x.zip")
