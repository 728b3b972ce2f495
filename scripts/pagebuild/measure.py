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

SECONDS = 120.0
PEAK_MIB = 1024.0


def record(source: Source, result: Run) -> dict[str, Any]:
    """A row of the table: the author's minutes, seconds and peak memory as measured."""
    return {
        "minutes": source.minutes,
        "seconds": round(result.seconds, 1),
        "peak_mib": None if result.peak_mib is None else round(result.peak_mib),
    }


def over_budget(row: dict[str, Any]) -> list[str]:
    """What a row has too much of."""
    found = []
    if row["seconds"] > SECONDS:
        found.append(f"takes {row['seconds']:.0f} s, at most {SECONDS:.0f} s")
    if row["peak_mib"] is not None and row["peak_mib"] > PEAK_MIB:
        found.append(f"holds {row['peak_mib']:.0f} MiB, at most {PEAK_MIB:.0f} MiB")
    return found


def measure_all(root: Path, names: list[str]) -> int:
    """Run the named pages (all if none) in full and update notebooks/minutes.json.

    Returns 1 if one failed or is over the budget; a page that failed keeps its old row.
    """
    sources = {s.name: s for s in read_all(root)}
    if unknown := [n for n in names if n not in sources]:
        print(
            f"no such page: {', '.join(unknown)}; there are {', '.join(sources)}", file=sys.stderr
        )
        return 1
    table = {n: row for n, row in read_minutes(root).items() if n in sources}
    code = 0
    for name in names or sources:
        with tempfile.TemporaryDirectory() as state:
            result = run(
                root / "notebooks" / "solutions" / f"{name}.ipynb", mode="full", state=Path(state)
            )
        wrong = result.errors
        if "PLANTED DATA" in result.stdout:
            wrong = [*wrong, "real data is not available here: nothing to measure"]
        if not wrong:
            table[name] = record(sources[name], result)
            wrong = over_budget(table[name])
            print(f"{name}: {table[name]['seconds']} s, {table[name]['peak_mib']} MiB")
        for line in wrong:
            code = 1
            print(f"{name}: {line}", file=sys.stderr)
    ordered = {n: {**table[n], "minutes": sources[n].minutes} for n in sources if n in table}
    content = {"machine": _machine(), "pages": ordered}
    path = root / "notebooks" / "minutes.json"
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8", newline="\n")
    return code


def _machine() -> str:
    return (
        f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )
