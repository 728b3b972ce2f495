"""Pages, documents, docstrings and messages are free of the turns that readers stumbled over."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from pages_runner import ROOT, SOURCES

from pagebuild import voice

DOCUMENTS = [
    *sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md",
    *sorted((ROOT / "scripts" / "pagebuild").glob("*.md")),
    ROOT / "data" / "README.md",
]  # fmt: skip
QUOTES = {"voice.md"}  # it shows what not to write
CODE = [
    path
    for folder in ("recsys_tutorial", "notebooks/recsys_workshop", "scripts", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


def test_the_list_finds_what_it_names():
    found = voice.problems("# one\n# row per film is fine, one row a\n# film is drawn by lot")
    assert len(found) == 3  # "by lot" is found alone and as "drawn by lot"
    assert all(line.startswith("'") for line in found)


@pytest.mark.parametrize("name", SOURCES)
def test_pages(name):
    cells = "\n\n".join(cell.text for cell in SOURCES[name].cells)
    assert voice.problems(cells) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_documents(path):
    if path.name in QUOTES:
        return
    assert voice.problems(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", CODE, ids=lambda p: str(Path(p).relative_to(ROOT)))
def test_docstrings_messages_and_comments(path):
    found = [line for text in voice.python_texts(path) for line in voice.problems(text)]
    assert found == []


def test_every_text_under_version_control_is_looked_at():
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    looked = {path.relative_to(ROOT).as_posix() for path in DOCUMENTS}
    assert {name for name in listed if not name.startswith(".github/")} <= looked
