"""Read files straight out of a zip archive or a directory, without trusting either.

Nothing is ever extracted. Every size is capped, before and while reading, so that a small archive
cannot unpack into all of the memory.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

_MAX_ENTRIES = 10_000
_BUFFER = 1 << 20
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError,
    OverflowError, UnicodeDecodeError,
)  # fmt: skip


class ArchiveError(ValueError):
    """An archive or one of its files is not what it should be; the message names which and why."""


@dataclass(frozen=True)
class Member:
    """One file that is read: its name in the folder, a cap on its size, its sha256 if pinned."""

    name: str
    max_bytes: int
    sha256: str | None = None


def read_zip(path: Path, folder: str, members: Iterable[Member]) -> dict[str, bytes]:
    """Contents of `folder/<member>` for each member of a zip file (a wheel is one too).

    Raises:
        ArchiveError: not a zip or a truncated one, a name that leaves the archive or occurs twice,
            a member missing, encrypted, damaged or larger than its cap.
    """
    with _named(f"{path} is not a whole zip file"), zipfile.ZipFile(path) as archive:
        _check_names(path, archive.namelist())
        contents = {}
        for member in members:
            entry = f"{folder}/{member.name}"
            with archive.open(_entry(path, archive, entry, member)) as file:
                contents[member.name] = _read_capped(f"{path}: {entry!r}", file, member)
    return contents


def read_directory(directory: Path, members: Iterable[Member]) -> dict[str, bytes]:
    """Contents of the members as plain files of a directory.

    Raises:
        ArchiveError: a file missing, larger than its cap, or with another sha256 than its pin.
    """
    contents = {}
    for member in members:
        path = directory / member.name
        if not path.is_file():
            raise ArchiveError(f"{path} is missing")
        with path.open("rb") as file:
            contents[member.name] = _read_capped(str(path), file, member)
    return contents


@dataclass(frozen=True)
class Stream:
    """A member too large to be held in memory; each `open` reads it from the start.

    path  : the zip, or the file itself where `entry` is None
    """

    path: Path
    entry: str | None
    member: Member

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The content, as a file; reading raises ArchiveError beyond the cap or where damaged."""
        if self.entry is None:
            if not self.path.is_file():
                raise ArchiveError(f"{self.path} is missing")
            with self.path.open("rb") as file:
                yield io.BufferedReader(_Capped(file, str(self.path), self.member), _BUFFER)
            return
        with ExitStack() as opened:
            with _named(f"{self.path} is not a whole zip file"):
                archive = opened.enter_context(zipfile.ZipFile(self.path))
                _check_names(self.path, archive.namelist())
                entry = _entry(self.path, archive, self.entry, self.member)
                content = opened.enter_context(archive.open(entry))
            label = f"{self.path}: {self.entry!r}"
            yield io.BufferedReader(_Capped(content, label, self.member), _BUFFER)


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Turn whatever a bad zip file makes the standard library raise into an ArchiveError."""
    try:
        yield
    except ArchiveError:
        raise
    except (*_DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # the file itself cannot be opened; else it was sent to an impossible place
        raise ArchiveError(f"{what} ({error})") from error


class _Capped(io.RawIOBase):
    """Passes reads on, counts the bytes, and turns what a bad archive raises into ArchiveError."""

    def __init__(self, file: IO[bytes], label: str, member: Member) -> None:
        self.file, self.label, self.member, self.n_bytes = file, label, member, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _named(f"{self.label} is damaged"):
            content = self.file.read(len(buffer))
        self.n_bytes += len(content)
        if self.n_bytes > self.member.max_bytes:
            raise _too_large(self.label, self.n_bytes, self.member.max_bytes)
        buffer[: len(content)] = content
        return len(content)


def _check_names(path: Path, names: list[str]) -> None:
    """Refuse names that an extraction would write outside its directory, and duplicates."""
    if len(names) > _MAX_ENTRIES:
        raise ArchiveError(f"{path} holds {len(names)} files, more than the {_MAX_ENTRIES} allowed")
    seen = set()
    for name in names:
        rooted = re.match(r"[/\\]|[A-Za-z]:", name)
        if rooted or ".." in PurePosixPath(name.replace("\\", "/")).parts:
            raise ArchiveError(f"{path} holds the unsafe name {name!r}")
        if name in seen:
            raise ArchiveError(f"{path} holds the name {name!r} twice")
        seen.add(name)


def _entry(path: Path, archive: zipfile.ZipFile, entry: str, member: Member) -> zipfile.ZipInfo:
    try:
        info = archive.getinfo(entry)
    except KeyError:
        raise ArchiveError(f"{path} holds no {entry!r}") from None
    if info.flag_bits & 0x1:
        raise ArchiveError(f"{path}: {entry!r} is encrypted")
    if info.file_size > member.max_bytes:
        raise _too_large(f"{path}: {entry!r}", info.file_size, member.max_bytes)
    return info


def _read_capped(label: str, file: IO[bytes], member: Member) -> bytes:
    # The declared size may lie, so the cap is enforced on what is really read.
    content = file.read(member.max_bytes + 1)
    if len(content) > member.max_bytes:
        raise _too_large(label, len(content), member.max_bytes)
    if member.sha256 is not None:
        digest = hashlib.sha256(content).hexdigest()
        if digest != member.sha256:
            raise ArchiveError(
                f"{label} is damaged or another version: expected sha256 {member.sha256}, "
                f"found {digest} ({len(content)} bytes)"
            )
    return content


def _too_large(label: str, n_bytes: int, max_bytes: int) -> ArchiveError:
    return ArchiveError(f"{label} has {n_bytes} bytes or more, above the cap of {max_bytes}")
