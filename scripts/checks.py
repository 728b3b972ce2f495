"""Check the whole project: format, lint, types, then pytest, whose summary closes the output."""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from console import Console, Stop, add_common_arguments, guarded
from environment import READER, ROOT, Environment, Options

MOST_PROCESSES = 4  # a page may hold 1 GiB

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


def processes(cores: int | None) -> int:
    """How many processes test side by side."""
    return min(cores or 1, MOST_PROCESSES)


def pytest_command(python: Path, full: bool, extra: Sequence[str]) -> list[str]:
    """pytest on everything, or on all but browser and slow tests; later arguments win."""
    chosen = [] if full else ["-m", "not browser and not slow"]
    side_by_side = ["-n", str(processes(os.cpu_count())), "--no-loadscope-reorder"]
    return [str(python), "-m", "pytest", *side_by_side, *chosen, *extra]


def pytest_env(env: Mapping[str, str], full: bool, browser: bool) -> dict[str, str]:
    """What the tests are told: how much of each page to run, and what must not be missing."""
    told = {"RECSYS_TUTORIAL_PAGES": "full" if full else "fast"}
    if full:
        told["RECSYS_TUTORIAL_REQUIRE_DATA"] = "1"
    if browser:
        told["RECSYS_TUTORIAL_REQUIRE_BROWSER"] = "1"
    return {**env, **told}


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
    """Everything, in order; the exit code is pytest's."""
    extras = ("bench", "dev", "docs", *READER) if options.full else ("dev", "docs", *READER)
    start = time.monotonic()
    environment = Environment(
        console, Options(extras=extras, offline=options.offline, yes=options.yes)
    )
    environment.ensure()
    console.say(f"  environment in {time.monotonic() - start:.1f} s")
    static_checks(console, environment)
    env = pytest_env(environment.env(), options.full, browser_required(os.environ, options.full))
    console.say("Tests (pytest; its last line gives the seconds):")
    command = pytest_command(environment.python, options.full, options.pytest)
    return subprocess.call(command, env=env, cwd=environment.root)


def main(arguments: Sequence[str]) -> int:
    """Run test.py; returns the exit code."""
    options = parse(arguments)
    console = Console(verbose=options.verbose)
    return guarded(lambda: check(console, options), verbose=options.verbose, where=ROOT)
