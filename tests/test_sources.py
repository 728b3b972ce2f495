"""load: what is here, what is fetched, what is said when nothing works, and planted data."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from loopback import Server, answers
from sample_files import ITEMS, RATINGS, csv_files, ml100k_files, recbole_files, sha256
from sample_sources import (
    LATEST,
    ML1M,
    OFFICIAL,
    WHEEL,
    WHEEL_NAME,
    files_in,
    pip_has,
    unpack,
)

from recsys_tutorial.datasets import Dataset, DataUnavailable, load, sources
from recsys_tutorial.datasets.movielens import GENRES_100K
from recsys_tutorial.datasets.sources import DownloadError, download, pip_download
from recsys_workshop import fetch

# ---- what is here ---------------------------------------------------------------------------


def put(directory: Path, files: dict[str, bytes], folder: str = "") -> Path:
    """Write the files and return the directory."""
    unpack(directory / folder, files)
    return directory


ZIP, WHL = {"ml-100k.zip": OFFICIAL}, {WHEEL_NAME: WHEEL}
FORMS = [
    (ZIP, "", "", "ml-100k.zip"),
    (WHL, "", "", WHEEL_NAME),
    (ml100k_files(), "ml-100k", "", "u.data"),
    (recbole_files(), "ml-100k", "", "ml-100k.inter"),
    (ml100k_files(), "", "", "u.data"),
    (ZIP, "", "ml-100k.zip", "ml-100k.zip"),
    (WHL, "", WHEEL_NAME, WHEEL_NAME),
]


@pytest.mark.parametrize(("files", "folder", "named", "word"), FORMS)
def test_every_local_form_gives_the_same_data(
    table: object, tmp_path: Path, files: dict[str, bytes], folder: str, named: str, word: str
) -> None:
    made = load("ml-100k", data_dir=put(tmp_path, files, folder) / named, offline=True)
    assert made.name == "ml-100k"
    assert word in made.source
    assert str(tmp_path) in made.source
    assert list(made.ratings.itertuples(index=False, name=None)) == RATINGS
    assert made.items["title"].tolist() == [title for _, title, _ in ITEMS]
    assert made.users["zip_code"].tolist() == ["85711", "T8H1N"]
    assert made.items.index.tolist() == [1, 7, 267, 1412]


def test_latest_small_from_here(table: object, tmp_path: Path) -> None:
    made = load("ml-latest-small", data_dir=put(tmp_path, csv_files()), offline=True)
    assert (len(made), made.n_users, made.n_items) == (3, 2, 5)
    assert made.scale == (0.5, 4.0)
    assert made.users.columns.tolist() == ["user"]


def test_nothing_is_written_where_the_data_is(table: object, tmp_path: Path) -> None:
    put(tmp_path, ZIP)
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
        put(place, ZIP)
    monkeypatch.setattr(sources, "default_directory", lambda: places["default"])
    assert str(places["default"]) in load("ml-100k").source
    monkeypatch.setenv(sources.ENVIRONMENT, str(places["environment"]))
    assert str(places["environment"]) in load("ml-100k").source
    assert str(places["argument"]) in load("ml-100k", data_dir=places["argument"]).source
    monkeypatch.chdir(places["argument"])
    assert str(places["argument"]) in load("ml-100k", data_dir="ml-100k.zip").source


# ---- what is here but wrong -----------------------------------------------------------------


DAMAGED = [
    {"ml-100k.zip": OFFICIAL[:-30]},
    {WHEEL_NAME: WHEEL.replace(b"PK", b"KP", 1)},
    ml100k_files() | {"u.data": ml100k_files()["u.data"][:-5]},
]


@pytest.mark.parametrize("files", DAMAGED, ids=lambda files: next(iter(files)))
@pytest.mark.parametrize("fallback", [None, "planted"])
def test_a_damaged_file_is_never_passed_over(
    table: object, server: Server, tmp_path: Path, files: dict[str, bytes], fallback: str | None
) -> None:
    put(tmp_path, files)
    server.on("/ml-100k.zip", answers(OFFICIAL))
    before = files_in(tmp_path)
    with pytest.raises(DataUnavailable) as caught:
        load("ml-100k", data_dir=tmp_path, fallback=fallback)
    message = str(caught.value)
    for word in (next(iter(files)), "expected sha256", "found", "Delete it", "from_frame"):
        assert word in message
    assert "\n" not in message
    assert files_in(tmp_path) == before


WRONG_CONTENT = [
    ("u.item", lambda b: b.split(b"\n", 1)[1], r"expected \(ratings, users, items\)"),
    ("u.user", lambda b: b.split(b"\n", 1)[1], r"found \(4, 1, 4\)"),
    ("u.user", lambda b: b.replace(b"|53|", b"|fifty|"), "fifty"),
]


@pytest.mark.parametrize(("name", "change", "message"), WRONG_CONTENT)
def test_files_without_a_pin_are_checked_by_content(
    table: object, tmp_path: Path, name: str, change: Callable[[bytes], bytes], message: str
) -> None:
    files = ml100k_files()
    unpack(tmp_path / "ml-100k", {**files, name: change(files[name])})
    with pytest.raises(DataUnavailable, match=message):
        load("ml-100k", data_dir=tmp_path)


def test_a_named_archive_that_is_missing_or_something_else(table: object, tmp_path: Path) -> None:
    with pytest.raises(DataUnavailable, match=r"there is no file .*stick\.zip"):
        load("ml-100k", data_dir=tmp_path / "stick.zip")
    assert files_in(tmp_path) == []
    (tmp_path / "x.zip").write_bytes(LATEST)
    with pytest.raises(DataUnavailable, match=rf"x\.zip .*found {sha256(LATEST)}"):
        load("ml-100k", data_dir=tmp_path / "x.zip")


# ---- what is fetched ------------------------------------------------------------------------


def test_from_the_web_and_kept(
    table: object, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = pip_has(monkeypatch, WHEEL)
    server.on("/ml-100k.zip", answers(OFFICIAL))
    made = load("ml-100k", data_dir=tmp_path / "new")
    assert len(made) == len(RATINGS)
    assert files_in(tmp_path) == ["new/ml-100k.zip"]
    assert stat.S_IMODE((tmp_path / "new" / "ml-100k.zip").stat().st_mode) & 0o044 == 0o044
    assert asked == []
    server.on("/ml-100k.zip", answers(b"gone", 404))
    again = load("ml-100k", data_dir=tmp_path / "new")
    pd.testing.assert_frame_equal(made.ratings, again.ratings)


def test_the_package_index_when_the_web_fails(
    table: object, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = pip_has(monkeypatch, WHEEL)
    server.on("/ml-100k.zip", answers(OFFICIAL[:-1]))
    made = load("ml-100k", data_dir=tmp_path)
    assert made.items["title"].tolist() == [title for _, title, _ in ITEMS]
    assert asked == ["recbole==1.2.1"]
    assert files_in(tmp_path) == [WHEEL_NAME]


def test_ml1m_is_read_as_it_is(table: object, server: Server, tmp_path: Path) -> None:
    server.on("/ml-1m.zip", answers(ML1M))
    data = load("ml-1m", data_dir=tmp_path)
    assert data.item_vocab.ids.tolist() == [1, 91, 1193, 3952]  # gaps leave no rows
    assert data.items.loc[91, "title"] == "Été: une saison, Un (1994)"
    assert data.items["year"].tolist() == [1995, 1994, 1975, 2000]
    assert data.users.loc[1, ["age", "occupation"]].tolist() == [1, "K-12 student"]
    assert data.users.loc[6040, "zip_code"] == "11106-1234"
    assert data.ratings["timestamp"].tolist() == [978300760, 978302109, 956704887]


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_offline_fetches_nothing(
    how: str, table: object, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = pip_has(monkeypatch, WHEEL)
    server.on("/ml-100k.zip", answers(OFFICIAL))
    if how == "environment":
        monkeypatch.setenv("RECSYS_TUTORIAL_OFFLINE", "1")
    with pytest.raises(DataUnavailable, match="because of offline=True"):
        load("ml-100k", data_dir=tmp_path, offline=how == "argument")
    assert asked == []
    assert files_in(tmp_path) == []


def test_when_all_fails_each_try_is_listed(table: object, server: Server, tmp_path: Path) -> None:
    server.on("/ml-100k.zip", answers(b"not it"))
    with pytest.raises(DataUnavailable) as caught:
        load("ml-100k", data_dir=tmp_path / "empty")
    lines = str(caught.value).splitlines()
    assert lines[0] == "ml-100k is not available. Tried:"
    assert lines[1].startswith(f"  1. {tmp_path / 'empty'} (there is no such directory)")
    assert f"{server.base}/ml-100k.zip" in lines[2]
    assert sha256(b"not it") in lines[2]
    assert lines[3] == "  3. pip download recbole==1.2.1: no index"
    for remedy in ("data_dir=", "RECSYS_TUTORIAL_DATA", 'fallback="planted"', "with a browser"):
        assert remedy in lines[4]
    assert isinstance(caught.value, OSError)
    assert files_in(tmp_path) == []


def stalls(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "10")
    handler.end_headers()
    handler.wfile.write(b"half")
    handler.wfile.flush()
    handler.server.stalled.wait(5)


def breaks_off(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "10")
    handler.end_headers()
    handler.wfile.write(b"half")


@pytest.mark.parametrize(
    "answer",
    [answers(b"gone", 404), answers(b"other"), stalls, breaks_off],
    ids=["missing", "other bytes", "stalls", "breaks off"],
)
def test_a_download_is_whole_or_nothing(
    answer: Any, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "TIMEOUT", 0.3)
    server.http.stalled = server.stopped  # type: ignore[attr-defined]
    url = server.on("/x.zip", answer)
    target = tmp_path / "x.zip"
    with pytest.raises(DownloadError, match=r"/x\.zip"):
        download(url, target, sha256(b"right"))
    assert files_in(tmp_path) == []
    download(server.on("/y.zip", answers(b"right")), target, sha256(b"right"))
    assert target.read_bytes() == b"right"


def test_a_directory_that_cannot_be_written(table: object, server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    server.on("/ml-100k.zip", answers(OFFICIAL))
    with pytest.raises(DataUnavailable, match="file"):
        load("ml-100k", data_dir=tmp_path / "file" / "data")


def test_pip_without_an_index_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.setenv(name, "1" if name == "PIP_NO_INDEX" else str(tmp_path))
    with pytest.raises(DownloadError, match=r"pip download recbole==1\.2\.1: .*recbole"):
        pip_download("recbole==1.2.1", tmp_path / WHEEL_NAME, sha256="0" * 64)
    assert files_in(tmp_path) == []


# ---- planted, and a file of one's own ---------------------------------------------------------


def test_fallback_says_so_loudly(
    table: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = load("ml-100k", data_dir=tmp_path, offline=True, fallback="planted")
    shown = capsys.readouterr().out
    assert "PLANTED DATA in place of ml-100k" in shown
    assert "!" * 70 in shown
    assert "because of offline=True" in shown
    assert made.name == "planted"
    assert made.truth is not None
    assert "in place of ml-100k" in made.source
    put(tmp_path, ZIP)
    assert load("ml-100k", data_dir=tmp_path, fallback="planted").name == "ml-100k"
    assert capsys.readouterr() == ("", "")


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match=r"'ml-100K'.*ml-100k, ml-latest-small, .*planted.*CSV"):
        load("ml-100K")
    with pytest.raises(ValueError, match="unknown fallback 'small'"):
        load("ml-100k", fallback="small")


def test_a_csv_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "club.csv"
    path.write_text(
        "userId,movieId,rating,title,genres\n007,1,4,Alien (1979),Horror|Sci-Fi\n7,2,2,,\n"
    )
    made = load(path)
    assert made.name == "club"
    assert made.user_vocab.ids.tolist() == ["007", "7"]
    assert made.item_vocab.ids.tolist() == [1, 2]
    assert made.items["title"].tolist() == ["Alien (1979)", "2"]
    assert made.items["genres"].tolist() == [("Horror", "Sci-Fi"), ()]
    (tmp_path / "movies.csv").write_text("movieId,title\n2,Brazil (1985)\n")
    assert load(str(path)).items["title"].tolist() == ["1", "Brazil (1985)"]
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        load(tmp_path / "none.csv")


# ---- the command ----------------------------------------------------------------------------


def test_fetch_command(
    table: object, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.on("/ml-100k.zip", answers(OFFICIAL))
    assert fetch.main(["--dataset", "ml-100k", "--data-dir", str(tmp_path)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    for word in ("ml-100k.zip", str(tmp_path), "4 ratings", "no redistribution", "10.1145/2827872"):
        assert word in line
    assert files_in(tmp_path) == ["ml-100k.zip"]


# ---- the real thing -------------------------------------------------------------------------


@pytest.mark.real
def test_the_official_layout_of_the_real_data_gives_the_same_tables(
    ml100k: Dataset, tmp_path: Path
) -> None:
    """Write the official files from what was loaded; they have the pinned sha256 and load alike."""
    plain = {"header": False, "index": False, "lineterminator": "\n"}
    ratings = ml100k.ratings.astype({"rating": "int64"}).to_csv(sep="\t", **plain)
    flags = [[str(int(g in genres)) for g in GENRES_100K] for genres in ml100k.items["genres"]]
    films = [
        "|".join([str(item), f"{title} ", "01-Jan-1990", "", "http://example.org", *row]) + "\n"
        for item, title, row in zip(ml100k.items["item"], ml100k.items["title"], flags, strict=True)
    ]
    unpack(
        tmp_path / "ml-100k",
        {
            "u.data": ratings.encode(),
            "u.user": ml100k.users.to_csv(sep="|", **plain).encode(),
            "u.item": "".join(films).encode("latin-1"),
        },
    )
    official = load("ml-100k", data_dir=tmp_path, offline=True)
    pd.testing.assert_frame_equal(official.ratings, ml100k.ratings)
    pd.testing.assert_frame_equal(official.users, ml100k.users)
    pd.testing.assert_frame_equal(official.items, ml100k.items)


@pytest.mark.real
def test_real_pip_brings_the_pinned_wheel(tmp_path: Path, ml100k: Dataset) -> None:
    wheel = sources.SOURCES["ml-100k"].archives[1]
    try:
        target = pip_download("recbole==1.2.1", tmp_path / wheel.filename, sha256=wheel.hash)
    except DownloadError as error:
        if os.environ.get("RECSYS_TUTORIAL_REQUIRE_DATA") == "1":
            raise
        pytest.skip(f"no package index: {error}")
    again = load("ml-100k", data_dir=target, offline=True)
    assert np.array_equal(again.rating, ml100k.rating)
    assert files_in(tmp_path) == [wheel.filename]
