"""What `.venv` should hold: the project's requirements, tested versions, and a stamp of both."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import tomllib
from pathlib import Path
from typing import Any

from console import Stop

STAMP = "recsys-tutorial.json"
VERSIONS_CHANGED = "the tested versions changed"
CONSTRAINTS = ("constraints.txt", "constraints-dev.txt")


def read_stamp(venv: Path) -> dict[str, Any] | None:
    """What a finished environment was made for; None without one, or if it cannot be read."""
    try:
        stamp = json.loads((venv / STAMP).read_text(encoding="utf-8"))
        wanted = {"python", "platform", "path", "pins", "extras", "gpu"}
        return stamp if wanted <= stamp.keys() and isinstance(stamp["extras"], list) else None
    except (OSError, ValueError, AttributeError):
        return None


def write_stamp(venv: Path, stamp: dict[str, Any]) -> None:
    """Write the stamp in one move, so that half a stamp cannot exist."""
    part = venv / (STAMP + ".part")
    part.write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
    os.replace(part, venv / STAMP)


def decide(stamp: dict[str, Any] | None, want: dict[str, Any], runs: bool) -> tuple[str, str]:
    """`ready`, `update` or `rebuild`, and why. `runs`: the environment's Python exists."""
    if stamp is None:
        return "rebuild", "it was not finished"
    if (stamp["python"], stamp["platform"]) != (want["python"], want["platform"]):
        return "rebuild", f"it was made by Python {stamp['python']} on {stamp['platform']}"
    if stamp["path"] != want["path"]:
        return "rebuild", f"it was moved here from {stamp['path']}"
    if not runs:
        return "rebuild", "its Python is gone"
    if stamp["pins"] != want["pins"]:
        return "update", VERSIONS_CHANGED
    if not set(want["extras"]) <= set(stamp["extras"]):
        return "update", "more packages are asked for"
    if want["gpu"] and not stamp["gpu"]:
        return "update", "a build for GPUs is asked for"
    return "ready", ""


def python_name() -> str:
    """Version of the running Python, such as `3.12`."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def platform_name() -> str:
    """System and processor, such as `linux-x86_64`."""
    return f"{platform.system()}-{platform.machine()}".lower()


def project(root: Path) -> dict[str, Any]:
    """The `[project]` table of pyproject.toml."""
    with (root / "pyproject.toml").open("rb") as stream:
        table: dict[str, Any] = tomllib.load(stream)["project"]
    return table


def requirements(root: Path, extras: tuple[str, ...]) -> list[str]:
    """The requirements of the core and the extras, as pyproject.toml has them."""
    table = project(root)
    names: list[str] = list(table["dependencies"])
    for extra in extras:
        names += table["optional-dependencies"][extra]
    return names


def pins_hash(root: Path) -> str:
    """sha256 over the tested versions and the project's table: what an installation follows."""
    digest = hashlib.sha256(json.dumps(project(root), sort_keys=True).encode())
    for name in CONSTRAINTS:  # read as text: line ends of another system must not matter
        digest.update((root / name).read_text(encoding="utf-8").encode())
    return digest.hexdigest()


def pin(root: Path, name: str) -> str:
    """The tested version of one package."""
    for line in (root / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.partition("==")[0] == name:
            return line.partition("==")[2].partition(";")[0].strip()
    raise Stop(f"constraints.txt has no line '{name}==...': restore it with git")
