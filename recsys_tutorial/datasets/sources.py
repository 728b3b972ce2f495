"""Where a named data set comes from: a file that is here already, GroupLens, the package index.

`load` goes through the places in this order and trusts none of them: what it reads has the pinned
sha256, or it says so and stops.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from recsys_tutorial.datasets import archive, columns
from recsys_tutorial.datasets.catalogue import SOURCES, Archive, Layout, Source
from recsys_tutorial.datasets.chunks import from_chunks
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.download import (
    DownloadError,
    download,
    md5_of,
    pip_download,
    sha256_of,
)
from recsys_tutorial.datasets.frame import from_frame
from recsys_tutorial.datasets.movielens import ParseError, RawTables, rating_chunks
from recsys_tutorial.datasets.planted import planted

ENVIRONMENT = "RECSYS_TUTORIAL_DATA"
"""Environment variable that names the data directory (or one archive)."""

OFFLINE = "RECSYS_TUTORIAL_OFFLINE"
"""Environment variable: 1 for no network."""


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
        name: "ml-100k", "ml-latest-small", "ml-1m", "ml-25m", "ml-32m", or "planted" (made here,
            needs nothing). The large two are parsed once, in chunks, and kept as columns in
            `<name>.columns` beside the archive; from then on those are mapped into memory.
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
    offline = checked(fallback, offline)
    if name == "planted":
        return planted()
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
    invented = f"DATA in place of {name}: films, users and ratings are invented"
    show_banner(invented, f"No number below says anything about {name}", report)
    return replace(planted(), source=f"planted tastes in place of {name}: " + "; ".join(tried))


def checked(fallback: str | None, offline: bool) -> bool:
    """Whether to work offline, also by the environment; ValueError for an unknown fallback."""
    if fallback not in (None, "planted"):
        raise ValueError(f'unknown fallback {fallback!r}: it is None or "planted"')
    return offline or os.environ.get(OFFLINE, "") not in ("", "0")


def data_directory(data_dir: str | os.PathLike[str] | None = None) -> Path:
    """The directory, or the one archive, where `load` looks first and puts what it fetches."""
    return _place(data_dir).path


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
        if one.layout.ratings is not None:  # the archive is gone, its columns may still be here
            made_from = one.sha256 or _recorded(path / one.filename)
            if made_from and (kept := _opened(source, path, made_from)) is not None:
                return kept
    # A bare ratings.csv in a directory that nobody named may well be something else.
    directories = [path / source.name, *([path] if place.named else [])]
    for directory in directories:
        for layout in (one.layout for one in source.archives):
            if (directory / (layout.ratings or layout.members[0]).name).is_file():
                return _from_directory(source, layout, directory)
    missing = "" if path.is_dir() else " (there is no such directory)"
    wanted = [one.filename for one in source.archives]
    ratings = [(one.layout.ratings or one.layout.members[0]).name for one in source.archives]
    wanted += [f"{source.name}/{name}" for name in ratings]
    tried.append(f"{path}{missing}: holds none of {', '.join(wanted)}")
    return None


def _fetched(source: Source, place: _Place, tried: list[str]) -> Dataset | None:
    for one in source.archives:
        target = place.path / one.filename
        try:
            if one.url is not None:
                slow = max(600.0, one.max_bytes / 250_000)  # seconds, at 250 kB/s
                pin = one.sha256 or _recorded(target)
                cap = one.max_bytes
                download(one.url, target, sha256=pin, md5=one.md5, max_bytes=cap, deadline=slow)
            elif one.requirement is not None and one.sha256 is not None:
                pip_download(one.requirement, target, sha256=one.sha256)
            else:
                continue
        except DownloadError as error:
            recorded = one.sha256 is None and _recorded(target) is not None
            tried.append(str(error) + (_where_recorded(target) if recorded else ""))
            continue
        return _from_archive(source, one, target)
    return None


# ---------------------------------------------------------------------------- reading


def _from_named_file(source: Source, path: Path) -> Dataset:
    digest = sha256_of(path)
    for one in source.archives:
        if one.sha256 in (digest, None):
            return _from_archive(source, one, path)
    expected = " or ".join(f"{one.sha256} ({one.filename})" for one in source.archives)
    raise _damaged(source, path, f"expected sha256 {expected}, found {digest}")


def _from_archive(source: Source, one: Archive, path: Path) -> Dataset:
    size = path.stat().st_size
    if size > one.max_bytes:
        raise _damaged(source, path, f"it has {size} bytes, more than {one.max_bytes}")
    digest = _verified(source, one, path)
    large = one.layout.ratings
    if large is not None and (kept := _opened(source, path.parent, digest)) is not None:
        return kept
    try:
        files = archive.read_zip(path, one.layout.folder, one.layout.members)
        origin = f"{one.filename} in {path.parent}, sha256 {digest}"
        if large is None:
            return _dataset(source, one.layout, files, origin)
        stream = archive.Stream(path, f"{one.layout.folder}/{large.name}", large)
        dataset = _dataset(source, one.layout, files, origin, stream)
        return _kept(dataset, path.parent, digest)
    except ValueError as error:
        raise _damaged(source, path, str(error)) from error


def _verified(source: Source, one: Archive, path: Path) -> str:
    """The sha256 of an archive that is what it should be."""
    digest = sha256_of(path)
    expected = one.sha256 or _recorded(path)
    if expected is not None and digest != expected:
        where = "" if one.sha256 else _where_recorded(path)
        raise _damaged(source, path, f"expected sha256 {expected}, found {digest}{where}")
    if expected is None:
        if (md5 := md5_of(path)) != one.md5:
            raise _damaged(source, path, f"expected md5 {one.md5}, found {md5}")
        with contextlib.suppress(OSError):  # a read-only directory: md5 it is, each time
            _record(path).write_text(f"{digest}  {path.name}\n", encoding="ascii")
    return digest


def _record(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _recorded(path: Path) -> str | None:
    """The sha256 of the first verified copy, as it was written beside it; None for no whole one."""
    try:
        found = re.match(r"[0-9a-f]{64}\b", _record(path).read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        return None
    return found[0] if found else None


def _where_recorded(path: Path) -> str:
    return f" (the expected one is that of the first copy, by {_record(path)}: delete this too)"


def _opened(source: Source, directory: Path, made_from: str) -> Dataset | None:
    """The columns made from this very archive; None, with a line, where they must be made anew."""
    place = directory / f"{source.name}.columns"
    try:
        return columns.open_columns(place, fingerprint=made_from)
    except FileNotFoundError:
        return None
    except columns.ColumnsDamaged as error:
        print(f"{source.name}: the columns are made anew, since {error}", flush=True)
        return None


def _kept(dataset: Dataset, directory: Path, made_from: str) -> Dataset:
    """The same data from columns on disk, or as it is where nothing can be written."""
    place = directory / f"{dataset.name}.columns"
    try:
        columns.save(dataset, place, fingerprint=made_from)
    except OSError as error:
        print(f"{dataset.name}: parsed each time, since {place} cannot be written: {error}")
        return dataset
    return columns.open_columns(place, fingerprint=made_from)


def _from_directory(source: Source, layout: Layout, directory: Path) -> Dataset:
    try:
        files = archive.read_directory(directory, layout.members)
        names = ", ".join(member.name for member in layout.members)
        if layout.ratings is None:
            return _dataset(source, layout, files, f"{names} in {directory}, verified")
        ratings = directory / layout.ratings.name
        digest = sha256_of(ratings)
        origin = f"{names} and {ratings.name} in {directory}, sha256 of the latter {digest}"
        beside = directory.parent if directory.name == source.name else directory
        if (kept := _opened(source, beside, digest)) is not None:
            return kept
        stream = archive.Stream(ratings, None, layout.ratings)
        return _kept(_dataset(source, layout, files, origin, stream), beside, digest)
    except ValueError as error:
        raise _damaged(source, directory, str(error)) from error


def _dataset(
    source: Source,
    layout: Layout,
    files: Mapping[str, bytes],
    origin: str,
    stream: archive.Stream | None = None,
) -> Dataset:
    tables: RawTables = layout.parse(files)
    about = {"name": source.name, "source": origin}
    if stream is not None:
        chunks = rating_chunks(stream)
        dataset = from_chunks(chunks, tables.users, tables.items, **about)
    else:
        assert tables.ratings is not None
        dataset = from_frame(tables.ratings, tables.users, tables.items, **about)
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


def show_banner(what: str, warning: str, report: DataUnavailable) -> None:
    """Say that what follows is invented, so that it cannot be overlooked, and why."""
    rule = "!" * 78
    text = f"!!  PLANTED {what}.\n!!  {warning}."
    print(f"\n{rule}\n{text}\n{rule}\n{report}\n{rule}\n", flush=True)
