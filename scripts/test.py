"""Check the whole project: format, lint, types, then pytest, whose summary comes last.

Run `python3 scripts/test.py` (Windows: `py -3 scripts\\test.py`): units, and pages in their fast
mode on planted data, 00 to 02 on real data. Arguments after `--` are for pytest.
"""

import gate

gate.check("test.py")

import argparse
import os
import subprocess
import sys
import time

from console import Stop, guarded
from environment import READER, ROOT, Environment

MOST_PROCESSES = 4  # a page may hold 1 GiB
STATIC = (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"])


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options of test.py, and `pytest`, what follows `--`."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    said = "also every page on real data, browser and load tests, gates against peers"
    parser.add_argument("--full", action="store_true", help=said)
    parser.add_argument("--offline", action="store_true", help="use no network")
    parser.add_argument("--yes", action="store_true", help="agree to a download of more than 1 GB")
    parser.add_argument("pytest", nargs="*", metavar="-- PYTEST ARGUMENTS")
    return parser.parse_args(arguments)


def pytest_command(full: bool, extra: list[str]) -> list[str]:
    """pytest on everything, or on all but browser and slow tests; later arguments win."""
    chosen = [] if full else ["-m", "not browser and not slow"]
    processes = min(os.cpu_count() or 1, MOST_PROCESSES)
    return ["pytest", "-n", str(processes), "--no-loadscope-reorder", *chosen, *extra]


def check(options: argparse.Namespace) -> int:
    """Everything, in order; the exit code is pytest's."""
    extras = ("bench", "dev", "docs", *READER) if options.full else ("dev", "docs", *READER)
    environment = Environment(extras, offline=options.offline, yes=options.yes)
    environment.ensure()
    env = {**environment.env(), "RECSYS_TUTORIAL_PAGES": "full" if options.full else "fast"}
    env.setdefault(
        "OMP_NUM_THREADS", "1"
    )  # tests run side by side, so more threads would only wait
    if options.full:
        env["RECSYS_TUTORIAL_REQUIRE_DATA"] = "1"

    def run(module: list[str]) -> int:
        start = time.monotonic()
        print(f"{' '.join(module)}:", flush=True)
        code = subprocess.call([str(environment.python), "-m", *module], env=env, cwd=ROOT)
        if module in STATIC:
            print(f"  {'failed' if code else 'ok'} in {time.monotonic() - start:.1f} s")
        return code

    failed = [" ".join(module) for module in STATIC if run(module)]
    if failed:
        raise Stop(f"Not tested, since these failed: {', '.join(failed)}")
    return run(pytest_command(options.full, options.pytest))


if __name__ == "__main__":
    sys.exit(guarded(lambda: check(parse(sys.argv[1:]))))
