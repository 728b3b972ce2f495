"""From an instructor's stick to a first recommender, for real and without a network."""

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


def test_a_stick_then_one_command_without_a_network(tmp_path):
    """The checkout's own environment, which came over the network by the same code, makes a stick;
    a fresh copy starts from it."""
    stick = tmp_path / "a stick"
    download = ROOT / "scripts" / "download.py"
    made = run(sys.executable, download, "--wheelhouse", stick, "--no-data", "--yes")
    if "No network" in made.stderr:
        pytest.skip("the package index cannot be reached from here")
    assert made.returncode == 0, made.stdout + made.stderr

    copy = fresh_copy(tmp_path / "a copy")
    start = [sys.executable, copy / "scripts" / "start.py", "--no-lab", "--dataset", "planted"]
    offline = [*without_network(), *start, "--offline"]
    first = run(*offline, "--wheelhouse", stick)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Installing PyTorch ..." in first.stdout
    log = copy / ".venv" / "setup.log"
    written = log.stat().st_mtime
    shutil.rmtree(stick)

    second = run(*offline)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "is ready" in second.stdout
    assert log.stat().st_mtime == written, "the second run must not call pip"

    moved = tmp_path / "moved"
    copy.rename(moved)
    start[1] = moved / "scripts" / "start.py"
    refused = run(*start, "--offline")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Offline, and .venv is not ready")
