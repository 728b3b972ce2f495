"""The hashed lock: it parses, it is what is pinned, and it says so where it is not."""

from __future__ import annotations

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


def test_a_line_without_its_hash_and_a_package_locked_twice_are_refused():
    with pytest.raises(ValueError, match="not a pin with its hash"):
        lock.read("a==1")
    with pytest.raises(ValueError, match="a is locked twice"):
        lock.read(f"a==1 --hash=sha256:{DIGEST}\n" * 2)
