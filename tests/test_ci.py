"""test.py and .ci/run: what they run, and in which order."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "test.py"


@pytest.fixture
def checks():
    """scripts/test.py as a module; by its name it would be the standard library's `test`."""
    spec = importlib.util.spec_from_file_location("checks", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_default_run_leaves_out_browser_and_slow_tests(checks, monkeypatch):
    monkeypatch.setattr(checks.os, "cpu_count", lambda: 64)
    whole = checks.pytest_command(True, [])
    assert whole[:3] == ["pytest", "-n", "4"], "each may hold a page of 1 GiB"
    usual = checks.pytest_command(False, ["-k", "x"])
    assert usual == [*whole, "-m", "not browser and not slow", "-k", "x"]


def test_what_follows_two_dashes_is_for_pytest(checks):
    options = checks.parse(["--full", "--yes", "--", "-k", "mf", "-x"])
    assert (options.full, options.yes) == (True, True)
    assert options.pytest == ["-k", "mf", "-x"]


@pytest.mark.parametrize(
    ("static", "said"),
    [([], "1 failed"), ([["no_such_linter"], ["this"]], "Not tested, since these failed: no_such")],
)
def test_static_checks_all_run_then_pytest_whose_exit_code_counts(
    checks, monkeypatch, capfd, tmp_path, static, said
):
    (tmp_path / "test_bad.py").write_text(
        "import os\ndef test_bad(): assert os.environ['RECSYS_TUTORIAL_PAGES'] == 'full'\n"
    )
    ready = SimpleNamespace(
        python=Path(sys.executable), ensure=lambda: None, env=lambda: dict(os.environ)
    )
    monkeypatch.setattr(checks, "Environment", lambda *_, **__: ready)
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    monkeypatch.setattr(checks, "STATIC", static)
    monkeypatch.setattr(checks, "pytest_command", lambda *_: ["pytest", "-q"])
    assert checks.guarded(lambda: checks.check(checks.parse([]))) == 1
    printed = capfd.readouterr()
    assert said in (printed.err if static else printed.out.splitlines()[-1])
    assert ("Beautiful is better than ugly" in printed.out) == bool(static)


# --- .ci/run ----------------------------------------------------------------------------------

pytestmark_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")


@pytest.fixture
def bare(tmp_path) -> Path:
    """A folder of commands that stand for a bare Debian: no Chromium, no fonts, no venv."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("bash", "dirname", "grep", "env"):
        (commands / name).symlink_to(str(shutil.which(name)))
    log = tmp_path / "log"
    for name, ending in [
        ("apt-get", ""),
        ("git", ""),
        ("python3", 'case "$*" in *ensurepip*) exit 1;; *test.py*) exit 7;; esac\n'),
    ]:
        path = commands / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {log}\n{ending}')
        path.chmod(0o755)
    (commands / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
    (commands / "sudo").chmod(0o755)
    return tmp_path


@pytestmark_bash
def test_ci_run_installs_what_a_bare_machine_lacks_and_keeps_the_exit_code(bare):
    run = subprocess.run(
        ["bash", str(ROOT / ".ci" / "run")],
        env={"PATH": str(bare / "commands"), "CI": "true"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 7, run.stderr
    log = (bare / "log").read_text().splitlines()
    updates = log.index("apt-get update -qq")
    install = next(line for line in log if line.startswith("apt-get install"))
    assert log.index(install) == updates + 1
    for package in ("python3-venv", "chromium", "fonts-dejavu-core", "fonts-noto-color-emoji"):
        assert package in install.split()
    assert " git" not in install
    assert log[-1].startswith("python3 scripts/test.py --full")


def test_ci_run_can_be_executed():
    first = (ROOT / ".ci" / "run").read_text().splitlines()
    assert first[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in first
    if os.name == "posix":
        assert os.access(ROOT / ".ci" / "run", os.X_OK)
