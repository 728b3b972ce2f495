"""Writing `benchmarks/results.json`: every figure with machine, versions, data and settings."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import torch

from recsys_tutorial.datasets import Dataset

PATH = Path(__file__).with_name("results.json")
PACKAGES = ("torch", "pytorch-ignite", "numpy", "pandas", "scikit-learn", "scikit-surprise",
            "implicit")  # fmt: skip


def machine() -> dict[str, Any]:
    """Where and with what a figure was measured."""
    installed = {d.name: d.version.split("+")[0] for d in importlib.metadata.distributions()}
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "system": platform.system(),
        "versions": {name: installed.get(name, "not installed") for name in PACKAGES},
        "date": date.today().isoformat(),
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)", info.read_text() if info.exists() else "", re.M)
    return found[1].strip() if found else platform.processor() or platform.machine()


def record(result: dict[str, Any], data: Dataset) -> dict[str, Any]:
    """What was measured, with data and machine."""
    return {"data": data.name, "rows": len(data), "machine": machine(), **result}


def write(section: str, record: dict[str, Any], data: Dataset) -> None:
    """Put a section into the ledger.

    Raises ValueError for planted data under a name that does not begin with "planted", and for real
    data under one that does.
    """
    ledger = _for(data, [section])
    sections = ledger.setdefault("benchmarks", {})
    sections[section] = {**sections.get(section, {}), **record}
    _save(ledger)


def write_page(page: str, entries: dict[str, dict[str, Any]], data: Dataset) -> None:
    """Put what `ws.ledger(page, key)` reads into the ledger, in place of what the page had.

    Raises ValueError for keys as `write` does for a section.
    """
    ledger = _for(data, entries)
    about = {"data": data.name, "machine": machine()}
    ledger.setdefault("pages", {})[page] = {k: {**about, **e} for k, e in entries.items()}
    _save(ledger)


def _for(data: Dataset, names: Iterable[str]) -> dict[str, Any]:
    """The ledger, if it may hold figures of this data under these names."""
    planted = data.truth is not None or data.name.startswith("planted")
    for name in names:
        if name.startswith("planted") != planted:
            raise ValueError(
                f"{name!r} cannot take figures of {'planted' if planted else 'real'} data: names "
                'that begin with "planted" are for planted data, and all others for real data'
            )
    return read()


def _save(ledger: dict[str, Any]) -> None:
    PATH.write_text(json.dumps(ledger, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read() -> dict[str, Any]:
    """The whole ledger: sections under `benchmarks`, what pages quote under `pages`."""
    return json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
