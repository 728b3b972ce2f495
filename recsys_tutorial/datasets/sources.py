"""Where a named data set comes from: a local file, GroupLens or the package index, in this order.

A file from any of them must have the pinned checksum, or `load` stops with an error.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pooch

from recsys_tutorial.datasets.catalogue import SOURCES, Archive
from recsys_tutorial.datasets.csv_file import from_csv
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.frame import from_frame
from recsys_tutorial.datasets.planted import planted

ENVIRONMENT = "RECSYS_TUTORIAL_DATA"
"""Environment variable that names the data directory (or one archive)."""

OFFLINE = "RECSYS_TUTORIAL_OFFLINE"
"""Environment variable: 1 means no network."""

TIMEOUT = 10.0  # seconds to connect, and to wait for each next byte
PIP_TIMEOUT = 300.0  # seconds for the whole run of pip


class DataUnavailable(OSError):
    """A data set is not available; the message lists what was tried, and what to do."""


class DownloadError(OSError):
    """A file could not be fetched; the message names it and what went wrong."""


def load(
    name: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    offline: bool = False,
    fallback: str | None = None,
) -> Dataset:
    """Load a data set by name from this machine, or fetch and verify it.

    Args:
        name: "ml-100k", "ml-latest-small", "ml-1m", "ml-25m", "ml-32m"; "planted" for invented
            ratings of the size of MovieLens-100K; or the path of your own CSV file, with the
            columns of `from_frame` and those of `items` if you have them.
        data_dir: directory with the archive (or its unpacked files), or the archive itself;
            downloads go there. None: the environment variable RECSYS_TUTORIAL_DATA, else `data/`
            of the checkout, else the user's cache directory. It may be read-only if it has the
            data.
        offline: fetch nothing, as with the environment variable RECSYS_TUTORIAL_OFFLINE=1.
        fallback: "planted" gives planted data, with a banner, where the real data is not available.

    Returns:
        A Dataset whose `name` and `source` say which data it is.

    Raises:
        ValueError: an unknown name or fallback, or a CSV file that `from_frame` refuses.
        DataUnavailable: nothing worked (the message lists each try), or a local file is damaged.
    """
    offline = checked(fallback, offline)
    if not isinstance(name, str | Path):
        raise TypeError("load takes a name or a path: make a Dataset of a frame by from_frame")
    if name == "planted":  # tastes decide who rates what, so models rank far better than counts
        return planted(943, 1_682, 100_000, 6, mean=3.0, noise=0.7, selection=3.0)
    if str(name).lower().endswith((".csv", ".csv.gz", ".tsv")):
        return from_csv(Path(name).expanduser())
    if name not in SOURCES:
        raise ValueError(
            f"unknown data set {name!r}: choose one of {', '.join([*SOURCES, 'planted'])}, or give "
            "the path of a CSV file"
        )
    name, place = str(name), data_directory(data_dir)
    tried: list[str] = []
    found = _local(name, place, tried) or _fetched(name, place, offline, tried)
    if found is not None:
        return _read(name, *found)
    links = " or ".join(one.url for one in SOURCES[name].archives if one.requirement is None)
    steps = "".join(f"\n  {number}. {text}" for number, text in enumerate(tried, start=1))
    report = DataUnavailable(
        f"{name} is not available. Tried:{steps}\nWhat to do: try again with a network; or fetch "
        f"{links} with a browser and put it, still packed, into {place}; or name another directory "
        f'with data_dir= or {ENVIRONMENT}; or continue with made-up data: fallback="planted"'
    )
    if fallback is None:
        raise report
    invented = f"DATA in place of {name}: films, users and ratings are invented"
    show_banner(invented, f"No number below says anything about {name}", report)
    return replace(planted(), source=f"invented ratings in place of {name}: " + "; ".join(tried))


def checked(fallback: str | None, offline: bool) -> bool:
    """Whether to work offline (argument or environment); ValueError for an unknown fallback."""
    if fallback not in (None, "planted"):
        raise ValueError(f'unknown fallback {fallback!r}: it is None or "planted"')
    return offline or os.environ.get(OFFLINE, "") not in ("", "0")


def data_directory(data_dir: str | os.PathLike[str] | None = None) -> Path:
    """The directory or archive where `load` looks first and puts its downloads."""
    given = data_dir if data_dir is not None else os.environ.get(ENVIRONMENT) or None
    return default_directory() if given is None else Path(given).expanduser().absolute()


def default_directory() -> Path:
    """The checkout's `data/` if the package runs from a checkout, else the user's cache."""
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file() and (checkout / "data").is_dir():
        return checkout / "data"
    return Path(pooch.os_cache("recsys-tutorial"))


# ---------------------------------------------------------------------------- from here


def _local(name: str, place: Path, tried: list[str]) -> tuple[Archive, Path] | None:
    """The archive, or the folder with its unpacked files, if it is on this machine."""
    archives = SOURCES[name].archives
    if place.suffix in (".zip", ".whl"):
        if not place.is_file():
            raise DataUnavailable(f"{name}: there is no file {place}; check the path")
        return archives[-1 if place.suffix == ".whl" else 0], place
    for one in archives:
        if (place / one.filename).is_file():
            return one, place / one.filename
        for folder in (place / name, place):
            if (folder / one.files[0]).is_file():
                return one, folder
    missing = "" if place.is_dir() else " (there is no such directory)"
    files = [f"{one.filename}, {name}/{one.files[0]}" for one in archives]
    tried.append(f"{place}{missing}: holds none of {', '.join(files)}")
    return None


def _read(name: str, one: Archive, path: Path) -> Dataset:
    """The data set in an archive or a folder, checked by checksum and counts."""
    packed = path.is_file()
    pinned, pin = (path, one.hash) if packed else (path / one.files[0], one.ratings_hash)
    origin = f"{', '.join(one.files)} in {path}"
    if packed:
        origin = f"{path.name} in {path.parent}, checksum {pin}"
    try:
        if pin:
            kind = "md5" if pin.startswith("md5:") else "sha256"
            found = pooch.file_hash(str(pinned), alg=kind)
            if found != pin.removeprefix("md5:"):
                raise ValueError(f"{pinned.name}: expected {kind} {pin}, found {found}")
        folder = zipfile.Path(path, f"{one.folder or name}/") if packed else path
        ratings, users, items = one.read(folder)
        dataset = from_frame(ratings, users, items, name=name, source=origin)
        n_users = dataset.n_users if users is None else len(users)
        counts, expected = (len(ratings), n_users, len(items)), SOURCES[name].counts
        if counts != expected:
            raise ValueError(f"expected (ratings, users, items) {expected}, found {counts}")
    except (ValueError, TypeError, LookupError, OSError) as error:
        raise DataUnavailable(
            f"{name}: {path} is not the {name} pinned here: {error}. Delete it and load again; or "
            "if it is data of your own, read it with pandas and use from_frame"
        ) from error
    return dataset


# ---------------------------------------------------------------------------- from elsewhere


def _fetched(
    name: str, place: Path, offline: bool, tried: list[str]
) -> tuple[Archive, Path] | None:
    """The first archive that can be fetched, and where it was put."""
    if offline:
        tried.append(f"download: not tried, because of offline=True or {OFFLINE}=1")
        return None
    for one in SOURCES[name].archives:
        target = place / one.filename
        try:
            if one.requirement is None:
                return one, download(one.url, target, one.hash)
            return one, pip_download(one.requirement, target, sha256=one.hash)
        except DownloadError as error:
            tried.append(str(error))
    return None


def download(url: str, target: Path, known_hash: str) -> Path:
    """Fetch `url` to `target`, whole and with the known hash, or leave nothing behind.

    Raises:
        DownloadError: the address is not https (or on this machine), or the download failed.
    """
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise DownloadError(f"{url}: only https addresses are fetched")
    fetch = pooch.HTTPDownloader(timeout=TIMEOUT)
    pooch.get_logger().setLevel("WARNING")
    print(f"Fetching {url} ...", file=sys.stderr, flush=True)
    try:
        pooch.retrieve(url, known_hash, target.name, target.parent, downloader=fetch)
        target.chmod(0o644)  # only its owner can read a temporary file
    except (OSError, ValueError) as error:  # errors of requests are OSErrors
        raise DownloadError(f"{url}: {' '.join(str(error).split())}") from error
    return target


def pip_download(requirement: str, target: Path, *, sha256: str) -> Path:
    """Fetch one pinned wheel with `pip download` from pip's configured index.

    pip checks its hash; the wheel is not installed and its code does not run.

    Raises:
        DownloadError: pip failed; the message holds its last error.
    """
    print(f"pip download {requirement} ...", file=sys.stderr, flush=True)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".pip-") as scratch:
            pins = Path(scratch) / "requirements.txt"
            pins.write_text(f"{requirement} --hash=sha256:{sha256}\n", encoding="utf-8")
            command = [
                sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input",
                "download", "--no-deps", "--only-binary", ":all:", "--require-hashes",
                "--retries", "1", "--quiet", "-r", str(pins), "-d", scratch,
            ]  # fmt: skip
            subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=PIP_TIMEOUT, check=True,
            )  # fmt: skip
            os.replace(Path(scratch) / target.name, target)
    except subprocess.CalledProcessError as error:
        said = ["pip failed", *error.stderr.split("ERROR: ")][-1].strip()
        raise DownloadError(
            f"pip download {requirement}: {said}. Check the network and pip's index and proxy "
            "settings (python -m pip config list)"
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DownloadError(f"pip download {requirement}: {error}") from error
    return target


def show_banner(what: str, warning: str, report: DataUnavailable) -> None:
    """Print in large letters that what follows is invented, and why."""
    rule = "!" * 78
    text = f"!!  PLANTED {what}.\n!!  {warning}."
    print(f"\n{rule}\n{text}\n{rule}\n{report}\n{rule}\n", flush=True)
