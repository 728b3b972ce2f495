"""The hashed lock: it parses, it is what is pinned, and it says so where it is not."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

import lock


def test_the_lock_is_what_is_pinned():
    """After a change of pins: python scripts/lock.py."""
    text = lock.LOCK.read_text(encoding="utf-8")
    locked = lock.read(text)
    assert lock.differences(locked, lock.pinned()) == []
    assert len(locked) > 150
    assert len(set(text.split("--hash=")[1:])) == len(locked)
    assert "://" not in text


@pytest.mark.parametrize(
    ("locked", "said"),
    [
        ({}, "a: locked None, pinned ==1"),
        ({"a": "==2"}, "a: locked ==2, pinned ==1"),
        ({"a": "==1", "z": "==1"}, "z: locked ==1, pinned None"),
        ({"a": "==1", "torch": "==2"}, "torch: locked ==2, pinned None"),
    ],
)
def test_differences_are_named(locked, said):
    pins = ("a==1", 'b==1 ; sys_platform == "win32"', "torch==2")
    wanted = {pin[:5] if pin[0] == "t" else pin[0]: Requirement(pin) for pin in pins}
    assert lock.differences(locked, wanted) == [said]
    assert lock.differences({"a": "==1"}, wanted) == []


def test_a_line_without_its_hash_and_a_package_locked_twice_are_refused():
    for text in ("a==1", f"a==1 --hash=sha256:{'0' * 64}\n" * 2):
        with pytest.raises(ValueError, match="no pin with its hash, or a second one"):
            lock.read(text)
