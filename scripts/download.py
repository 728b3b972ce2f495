"""Fetch a data set, or make an instructor's stick: all packages and data for a room.

    DIR/wheels/      packages of the core, pip and setuptools included
    DIR/data/        the data, which start.py copies into each checkout
    DIR/TERMS.txt    what may be passed on and what may not

Run `python3 scripts/download.py --wheelhouse DIR` once on each kind of machine with the same DIR to
serve several. Needs nothing but the standard library.
"""

import gate

gate.check("download.py")

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from console import Stop, guarded
from environment import CONSTRAINTS, PATIENT, READER, ROOT, TOOLS, Environment, requirements
from start import SHARED, folder

DATASETS = ("ml-100k", SHARED)
TEXT = "gcide"  # the dictionary of page 05
TERMS = Path(__file__).with_name("TERMS.txt")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of download.py."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--wheelhouse", type=folder, metavar="DIR", help="make a stick in DIR")
    said = f"which data (ml-100k; {SHARED} for a stick, since that may be passed on)"
    add("--dataset", choices=(*DATASETS, TEXT), help=said)
    add("--no-data", action="store_true", help="a stick with packages only")
    add("--yes", action="store_true", help="agree to a download of more than 1 GB (PyTorch)")
    options = parser.parse_args(arguments)
    options.dataset = options.dataset or ("ml-100k" if options.wheelhouse is None else SHARED)
    return options


def fetch_data(environment: Environment, dataset: str, place: Path) -> None:
    """Let the workshop fetch and verify a data set."""
    command = [str(environment.python), "-m", "recsys_workshop.fetch", "--dataset", dataset]
    command += ["--data-dir", str(place)]
    if subprocess.call(command, env=environment.env(), cwd=ROOT):
        raise Stop(
            f"{dataset} was not fetched: the lines above say why. For a stick without it add "
            "--no-data, or choose another with --dataset"
        )


def make(environment: Environment, stick: Path, datasets: list[str]) -> None:
    """Fill a stick for this kind of machine."""
    wheels = stick / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    download = ["download", "--dest", str(wheels), "--only-binary", ":all:"]
    environment.get_torch(*download)
    tested = [part for name in CONSTRAINTS for part in ("-c", str(ROOT / name))]
    wanted = [*environment.pinned(*TOOLS), *requirements(ROOT, READER)]
    source = ["--find-links", str(wheels), *PATIENT]
    environment.pip("Downloading the other packages", *download, *source, *tested, *wanted)
    for name in datasets:
        fetch_data(environment, name, stick / "data")
    shutil.copyfile(TERMS, stick / "TERMS.txt")
    print(f"The stick {stick} is ready for machines like this one")
    print(f"Use it with: python3 scripts/start.py --offline --wheelhouse {stick}")
    if "ml-100k" in datasets:
        print("MovieLens-100K may not be passed on: see TERMS.txt before you lend the stick")


def download(options: argparse.Namespace) -> int:
    """Make the environment if needed, then fetch data or make the stick."""
    environment = Environment(yes=options.yes)
    environment.ensure()
    if options.wheelhouse is None:
        fetch_data(environment, options.dataset, ROOT / "data")
    else:
        datasets = [] if options.no_data else list(dict.fromkeys([options.dataset, TEXT]))
        make(environment, options.wheelhouse, datasets)
    return 0


if __name__ == "__main__":
    sys.exit(guarded(lambda: download(parse())))
