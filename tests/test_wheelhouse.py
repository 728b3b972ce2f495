"""An instructor's stick is checked before anything is installed from it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

import pins
import wheelhouse
from console import Console, Stop

PINS = "abc"
NAME = "3.11-linux-x86_64"
TERMS = wheelhouse.TERMS.read_text(encoding="utf-8")


@pytest.fixture
def stick(tmp_path) -> Path:
    """A whole stick with one small file that stands for a wheel."""
    (tmp_path / "wheels").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "wheels" / "one.whl").write_bytes(b"wheel")
    (tmp_path / "data" / "ratings.zip").write_bytes(b"data")
    (tmp_path / "TERMS.txt").write_text(TERMS)
    entry = {"pins": PINS, "gpu": False, "wheels": ["one.whl"]}
    manifest = {"format": 1, "targets": {NAME: entry}}
    (tmp_path / wheelhouse.MANIFEST).write_text(json.dumps(manifest))
    wheelhouse.write_sums(tmp_path)
    return tmp_path


def verify(stick: Path, name: str = NAME, pins_now: str = PINS) -> None:
    wheelhouse.verify(stick, name, pins_now)


def test_a_whole_stick_passes_and_its_sums_cover_every_file(stick):
    verify(stick)
    files = {p.relative_to(stick).as_posix() for p in stick.rglob("*") if p.is_file()}
    lines = (stick / wheelhouse.SUMS).read_text().splitlines()
    assert {line.split("  ")[1] for line in lines} == files - {
        wheelhouse.SUMS, wheelhouse.MANIFEST,
    }  # fmt: skip
    assert len(lines[0].split("  ")[0]) == 64


@pytest.mark.parametrize("name", ["3.12-linux-x86_64", "3.11-windows-amd64"])
def test_another_python_or_system_is_refused_with_both_names(stick, name):
    with pytest.raises(Stop, match=f"made for {NAME}, and this is {name}"):
        verify(stick, name)


def test_another_version_of_the_tutorial_is_refused(stick):
    with pytest.raises(Stop, match="another version of the tutorial"):
        verify(stick, pins_now="other")


@pytest.mark.parametrize("damage", ["gone", "changed", "unlisted"])
def test_a_damaged_stick_names_the_wheel(stick, damage):
    wheel = stick / "wheels" / "one.whl"
    if damage == "gone":
        wheel.unlink()
    elif damage == "changed":
        wheel.write_bytes(b"whee1")
    else:
        (stick / wheelhouse.SUMS).write_text("")
    with pytest.raises(Stop, match=r"one\.whl is missing or damaged: copy the stick again"):
        verify(stick)


def test_an_unfinished_stick_is_refused(stick):
    (stick / wheelhouse.MANIFEST).unlink()
    with pytest.raises(Stop, match=rf"no finished stick .*{wheelhouse.MANIFEST} is missing"):
        verify(stick)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"targets": []}', '{"targets": {"a": {}}}'])
def test_a_damaged_manifest_is_refused_in_one_line(stick, text):
    (stick / wheelhouse.MANIFEST).write_text(text)
    with pytest.raises(Stop, match=r"stick\.json is damaged"):
        verify(stick)


@pytest.mark.parametrize(
    ("dataset", "fetched"),
    [("ml-100k", ["ml-100k", "gcide"]), ("gcide", ["gcide"]), (None, [])],
)
def test_a_stick_holds_the_ratings_and_the_dictionary(tmp_path, monkeypatch, dataset, fetched):
    asked = []

    def fetch(environment, name, folder, offline):
        asked.append(name)
        assert (folder, offline) == (tmp_path / "data", False)

    monkeypatch.setattr(wheelhouse, "fetch_data", fetch)
    monkeypatch.setattr(wheelhouse, "resolved_wheels", lambda *_: [])
    environment = SimpleNamespace(
        root=wheelhouse.ROOT,
        options=SimpleNamespace(gpu=False),
        plan=lambda: SimpleNamespace(why="test", torch=[]),
        pip=lambda *_: None,
        constraints=list,
        tools=list,
    )
    wheelhouse.make(Console(), environment, tmp_path, dataset)
    assert asked == fetched
    assert "GNU General Public License" in (tmp_path / "TERMS.txt").read_text()


def test_the_target_names_python_and_platform():
    assert wheelhouse.target() == f"{pins.python_name()}-{pins.platform_name()}"


def test_the_terms_say_what_may_not_be_passed_on():
    assert "may NOT be redistributed" in TERMS
    assert wheelhouse.parse(["--wheelhouse", "x"]).dataset == "ml-latest-small"
    assert wheelhouse.parse([]).dataset == "ml-100k"
    assert "10.1145/2827872" in TERMS
    assert TERMS.isascii()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--wheelhouse", "x", "--data-dir", "y"],
        ["--wheelhouse", "x", "--offline"],
        ["--no-data"],
        ["--dataset", "netflix"],
    ],
)
def test_options_that_contradict_each_other_are_refused(arguments, capsys):
    with pytest.raises(SystemExit):
        wheelhouse.parse(arguments)
    assert "error:" in capsys.readouterr().err
