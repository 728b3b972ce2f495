"""Check the whole project: format, lint, types, then pytest, whose summary closes the output."""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path

from console import Console, Stop, add_common_arguments, guarded
from environment import READER, ROOT, Environment, Options

STATIC = (
    ("Format (ruff format --check)", ["ruff", "format", "--check", "."]),
    ("Lint (ruff check)", ["ruff", "check", "."]),
    ("Types (mypy)", ["mypy"]),
)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of test.py; what follows `--` is for pytest."""
    own, rest = list(arguments), []
    if "--" in own:
        at = own.index("--")
        own, rest = own[:at], own[at + 1 :]
    parser = argparse.ArgumentParser(
        prog="test.py",
        usage="test.py [--full] [--offline] [--yes] [--verbose] [-- PYTEST ARGUMENTS]",
        description="Format, lint, types, units, pages (fast on planted data, 00 to 02 on real).",
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help="also every page on real data, browser and load tests, gates against peers",
    )
    parser.add_argument("--offline", action="store_true", help="touch no network")
    add_common_arguments(parser)
    options = parser.parse_args(own)
    options.pytest = rest
    return options


def browser_required(environ: Mapping[str, str], full: bool) -> bool:
    """Whether a skipped browser test is a failure: in CI, or where the variable says so."""
    if environ.get("RECSYS_TUTORIAL_REQUIRE_BROWSER", "") not in ("", "0"):
        return True
    return full and environ.get("CI", "").lower() in ("1", "true")


def pytest_command(python: Path, full: bool, report: Path, extra: Sequence[str]) -> list[str]:
    """pytest on everything, or on all but browser and slow tests; later arguments win."""
    command = [str(python), "-m", "pytest", f"--junit-xml={report}"]
    command += [] if full else ["-m", "not browser and not slow"]
    return [*command, *extra]


def pytest_env(env: Mapping[str, str], full: bool, browser: bool) -> dict[str, str]:
    """What the tests are told: how much of each page to run, and what must not be missing."""
    told = {"RECSYS_TUTORIAL_PAGES": "full" if full else "fast"}
    if full:
        told["RECSYS_TUTORIAL_REQUIRE_DATA"] = "1"
    if browser:
        told["RECSYS_TUTORIAL_REQUIRE_BROWSER"] = "1"
    return {**env, **told}


def skipped(report: Path) -> set[tuple[str, str]]:
    """(class name, name) of the skipped tests in a JUnit report."""
    cases = ElementTree.parse(report).iter("testcase")
    return {
        (case.get("classname", ""), case.get("name", ""))
        for case in cases
        if case.find("skipped") is not None
    }


def junit_name(node: str) -> tuple[str, str]:
    """(class name, name) in a JUnit report of pytest's `tests/test_x.py::TestY::test_z[a]`."""
    place, bracket, parameters = node.partition("[")
    file, *parts = place.split("::")
    return ".".join([file.removesuffix(".py").replace("/", "."), *parts[:-1]]), (
        parts[-1] + bracket + parameters
    )


def skipped_browser_tests(
    environment: Environment, env: Mapping[str, str], report: Path
) -> list[str]:
    """Names of the browser tests that the finished run skipped.

    A JUnit report knows no markers, so that pytest is asked which tests need a browser; only if
    anything was skipped at all.
    """
    absent = skipped(report)
    if not absent:
        return []
    command = [str(environment.python), "-m", "pytest", "--collect-only", "-q", "-m", "browser"]
    listing = subprocess.run(
        command, env=dict(env), cwd=environment.root, stdout=subprocess.PIPE, text=True, check=False
    ).stdout
    nodes = [line for line in listing.splitlines() if "::" in line]
    return [node for node in nodes if junit_name(node) in absent]


def static_checks(console: Console, environment: Environment) -> None:
    """Run format, lint and types, all of them; stop if any failed."""
    failed = []
    for title, module in STATIC:
        console.say(f"{title}:")
        start = time.monotonic()
        command = [str(environment.python), "-m", *module]
        code = subprocess.call(command, env=environment.env(), cwd=environment.root)
        console.say(f"  {'failed' if code else 'ok'} in {time.monotonic() - start:.1f} s")
        failed += [title] if code else []
    if failed:
        raise Stop(f"Not tested, since these failed: {', '.join(failed)}")


def check(console: Console, options: argparse.Namespace) -> int:
    """Everything, in order; the exit code is pytest's unless a check of ours failed."""
    extras = ("bench", "dev", "docs", *READER) if options.full else ("dev", "docs", *READER)
    start = time.monotonic()
    environment = Environment(
        console, Options(extras=extras, offline=options.offline, yes=options.yes)
    )
    environment.ensure()
    console.say(f"  environment in {time.monotonic() - start:.1f} s")
    static_checks(console, environment)
    browser = browser_required(os.environ, options.full)
    env = pytest_env(environment.env(), options.full, browser)
    console.say("Tests (pytest; its last line gives the seconds):")
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "junit.xml"
        command = pytest_command(environment.python, options.full, report, options.pytest)
        code = subprocess.call(command, env=env, cwd=environment.root)
        if code == 0 and browser and report.exists():
            absent = skipped_browser_tests(environment, env, report)
            if absent:
                raise Stop(
                    f"{len(absent)} browser tests were skipped, and CI needs them: install "
                    f"Chromium (first: {absent[0]})"
                )
    return code


def main(arguments: Sequence[str]) -> int:
    """Run test.py; returns the exit code."""
    options = parse(arguments)
    console = Console(verbose=options.verbose)
    return guarded(lambda: check(console, options), verbose=options.verbose, where=ROOT)
