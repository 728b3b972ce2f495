"""An unsuitable Python is refused in one line, also by Pythons that cannot read the rest."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import gate

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (((3, 6, 18), 64, "Linux", "x86_64"), ["Python 3.6 is too old", "3.11 to 3.14"]),
        (((3, 10, 13), 64, "Windows", "AMD64"), ["too old", "py -3.13 scripts\\start.py"]),
        (((3, 15, 0), 64, "Darwin", "arm64"), ["Python 3.15 is newer", "3.11 to 3.14"]),
        (((3, 12, 1), 32, "Windows", "x86"), ["32-bit", "64"]),
        (((3, 12, 1), 64, "Darwin", "x86_64"), ["Intel Mac", "environment.yml"]),
    ],
)
def test_an_unsuitable_python_is_refused_in_one_line(facts, words):
    line = gate.refusal(*facts)
    assert line is not None
    assert "\n" not in line
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    "place",
    [("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"), ("Windows", "AMD64")],
)
def test_tested_pythons_pass(place):
    for version in ((3, 11, 0), (3, 14, 1)):
        assert gate.refusal(version, 64, *place) is None


@pytest.mark.parametrize("version", ["3.6", "3.10"])
@pytest.mark.parametrize("script", ["start.py", "test.py", "download.py"])
def test_a_real_old_python_says_that_it_is_too_old(version, script):
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    own = sorted(home.glob(f"versions/{version}.*/bin/python"))
    python = str(own[0]) if own else shutil.which(f"python{version}")
    if not python or subprocess.run([python, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"no Python {version} on this machine")
    command = [python, "-B", str(ROOT / "scripts" / script)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.startswith(f"Python {version} is too old: install")
    assert run.stderr.count("\n") == 1
    assert script in run.stderr
