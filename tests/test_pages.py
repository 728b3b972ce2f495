"""Every page runs: "Run all" in a fresh kernel, with and without solutions, planted and real.

What is asserted of one page beyond this is in `tests/test_pages_NN.py`.
"""

from __future__ import annotations

import json
import os
import re
import sys

import nbformat
import pytest
from pages_runner import ROOT, SOURCES, Executed, checks_of, executed

from pagebuild.measure import over_budget, record
from pagebuild.run import Run, run
from pagebuild.source import read_minutes
from recsys_workshop import checks

QUICK = ("00_", "01_", "02_")  # pages that run on real data in every test run
SHORTEST_ALT = 20
DOT = (  # a PNG of one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

pytestmark = pytest.mark.page

each_page = pytest.mark.parametrize("name", SOURCES)
each_page_on_real_data = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n[:3] in QUICK else pytest.mark.slow) for n in SOURCES]
)


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


def assert_fine(result: Executed, name: str) -> None:
    assert result.errors == []
    assert result.stderr == ""  # a warning is one too: of an axis without a label, say
    assert wrong_with_images(result) == []
    assert result.passed == checks_of(SOURCES[name])


@each_page
def test_page_runs_on_planted_data_with_its_solutions(name):
    result = executed(name, "solutions", "fast")
    assert_fine(result, name)
    assert "PLANTED DATA" in result.stdout


@each_page
def test_page_with_untouched_stubs_reaches_its_end(name):
    """The attendee's "Run all": no error, and every check says politely that it is not yet.

    Every section runs twice in a row, as after a restart of the kernel."""
    result = executed(name, "attendee", "fast", "sections")
    assert result.errors == []
    assert "Traceback" not in result.stderr
    assert result.tried == checks_of(SOURCES[name])
    assert result.passed == set()


@each_page
def test_every_cell_can_be_run_twice_in_a_row(name):
    result = executed(name, "solutions", "fast", "cells")
    assert result.errors == []
    assert "Traceback" not in result.stderr  # means of nothing, after short trainings, are no harm


@pytest.mark.real
@each_page_on_real_data
def test_page_runs_on_real_data_within_its_memory(name, ml100k, gcide):
    result = executed(name, "solutions", "full")
    assert_fine(result, name)
    assert "PLANTED DATA" not in result.stdout
    row = record(SOURCES[name], result)
    note_measured(name, row)
    # Memory is held here, less what the test asks afterwards. Seconds depend on the machine and on
    # who else uses it: the table below holds those of a calm one.
    held = row["peak_mib"] and row["peak_mib"] / 1.1
    assert over_budget({"seconds": 0, "peak_mib": held}) == []


def note_measured(name: str, row: dict[str, object]) -> None:
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
    assert asked == set(checks.names())


# ---- the runner itself sees what goes wrong -----------------------------------------------------


def ran(tmp_path, *sources: str, **more) -> Run:
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(s) for s in sources]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "", "language": "python"}
    path = tmp_path / "page.ipynb"
    nbformat.write(notebook, path)
    return run(path, mode="fast", state=tmp_path, **more)


def test_runner_reports_errors_warnings_images_values_and_memory(tmp_path):
    result = ran(
        tmp_path,
        "import os\nprint(os.environ['RECSYS_TUTORIAL_PAGES'], os.getcwd())",
        "import warnings\nwarnings.warn('a label is missing')",
        "1 / 0",
        "held = bytearray(300 * 2**20)",
        "from IPython.display import HTML, Image, display\n"
        "import base64\n"
        f"dot = '{DOT}'\n"
        "display(Image(base64.b64decode(dot)), HTML('<img src=x>'))",
        values={"size": "len(held)", "broken": "nothing_of_that_name"},
    )
    assert result.stdout == f"fast {tmp_path}\n"
    assert result.errors == ["ZeroDivisionError: division by zero"]
    assert "a label is missing" in result.stderr
    assert len(wrong_with_images(result)) == 2
    assert result.peak_mib is None or result.peak_mib > 300
    assert result.values["size"] == 300 * 2**20
    assert "NameError" in str(result.values["broken"])


def test_runner_runs_cells_or_sections_twice_and_keeps_what_went_wrong_first(tmp_path):
    cells = ("n = 0", "n += 1\nprint(n)", "assert n == 2")
    once = ran(tmp_path, *cells)
    assert (once.stdout, len(once.errors)) == ("1\n", 1)
    each = ran(tmp_path, *cells, twice="cells")
    assert (each.stdout, each.errors) == ("2\n", [])
    part = ran(tmp_path, *cells, twice="sections")
    assert (part.stdout, len(part.errors)) == ("1\n", 2)  # both times


def test_runner_takes_the_kernel_of_this_python(tmp_path, monkeypatch):
    foreign = tmp_path / "kernels" / "python3"
    foreign.mkdir(parents=True)
    spec = {"argv": ["/no/such/python", "-f", "{connection_file}"], "display_name": "foreign"}
    (foreign / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    assert ran(tmp_path, "import sys; print(sys.executable)").stdout == f"{sys.executable}\n"


def test_images_with_text_are_fine(tmp_path):
    result = ran(
        tmp_path,
        "import recsys_workshop as ws\nfrom matplotlib import pyplot as plt",
        "fig, ax = plt.subplots()\nax.set(xlabel='film', ylabel='stars')\n"
        "ws.show(fig, alt='Empty axes, films against stars.')",
    )
    assert (result.errors, result.stderr, wrong_with_images(result)) == ([], "", [])
    assert len(result.outputs("display_data")) == 1
