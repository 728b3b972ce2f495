"""What page 00 shows and says is so."""

from __future__ import annotations

import pytest
from pages_runner import executed

pytestmark = pytest.mark.page


def test_the_first_model_beats_the_average_and_recommends_ten_films(mode):
    values = executed("00_setup", "solutions", mode).values
    assert values["errors"][0] < values["average"]
    assert values["errors"][-1] < values["average"] - 0.15  # far beyond the noise between seeds
    assert len(set(values["ten"])) == 10
    assert not set(values["ten"]) & set(values["rated"])


def test_the_ranker_finds_more_of_what_people_liked_than_the_model_of_stars(mode):
    values = executed("00_setup", "solutions", mode).values
    assert values["hits"]["the ranker"] > values["hits"]["the star model"]


def test_ten_ratings_change_most_of_the_list_and_dislikes_change_it_again(mode):
    loved, hated, nobody = map(set, executed("00_setup", "solutions", mode).values["lists"])
    assert len(loved) == len(hated) == len(nobody) == 10
    assert len(loved - nobody) >= 6
    assert len(hated - nobody) >= 6
    assert len(hated - loved) >= 6


@pytest.mark.real
def test_a_machine_with_the_tested_environment_and_real_data_is_ready(ml100k):
    verdicts = executed("00_setup", "solutions", "full").values["verdicts"]
    assert verdicts[-1] == "ok"  # the data
    assert len(verdicts) == 14
