"""Writing `benchmarks/results.json`: every figure with machine, versions, data and settings."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import torch

from recsys_tutorial.datasets import Dataset
from recsys_tutorial.files import replacing

PATH = Path(__file__).with_name("results.json")
PACKAGES = (
    "torch",
    "pytorch-ignite",
    "numpy",
    "pandas",
    "scikit-learn",
    "scikit-surprise",
    "implicit",
)


def machine() -> dict[str, Any]:
    """Where and with what a figure was measured."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name).split("+")[0]
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "system": platform.system(),
        "versions": versions,
        "date": date.today().isoformat(),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def record(result: dict[str, Any], data: Dataset) -> dict[str, Any]:
    """What was measured, with data and machine."""
    return {"data": data.name, "rows": len(data), "machine": machine(), **result}


def write(section: str, record: dict[str, Any], data: Dataset) -> None:
    """Put a section into the ledger.

    Raises ValueError where planted data would stand under a name that does not begin with
    "planted", or real data under one that does.
    """
    ledger = _for(data, [section])
    sections = ledger.setdefault("benchmarks", {})
    sections[section] = {**sections.get(section, {}), **record}
    _replace(ledger)


def write_page(page: str, entries: dict[str, dict[str, Any]], data: Dataset) -> None:
    """Put what `ws.ledger(page, key)` reads into the ledger, in place of what the page had.

    Raises ValueError for keys as `write` does for a section.
    """
    ledger = _for(data, entries)
    about = {"data": data.name, "machine": machine()}
    ledger.setdefault("pages", {})[page] = {k: {**about, **e} for k, e in entries.items()}
    _replace(ledger)


def _for(data: Dataset, names: Iterable[str]) -> dict[str, Any]:
    """The ledger, if figures of this data may stand under these names."""
    planted = data.truth is not None or data.name.startswith("planted")
    for name in names:
        if name.startswith("planted") != planted:
            raise ValueError(
                f"{name!r} cannot take figures of {'planted' if planted else 'real'} data: what "
                'is made up stands under names that begin with "planted", and nothing else does'
            )
    return read()


def _replace(ledger: dict[str, Any]) -> None:
    with replacing(PATH) as temporary:
        text = json.dumps(ledger, indent=1, sort_keys=True) + "\n"
        temporary.write_text(text, encoding="utf-8")


def read() -> dict[str, Any]:
    """The whole ledger: sections under `benchmarks`, what pages quote under `pages`."""
    return json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
