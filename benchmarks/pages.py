"""Every page.

Seconds that a page takes on real data, and the peak memory of its kernel: one run each, by
`python scripts/build.py measure`. The import: the median of five new processes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median
from typing import Any

from benchmarks.measuring import ROOT, Gate, at_most
from recsys_tutorial.datasets import Dataset

MINUTES = ROOT / "notebooks" / "minutes.json"
MOST_SECONDS, MOST_MIB = 120, 1024  # of a page
MOST_SERIES = 15 * 60
MOST_IMPORT = 3.0
ROUNDS = 5
IMPORT = """
import time; start = time.perf_counter()
import recsys_tutorial as rt; rt.models, rt.fit
print(time.perf_counter() - start)
"""


def compare(data: Dataset) -> dict[str, Any]:
    """Seconds of the import, beside what was measured of the pages."""
    found = json.loads(MINUTES.read_text(encoding="utf-8"))
    pages = {
        name: {"seconds": page["seconds"], "peak_mib": page["peak_mib"]}
        for name, page in found["pages"].items()
    }
    command = [sys.executable, "-c", IMPORT]
    imports = [float(subprocess.check_output(command, cwd=ROOT)) for _ in range(ROUNDS)]
    return {
        "pages": pages,
        "measured_on": found["machine"],
        "series_seconds": sum(page["seconds"] for page in pages.values()),
        "import_seconds": median(imports),
        "import_range": [min(imports), max(imports)],
    }


def gates(result: dict[str, Any]) -> list[Gate]:
    pages, series, took = (result[k] for k in ("pages", "series_seconds", "import_seconds"))
    slowest = max(pages, key=lambda name: pages[name]["seconds"])
    largest = max(pages, key=lambda name: pages[name]["peak_mib"])
    seconds, mib = pages[slowest]["seconds"], pages[largest]["peak_mib"]
    return [
        at_most(f"the slowest page, {slowest}, takes {seconds:.0f} s", seconds, MOST_SECONDS),
        at_most(f"the largest, {largest}, peaks at {mib} MiB", mib, MOST_MIB),
        at_most(f"the whole series takes {series:.0f} s", series, MOST_SERIES),
        at_most(f"the import takes {took:.2f} s", took, MOST_IMPORT),
    ]
