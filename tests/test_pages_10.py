"""What page 10 shows and says is so."""

from __future__ import annotations

import numpy as np
import pytest
from pages_runner import executed

pytestmark = pytest.mark.page
NAME = "10_factorization_machines"


def test_the_class_of_the_page_is_that_of_the_library_and_contains_mf(values):
    assert values["gap_mf"] < 1e-5
    assert values["gap_library"] < 1e-5


def test_the_trick_gives_the_sum_and_saves_time(values):
    assert values["slow"] == 2 * 3 + 2 * 5 + 2 * 7 + 3 * 5 + 3 * 7 + 5 * 7
    assert values["times"] > 3  # on any machine: far fewer products


def test_fields_gain_and_fields_dealt_out_wrongly_do_not(values):
    error = values["error"]
    gain = error["user, item"] - error["and all fields"]
    assert gain > 0.006  # far beyond the noise between seeds, 0.001
    assert error["user, item"] - error["and all, dealt out wrongly"] < gain / 3


def test_recommendations_have_titles(values):
    assert len(set(values["for_me"])) == 5
    young, old = values["first_guess"]
    assert young != old


def test_the_planted_taste_of_ages_is_found():
    """Older users were planted to like the first genre of the first axis more than the second."""
    values = executed("10_factorization_machines", "solutions", "fast").values
    likes, genres = np.array(values["likes"]), values["genres"]
    rise = likes[len(likes) // 2 :].mean(0) - likes[: len(likes) // 2].mean(0)
    assert rise[genres.index("Action")] > rise[genres.index("Romance")]


@pytest.mark.real
def test_films_say_more_than_users_and_most_of_rare_films(ml100k):
    values = executed("10_factorization_machines", "solutions", "full").values
    error, gains = values["error"], values["gains"]
    assert gains["rare films"] > 1.5 * gains["the others"]
    assert error["and the film's fields"] < error["and the user's fields"] < error["user, item"]
    assert error["biases only"] - error["and all fields"] > 0.041
