"""Is this machine ready for the series? What matters, and plain advice where it is not."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from recsys_tutorial.datasets import Dataset
from recsys_workshop import local

PACKAGES = (
    "torch", "pytorch-ignite", "tensorboardX", "numpy", "pandas", "scikit-learn", "matplotlib",
    "jupyterlab", "ipywidgets",
)  # fmt: skip
TESTED = Path(__file__).resolve().parents[2] / "constraints.txt"
PYTHONS = ((3, 11), (3, 13))
GIB = 1024**3
MEMORY_NEEDED = 1 * GIB
DISK_NEEDED = 1 * GIB
REPAIR = "run python3 scripts/start.py again: it repairs the environment"


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `advice` is empty where all is well."""

    what: str
    found: str
    advice: str = ""


def readiness(dataset: Dataset) -> pd.DataFrame:
    """A table of what the series needs and what is here; prints what to do where they differ."""
    tested, kept = pinned_versions(), local.directory()
    found = [
        python_version(platform.python_version()),
        *(package(name, tested.get(name.lower(), "")) for name in PACKAGES),
        threads(), memory(available_memory()), disk(kept), writable(kept), data(dataset),
    ]  # fmt: skip
    amiss = [f for f in found if f.advice]
    for one in amiss:
        print(f"{one.what} ({one.found}): {one.advice}.")
    if not amiss:
        print("This machine is ready.")
    rows = [(f.what, f.found, "see above" if f.advice else "ok") for f in found]
    return pd.DataFrame(rows, columns=["what", "found", "verdict"])


def pinned_versions(path: Path = TESTED) -> dict[str, str]:
    """Package (lower case) to the version that the project is tested with; empty without the
    file, which a checkout has and an installed package has not."""
    if not path.is_file():
        return {}
    pins = re.findall(r"^([\w.-]+)==([\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {name.lower(): version for name, version in pins}


def python_version(version: str) -> Finding:
    low, high = PYTHONS
    here = _numbers(version)[:2]
    text = f"tested with {low[0]}.{low[1]} to {high[0]}.{high[1]}"
    if here < low:
        return Finding("Python", version, f"too old ({text}): install a newer one, then {REPAIR}")
    if here > high:
        return Finding("Python", version, f"newer than tested ({text}): if anything fails, try one")
    return Finding("Python", version)


def package(name: str, tested: str) -> Finding:
    """The installed version; advice where it is missing, or older than what is tested."""
    try:
        version = importlib.metadata.version(name).split("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", f"this notebook runs in another environment, or {REPAIR}")
    if not tested or version == tested:
        return Finding(name, version)
    if _numbers(version) < _numbers(tested):
        advice = f"older than the tested {tested}: if anything fails, {REPAIR}"
        return Finding(name, version, advice)
    return Finding(name, f"{version}, newer than the tested {tested}")


def threads() -> Finding:
    """Processors that this process may use. One will do: training uses one thread."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Finding("processors", f"{count}, PyTorch uses {torch.get_num_threads()} threads")


def available_memory() -> int | None:
    """Free memory in bytes, and no more than a container (Binder, say) allows; None if unknown."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        free = [int(re.findall(r"MemAvailable:\s+(\d+) kB", text)[0]) * 1024]
    except (OSError, IndexError):
        return None
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            group = Path("/sys/fs/cgroup")
            free.append(int((group / limit).read_text()) - int((group / used).read_text()))
        except (OSError, ValueError):  # no such group, or no limit ("max")
            continue
    return max(0, min(free))


def memory(free: int | None) -> Finding:
    if free is None:
        return Finding("free memory", "this system does not say")
    advice = "a page needs up to 1 GiB: shut down other notebooks (menu Kernel, Shut Down All)"
    return Finding("free memory", f"{free / GIB:.1f} GiB", advice if free < MEMORY_NEEDED else "")


def disk(directory: Path) -> Finding:
    place = next(p for p in (directory, *directory.parents) if p.is_dir())
    free = shutil.disk_usage(place).free
    advice = f"{place} is nearly full: make room, or training curves and models are not kept"
    return Finding("free disk", f"{free / GIB:.1f} GiB", advice if free < DISK_NEEDED else "")


def writable(directory: Path) -> Finding:
    """Whether ratings and progress can be kept."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        advice = (
            f"your ratings and progress would be lost ({error.strerror or error}): set "
            f"{local.STATE} to a directory of yours and start again"
        )
        return Finding("write access", f"no, in {directory}", advice)
    return Finding("write access", f"yes, in {directory}")


def data(dataset: Dataset) -> Finding:
    if dataset.truth is None:
        return Finding("data", f"{dataset.name}, {len(dataset):,} ratings, checksum verified")
    advice = (
        "every page works on it, but nothing you see is about real people; the setup cell says "
        "what was tried, and data/README.md where to get the real data"
    )
    return Finding("data", "planted: invented films and ratings", advice)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version)[:3])
