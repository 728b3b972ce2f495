"""The hashed lock: it parses, it is what is pinned, and it says so where it is not."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import lock

DIGEST = "0" * 64


def test_the_lock_is_what_is_pinned():
    """After a change of pins: python scripts/lock.py."""
    text = lock.LOCK.read_text(encoding="utf-8")
    locked = lock.read(text)
    assert lock.differences(locked, lock.pinned()) == []
    assert len({digest for _, digest in locked.values()}) == len(locked) > 150
    assert "://" not in text


def test_pip_takes_it(tmp_path):
    """pip itself reads the file: it refuses a file of another hash, and takes the right one."""
    made = tmp_path / "thing-1.0-py3-none-any.whl"
    write_wheel(made)
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    install = {
        "metadata": {"name": "Thing", "version": "1.0"},
        "download_info": {"archive_info": {"hashes": {"sha256": digest}}},
    }
    text = lock.written([install], "3.11", "linux-x86_64")
    assert lock.read(text) == {"thing": ("1.0", digest)}
    for content, code in ((text, 0), (text.replace(digest, DIGEST), 1)):
        (tmp_path / "lock.txt").write_text(content)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-index"]
        command += ["--find-links", str(tmp_path), "--require-hashes", "-d", str(tmp_path / "got")]
        done = subprocess.run(
            [*command, "-r", str(tmp_path / "lock.txt")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
    assert "HASHES" in done.stderr


def write_wheel(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as made:
        about = "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n"
        made.writestr("thing-1.0.dist-info/METADATA", about)
        made.writestr("thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        made.writestr("thing-1.0.dist-info/RECORD", "")


@pytest.mark.parametrize(
    ("locked", "said"),
    [
        ({}, "a: pinned but not locked"),
        ({"a": ("2", DIGEST)}, "a: locked 2, pinned 1"),
        ({"a": ("1", DIGEST), "z": ("1", DIGEST)}, "z: locked but not pinned"),
        ({"a": ("1", DIGEST), "torch": ("2", DIGEST)}, "torch: must not be locked"),
    ],
)
def test_differences_are_named(locked, said):
    wanted = {"a": "1", "b": '1 ; sys_platform == "win32"', "torch": "2"}
    assert lock.differences(locked, wanted) == [said]
    assert lock.differences({"a": ("1", DIGEST)}, wanted) == []


@pytest.mark.parametrize("line", ["a==1", "a>=1 --hash=sha256:" + DIGEST, "a==1 --hash=md5:00"])
def test_a_line_without_its_hash_is_refused(line):
    with pytest.raises(ValueError, match="not a pin with its hash"):
        lock.read(line)


def test_a_package_locked_twice_is_refused():
    one = "numpy==2.4.6 --hash=sha256:{}\n"
    with pytest.raises(ValueError, match="numpy is locked twice"):
        lock.read(one.format("0" * 64) + one.format("1" * 64))
