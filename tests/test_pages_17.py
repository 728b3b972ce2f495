"""What page 17 shows and concludes is so."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages_runner import executed

pytestmark = pytest.mark.page


def test_what_the_page_computes_and_concludes(mode):
    run = executed("17_deploy", "solutions", mode)
    values = run.values
    # the fold-in written on the page is the library's
    assert values["mine"] == pytest.approx(values["library"], abs=1e-5)
    assert values["here"] == pytest.approx(values["by_service"], abs=1e-4)
    assert values["total"] == pytest.approx(values["told"], abs=1e-4)
    assert values["people"] > 10
    first, *_, last = values["error"]
    assert last < first - 0.03  # stars: far beyond the noise of that many people
    by_ratings = dict(zip(values["clicks"], values["error"], strict=True))
    early, late = by_ratings[0] - by_ratings[5], by_ratings[20] - by_ratings[40]
    assert early / 5 > late / 20, "the first few ratings save the most, the figure says"
    assert values["now"] != values["old"] == values["back"] == values["live"]
    assert values["saved"][0][1] > 0, "the interval of the first ratings' gain is above zero"
    assert values["running"] is False
    assert "index.html" in values["site"]
    assert ("refused: ml-100k" in run.stdout) == (not values["planted"])


def test_the_container_file_fits_the_project():
    root = Path(__file__).parents[1]
    lines = (root / "docs" / "Containerfile.serving").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]]
    assert {"constraints.txt", "pyproject.toml", "recsys_tutorial"} <= set(copied)
    for name in copied:
        assert name == "model" or (root / name).exists(), name
    assert lines.index("USER service") < next(
        n for n, line in enumerate(lines) if line.startswith("CMD")
    )
    assert any("/ready" in line for line in lines if line.startswith("HEALTHCHECK"))
