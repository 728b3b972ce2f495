"""Is this machine ready for the series? What matters, and plain advice if something is wrong."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from recsys_tutorial.datasets import Dataset
from recsys_workshop import local

PACKAGES = (
    "torch", "pytorch-ignite", "tensorboardX", "numpy", "pandas", "scikit-learn", "matplotlib",
    "jupyterlab", "ipywidgets",
)  # fmt: skip
GIB = 1024**3
NEEDED = 1 * GIB  # of memory, and of disk
REPAIR = "run python3 scripts/start.py again: it repairs the environment"


class Finding(NamedTuple):
    """The result of one test; `advice` is empty if all is well."""

    what: str
    found: str
    advice: str = ""


def readiness(dataset: Dataset) -> pd.DataFrame:
    """A table of what the series needs and what this machine has; prints advice for problems."""
    kept = local.directory()
    found = [Finding("Python", platform.python_version()), *map(package, PACKAGES)]
    found += [memory(available_memory()), disk(kept), writable(kept), data(dataset)]
    for one in found:
        if one.advice:
            print(f"{one.what} ({one.found}): {one.advice}.")
    if not any(one.advice for one in found):
        print("This machine is ready.")
    rows = [(f.what, f.found, "see above" if f.advice else "ok") for f in found]
    return pd.DataFrame(rows, columns=["what", "found", "verdict"])


def package(name: str) -> Finding:
    """The installed version of a package; advice if it is missing."""
    try:
        return Finding(name, importlib.metadata.version(name).split("+")[0])
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", f"this notebook runs in another environment, or {REPAIR}")


def available_memory() -> int | None:
    """Free memory in bytes, at most what a container such as Binder allows; None if unknown."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        free = int(re.findall(r"MemAvailable:\s+(\d+) kB", text)[0]) * 1024
    except (OSError, IndexError):
        return None
    try:
        group = Path("/sys/fs/cgroup")
        limit, used = ((group / n).read_text() for n in ("memory.max", "memory.current"))
        return max(0, min(free, int(limit) - int(used)))
    except (OSError, ValueError):  # no such group, or no limit ("max")
        return free


def memory(free: int | None) -> Finding:
    if free is None:
        return Finding("free memory", "this system does not say")
    advice = "a page needs up to 1 GiB: shut down other notebooks (menu Kernel, Shut Down All)"
    return Finding("free memory", f"{free / GIB:.1f} GiB", advice if free < NEEDED else "")


def disk(directory: Path) -> Finding:
    place = next(p for p in (directory, *directory.parents) if p.is_dir())
    free = shutil.disk_usage(place).free
    advice = f"{place} is nearly full: make room, or training curves and models are not kept"
    return Finding("free disk", f"{free / GIB:.1f} GiB", advice if free < NEEDED else "")


def writable(directory: Path) -> Finding:
    """Whether ratings and progress can be kept."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return Finding("write access", f"yes, in {directory}")
    except OSError as error:
        advice = (
            f"your ratings and progress would be lost ({error.strerror or error}): set "
            f"{local.STATE} to a directory of yours and start again"
        )
        return Finding("write access", f"no, in {directory}", advice)


def data(dataset: Dataset) -> Finding:
    if dataset.truth is None:
        return Finding("data", f"{dataset.name}, {len(dataset):,} ratings")
    if "in place of" not in dataset.source:
        return Finding("data", "planted, as chosen: every film and rating is invented")
    advice = (
        "every page works on it, but nothing you see is about real people; data/README.md says "
        "where to get the real data"
    )
    return Finding("data", "planted: invented films and ratings", advice)
