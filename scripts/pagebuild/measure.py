"""The table of minutes: every page run on real data, as a reader would."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from pagebuild.run import Run, run
from pagebuild.source import Source, read_all, read_minutes

SECONDS, PEAK_MIB = 120, 1024  # a page's budget


def record(source: Source, result: Run) -> dict[str, Any]:
    """A row of the table: the author's minutes, seconds and peak memory as measured."""
    peak = None if result.peak_mib is None else round(result.peak_mib)
    return {"minutes": source.minutes, "seconds": round(result.seconds, 1), "peak_mib": peak}


def over_budget(row: dict[str, Any]) -> list[str]:
    """What of a row is over the budget."""
    found = []
    if row["seconds"] > SECONDS:
        found.append(f"takes {row['seconds']:.0f} s, at most {SECONDS} s")
    if (row["peak_mib"] or 0) > PEAK_MIB:
        found.append(f"holds {row['peak_mib']:.0f} MiB, at most {PEAK_MIB} MiB")
    return found


def measure_all(root: Path, names: list[str]) -> int:
    """Run the named pages (all if none) in full and update notebooks/minutes.json.

    Returns 1 if one failed or is over the budget; a page that failed keeps its old row.
    """
    sources = {s.name: s for s in read_all(root)}
    table, code = read_minutes(root), 0
    for source in read_all(root, names):
        path = root / "notebooks" / "solutions" / f"{source.name}.ipynb"
        with tempfile.TemporaryDirectory() as state:
            result = run(path, mode="full", state=Path(state))
        wrong = result.errors
        if "PLANTED DATA" in result.stdout:
            wrong = [*wrong, "real data is not available here: nothing to measure"]
        if not wrong:
            row = table[source.name] = record(source, result)
            wrong = over_budget(row)
            print(f"{source.name}: {row['seconds']} s, {row['peak_mib']} MiB")
        for line in wrong:
            code = 1
            print(f"{source.name}: {line}", file=sys.stderr)
    rows = {n: {**table[n], "minutes": sources[n].minutes} for n in sources if n in table}
    text = json.dumps({"machine": _machine(), "pages": rows}, indent=1) + "\n"
    (root / "notebooks" / "minutes.json").write_text(text, encoding="utf-8", newline="\n")
    return code


def _machine() -> str:
    return (
        f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )
