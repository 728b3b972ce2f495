"""test.py and .ci/run: what they run, and in which order."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import checks

ROOT = Path(__file__).resolve().parent.parent


def test_the_default_run_leaves_out_browser_and_slow_tests():
    usual = checks.pytest_command(Path("py"), False, ["-k", "x"])
    whole = checks.pytest_command(Path("py"), True, [])
    assert whole[:3] == ["py", "-m", "pytest"]
    assert usual == [*whole, "-m", "not browser and not slow", "-k", "x"]


def test_tests_run_on_all_cores_but_on_no_more_than_memory_allows():
    assert [checks.processes(cores) for cores in (None, 1, 2, 64)] == [1, 1, 2, 4]


def test_pages_run_fast_by_default_and_whole_in_full():
    assert checks.pytest_env({}, False, False) == {"RECSYS_TUTORIAL_PAGES": "fast"}
    full = checks.pytest_env({"A": "b"}, True, True)
    assert full["RECSYS_TUTORIAL_PAGES"] == "full"
    assert full["RECSYS_TUTORIAL_REQUIRE_BROWSER"] == "1"
    assert full["RECSYS_TUTORIAL_REQUIRE_DATA"] == "1"
    assert full["A"] == "b"


@pytest.mark.parametrize(
    ("environ", "full", "required"),
    [
        ({}, True, False),
        ({"CI": "true"}, True, True),
        ({"CI": "true"}, False, False),
        ({"CI": "false"}, True, False),
        ({"RECSYS_TUTORIAL_REQUIRE_BROWSER": "1"}, False, True),
        ({"RECSYS_TUTORIAL_REQUIRE_BROWSER": "0"}, True, False),
    ],
)
def test_when_a_browser_must_be_there(environ, full, required):
    assert checks.browser_required(environ, full) is required


def test_what_follows_two_dashes_is_for_pytest():
    options = checks.parse(["--full", "--", "-k", "mf", "--", "x"])
    assert options.full
    assert options.pytest == ["-k", "mf", "--", "x"]


@pytest.fixture
def small_project(tmp_path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = browser: needs Chromium\n")
    return tmp_path


class Run:
    """`check` on a small project, its environment ready and its static checks replaced."""

    def __init__(self, root: Path, monkeypatch, static: list[list[str]] | None = None) -> None:
        ready = SimpleNamespace(
            python=Path(sys.executable),
            root=root,
            ensure=lambda: None,
            env=lambda: dict(os.environ),
        )
        monkeypatch.setattr(checks, "Environment", lambda console, options: ready)
        steps = [(" ".join(module), module) for module in static or []]
        monkeypatch.setattr(checks, "STATIC", tuple(steps))

    def __call__(self, *arguments: str) -> int:
        return checks.main(arguments)


def test_the_summary_of_pytest_comes_last_and_its_exit_code_counts(
    small_project, monkeypatch, capfd
):
    (small_project / "tests" / "test_bad.py").write_text("def test_bad(): assert False\n")
    assert Run(small_project, monkeypatch)() == 1
    assert "1 failed" in capfd.readouterr().out.splitlines()[-1]


def test_a_failed_static_check_names_itself_after_all_of_them_ran(
    small_project, monkeypatch, capfd
):
    run = Run(small_project, monkeypatch, static=[["no_such_linter"], ["this"]])
    assert run() == 1
    printed = capfd.readouterr()
    assert "Not tested, since these failed: no_such_linter" in printed.err
    assert "Beautiful is better than ugly" in printed.out


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
