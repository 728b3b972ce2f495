"""An instructor's stick: every wheel and the data, so that start.py works without a network.

    DIR/wheels/      wheels of the core, pip and setuptools included
    DIR/data/        the data, which start.py copies into each checkout
    DIR/TERMS.txt    what may be passed on and what may not
    DIR/SHA256SUMS   of all of these (`sha256sum -c SHA256SUMS` checks them by hand)
    DIR/stick.json   for which Pythons and systems, and from which tested versions; written last

Run download.py once on each kind of machine with the same DIR to serve several.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import tempfile
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pip_plan
from console import Console, Stop, add_common_arguments, folder, guarded
from environment import READER, ROOT, Environment, Options
from pins import decide, pins_hash, platform_name, python_name, read_stamp, requirements

MANIFEST = "stick.json"
SUMS = "SHA256SUMS"
SHARED = "ml-latest-small"  # GroupLens allows to pass it on
DATASETS = ("ml-100k", SHARED)
TEXT = "gcide"  # the dictionary of page 05

TERMS = Path(__file__).with_name("TERMS.txt")


def target() -> str:
    """The name of this kind of machine in the manifest, such as `3.11-linux-x86_64`."""
    return f"{python_name()}-{platform_name()}"


def read_targets(stick: Path) -> dict[str, Any]:
    """For each kind of machine the pins and the wheels; stops if the folder is no stick."""
    try:
        targets = json.loads((stick / MANIFEST).read_text(encoding="utf-8"))["targets"]
        if all(entry["pins"] and isinstance(entry["wheels"], list) for entry in targets.values()):
            return dict(targets)
    except FileNotFoundError:
        raise Stop(
            f"{stick} is no finished stick ({MANIFEST} is missing): make it with "
            "python3 scripts/download.py --wheelhouse DIR"
        ) from None
    except (ValueError, LookupError, TypeError, AttributeError):
        pass
    raise Stop(f"{stick / MANIFEST} is damaged: copy the stick again")


def sha256(path: Path) -> str:
    """The checksum of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_sums(stick: Path) -> int:
    """Write SHA256SUMS over everything but the manifest; the number of bytes."""
    files = [p for part in ("wheels", "data") for p in (stick / part).rglob("*") if p.is_file()]
    files = sorted([*files, stick / "TERMS.txt"])
    lines = [f"{sha256(p)}  {p.relative_to(stick).as_posix()}\n" for p in files]
    (stick / SUMS).write_text("".join(lines), encoding="utf-8", newline="\n")
    return sum(path.stat().st_size for path in files)


def verify(stick: Path, name: str, pins: str) -> None:
    """Stop unless the stick serves this kind of machine and its wheels are whole."""
    targets = read_targets(stick)
    entry = targets.get(name)
    if entry is None:
        made = ", ".join(sorted(targets)) or "nothing"
        raise Stop(
            f"The stick was made for {made}, and this is {name}: "
            f"use such a Python, or run download.py --wheelhouse {stick} on a machine like this one"
        )
    if entry["pins"] != pins:
        raise Stop(
            "The stick belongs to another version of the tutorial: use the checkout that it was "
            "made with, or make it again with scripts/download.py"
        )
    sums = (stick / SUMS).read_text(encoding="utf-8") if (stick / SUMS).exists() else ""
    for wheel in entry["wheels"]:
        path = stick / "wheels" / wheel
        if not path.is_file() or f"{sha256(path)}  wheels/{wheel}\n" not in sums:
            raise Stop(f"{path} is missing or damaged: copy the stick again")


def check(console: Console, stick: Path, environment: Environment) -> None:
    """Check a stick before installing from it; nothing is read if .venv is ready anyway."""
    stamp = read_stamp(environment.venv)
    if decide(stamp, environment.wanted(), environment.python.exists())[0] != "ready":
        with console.step(f"Checking the stick {stick}"):
            verify(stick, target(), pins_hash(environment.root))


def resolved_wheels(environment: Environment, stick: Path, wanted: list[str]) -> list[str]:
    """The wheels that an installation from the stick alone would take; stops if one is missing."""
    from_stick = Environment(environment.console, Options(wheelhouse=stick), environment.root)
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = ["install", "--dry-run", "--ignore-installed", "--report", str(report)]
        command += [*from_stick.wheel_source(), *environment.constraints(), *wanted]
        from_stick.pip("Checking that the stick is complete", command)
        items = json.loads(report.read_text(encoding="utf-8"))["install"]
    urls = (urllib.parse.urlsplit(item["download_info"]["url"]).path for item in items)
    return sorted(urllib.parse.unquote(url.rpartition("/")[2]) for url in urls)


def fetch_data(environment: Environment, dataset: str, folder: Path | None, offline: bool) -> None:
    """Let the workshop fetch and verify a data set."""
    command = [str(environment.python), "-m", "recsys_workshop.fetch", "--dataset", dataset]
    command += [] if folder is None else ["--data-dir", str(folder)]
    command += ["--offline"] if offline else []
    if subprocess.call(command, env=environment.env(), cwd=environment.root):
        raise Stop(
            f"{dataset} was not fetched: the lines above say why. For a stick without it add "
            "--no-data, or choose another with --dataset"
        )


def make(console: Console, environment: Environment, stick: Path, dataset: str | None) -> None:
    """Fill a stick for this kind of machine."""
    wheels = stick / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    targets = read_targets(stick) if (stick / MANIFEST).exists() else {}
    (stick / MANIFEST).unlink(missing_ok=True)  # without it, an interrupted stick counts as none
    download = ["download", "--progress-bar", "off", *pip_plan.PATIENT, "--dest", str(wheels)]
    download += ["--only-binary", ":all:"]
    plan = environment.plan()
    environment.pip(f"Fetching PyTorch ({plan.why})", [*download, *plan.torch])
    wanted = [*environment.tools(), *requirements(environment.root, READER)]
    rest = [*download, "--find-links", str(wheels), *environment.constraints(), *wanted]
    environment.pip("Fetching the other wheels", rest)
    taken, pins = resolved_wheels(environment, stick, wanted), pins_hash(environment.root)
    targets = {name: entry for name, entry in targets.items() if entry["pins"] == pins}
    targets[target()] = {"pins": pins, "gpu": environment.options.gpu, "wheels": taken}
    used = {wheel for entry in targets.values() for wheel in entry["wheels"]}
    for path in wheels.iterdir():
        if path.name not in used:
            path.unlink()
    for name in () if dataset is None else dict.fromkeys((dataset, TEXT)):
        fetch_data(environment, name, stick / "data", offline=False)
    shutil.copyfile(TERMS, stick / "TERMS.txt")
    with console.step("Writing checksums"):
        size = write_sums(stick) / 1e6
        text = json.dumps({"format": 1, "targets": targets}, indent=1) + "\n"
        (stick / MANIFEST).write_text(text, encoding="utf-8")
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
        "--dataset", choices=(*DATASETS, TEXT), help=f"which data (ml-100k; {SHARED} for a stick)"
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
    options.dataset = options.dataset or ("ml-100k" if options.wheelhouse is None else SHARED)
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
