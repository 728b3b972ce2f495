"""Every page runs: "Run all" in a fresh kernel, with and without solutions, planted and real.

What is asserted of each page beyond this is in tests/test_pages_NN.py.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from pagebuild.measure import over_budget, record
from pagebuild.run import Run, run
from pagebuild.source import Source, read_all, read_minutes

import recsys_tutorial as rt

SOURCES = {source.name: source for source in read_all(ROOT)}
QUICK = ("00_", "01_", "02_")  # pages that run on real data in every test run
SHORTEST_ALT = 20

pytestmark = pytest.mark.page

each_page = pytest.mark.parametrize("name", SOURCES)
each_page_on_real_data = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n[:3] in QUICK else pytest.mark.slow) for n in SOURCES]
)


@functools.cache
def executed(name: str, kind: str, mode: str) -> tuple[Run, Path]:
    """A notebook run once for all tests, and the directory with what it left."""
    state = Path(tempfile.mkdtemp(prefix="page-state-"))
    path = ROOT / "notebooks" / ("solutions" if kind == "solutions" else "") / f"{name}.ipynb"
    return run(path, mode=mode, state=state), state


def checks_of(source: Source) -> set[str]:
    """Names of the checks that a page's cells call."""
    code = "\n".join(c.text for c in source.cells if c.kind == "code")
    return set(re.findall(r"""rt\.check\(\s*["']([^"']+)["']""", code))


def passed(state: Path) -> set[str]:
    path = state / "progress.json"
    return set(json.loads(path.read_text())["passed"]) if path.is_file() else set()


def tried(state: Path) -> set[str]:
    path = state / "progress.json"
    return set(json.loads(path.read_text())["tries"]) if path.is_file() else set()


def wrong_with_images(result: Run) -> list[str]:
    """Images without a text that says what they show."""
    found = []
    for out in [*result.outputs("display_data"), *result.outputs("execute_result")]:
        if any(kind.startswith("image/") for kind in out.data):
            alt = out.metadata.get("image/png", {}).get("alt", "")
            if len(alt) < SHORTEST_ALT:
                found.append(f"image without alternative text: {out.data.get('text/plain', '?')}")
        for tag in re.findall(r"<img\b[^>]*>", str(out.data.get("text/html", ""))):
            alt = re.search(r'alt="([^"]*)"', tag)
            if alt is None or len(alt[1]) < SHORTEST_ALT:
                found.append(f"<img> without alternative text: {tag[:80]}")
    return found


def assert_fine(result: Run, source: Source, state: Path) -> None:
    assert result.errors == []
    assert result.stderr == ""
    assert wrong_with_images(result) == []
    assert passed(state) == checks_of(source)


@each_page
def test_page_runs_on_planted_data_with_its_solutions(name):
    result, state = executed(name, "solutions", "fast")
    assert_fine(result, SOURCES[name], state)
    assert "PLANTED DATA" in result.stdout


@each_page
def test_page_with_untouched_stubs_reaches_its_end(name):
    """The attendee's "Run all": no error, and every check says politely that it is not yet."""
    result, state = executed(name, "attendee", "fast")
    assert result.errors == []
    assert result.stderr == ""
    assert tried(state) == checks_of(SOURCES[name])
    assert passed(state) == set()


@pytest.mark.real
@each_page_on_real_data
def test_page_runs_on_real_data_within_the_budget(name, ml100k):
    result, state = executed(name, "solutions", "full")
    assert_fine(result, SOURCES[name], state)
    assert "PLANTED DATA" not in result.stdout
    row = record(SOURCES[name], result)
    write_measured(name, row)
    assert over_budget(row) == []


def write_measured(name: str, row: dict[str, object]) -> None:
    """Leave what was measured where RECSYS_TUTORIAL_MEASURED asks for it, one JSON line a page."""
    target = os.environ.get("RECSYS_TUTORIAL_MEASURED")
    if target:
        with open(target, "a", encoding="utf-8") as stream:
            stream.write(json.dumps({"page": name, **row}) + "\n")


def test_table_of_minutes_has_every_page_within_the_budget():
    minutes = read_minutes(ROOT)
    assert set(minutes) == set(SOURCES), "run python scripts/build.py measure NAME"
    for name, row in minutes.items():
        assert row["minutes"] == SOURCES[name].minutes
        assert row["peak_mib"] is not None
        assert over_budget(row) == []


def test_every_check_is_asked_on_a_page():
    asked = set().union(*(checks_of(s) for s in SOURCES.values()))
    assert asked == set(rt.checks.names())
