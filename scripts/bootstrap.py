"""From a checkout to ten recommendations: environment, first run, JupyterLab."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import wheelhouse
from console import Console, Stop, add_common_arguments, end_process, folder, guarded
from environment import READER, ROOT, Environment, Options

INDEX = "notebooks/index.ipynb"
DATASETS = ("ml-100k", "ml-latest-small", "ml-1m", "planted")
DATASET = "RECSYS_TUTORIAL_DATASET"


def dataset_name(text: str) -> str:
    """A name that the library knows, or the absolute path of a CSV file."""
    if text in DATASETS:
        return text
    if folder(text).is_file() and text.lower().endswith((".csv", ".csv.gz", ".tsv")):
        return str(folder(text))
    raise argparse.ArgumentTypeError(f"{text}: choose {', '.join(DATASETS)}, or a CSV file")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of start.py."""
    parser = argparse.ArgumentParser(
        prog="start.py",
        description="Make .venv, get the data, train a first recommender, open the tutorial.",
    )
    parser.add_argument(
        "--dataset", type=dataset_name, default=os.environ.get(DATASET) or None, metavar="NAME",
        help=f"what the pages use: {', '.join(DATASETS)}, or a CSV file of your own (ml-100k, or "
        "what the stick has)",
    )  # fmt: skip
    parser.add_argument(
        "--data-dir", type=folder, metavar="DIR", help="where the data is, or is put (data/)"
    )
    parser.add_argument(
        "--offline", action="store_true", help="touch no network: use what is here, or the stick"
    )
    parser.add_argument(
        "--wheelhouse", type=folder, metavar="DIR",
        help="install from an instructor's stick (made by download.py --wheelhouse DIR)",
    )  # fmt: skip
    parser.add_argument("--no-lab", action="store_true", help="stop before JupyterLab")
    parser.add_argument("--gpu", action="store_true", help="install PyTorch's build for GPUs")
    add_common_arguments(parser)
    return parser.parse_args(arguments)


def copy_data(stick: Path, data: Path) -> None:
    """Copy the stick's data into the checkout, so that the pages work when the stick is gone."""
    for path in (stick / "data").glob("*"):
        if path.is_file() and not (data / path.name).exists():
            part = data / f".{path.name}.part"
            shutil.copyfile(path, part)
            os.replace(part, data / path.name)


def run_env(
    environment: Environment, dataset: str, data: Path | None, offline: bool
) -> dict[str, str]:
    """The environment of the first run and of the pages, which find the same data."""
    env = {**environment.env(), DATASET: dataset}
    if data is not None:
        env["RECSYS_TUTORIAL_DATA"] = str(data)
    if offline:
        env["RECSYS_TUTORIAL_OFFLINE"] = "1"
    return env


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
        if process.wait():
            raise Stop("JupyterLab ended with an error: the lines above say why")
    except KeyboardInterrupt:  # the child got the same Ctrl-C: let it end its kernels
        with contextlib.suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
            process.wait(15)
    finally:
        end_process(process)


def start(options: argparse.Namespace, console: Console) -> int:
    """The whole way, step by step."""
    stick, data, dataset = options.wheelhouse, options.data_dir, options.dataset
    environment = Environment(
        console,
        Options(READER, options.gpu, stick, offline=options.offline, yes=options.yes),
    )
    if stick is not None:
        wheelhouse.check(console, stick, environment)
        if data is None:
            copy_data(stick, environment.root / "data")
    environment.ensure()
    if dataset is None:
        shared = stick is not None and (stick / "data" / f"{wheelhouse.SHARED}.zip").is_file()
        dataset = wheelhouse.SHARED if shared else "ml-100k"
    env = run_env(environment, dataset, data, options.offline)
    command = [str(environment.python), "-m", "recsys_workshop.first_run", "--dataset", dataset]
    if subprocess.call(command, env=env, cwd=environment.root):
        raise Stop("The first run failed: the lines above say why; then run this again")
    if not options.no_lab:
        run_lab(console, environment, env)
    return 0


def main(arguments: Sequence[str]) -> int:
    """Run start.py; returns the exit code."""
    options = parse(arguments)
    # A polite kill unwinds, so that no child stays behind.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    console = Console(verbose=options.verbose)
    return guarded(lambda: start(options, console), verbose=options.verbose, where=ROOT)
