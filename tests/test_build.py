"""The build: notebooks in sync with their sources, deterministic, and strict about a source."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from pagebuild.write import generate, out_of_sync


def test_notebooks_are_in_sync_with_their_sources():
    stale = out_of_sync(ROOT, generate(ROOT))
    assert stale == [], "run python scripts/build.py pages"
