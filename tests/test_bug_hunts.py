"""The bug hunts: the bug is exactly one, it shows, and the repair takes the symptom away.

That each check refuses the bug and accepts the repair is in test_checks.py; that each page runs to
its end with both versions, in test_pages.py.
"""

from __future__ import annotations

import difflib
import re

import pytest
from check_cases.bug_hunts import SOURCES
from pages_runner import executed

HUNTS = sorted(path.stem for path in SOURCES.glob("*.py"))


def cells(hunt: str) -> list[str]:
    text = (SOURCES / f"{hunt}.py").read_text(encoding="utf-8")
    return re.split(r"^# %%", text, flags=re.MULTILINE)[1:]


def code(cell: str, name: str) -> list[str]:
    """The lines of that function in a cell, without what is said of it in comments."""
    body = cell[cell.index(f"def {name}(") :].replace(f"def {name}(", "def it(")
    return [re.sub(r"\s*#.*", "", line) for line in body.strip().splitlines()]


def test_there_are_at_least_eight():
    assert len(HUNTS) >= 8


@pytest.mark.parametrize("hunt", HUNTS)
def test_the_bug_is_exactly_one(hunt):
    (suspect,) = [c for c in cells(hunt) if "def suspect(" in c]
    (stub,) = [c for c in cells(hunt) if c.startswith(' tags=["stub"]')]
    (solution,) = [c for c in cells(hunt) if c.startswith(' tags=["solution"]')]
    assert code(stub, "mended") == code(suspect, "suspect")
    before, after = code(stub, "mended"), code(solution, "mended")
    changes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    places = [c for c in changes if c[0] != "equal"]
    assert len(places) == 1
    _, first, last, _, _ = places[0]
    assert 1 <= last - first <= 2  # lines


@pytest.mark.parametrize("hunt", HUNTS)
def test_story_symptom_three_hints_and_what_to_take_home(hunt):
    text = "".join(cells(hunt))
    place = [
        text.index(f"## {part}") for part in ("The story", "The symptom", "Mend it", "What to")
    ]
    assert place == sorted(place)
    hints = re.findall(r"<summary>(Hint \d)</summary>", text)
    assert hints == ["Hint 1", "Hint 2", "Hint 3"]
    assert text.count('symptom(suspect, "suspect")') == 1
    assert text.count('symptom(mended, "your version")') == 1


def numbers(hunt: str, mode: str) -> tuple[list[float], list[float]]:
    """What the page printed of the suspect, and of the mended version."""
    lines = executed(f"bug_hunts/{hunt}", "solutions", mode).stdout.splitlines()
    said = [line for line in lines if re.search(r"\d", line) and "✓" not in line]
    before, after = (re.findall(r"[+-]?\d+\.\d+|\d+(?=%)", line) for line in said[-2:])
    return [float(v) for v in before], [float(v) for v in after]


@pytest.mark.page
@pytest.mark.parametrize(
    "mode", ["fast", pytest.param("full", marks=[pytest.mark.real, pytest.mark.slow])]
)
@pytest.mark.parametrize("hunt", HUNTS)
def test_the_symptom_shows_and_goes_away(hunt, mode, request):
    if mode == "full":
        request.getfixturevalue("ml100k")
    before, after = numbers(hunt, mode)
    match hunt[:2]:
        case "01":  # lowest and highest score of one and the same pair
            assert before[1] - before[0] > 0.05
            assert after[1] == after[0]
        case "02":  # spread in stars, correlation with the ratings
            assert before[0] < 0.3
            assert after[0] > 0.4
            assert after[1] > before[1] + 0.3
        case "03":  # jump from week to week; distance between films
            assert before[0] > 3 * after[0]
            assert before[1] < 0.5 * after[1]
        case "04" | "07":  # lowest and highest error of the same predictions
            assert before[1] - before[0] > 0.004
            assert after[1] - after[0] < 0.0002
        case "05":  # share seen, with stars and with log-probabilities, in percent
            assert before[0] == 0
            assert before[1] > 90
            assert after == [0, 0]
        case "06":  # error in use minus reported, stars
            assert before[0] > 0.01
            assert abs(after[0]) < 0.005
        case "08":  # spread and difference of means of the films with most ratings
            assert before[0] > 0.8
            assert after[0] < 0.4
            assert after[1] > 3 * before[1]
        case _:
            raise AssertionError(f"say what shows in {hunt}")
