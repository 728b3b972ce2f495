"""A table of data sets whose archives are the sample files, served on this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from loopback import Server, answers
from sample_files import (
    ITEMS,
    RATINGS,
    csv_files,
    ml1m_files,
    ml100k_files,
    recbole_files,
    sha256,
    zipped,
)

from recsys_tutorial.datasets import catalogue, sources

OFFICIAL = zipped("ml-100k", ml100k_files())
WHEEL = zipped("recbole/dataset_example/ml-100k", recbole_files())
LATEST = zipped("ml-latest-small", csv_files())
ML1M = zipped("ml-1m", ml1m_files())
WHEEL_NAME = "recbole-1.2.1-py3-none-any.whl"
COUNTS = {
    "ml-100k": (len(RATINGS), 2, len(ITEMS)),
    "ml-latest-small": (3, 2, 5),
    "ml-1m": (3, 3, 4),
}


def sample_table(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, catalogue.Source]:
    """The real table with the sample archives in it: their pins, counts and loopback addresses.

    Nothing is served and pip has nothing until a test says so; nothing is found by default.
    """
    samples = {
        "ml-100k.zip": (OFFICIAL, ml100k_files()),
        WHEEL_NAME: (WHEEL, recbole_files()),
        "ml-latest-small.zip": (LATEST, csv_files()),
        "ml-1m.zip": (ML1M, ml1m_files()),
    }
    changed = {}
    for name, counts in COUNTS.items():
        archives = []
        for one in sources.SOURCES[name].archives:
            content, files = samples[one.filename]
            server.on(f"/{one.filename}", answers(b"gone", 404))
            pin = sha256(files[one.files[0]]) if one.ratings_hash else None
            archives.append(replace(one, hash=sha256(content), ratings_hash=pin))
        changed[name] = replace(sources.SOURCES[name], counts=counts, archives=tuple(archives))
    monkeypatch.setattr(sources, "SOURCES", changed)
    monkeypatch.setattr(catalogue, "GROUPLENS", server.base)
    monkeypatch.delenv(sources.ENVIRONMENT, raising=False)
    pip_has(monkeypatch, None)
    return changed


def pip_has(monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> list[str]:
    """Replace pip; returns the list of what it is asked for."""
    asked: list[str] = []

    def pip(requirement: str, target: Path, *, sha256: str) -> Path:
        asked.append(requirement)
        if content is None:
            raise sources.DownloadError(f"pip download {requirement}: no index")
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
