"""What page 11 shows and says is so."""

from __future__ import annotations

import pytest
from pages_runner import executed

pytestmark = pytest.mark.page

NAME = "11_mixture_of_tastes"


def test_one_vector_says_nothing_and_two_tastes_say_it(values):
    assert values["one_vector"] == pytest.approx([0, 0, 0, 0], abs=1e-9)
    assert values["two_tastes"] == pytest.approx([1, 1, 0, 0], abs=0.01)


def test_the_classes_of_the_page_are_those_of_the_library_and_contain_mf(values):
    assert values["gap_mf"] < 1e-5
    assert values["gap_library"] < 1e-5
    assert values["gap_hard"] < 1e-5


def test_planted_tastes_pay_and_a_good_part_of_them_is_found(values):
    for error in values["planted_error"]:
        assert error["Tastes"] < error["BiasedMF"] - 0.04  # the interval's half width is 0.02
        assert error["Tastes"] < error["Hard"] < error["BiasedMF"] + 0.02
    for name, (back, chance, sure, sure_chance) in values["same"].items():
        assert values["same_low"][name] > 0.08
        assert sure > back > chance + 0.1
        assert sure > sure_chance + 0.1


def test_your_tastes_have_titles(values):
    titles = [t for taste in values["my_tastes"].values() for t in taste]
    assert len(titles) == len(set(titles)) >= 6  # no film in both
    assert all(isinstance(t, str) and len(t) > 3 for t in titles)


@pytest.mark.real
def test_on_movielens_the_second_taste_buys_nothing_and_does_not_come_out_again(ml100k):
    values = executed(NAME, "solutions", "full").values
    error = values["error"]
    assert "better" not in values["verdicts"].values()
    assert abs(error["two tastes"] - error["BiasedMF"]) < 0.004
    assert error["BiasedMF"] < error["biases only"] - 0.028
    assert values["lead"][1] > 0  # more than by chance ...
    assert values["way"] < 0.5  # ... and less than half of the way
    assert values["alike"] > 0.9  # scores come out again, whichever taste speaks


@pytest.mark.real
def test_on_movielens_entropy_follows_the_penalty(ml100k):
    values = executed(NAME, "solutions", "full").values
    entropy, error = values["undecided"], values["held_out"]
    weak, strong = "ml-100k | l2 = 0.01", "ml-100k | l2 = 0.06"
    one, two = (f"planted, {word} | l2 = 0.01" for word in ("one taste", "two tastes"))
    assert entropy[two] + 0.03 < entropy[weak] < entropy[one] - 0.05
    for word in ("one taste", "two tastes"):
        held_back = f"planted, {word} | l2 = 0.06"
        assert entropy[strong] < entropy[held_back] - 0.05
        assert error[held_back] > error[f"planted, {word} | l2 = 0.01"] + 0.3
    assert error[weak] > error[strong] + 0.05
