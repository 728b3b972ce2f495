"""What page 05 shows and says is so."""

from __future__ import annotations

import pytest
from pages_runner import executed

pytestmark = pytest.mark.page

NAME = "05_word2vec_is_mf"


@pytest.fixture(params=["fast", pytest.param("full", marks=pytest.mark.real)])
def values(request):
    if request.param == "full":
        request.getfixturevalue("ml100k")
        request.getfixturevalue("gcide")
    return executed(NAME, "solutions", request.param).values


def test_the_svd_agrees_far_more_than_with_shuffled_text(values):
    medians = values["medians"]
    assert medians["both"] >= 4  # 6 measured, and on planted text
    assert medians["shuffled text"] <= 1
    for judge in ("inside: SVD", "outside: word2vec"):
        assert values["means"]["both"][judge] > values["means"]["shuffled text"][judge] + 1


def test_made_up_pairs_drawn_by_count_take_popularity_out(values):
    evenly, between, by_count = values["popularity_in"]
    assert evenly > between + 0.1 > by_count + 0.2


def test_word2vec_ends_at_pmi_less_log_k(values):
    assert values["gap"] < 1e-4


def test_you_get_films_that_you_have_not_rated(values):
    assert len(values["close"]) == 8
    assert not set(values["close"]) & set(values["mine"])


def test_planted_topics_are_found():
    values = executed(NAME, "solutions", "fast").values
    for word, found in values["near"].items():
        assert {values["topic"].get(other) for other in found} == {values["topic"][word]}
    assert values["right"] > values["questions"] / 2


@pytest.mark.real
def test_words_of_the_dictionary_have_neighbours_and_analogies(ml100k, gcide):
    values = executed(NAME, "solutions", "full").values
    assert values["pairs"] > 1_000_000
    assert values["spent"] < 15  # CPU seconds for counting
    means = values["means"]  # the standard error of each is about 0.2
    assert means["zeros alone"]["inside: SVD"] > means["neither"]["inside: SVD"] + 1
    assert abs(means["both"]["inside: SVD"] - means["zeros alone"]["inside: SVD"]) < 1
    assert values["gain"]["zeros, inside: SVD"][0] > 1  # intervals over 200 words
    assert values["gain"]["zeros, outside: word2vec"][0] > 0
    assert values["in_five"] >= 7  # of eleven; by chance one in several hundred
    assert {"queen", "prince"} & set(values["near"]["king"])
    assert {"meat", "cake", "flour"} & set(values["near"]["bread"])


@pytest.mark.real
def test_company_is_not_taste_and_order_is_not_chance(ml100k, gcide):
    values = executed(NAME, "solutions", "full").values
    shared = values["compared"]["genres shared"]
    company, shuffled = "by company (item2vec)", "company, order of rating shuffled"
    assert shared[company] > shared["by stars (MF)"] + 0.05 > shared["any films"] + 0.1
    assert values["company_gap"][f"{shuffled}, genres shared"][0] > 0
    assert values["company_gap"]["by stars (MF), genres shared"][0] > 0
    assert values["frequently"] > 5 * values["if_shuffled"]
