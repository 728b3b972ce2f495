"""The hashed lock is what is pinned."""

from __future__ import annotations

import re

import lock


def test_the_lock_is_what_is_pinned():
    """After a change of pins: python scripts/lock.py."""
    text = lock.LOCK.read_text(encoding="utf-8")
    lines = re.sub(r"\\\n\s*|^#.*$", "", text, flags=re.MULTILINE).split()
    locked = re.findall(r"^([a-z0-9-]+)(==\S+) \\\n    --hash=sha256:[0-9a-f]{64}$", text, re.M)
    assert len(lines) == 2 * len(locked), "each has its hash"
    assert len(dict(locked)) == len(locked) > 150
    pins = {name: str(pin.specifier) for name, pin in lock.pinned().items()}
    assert dict(locked).items() <= pins.items()
    missing = pins.keys() - dict(locked).keys()
    assert all(lock.pinned()[name].marker for name in missing), "only what other systems need"
