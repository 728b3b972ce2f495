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

from recsys_tutorial.datasets import archive, movielens
from recsys_tutorial.datasets.archive import Member
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.download import DownloadError, download, pip_download, sha256_of
from recsys_tutorial.datasets.frame import from_frame
from recsys_tutorial.datasets.movielens import ParseError, RawTables
from recsys_tutorial.datasets.planted import planted

_GROUPLENS = "https://files.grouplens.org/datasets/movielens"
_KB, _MB = 1_000, 1_000_000

ENVIRONMENT = "RECSYS_TUTORIAL_DATA"
"""Environment variable that names the data directory (or one archive)."""


class DataUnavailable(OSError):
    """A data set could not be had; the message lists what was tried, and what to do."""


@dataclass(frozen=True)
class Layout:
    """Files that belong together, the folder that holds them in an archive, and their parser."""

    folder: str
    members: tuple[Member, ...]
    parse: movielens.Parser


@dataclass(frozen=True)
class Archive:
    """One file that holds a data set; it is fetched from `url`, else as pip `requirement`."""

    filename: str
    sha256: str
    max_bytes: int
    layout: Layout
    url: str | None = None
    requirement: str | None = None


@dataclass(frozen=True)
class Source:
    """A data set by name: where to get it, and the counts (ratings, users, items) it must have."""

    name: str
    archives: tuple[Archive, ...]
    counts: tuple[int, int, int]
    terms: str


_ML100K = Layout(
    "ml-100k",
    (
        Member(
            "u.data", 3 * _MB, "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490"
        ),
        Member("u.item", 500 * _KB),
        Member("u.user", 100 * _KB),
    ),
    movielens.parse_ml100k,
)
_ML100K_RECBOLE = Layout(
    "recbole/dataset_example/ml-100k",
    (
        Member(
            "ml-100k.inter",
            3 * _MB,
            "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
        ),
        Member(
            "ml-100k.item",
            200 * _KB,
            "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
        ),
        Member(
            "ml-100k.user",
            100 * _KB,
            "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
        ),
    ),
    movielens.parse_recbole,
)
_LATEST_SMALL = Layout(
    "ml-latest-small",
    (
        Member(
            "ratings.csv",
            5 * _MB,
            "aa289ca83157595d0df6aea1be6a4ded676ddc4385472e8313a8ed9805352646",
        ),
        Member(
            "movies.csv",
            1 * _MB,
            "5a5f32dd9bb3797b8e728a1b98958789d2b13f294a69fdfbc5727f8a9611aa07",
        ),
    ),
    movielens.parse_csv,
)

SOURCES: dict[str, Source] = {
    "ml-100k": Source(
        "ml-100k",
        (
            Archive(
                "ml-100k.zip",
                "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
                6 * _MB,
                _ML100K,
                url=f"{_GROUPLENS}/ml-100k.zip",
            ),
            Archive(
                "recbole-1.2.1-py3-none-any.whl",
                "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
                3 * _MB,
                _ML100K_RECBOLE,
                requirement="recbole==1.2.1",
            ),
        ),
        (100_000, 943, 1_682),
        "research use, no redistribution and no commercial use without permission; cite Harper & "
        "Konstan 2015, doi 10.1145/2827872",
    ),
    "ml-latest-small": Source(
        "ml-latest-small",
        (
            Archive(
                "ml-latest-small.zip",
                "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
                2 * _MB,
                _LATEST_SMALL,
                url=f"{_GROUPLENS}/ml-latest-small.zip",
            ),
        ),
        (100_836, 610, 9_742),
        "redistribution under the same conditions only, no commercial use without permission; cite "
        "Harper & Konstan 2015, doi 10.1145/2827872",
    ),
}
"""The data sets that `load` knows, besides "planted". Add a row to add one."""


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
        offline: fetch nothing.
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
    place = _place(data_dir)
    tried: list[str] = []
    for step in (_local, _fetched):
        if step is _fetched and offline:
            tried.append("download: not tried, because offline=True")
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
