"""load: what is fetched, what is said when nothing works, planted data, and the command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from loopback import Server, answers
from sample_files import ITEMS, RATINGS, sha256
from sample_sources import LATEST, OFFICIAL, WHEEL, WHEEL_NAME, files_in, pip_has, unpack

from recsys_tutorial.datasets import Dataset, DataUnavailable, load, sources
from recsys_tutorial.datasets.download import DownloadError
from recsys_tutorial.datasets.movielens import GENRES_100K
from recsys_workshop import fetch

# ---- what is fetched ------------------------------------------------------------------------


def test_from_the_web_and_kept(
    table: object, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = pip_has(monkeypatch, WHEEL)
    server.on("/ml-100k.zip", answers(OFFICIAL))
    made = load("ml-100k", data_dir=tmp_path / "new")
    assert len(made) == len(RATINGS)
    assert files_in(tmp_path) == ["new/ml-100k.zip"]
    assert asked == []
    server.on("/ml-100k.zip", answers(b"gone", 404))
    again = load("ml-100k", data_dir=tmp_path / "new")
    pd.testing.assert_frame_equal(made.ratings, again.ratings)


def test_latest_small_from_the_web(table: object, server: Server, tmp_path: Path) -> None:
    server.on("/ml-latest-small.zip", answers(LATEST))
    made = load("ml-latest-small", data_dir=tmp_path)
    assert made.items.loc[1, "title"] == "Toy Story (1995)"
    assert files_in(tmp_path) == ["ml-latest-small.zip"]


def test_the_package_index_when_the_web_fails(
    table: object, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = pip_has(monkeypatch, WHEEL)
    server.on("/ml-100k.zip", answers(OFFICIAL[:-1]))
    made = load("ml-100k", data_dir=tmp_path)
    assert made.items["title"].tolist() == [title for _, title, _ in ITEMS]
    assert asked == ["recbole==1.2.1"]
    assert files_in(tmp_path) == [WHEEL_NAME]


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_offline_fetches_nothing(
    how: str, table: object, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = pip_has(monkeypatch, WHEEL)
    server.on("/ml-100k.zip", answers(OFFICIAL))
    if how == "environment":
        monkeypatch.setenv("RECSYS_TUTORIAL_OFFLINE", "1")
    with pytest.raises(DataUnavailable, match="no network was to be used"):
        load("ml-100k", data_dir=tmp_path, offline=how == "argument")
    assert asked == []
    assert files_in(tmp_path) == []


def test_when_all_fails_each_try_is_listed(table: object, server: Server, tmp_path: Path) -> None:
    server.on("/ml-100k.zip", answers(b"not it"))
    with pytest.raises(DataUnavailable) as caught:
        load("ml-100k", data_dir=tmp_path / "empty")
    lines = str(caught.value).splitlines()
    assert lines[0] == "ml-100k is not to be had. Tried:"
    assert lines[1].startswith(f"  1. {tmp_path / 'empty'} (there is no such directory)")
    assert f"{server.base}/ml-100k.zip: wrong checksum" in lines[2]
    assert sha256(b"not it") in lines[2]
    assert lines[3] == "  3. pip download recbole==1.2.1: no index"
    for remedy in ("data_dir=", "RECSYS_TUTORIAL_DATA", 'fallback="planted"', "with a browser"):
        assert remedy in lines[4]
    assert isinstance(caught.value, OSError)
    assert files_in(tmp_path) == []


def test_a_directory_that_cannot_be_written(table: object, server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    server.on("/ml-100k.zip", answers(OFFICIAL))
    with pytest.raises(DataUnavailable, match="cannot write"):
        load("ml-100k", data_dir=tmp_path / "file" / "data")


# ---- planted --------------------------------------------------------------------------------


def test_fallback_says_so_loudly(
    table: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = load("ml-100k", data_dir=tmp_path, offline=True, fallback="planted")
    shown = capsys.readouterr().out
    assert "PLANTED DATA in place of ml-100k" in shown
    assert "!" * 70 in shown
    assert "no network was to be used" in shown
    assert made.name == "planted"
    assert made.truth is not None
    assert "in place of ml-100k" in made.source
    assert "no network was to be used" in made.source


def test_fallback_is_not_used_when_the_data_is_here(
    table: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ml-100k.zip").write_bytes(OFFICIAL)
    made = load("ml-100k", data_dir=tmp_path, fallback="planted")
    assert made.name == "ml-100k"
    assert made.truth is None
    assert capsys.readouterr() == ("", "")


def test_planted_by_name(tmp_path: Path) -> None:
    made = load("planted", data_dir=tmp_path, offline=True)
    assert made.name == "planted"
    assert made.truth is not None


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match=r"'ml-100K'.*ml-100k, ml-latest-small, .*planted"):
        load("ml-100K")
    with pytest.raises(ValueError, match="unknown fallback 'small'"):
        load("ml-100k", fallback="small")


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


@pytest.mark.parametrize("arguments", [["--dataset", "ml-100k", "--offline"], ["--dataset", "no"]])
def test_fetch_command_fails_in_one_line(
    table: object, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert fetch.main([*arguments, "--data-dir", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    assert shown.err.startswith("fetch: ")


def test_fetch_runs_as_a_module(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "recsys_workshop.fetch", "--dataset", "planted"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "12000 ratings" in done.stdout


# ---- the real thing -------------------------------------------------------------------------


@pytest.mark.real
def test_the_official_layout_of_the_real_data_gives_the_same_tables(
    ml100k: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Write the official files from what was loaded; they have the pinned sha256 and load alike."""
    ratings = ml100k.ratings.astype({"rating": "int64"})
    unpack(
        tmp_path / "ml-100k",
        {
            "u.data": ratings.to_csv(
                sep="\t", header=False, index=False, lineterminator="\n"
            ).encode(),
            "u.user": ml100k.users.to_csv(
                sep="|", header=False, index=False, lineterminator="\n"
            ).encode(),
            "u.item": "".join(
                f"{row.item}|{row.title} |01-Jan-1990||http://example.org|"
                + "|".join(str(int(g in row.genres)) for g in GENRES_100K)
                + "\n"
                for row in ml100k.items.itertuples()
            ).encode("latin-1"),
        },
    )
    official = load("ml-100k", data_dir=tmp_path, offline=True)
    assert "u.data" in official.source
    pd.testing.assert_frame_equal(official.ratings, ml100k.ratings)
    pd.testing.assert_frame_equal(official.users, ml100k.users)
    pd.testing.assert_frame_equal(official.items, ml100k.items)


@pytest.mark.real
def test_real_pip_brings_the_pinned_wheel(tmp_path: Path, ml100k: Dataset) -> None:
    wheel = sources.SOURCES["ml-100k"].archives[1]
    try:
        target = sources.pip_download(
            "recbole==1.2.1", tmp_path / wheel.filename, sha256=wheel.sha256
        )
    except DownloadError as error:
        if os.environ.get("RECSYS_TUTORIAL_REQUIRE_DATA") == "1":
            raise
        pytest.skip(f"no package index: {error}")
    assert len(load("ml-100k", data_dir=target, offline=True)) == 100_000
    assert files_in(tmp_path) == [wheel.filename]
    shutil.rmtree(tmp_path)
