"""The checks of the exercises: each accepts what is right and refuses what is not, kindly."""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path

import check_cases
import pytest

import recsys_workshop as ws
from recsys_workshop import checks, local, pages
from recsys_workshop.checks import registry


def all_cases() -> dict[str, check_cases.Case]:
    found: dict[str, check_cases.Case] = {}
    for module in pkgutil.iter_modules(check_cases.__path__):
        found.update(importlib.import_module(f"check_cases.{module.name}").CASES)
    return found


CASES = all_cases()


@pytest.fixture(autouse=True)
def page(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv(pages.SWITCH, "fast")
    monkeypatch.setenv(local.STATE, str(tmp_path))
    monkeypatch.setattr(pages, "_current", None)
    made = ws.page("00_setup")
    capsys.readouterr()
    return made


def test_every_check_has_cases_and_every_case_a_check():
    assert set(CASES) == set(checks.names())


@pytest.mark.parametrize("name", sorted(CASES))
def test_check_accepts_every_right_answer(name, page, capsys):
    for right in (CASES[name].right, *CASES[name].also):
        assert ws.check(name, right(page)) is True
        assert f"{name} passed" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(CASES))
def test_check_refuses_stub_none_and_plausible_wrong_answers(name, page, capsys):
    case = CASES[name]
    assert len(case.wrong) >= 2
    for answer in [
        case.stub(page),
        None,
        *(make(page) for make in (*case.wrong, *case.says.values())),
    ]:
        assert ws.check(name, answer) is False, f"{name} accepts {answer!r}"
        out = capsys.readouterr().out
        assert f"{name} not yet: " in out
        assert len(out.strip().splitlines()) == 1
    assert not (local.directory() / "progress.json").exists()


@pytest.mark.parametrize("name", [name for name in sorted(CASES) if CASES[name].says])
def test_a_message_names_the_mistake_that_was_made(name, page, capsys):
    for words, wrong in CASES[name].says.items():
        ws.check(name, wrong(page))
        assert words in capsys.readouterr().out


@pytest.mark.parametrize("name", [n for n in checks.names() if n in registry._solutions])
def test_what_a_page_goes_on_with_is_right(name, page, capsys):
    """The solution that `use` gives passes its own check, and it is given where the stub stands."""
    solution = ws.use(name, CASES[name].stub(page))
    assert f"goes on with the solution to {name}" in capsys.readouterr().out
    assert ws.check(name, solution) is True
    capsys.readouterr()
    right = CASES[name].right(page)
    assert ws.use(name, right) is right
    assert f"goes on with your {name}" in capsys.readouterr().out


# ---- the framework --------------------------------------------------------------------------


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(registry, "_checks", dict(registry._checks))

    @checks.register("00.toy")
    def _(answer, page):
        return None if answer() == 4 else "it should give 4."

    return "00.toy"


def test_error_in_the_readers_code_is_one_line_that_names_the_place(toy, capsys):
    def theirs():
        return 1 / 0

    assert ws.check(toy, theirs) is False
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "ZeroDivisionError: division by zero, at `return 1 / 0`" in out


def test_answer_of_the_wrong_kind_is_refused_without_raising(toy, capsys):
    assert ws.check(toy, 4) is False
    assert "TypeError" in capsys.readouterr().out


def test_unknown_name_lists_the_names_of_that_page():
    with pytest.raises(ValueError, match=r"no check '00\.nothing'.*00\.most_rated"):
        ws.check("00.nothing", 1)
    with pytest.raises(ValueError, match="no check 'nonsense'"):
        ws.check("nonsense", 1)


def test_a_name_is_registered_once_and_has_a_page(toy):
    with pytest.raises(ValueError, match="already"):
        checks.register(toy)
    for name in ("word", ".x", "00.", "00.a.b"):
        with pytest.raises(ValueError, match="page, dot, word"):
            checks.register(name)


def test_progress_counts_what_passed_and_survives_a_later_wrong_answer(toy):
    before = ws.progress().loc["00"]
    assert before["passed"] == 0
    assert before["next"] == "00.most_rated"
    ws.check(toy, lambda: 4)
    ws.check(toy, lambda: 5)
    after = ws.progress().loc["00"]
    assert after["passed"] == 1
    assert after["exercises"] == before["exercises"]
    record = json.loads((local.directory() / "progress.json").read_text())
    assert list(record["passed"]) == [toy]


@pytest.mark.parametrize("content", ["{", '["a list"]', '{"passed": 3}', "", "\x00\xff"])
def test_damaged_progress_is_kept_aside_with_one_line(content, toy, capsys):
    path = local.directory() / "progress.json"
    path.write_text(content)
    assert ws.check(toy, lambda: 4) is True
    out = capsys.readouterr().out
    assert out.count("progress.json was damaged") == 1
    assert Path(f"{path}.damaged").read_text() == content
    assert ws.progress().loc["00", "passed"] == 1
    assert capsys.readouterr().out == ""


def test_record_that_cannot_be_written_costs_a_line_and_nothing_else(
    toy, monkeypatch, tmp_path, capsys
):
    blocked = tmp_path / "a_file"
    blocked.write_text("")
    monkeypatch.setenv(local.STATE, str(blocked / "below"))
    assert ws.check(toy, lambda: 4) is True
    assert "could not be written" in capsys.readouterr().out


def test_check_before_the_setup_cell_says_so(toy, monkeypatch, capsys):
    monkeypatch.setattr(pages, "_current", None)
    assert ws.check(toy, lambda: 4) is False
    assert "run the setup cell" in capsys.readouterr().out
