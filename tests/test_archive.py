"""Archives that mean harm are refused, and nothing is ever extracted."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path

import pytest
from sample_sources import files_in

from recsys_tutorial.datasets.archive import ArchiveError, Member, read_zip

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
    (archive_with(("d/u.data", bytes(5_000))), "5000 bytes or more, above the cap of 1000"),
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
