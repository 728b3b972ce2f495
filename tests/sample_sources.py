"""A table of data sets whose archives are the sample files, served on this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from loopback import Server, answers
from sample_files import ITEMS, RATINGS, csv_files, ml100k_files, recbole_files, sha256, zipped

from recsys_tutorial.datasets import sources
from recsys_tutorial.datasets.download import DownloadError

OFFICIAL = zipped("ml-100k", ml100k_files())
WHEEL = zipped("recbole/dataset_example/ml-100k", recbole_files())
LATEST = zipped("ml-latest-small", csv_files())
WHEEL_NAME = "recbole-1.2.1-py3-none-any.whl"
COUNTS = (len(RATINGS), 2, len(ITEMS))


def unpinned(layout: sources.Layout, files: dict[str, bytes]) -> sources.Layout:
    """The layout with the pins of the sample files; u.item and u.user stay without one."""
    members = [
        replace(m, sha256=sha256(files[m.name]) if m.sha256 else None) for m in layout.members
    ]
    return replace(layout, members=tuple(members))


def sample_table(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, sources.Source]:
    """The real table with the sample archives in it: their pins, counts and loopback addresses.

    Nothing is served and pip has nothing until a test says so; nothing is found by default.
    """
    real = sources.SOURCES
    zip_, wheel = real["ml-100k"].archives
    (latest,) = real["ml-latest-small"].archives
    changed = {
        "ml-100k": replace(
            real["ml-100k"],
            counts=COUNTS,
            archives=(
                replace(
                    zip_,
                    sha256=sha256(OFFICIAL),
                    layout=unpinned(zip_.layout, ml100k_files()),
                    url=server.on("/ml-100k.zip", answers(b"gone", 404)),
                ),
                replace(
                    wheel,
                    sha256=sha256(WHEEL),
                    layout=unpinned(wheel.layout, recbole_files()),
                ),
            ),
        ),
        "ml-latest-small": replace(
            real["ml-latest-small"],
            counts=(3, 2, 5),
            archives=(
                replace(
                    latest,
                    sha256=sha256(LATEST),
                    layout=unpinned(latest.layout, csv_files()),
                    url=server.on("/ml-latest-small.zip", answers(b"gone", 404)),
                ),
            ),
        ),
    }
    monkeypatch.setattr(sources, "SOURCES", changed)
    monkeypatch.delenv(sources.ENVIRONMENT, raising=False)
    pip_has(monkeypatch, None)
    return changed


def pip_has(monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> list[str]:
    """Replace pip; returns the list of what it is asked for."""
    asked: list[str] = []

    def pip(requirement: str, target: Path, *, sha256: str) -> Path:
        asked.append(requirement)
        if content is None:
            raise DownloadError(f"pip download {requirement}: no index")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return target

    monkeypatch.setattr(sources, "pip_download", pip)
    return asked


def files_in(directory: Path) -> list[str]:
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())


def unpack(directory: Path, files: dict[str, bytes]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
