"""Every page's seconds and peak memory, as `scripts/build.py measure` wrote them; the import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from recsys_tutorial.datasets import Dataset

MINUTES = Path(__file__).parents[1] / "notebooks" / "minutes.json"
MOST_SECONDS, MOST_MIB = 120, 1024  # of a page
MOST_SERIES = 15 * 60
MOST_IMPORT = 3.0
ROUNDS = 5

_IMPORT = "import time; t = time.perf_counter(); import recsys_tutorial as rt; rt.models, rt.fit; "
_IMPORT += "print(time.perf_counter() - t)"


def compare(data: Dataset) -> dict[str, Any]:
    """Seconds of importing in fresh processes, beside what was measured of the pages."""
    found = json.loads(MINUTES.read_text(encoding="utf-8"))
    seconds = [float(_said([sys.executable, "-c", _IMPORT])) for _ in range(ROUNDS)]
    pages = {
        name: {"seconds": page["seconds"], "peak_mib": page["peak_mib"]}
        for name, page in found["pages"].items()
    }
    return {
        "pages": pages,
        "measured_on": found["machine"],
        "series_seconds": sum(page["seconds"] for page in pages.values()),
        "import_seconds": median(seconds),
        "import_range": [min(seconds), max(seconds)],
    }


def _said(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def gates(result: dict[str, Any]) -> list[tuple[str, bool]]:
    pages, series = result["pages"], result["series_seconds"]
    slowest = max(pages, key=lambda name: pages[name]["seconds"])
    largest = max(pages, key=lambda name: pages[name]["peak_mib"])
    seconds, mib = pages[slowest]["seconds"], pages[largest]["peak_mib"]
    took = result["import_seconds"]
    return [
        (
            f"the slowest page, {slowest}, takes {seconds:.0f} s (at most {MOST_SECONDS})",
            seconds <= MOST_SECONDS,
        ),
        (f"the largest, {largest}, peaks at {mib} MiB (at most {MOST_MIB})", mib <= MOST_MIB),
        (f"the whole series takes {series:.0f} s (at most {MOST_SERIES})", series <= MOST_SERIES),
        (f"the import takes {took:.2f} s (at most {MOST_IMPORT:.0f})", took <= MOST_IMPORT),
    ]
