"""load: the order of the places, what is verified, and what is said when nothing works."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from loopback import Server, answers
from sample_files import ITEMS, RATINGS, csv_files, ml100k_files, recbole_files, sha256, zipped

from recsys_tutorial.datasets import Dataset, DataUnavailable, fetch, load, sources
from recsys_tutorial.datasets.archive import ArchiveError, Member, read_zip
from recsys_tutorial.datasets.download import DownloadError

OFFICIAL = zipped("ml-100k", ml100k_files())
WHEEL = zipped("recbole/dataset_example/ml-100k", recbole_files())
LATEST = zipped("ml-latest-small", csv_files())
WHEEL_NAME = "recbole-1.2.1-py3-none-any.whl"
COUNTS = (len(RATINGS), 2, len(ITEMS))


def unpinned(layout: sources.Layout, files: dict[str, bytes]) -> sources.Layout:
    """The layout with the pins of the sample files; u.item and u.user stay without one."""
    members = [
        replace(m, sha256=sha256(files[m.name]) if m.sha256 else None) for m in layout.members
    ]
    return replace(layout, members=tuple(members))


@pytest.fixture
def table(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, sources.Source]:
    """The real table with the sample archives in it: their pins, counts and loopback addresses.

    Nothing is served and pip has nothing until a test says so; nothing is found by default.
    """
    real = sources.SOURCES
    zip_, wheel = real["ml-100k"].archives
    (latest,) = real["ml-latest-small"].archives
    changed = {
        "ml-100k": replace(
            real["ml-100k"],
            counts=COUNTS,
            archives=(
                replace(
                    zip_,
                    sha256=sha256(OFFICIAL),
                    layout=unpinned(zip_.layout, ml100k_files()),
                    url=server.on("/ml-100k.zip", answers(b"gone", 404)),
                ),
                replace(
                    wheel,
                    sha256=sha256(WHEEL),
                    layout=unpinned(wheel.layout, recbole_files()),
                ),
            ),
        ),
        "ml-latest-small": replace(
            real["ml-latest-small"],
            counts=(3, 2, 5),
            archives=(
                replace(
                    latest,
                    sha256=sha256(LATEST),
                    layout=unpinned(latest.layout, csv_files()),
                    url=server.on("/ml-latest-small.zip", answers(b"gone", 404)),
                ),
            ),
        ),
    }
    monkeypatch.setattr(sources, "SOURCES", changed)
    monkeypatch.delenv(sources.ENVIRONMENT, raising=False)
    pip_has(monkeypatch, None)
    return changed


def pip_has(monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> list[str]:
    """Replace pip; returns the list of what it is asked for."""
    asked: list[str] = []

    def pip(requirement: str, target: Path, *, sha256: str) -> Path:
        asked.append(requirement)
        if content is None:
            raise DownloadError(f"pip download {requirement}: no index")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return target

    monkeypatch.setattr(sources, "pip_download", pip)
    return asked


def files_in(directory: Path) -> list[str]:
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())


def unpack(directory: Path, files: dict[str, bytes]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)


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


def test_offline_fetches_nothing(
    table: object, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = pip_has(monkeypatch, WHEEL)
    server.on("/ml-100k.zip", answers(OFFICIAL))
    with pytest.raises(DataUnavailable, match="offline=True"):
        load("ml-100k", data_dir=tmp_path, offline=True)
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
    assert "offline=True" in shown
    assert made.name == "planted"
    assert made.truth is not None
    assert "in place of ml-100k" in made.source
    assert "offline=True" in made.source


def test_fallback_is_not_used_when_the_data_is_here(
    table: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = load("ml-100k", data_dir=put_zip(tmp_path), fallback="planted")
    assert made.name == "ml-100k"
    assert made.truth is None
    assert capsys.readouterr() == ("", "")


def test_planted_by_name(tmp_path: Path) -> None:
    made = load("planted", data_dir=tmp_path, offline=True)
    assert made.name == "planted"
    assert made.truth is not None


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match=r"'ml-100K'.*ml-100k, ml-latest-small, planted"):
        load("ml-100K")
    with pytest.raises(ValueError, match="unknown fallback 'small'"):
        load("ml-100k", fallback="small")


# ---- archives that mean harm ----------------------------------------------------------------

MEMBER = [Member("u.data", 1000)]


def archive_with(*entries: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns about the duplicates that we want
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in entries:
                archive.writestr(name, content)
    return buffer.getvalue()


GOOD = ("d/u.data", b"1\t2\t3\t4\n")
HARMFUL = [
    (archive_with(GOOD, ("../evil", b"x")), "unsafe name '../evil'"),
    (archive_with(GOOD, ("d/../../evil", b"x")), "unsafe name"),
    (archive_with(GOOD, ("..\\evil", b"x")), "unsafe name"),
    (archive_with(GOOD, ("/etc/evil", b"x")), "unsafe name '/etc/evil'"),
    (archive_with(GOOD, ("C:/evil", b"x")), "unsafe name 'C:/evil'"),
    (archive_with(GOOD, GOOD), "'d/u.data' twice"),
    (archive_with(("d/other", b"x")), "holds no 'd/u.data'"),
    (archive_with(("d/u.data", bytes(1001))), "1001 bytes or more, above the cap of 1000"),
    (archive_with(*((f"f{n}", b"") for n in range(10_001))), "10001 files"),
    (archive_with(GOOD)[:-10], "not a whole zip file"),
    (archive_with(GOOD)[:40], "not a whole zip file"),
    (b"<html>Please log in</html>", "not a whole zip file"),
    (b"", "not a whole zip file"),
]


@pytest.mark.parametrize(("content", "message"), HARMFUL)
def test_harmful_archives(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with pytest.raises(ArchiveError) as caught:
        read_zip(path, "d", MEMBER)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert files_in(tmp_path) == ["a.zip"]


def test_a_bomb_that_lies_about_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    bomb = bytearray(archive_with(("d/u.data", bytes(5_000_000))))
    true_size = (5_000_000).to_bytes(4, "little")
    for _ in range(bomb.count(true_size)):
        at = bomb.index(true_size)
        bomb[at : at + 4] = (900).to_bytes(4, "little")
    path.write_bytes(bomb)
    with pytest.raises(ArchiveError, match=r"a\.zip"):
        read_zip(path, "d", MEMBER)


def test_damaged_content(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    content = bytearray(archive_with(GOOD))
    at = content.index(b"u.data") + len(b"u.data") + 2
    content[at] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="not a whole zip file"):
        read_zip(path, "d", MEMBER)


def test_a_good_archive_is_read_and_not_extracted(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(archive_with(GOOD, ("d/", b""), ("d/more", b"x")))
    assert read_zip(path, "d", MEMBER) == {"u.data": GOOD[1]}
    assert files_in(tmp_path) == ["a.zip"]


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
    command = [sys.executable, "-m", "recsys_tutorial.datasets.fetch", "--dataset", "planted"]
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
                + "|".join(str(int(g in row.genres)) for g in sources.movielens.GENRES_100K)
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
