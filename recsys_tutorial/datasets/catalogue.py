"""The table of data sets: which archives hold them, their checksums, their files, their terms."""

from __future__ import annotations

from dataclasses import dataclass

from recsys_tutorial.datasets import movielens
from recsys_tutorial.datasets.archive import Member

_GROUPLENS = "https://files.grouplens.org/datasets/movielens"
_MB = 1_000_000


@dataclass(frozen=True)
class Layout:
    """Files that belong together, the folder that holds them in an archive, and their parser.

    ratings : the file of ratings where it is too large for memory: it is read in chunks
    """

    folder: str
    members: tuple[Member, ...]
    parse: movielens.Parser
    ratings: Member | None = None


@dataclass(frozen=True)
class Archive:
    """One file that holds a data set; it is fetched from `url`, else as pip `requirement`.

    md5 : for the one archive whose sha256 nobody has published; the first copy that has this md5
          has its sha256 written beside it, and from then on that is asked for
    """

    filename: str
    sha256: str | None
    max_bytes: int
    layout: Layout
    url: str | None = None
    requirement: str | None = None
    md5: str | None = None


@dataclass(frozen=True)
class Source:
    """A data set by name: where to get it, and the counts (ratings, users, items) it must have."""

    name: str
    archives: tuple[Archive, ...]
    counts: tuple[int, int, int]
    terms: str


_WHEEL = "recbole-1.2.1-py3-none-any.whl"
_SHA256 = {
    "u.data": "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
    "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
    "ml-100k.user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
    "ratings.csv": "aa289ca83157595d0df6aea1be6a4ded676ddc4385472e8313a8ed9805352646",
    "movies.csv": "5a5f32dd9bb3797b8e728a1b98958789d2b13f294a69fdfbc5727f8a9611aa07",
    "ml-100k.zip": "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
    "ml-latest-small.zip": "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
    "ml-1m.zip": "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
    "ml-25m.zip": "8b21cfb7eb1706b4ec0aac894368d90acf26ebdfb6aced3ebd4ad5bd1eb9c6aa",
    _WHEEL: "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
}
"""Of archives and of files in them; the large ratings.csv has none of its own."""


def _pinned(name: str, max_bytes: int) -> Member:
    return Member(name, max_bytes, _SHA256[name])


_ML100K = Layout(
    "ml-100k",
    (_pinned("u.data", 3 * _MB), Member("u.item", 500_000), Member("u.user", 100_000)),
    movielens.parse_ml100k,
)
_ML100K_RECBOLE = Layout(
    "recbole/dataset_example/ml-100k",
    (
        _pinned("ml-100k.inter", 3 * _MB), _pinned("ml-100k.item", 200_000),
        _pinned("ml-100k.user", 100_000),
    ),
    movielens.parse_recbole,
)  # fmt: skip
_LATEST_SMALL = Layout(
    "ml-latest-small",
    (_pinned("ratings.csv", 5 * _MB), _pinned("movies.csv", 1 * _MB)),
    movielens.parse_csv,
)
_ML1M = Layout(
    "ml-1m",
    (Member("ratings.dat", 30 * _MB), Member("movies.dat", 500_000), Member("users.dat", 500_000)),
    movielens.parse_ml1m,
)


def _large(name: str, max_bytes: int) -> Layout:
    movies = (Member("movies.csv", 10 * _MB),)
    return Layout(name, movies, movielens.parse_csv, Member("ratings.csv", max_bytes))


def _official(layout: Layout, max_bytes: int, md5: str | None = None) -> Archive:
    """The archive on GroupLens's server, called as the folder in it."""
    name, pin = f"{layout.folder}.zip", _SHA256.get(f"{layout.folder}.zip")
    return Archive(name, pin, max_bytes, layout, url=f"{_GROUPLENS}/{name}", md5=md5)


_STRICT_TERMS = (
    "research use, no redistribution and no commercial use without permission; cite Harper & "
    "Konstan 2015, doi 10.1145/2827872"
)
_SHARED_TERMS = (
    "redistribution under the same conditions only, no commercial use without permission; cite "
    "Harper & Konstan 2015, doi 10.1145/2827872"
)

_ARCHIVES = {
    "ml-100k": (
        _official(_ML100K, 6 * _MB),
        Archive(_WHEEL, _SHA256[_WHEEL], 3 * _MB, _ML100K_RECBOLE, requirement="recbole==1.2.1"),
    ),
    "ml-latest-small": (_official(_LATEST_SMALL, 2 * _MB),),
    "ml-1m": (_official(_ML1M, 7 * _MB),),
    "ml-25m": (_official(_large("ml-25m", 800 * _MB), 300 * _MB),),
    "ml-32m": (
        _official(_large("ml-32m", 1_100 * _MB), 280 * _MB, "d472be332d4daa821edc399621853b57"),
    ),
}
_COUNTS_AND_TERMS = {
    "ml-100k": ((100_000, 943, 1_682), _STRICT_TERMS),
    "ml-latest-small": ((100_836, 610, 9_742), _SHARED_TERMS),
    "ml-1m": ((1_000_209, 6_040, 3_883), _STRICT_TERMS),
    "ml-25m": ((25_000_095, 162_541, 62_423), _STRICT_TERMS),
    "ml-32m": ((32_000_204, 200_948, 87_585), _SHARED_TERMS),
}
SOURCES = {n: Source(n, _ARCHIVES[n], *about) for n, about in _COUNTS_AND_TERMS.items()}
"""The data sets that `load` knows, besides "planted". Add a row to each table to add one."""
