"""The two ways from nothing to a first recommender, for real: with a network, and from a stick."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def fresh_copy(folder: Path) -> Path:
    """The files under version control as they are now, without anything that a run has left."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listing.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


def without_network() -> list[str]:
    """A prefix that takes the network away from a command, where the system lets us."""
    prefix = ["unshare", "--net"]
    if shutil.which("unshare") and run(*prefix, "true").returncode == 0:
        return prefix
    return []


def test_one_command_then_seconds_then_a_stick_without_a_network(tmp_path):
    copy = fresh_copy(tmp_path / "a copy")
    start = [sys.executable, copy / "scripts" / "start.py", "--no-lab", "--dataset", "planted"]
    first = run(*start, "--yes")
    if "No network" in first.stderr:
        pytest.skip("the package index cannot be reached from here")
    assert first.returncode == 0, first.stdout + first.stderr
    log = copy / ".venv" / "setup.log"
    written = log.stat().st_mtime

    second = run(*start)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "is ready" in second.stdout
    assert log.stat().st_mtime == written, "the second run must not call pip"

    stick = tmp_path / "a stick"
    download = copy / "scripts" / "download.py"
    made = run(sys.executable, download, "--wheelhouse", stick, "--no-data", "--yes")
    assert made.returncode == 0, made.stdout + made.stderr
    shutil.rmtree(copy)

    other = fresh_copy(tmp_path / "other copy")
    start[1] = other / "scripts" / "start.py"
    last = run(*without_network(), *start, "--offline", "--wheelhouse", stick)
    assert last.returncode == 0, last.stdout + last.stderr
    assert "Installing PyTorch ..." in last.stdout

    moved = tmp_path / "moved"
    other.rename(moved)
    start[1] = moved / "scripts" / "start.py"
    refused = run(*start, "--offline")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Offline, and .venv is not ready")
