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


def test_planted_tastes_pay_and_are_found(values):
    """Over seven seeds the least saving was 0.09 stars softly mixed, and 0.04 picked."""
    for error in values["planted_error"]:
        assert error["MixtureOfTastes"] < error["BiasedMF"] - 0.06
        assert error["GumbelTastes"] < error["BiasedMF"] - 0.02
    for row in values["same"].values():
        assert row["found"] > row["people mixed up"] + 0.08
    assert values["undecided"]["planted people"] < 0.4


def test_your_tastes_have_titles(values):
    titles = [t for taste in values["my_tastes"].values() for t in taste]
    assert len(titles) == len(set(titles)) >= 6  # no film in both
    assert all(isinstance(t, str) and len(t) > 3 for t in titles)


@pytest.mark.real
def test_on_movielens_the_second_taste_buys_nothing_and_does_not_come_out_again(ml100k):
    values = executed(NAME, "solutions", "full").values
    gain = values["gain"]
    assert min(gain["two tastes"], gain["two tastes, Gumbel"]) >= 0.025
    assert abs(gain["two tastes"] - gain["BiasedMF"]) < 0.004
    assert gain["BiasedMF"] > 0.028
    assert values["verdict"] != "better than"
    assert values["undecided"]["ml-100k"] > values["undecided"]["planted people"] + 0.15
    assert max(values["by_count"]) < values["chance"] + 0.15
    assert values["alike"] > 0.9  # scores come out again, whoever speaks
