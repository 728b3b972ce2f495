"""ml-1m, ml-25m and ml-32m: official layouts in archives made here, and what becomes of damage."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from loopback import Server, answers
from sample_files import csv_files, ml1m_files, sha256, zipped

from recsys_tutorial.datasets import DataUnavailable, load, movielens, sources
from recsys_tutorial.datasets.archive import ArchiveError, Member, Stream
from recsys_tutorial.datasets.movielens import ParseError, parse_ml1m, rating_chunks

ML1M = zipped("ml-1m", ml1m_files())
ML25M = zipped("ml-25m", csv_files())
ML32M = zipped("ml-32m", csv_files())


@pytest.fixture(autouse=True)
def samples(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, sources.Source]:
    """The real table with the sample archives' checksums, counts and loopback addresses."""
    changed = dict(sources.SOURCES)
    for name, content, counts in (
        ("ml-1m", ML1M, (3, 3, 4)),
        ("ml-25m", ML25M, (3, 2, 5)),
        ("ml-32m", ML32M, (3, 2, 5)),
    ):
        (one,) = sources.SOURCES[name].archives
        url = server.on(f"/{name}.zip", answers(content))
        known = (
            {"md5": hashlib.md5(content, usedforsecurity=False).hexdigest()}
            if one.sha256 is None
            else {"sha256": sha256(content)}
        )
        archives = (replace(one, url=url, **known),)
        changed[name] = replace(sources.SOURCES[name], counts=counts, archives=archives)
    monkeypatch.setattr(sources, "SOURCES", changed)
    monkeypatch.delenv(sources.ENVIRONMENT, raising=False)
    return changed


def test_the_table_pins_what_is_published() -> None:
    """Checksums as they were published; only ml-32m has no sha256."""
    from recsys_tutorial.datasets.catalogue import SOURCES

    pins = {name: SOURCES[name].archives[0] for name in ("ml-1m", "ml-25m", "ml-32m")}
    assert pins["ml-1m"].sha256 is not None
    assert pins["ml-1m"].sha256.startswith("a6898adb")
    assert pins["ml-25m"].sha256 is not None
    assert pins["ml-25m"].sha256.startswith("8b21cfb7")
    assert pins["ml-32m"].sha256 is None
    assert pins["ml-32m"].md5 == "d472be332d4daa821edc399621853b57"


# ---- ml-1m ----------------------------------------------------------------------------------


def test_ml1m_is_read_as_it_is(tmp_path: Path) -> None:
    data = load("ml-1m", data_dir=tmp_path)
    assert data.name == "ml-1m"
    assert (tmp_path / "ml-1m.zip").is_file()
    assert data.item_vocab.ids.tolist() == [1, 91, 1193, 3952]  # gaps leave no rows
    assert data.items.loc[91, "title"] == "Été: une saison, Un (1994)"
    assert data.items["year"].tolist() == [1995, 1994, 1975, 2000]
    assert data.items.loc[1, "genres"] == ("Animation", "Children's", "Comedy")
    assert data.users.loc[1, ["age", "age_group", "occupation"]].tolist() == [
        1, "under 18", "K-12 student",
    ]  # fmt: skip
    assert data.users.loc[6040, "zip_code"] == "11106-1234"
    assert data.ratings["timestamp"].tolist() == [978300760, 978302109, 956704887]
    assert data.ratings["rating"].tolist() == [5, 3, 1]


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("users.dat", b"::56::", b"::57::", "users.dat, line 2: unknown age 57"),
        ("users.dat", b"::10::", b"::21::", "line 1.*occupation 21"),
        ("movies.dat", b"1193::", b"1193:", "movies.dat, line 3: expected 3 fields, found 2"),
        ("ratings.dat", b"3952::3::", b"3952::3:", "ratings.dat: line 2: expected user"),
        ("ratings.dat", b"1193::5::", b"1193::5\t", "ratings.dat: holds a tab"),
    ],
)
def test_ml1m_names_the_bad_line(name: str, old: bytes, new: bytes, message: str) -> None:
    files = ml1m_files()
    assert old in files[name]
    files[name] = files[name].replace(old, new)
    with pytest.raises(ParseError, match=message):
        parse_ml1m(files)


# ---- ml-25m: chunks, columns ----------------------------------------------------------------


def test_large_sets_are_kept_as_mapped_columns(tmp_path: Path, server: Server) -> None:
    first = load("ml-25m", data_dir=tmp_path)
    assert isinstance(first.user, np.memmap)
    assert first.user.dtype == np.int32
    assert first.rating.tolist() == [4.0, 0.5, 3.5]
    assert first.items.loc[5, "title"] == "Cité des enfants, La (City, The) (1995)"
    assert first.items.loc[9, "title"] == '"Great Performances" Cats (1998)'
    assert first.items.loc[12, "genres"] == ()
    assert first.source.startswith("ml-25m.zip")
    again = load("ml-25m", data_dir=tmp_path, offline=True)
    assert again.ratings.equals(first.ratings)
    assert again.items.equals(first.items)
    (tmp_path / "ml-25m.zip").unlink()  # the columns are enough
    assert load("ml-25m", data_dir=tmp_path, offline=True).ratings.equals(first.ratings)


def test_columns_are_not_parsed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load("ml-25m", data_dir=tmp_path)
    monkeypatch.setattr(sources, "rating_chunks", lambda stream: pytest.fail("parsed again"))
    load("ml-25m", data_dir=tmp_path)


@pytest.mark.parametrize("how", ["cut", "altered", "missing", "unfinished"])
def test_damaged_columns_are_made_anew(
    how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = load("ml-25m", data_dir=tmp_path)
    (column,) = (tmp_path / "ml-25m.columns").glob("item-*.npy")
    content = column.read_bytes()
    if how == "unfinished":
        (column.parent / "meta.json").unlink()
    else:
        column.unlink()
    if how == "cut":
        column.write_bytes(content[:-4])
    elif how == "altered":
        column.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    again = load("ml-25m", data_dir=tmp_path, offline=True)
    assert again.ratings.equals(whole.ratings)
    said = capsys.readouterr().out
    assert ("made anew" in said and column.name in said) or how == "unfinished"
    column = max((tmp_path / "ml-25m.columns").glob("item-*.npy"), key=lambda p: p.stat().st_mtime)
    assert column.read_bytes() == content


def test_columns_of_another_archive_are_not_used(
    tmp_path: Path, samples: dict[str, sources.Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    load("ml-25m", data_dir=tmp_path)
    files = csv_files()
    files["ratings.csv"] = files["ratings.csv"].replace(b"0.5", b"1.5")
    other = zipped("ml-25m", files)
    (tmp_path / "ml-25m.zip").write_bytes(other)
    one = replace(samples["ml-25m"].archives[0], sha256=sha256(other))
    monkeypatch.setitem(samples, "ml-25m", replace(samples["ml-25m"], archives=(one,)))
    assert load("ml-25m", data_dir=tmp_path, offline=True).rating.tolist() == [4.0, 1.5, 3.5]


def test_a_folder_of_extracted_files(tmp_path: Path) -> None:
    (tmp_path / "ml-25m").mkdir()
    for name, content in csv_files().items():
        (tmp_path / "ml-25m" / name).write_bytes(content)
    assert load("ml-25m", data_dir=tmp_path, offline=True).rating.tolist() == [4.0, 0.5, 3.5]
    assert (tmp_path / "ml-25m.columns" / "meta.json").is_file()


def csv_stream(tmp_path: Path, lines: list[str], max_bytes: int = 10_000_000) -> Stream:
    text = "userId,movieId,rating,timestamp\n" + "".join(line + "\n" for line in lines)
    path = tmp_path / "big.zip"
    path.write_bytes(zipped("big", {"ratings.csv": text.encode()}))
    return Stream(path, "big/ratings.csv", Member("ratings.csv", max_bytes))


def test_many_lines_come_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movielens, "_CHUNK", 100)
    lines = [f"{n},{n % 7},{0.5 + n % 10 / 2},{n}" for n in range(1_050)]
    chunks = list(rating_chunks(csv_stream(tmp_path, lines)))
    assert [len(c) for c in chunks] == [100] * 10 + [50]
    assert sum(c["user"].sum() for c in chunks) == sum(range(1_050))


@pytest.mark.parametrize("bad", ["1,2,3.5", "1,2,3.5,4,5", "1,x,3.5,4", "1.5,2,3,4"])
def test_a_bad_line_far_down_is_named(
    bad: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(movielens, "_CHUNK", 100)
    lines = [f"{n},1,4.0,{n}" for n in range(500)]
    lines[350] = bad
    with pytest.raises(ParseError, match=f"line 352: .*{bad}"):
        list(rating_chunks(csv_stream(tmp_path, lines)))


def test_damage_inside_the_archive_is_an_archive_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = [f"{n},{m},4.0,{n}" for n, m in enumerate(rng.integers(0, 10**9, 60_000).tolist())]
    stream = csv_stream(tmp_path, lines)
    content = bytearray(stream.path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    stream.path.write_bytes(bytes(content))
    with pytest.raises((ArchiveError, ParseError)):
        list(rating_chunks(stream))


def test_a_file_larger_than_its_cap_is_not_read_on(tmp_path: Path) -> None:
    lines = [f"{n},1,4.0,{n}" for n in range(100_000)]
    with pytest.raises(ArchiveError, match="above the cap of 500000"):
        list(rating_chunks(csv_stream(tmp_path, lines, max_bytes=500_000)))
    path = tmp_path / "ratings.csv"  # no declared size: the bytes are counted
    path.write_text("userId,movieId,rating,timestamp\n" + "\n".join(lines))
    with pytest.raises(ArchiveError, match="above the cap of 500000"):
        list(rating_chunks(Stream(path, None, Member("ratings.csv", 500_000))))


# ---- ml-32m: its sha256 is pinned on first sight --------------------------------------------


def test_the_first_copy_is_pinned_and_then_asked_for(tmp_path: Path) -> None:
    load("ml-32m", data_dir=tmp_path)
    record = tmp_path / "ml-32m.zip.sha256"
    assert record.read_text().split()[0] == sha256(ML32M)
    (tmp_path / "ml-32m.zip").write_bytes(ML32M + b"\0")
    with pytest.raises(DataUnavailable, match=f"expected sha256 {sha256(ML32M)}"):
        load("ml-32m", data_dir=tmp_path, offline=True)


@pytest.mark.parametrize("left", [0, 3, 40])
def test_a_record_cut_short_is_written_anew(left: int, tmp_path: Path) -> None:
    load("ml-32m", data_dir=tmp_path)
    record = tmp_path / "ml-32m.zip.sha256"
    whole = record.read_text()
    record.write_text(whole[:left])
    assert load("ml-32m", data_dir=tmp_path, offline=True).rating.tolist() == [4.0, 0.5, 3.5]
    assert record.read_text() == whole


def test_a_wrong_record_is_named(tmp_path: Path) -> None:
    """Or the good archive would be deleted, and fetched, and refused, again and again."""
    load("ml-32m", data_dir=tmp_path)
    record = tmp_path / "ml-32m.zip.sha256"
    record.write_text("0" * 64 + "  ml-32m.zip\n")
    for _ in ("what is here", "what is fetched"):
        with pytest.raises(DataUnavailable, match=r"ml-32m\.zip\.sha256: delete this too"):
            load("ml-32m", data_dir=tmp_path)
        (tmp_path / "ml-32m.zip").unlink(missing_ok=True)
    record.unlink()
    assert load("ml-32m", data_dir=tmp_path).rating.tolist() == [4.0, 0.5, 3.5]


def test_a_copy_with_another_md5_is_refused(tmp_path: Path, server: Server) -> None:
    (tmp_path / "ml-32m.zip").write_bytes(ML25M)
    with pytest.raises(DataUnavailable, match="expected md5"):
        load("ml-32m", data_dir=tmp_path, offline=True)
    assert not (tmp_path / "ml-32m.zip.sha256").exists()
    server.on("/ml-32m.zip", answers(ML25M))
    with pytest.raises(DataUnavailable, match="wrong checksum: expected md5"):
        load("ml-32m", data_dir=tmp_path / "empty")
    assert not (tmp_path / "empty" / "ml-32m.zip").exists()
