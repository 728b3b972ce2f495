"""From a checkout to ten recommendations: environment, first run, JupyterLab."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import wheelhouse
from console import Console, Stop, add_common_arguments, end_process, folder, guarded
from environment import READER, ROOT, Environment, Options

INDEX = "notebooks/index.ipynb"
DATASETS = ("ml-100k", "ml-latest-small", "planted")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of start.py."""
    parser = argparse.ArgumentParser(
        prog="start.py",
        description="Make .venv, get the data, train a first recommender, open the tutorial.",
    )
    parser.add_argument(
        "--dataset", choices=DATASETS, default="ml-100k", help="what to train on (%(default)s)"
    )
    parser.add_argument(
        "--data-dir", type=folder, metavar="DIR", help="where the data is, or is put (data/)"
    )
    parser.add_argument(
        "--offline", action="store_true", help="touch no network: use what is here, or the stick"
    )
    parser.add_argument(
        "--wheelhouse",
        type=folder,
        metavar="DIR",
        help="install from an instructor's stick (made by download.py --wheelhouse DIR)",
    )
    parser.add_argument("--no-lab", action="store_true", help="stop before JupyterLab")
    parser.add_argument("--gpu", action="store_true", help="install PyTorch's build for GPUs")
    add_common_arguments(parser)
    return parser.parse_args(arguments)


def data_dir(given: Path | None, stick: Path | None) -> Path | None:
    """The user's data folder, else the stick's if it has one, else the library's own choice."""
    if given is None and stick is not None and (stick / "data").is_dir():
        return stick / "data"
    return given


def run_env(environment: Environment, data: Path | None, offline: bool) -> dict[str, str]:
    """The environment of the first run and of the pages, which find the same data."""
    env = environment.env()
    if data is not None:
        env["RECSYS_TUTORIAL_DATA"] = str(data)
    if offline:
        env["RECSYS_TUTORIAL_OFFLINE"] = "1"
    return env


def first_run_command(python: Path, dataset: str, data: Path | None, offline: bool) -> list[str]:
    """The command that trains the first recommender and prints its recommendations."""
    command = [str(python), "-m", "recsys_workshop.first_run", "--dataset", dataset]
    command += [] if data is None else ["--data-dir", str(data)]
    return command + (["--offline"] if offline else [])


def lab_command(python: Path, root: Path, *, as_root: bool, verbose: bool = False) -> list[str]:
    """JupyterLab on the index; links between pages work since its root is the checkout."""
    command = [str(python), "-m", "jupyterlab", f"--ServerApp.root_dir={root}"]
    # One Ctrl-C ends it, and only the environment's own kernel is offered.
    command += ["--ServerApp.answer_yes=True", "--KernelSpecManager.allowed_kernelspecs=python3"]
    if (root / INDEX).exists():
        command += [f"--LabApp.default_url=/lab/tree/{INDEX}"]
    command += [] if verbose else ["--Application.log_level=WARN"]
    return command + (["--allow-root"] if as_root else [])


def run_lab(console: Console, environment: Environment, env: dict[str, str]) -> None:
    """Open JupyterLab and wait until it ends, or until Ctrl-C."""
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    console.say(f"Opening JupyterLab on {INDEX} (Ctrl-C here ends it)")
    command = lab_command(
        environment.python, environment.root, as_root=as_root, verbose=console.verbose
    )
    process = subprocess.Popen(command, env=env, cwd=environment.root, text=True)
    try:
        code = process.wait()
    except KeyboardInterrupt:  # the child got the same Ctrl-C: let it end its kernels
        deadline = time.monotonic() + 15
        while process.poll() is None and time.monotonic() < deadline:
            try:
                process.wait(deadline - time.monotonic())
            except (KeyboardInterrupt, subprocess.TimeoutExpired):
                break
        code = 0
    finally:
        end_process(process)
    if code:
        raise Stop("JupyterLab ended with an error: the lines above say why")


def start(options: argparse.Namespace, console: Console) -> int:
    """The whole way, step by step."""
    stick = options.wheelhouse
    environment = Environment(
        console,
        Options(READER, options.gpu, stick, offline=options.offline, yes=options.yes),
    )
    if stick is not None:
        wheelhouse.check(console, stick, environment)
    environment.ensure()
    data = data_dir(options.data_dir, stick)
    env = run_env(environment, data, options.offline)
    command = first_run_command(environment.python, options.dataset, data, options.offline)
    if subprocess.call(command, env=env, cwd=environment.root):
        raise Stop("The first run failed: the lines above say why; then run this again")
    if not options.no_lab:
        run_lab(console, environment, env)
    return 0


def ends_children(number: int, _frame: object) -> None:
    """Let a polite kill unwind, so that no child stays behind."""
    sys.exit(128 + number)


def main(arguments: Sequence[str]) -> int:
    """Run start.py; returns the exit code."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, ends_children)
    console = Console(verbose=options.verbose)
    return guarded(lambda: start(options, console), verbose=options.verbose, where=ROOT)
