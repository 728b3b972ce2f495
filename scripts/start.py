"""From a checkout to ten recommendations: environment, data, a first model, JupyterLab.

Run `python3 scripts/start.py` (Windows: `py -3 scripts\\start.py`); `--help` lists the options.
Needs nothing but the standard library.
"""

import gate

gate.check("start.py")

import argparse
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from console import Stop, guarded
from environment import ROOT, Environment

INDEX = "notebooks/index.ipynb"
SHARED = "ml-latest-small"  # the data on a stick, since GroupLens allows passing it on
DATASETS = ("ml-100k", SHARED, "ml-1m", "planted")
DATASET = "RECSYS_TUTORIAL_DATASET"


def dataset_name(text: str) -> str:
    """A name that the library knows, or the absolute path of a CSV file."""
    if text in DATASETS:
        return text
    if Path(text).is_file() and text.lower().endswith((".csv", ".csv.gz", ".tsv")):
        return str(Path(text).resolve())
    raise argparse.ArgumentTypeError(f"{text}: choose {', '.join(DATASETS)}, or a CSV file")


def folder(text: str) -> Path:
    """An absolute path, since the child processes run in another directory."""
    return Path(text).expanduser().resolve()


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of start.py."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    said = f"{', '.join(DATASETS)}, or your own CSV file (ml-100k, or the data on the stick)"
    add("--dataset", type=dataset_name, default=os.environ.get(DATASET) or None, help=said)
    add(
        "--data-dir",
        type=folder,
        metavar="DIR",
        help="where to look for data, and to put it (data/)",
    )
    add("--offline", action="store_true", help="use no network, only local files or the stick")
    said = "install from an instructor's stick (made by download.py --wheelhouse DIR)"
    add("--wheelhouse", type=folder, metavar="DIR", help=said)
    add("--no-lab", action="store_true", help="stop before JupyterLab")
    add("--gpu", action="store_true", help="install PyTorch's build for GPUs")
    add("--yes", action="store_true", help="agree to a download of more than 1 GB (PyTorch)")
    return parser.parse_args(arguments)


def copy_data(stick: Path, data: Path) -> None:
    """Copy the stick's data into the checkout, so that the pages work without the stick."""
    for path in (stick / "data").glob("*"):
        if path.is_file() and not (data / path.name).exists():
            part = data / f".{path.name}.part"
            shutil.copyfile(path, part)
            part.replace(data / path.name)


def lab_command(python: Path, root: Path) -> list[str]:
    """JupyterLab on the index; links between pages work since its root is the checkout."""
    command = [str(python), "-m", "jupyterlab", f"--ServerApp.root_dir={root}"]
    # One Ctrl-C ends it, it offers only the environment's own kernel, and it prints little.
    command += ["--ServerApp.answer_yes=True", "--KernelSpecManager.allowed_kernelspecs=python3"]
    command += [f"--LabApp.default_url=/lab/tree/{INDEX}", "--Application.log_level=WARN"]
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0  # in a container
    return command + (["--allow-root"] if as_root else [])


def start(options: argparse.Namespace) -> int:
    """All steps, from the environment to JupyterLab."""
    stick = options.wheelhouse
    environment = Environment(
        gpu=options.gpu, stick=stick, offline=options.offline, yes=options.yes
    )
    environment.ensure()
    shared = False
    if stick is not None and options.data_dir is None:
        copy_data(stick, ROOT / "data")
        shared = (stick / "data" / f"{SHARED}.zip").is_file()
    dataset = options.dataset or (SHARED if shared else "ml-100k")
    env = {**environment.env(), DATASET: dataset}  # the pages find the same data
    if options.data_dir is not None:
        env["RECSYS_TUTORIAL_DATA"] = str(options.data_dir)
    if options.offline:
        env["RECSYS_TUTORIAL_OFFLINE"] = "1"
    command = [str(environment.python), "-m", "recsys_workshop.first_run", "--dataset", dataset]
    if subprocess.call(command, env=env, cwd=ROOT):
        raise Stop("The first run failed: the lines above say why; then run this again")
    if not options.no_lab:
        print(f"Opening JupyterLab on {INDEX} (Ctrl-C here ends it)", flush=True)
        command = lab_command(environment.python, ROOT)
        with subprocess.Popen(command, env=env, cwd=ROOT) as lab, suppress(KeyboardInterrupt):
            lab.wait()  # the lab gets the same Ctrl-C, and ends its kernels
        if lab.returncode:
            raise Stop("JupyterLab ended with an error: the lines above say why")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(lambda: start(parse())))
