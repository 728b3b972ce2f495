"""Where a named data set comes from: a file that is here already, GroupLens, the package index.

`load` goes through the places in this order and trusts none of them: what it reads has the pinned
sha256, or it says so and stops.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from recsys_tutorial.datasets import archive
from recsys_tutorial.datasets.catalogue import SOURCES, Archive, Layout, Source
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.download import DownloadError, download, pip_download, sha256_of
from recsys_tutorial.datasets.frame import from_frame
from recsys_tutorial.datasets.movielens import ParseError, RawTables
from recsys_tutorial.datasets.planted import planted

ENVIRONMENT = "RECSYS_TUTORIAL_DATA"
OFFLINE = "RECSYS_TUTORIAL_OFFLINE"
"""Environment variable that names the data directory (or one archive)."""


class DataUnavailable(OSError):
    """A data set could not be had; the message lists what was tried, and what to do."""


def load(
    name: str,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    offline: bool = False,
    fallback: str | None = None,
) -> Dataset:
    """Load a data set by name: from this machine if it is here, else fetched and verified.

    Args:
        name: "ml-100k", "ml-latest-small", or "planted" (made here, needs nothing).
        data_dir: directory with the archive (or its files, as they come out of it), or the archive
            itself; what is fetched is put there. None: the environment variable
            RECSYS_TUTORIAL_DATA, else `data/` of the checkout, else the user's cache directory.
            The directory may be read-only when the data is there.
        offline: fetch nothing; the environment variable RECSYS_TUTORIAL_OFFLINE=1 says the same.
        fallback: "planted" gives planted data, with a banner, where the real data is not to be had.

    Returns:
        A Dataset whose `name` and `source` say which data it is.

    Raises:
        ValueError: an unknown name or fallback.
        DataUnavailable: nothing worked (the message lists each try), or a file that is here is
            damaged: that is never passed over.
    """
    if name not in SOURCES and name != "planted":
        known = ", ".join([*SOURCES, "planted"])
        raise ValueError(f"unknown data set {name!r}: choose one of {known}")
    if fallback not in (None, "planted"):
        raise ValueError(f'unknown fallback {fallback!r}: it is None or "planted"')
    if name == "planted":
        return planted()
    offline = offline or os.environ.get(OFFLINE, "") not in ("", "0")
    place = _place(data_dir)
    tried: list[str] = []
    for step in (_local, _fetched):
        if step is _fetched and offline:
            tried.append("download: not tried, because no network was to be used (offline)")
            continue
        try:
            dataset = step(SOURCES[name], place, tried)
        except DataUnavailable:
            raise
        except OSError as error:
            raise DataUnavailable(f"{name}: cannot read {place.path}: {error}") from error
        if dataset is not None:
            return dataset
    report = _unavailable(SOURCES[name], place, tried)
    if fallback is None:
        raise report
    print(_banner(name, report), flush=True)
    return replace(planted(), source=f"planted tastes in place of {name}: " + "; ".join(tried))


def default_directory() -> Path:
    """The checkout's `data/` when the package runs from a checkout, else the user's cache."""
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file() and (checkout / "data").is_dir():
        return checkout / "data"
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "recsys-tutorial"


# ---------------------------------------------------------------------------- where to look


@dataclass(frozen=True)
class _Place:
    """The data directory (or one archive), and whether somebody named it."""

    path: Path
    named: bool


def _place(data_dir: str | os.PathLike[str] | None) -> _Place:
    given = data_dir if data_dir is not None else os.environ.get(ENVIRONMENT) or None
    if given is None:
        return _Place(default_directory(), named=False)
    return _Place(Path(given).expanduser().absolute(), named=True)


def _local(source: Source, place: _Place, tried: list[str]) -> Dataset | None:
    """What is here already; DataUnavailable if it is here but damaged."""
    path = place.path
    if path.is_file():
        return _from_named_file(source, path)
    if path.suffix in (".zip", ".whl") and not path.exists():
        raise DataUnavailable(f"{source.name}: there is no file {path}; check the path")
    for one in source.archives:
        if (path / one.filename).is_file():
            return _from_archive(source, one, path / one.filename)
    # A bare ratings.csv in a directory that nobody named may well be something else.
    directories = [path / source.name, *([path] if place.named else [])]
    for directory in directories:
        for layout in (one.layout for one in source.archives):
            if (directory / layout.members[0].name).is_file():
                return _from_directory(source, layout, directory)
    missing = "" if path.is_dir() else " (there is no such directory)"
    wanted = [one.filename for one in source.archives]
    wanted += [f"{source.name}/{one.layout.members[0].name}" for one in source.archives]
    tried.append(f"{path}{missing}: holds none of {', '.join(wanted)}")
    return None


def _fetched(source: Source, place: _Place, tried: list[str]) -> Dataset | None:
    for one in source.archives:
        target = place.path / one.filename
        try:
            if one.url is not None:
                download(one.url, target, sha256=one.sha256, max_bytes=one.max_bytes)
            elif one.requirement is not None:
                pip_download(one.requirement, target, sha256=one.sha256)
            else:
                continue
        except DownloadError as error:
            tried.append(str(error))
            continue
        return _from_archive(source, one, target)
    return None


# ---------------------------------------------------------------------------- reading


def _from_named_file(source: Source, path: Path) -> Dataset:
    digest = sha256_of(path)
    for one in source.archives:
        if one.sha256 == digest:
            return _from_archive(source, one, path)
    expected = " or ".join(f"{one.sha256} ({one.filename})" for one in source.archives)
    raise _damaged(source, path, f"expected sha256 {expected}, found {digest}")


def _from_archive(source: Source, one: Archive, path: Path) -> Dataset:
    size = path.stat().st_size
    if size > one.max_bytes:
        raise _damaged(source, path, f"it has {size} bytes, more than {one.max_bytes}")
    digest = sha256_of(path)
    if digest != one.sha256:
        raise _damaged(source, path, f"expected sha256 {one.sha256}, found {digest}")
    try:
        files = archive.read_zip(path, one.layout.folder, one.layout.members)
        origin = f"{one.filename} in {path.parent}, sha256 {one.sha256}"
        return _dataset(source, one.layout, files, origin)
    except ValueError as error:
        raise _damaged(source, path, str(error)) from error


def _from_directory(source: Source, layout: Layout, directory: Path) -> Dataset:
    try:
        files = archive.read_directory(directory, layout.members)
        names = ", ".join(member.name for member in layout.members)
        return _dataset(source, layout, files, f"{names} in {directory}, verified")
    except ValueError as error:
        raise _damaged(source, directory, str(error)) from error


def _dataset(source: Source, layout: Layout, files: Mapping[str, bytes], origin: str) -> Dataset:
    tables: RawTables = layout.parse(files)
    dataset = from_frame(
        tables.ratings, tables.users, tables.items, name=source.name, source=origin
    )
    counts = (len(dataset), dataset.n_users, dataset.n_items)
    described = len(tables.items), len(dataset.users if tables.users is None else tables.users)
    if counts != source.counts or described != (counts[2], counts[1]):
        raise ParseError(
            f"expected (ratings, users, items) {source.counts}, found {counts}, with side tables "
            f"of {described[1]} users and {described[0]} items"
        )
    return dataset


# ---------------------------------------------------------------------------- messages


def _damaged(source: Source, path: Path, what: str) -> DataUnavailable:
    return DataUnavailable(
        f"{source.name}: {path} is not the {source.name} that is pinned here: {what}. Delete it "
        "and load again, or if it is data of your own, read it with pandas and use from_frame"
    )


def _unavailable(source: Source, place: _Place, tried: list[str]) -> DataUnavailable:
    lines = [f"{source.name} is not to be had. Tried:"]
    lines += [f"  {number}. {text}" for number, text in enumerate(tried, start=1)]
    links = " or ".join(one.url for one in source.archives if one.url)
    lines.append(
        f"What to do: with a network, try again; or fetch {links} with a browser and put it, as it "
        f"is, into {place.path}; or name another directory with data_dir= or {ENVIRONMENT}; or go "
        'on with made-up data: fallback="planted"'
    )
    return DataUnavailable("\n".join(lines))


def _banner(name: str, report: DataUnavailable) -> str:
    rule = "!" * 78
    return (
        f"\n{rule}\n!!  PLANTED DATA in place of {name}: films, users and ratings are invented.\n"
        f"!!  No number below says anything about {name}.\n{rule}\n{report}\n{rule}\n"
    )
