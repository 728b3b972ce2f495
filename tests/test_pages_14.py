"""What page 14 shows and says is so."""

from __future__ import annotations

import pytest
from pages_runner import executed

pytestmark = pytest.mark.page

NAME = "14_second_look"
SEED, SIZE, PEOPLE, TIME = "another seed", "another size", "other people", "another time"
RATINGS = "other ratings"


def test_scores_agree_where_numbers_do_not(values):
    assert values["films"] > 80
    assert values["alike"] > 0.97
    assert abs(values["cosine"]) < 0.25


def test_a_hidden_rotation_is_found_and_shuffled_films_are_not(values):
    error, held_out, before, shuffled = values["hidden"]
    assert error < 0.08
    assert held_out > 0.93  # the noise takes 0.04
    assert before < 0
    assert shuffled < 0


def test_seeds_agree_once_turned_and_other_people_less(values):
    turning = values["turning"]
    assert turning[SEED]["held out"] > 0.75
    assert turning[SEED]["held out"] > turning[PEOPLE]["held out"] + 0.3
    for row in turning.values():
        assert row["cosine"] > row["cosine, shuffled"] + 0.12  # real, 250 films: noise 0.02
        assert abs(row["cosine, shuffled"]) < 0.25
        assert row["shuffled"] < 0


def test_the_widest_axis_survives_everything_and_narrow_ones_do_not(values):
    for name in (SEED, SIZE):
        assert values["match"][name][0] > 0.95
    for name in (RATINGS, PEOPLE, TIME):
        assert values["match"][name][0] > 0.45  # chance is 0.1, planted 0.2
        assert values["kept_axes"][name] <= 3
        assert values["match"][name][-1] < values["match"][name][0]
    assert values["kept_axes"][SEED] >= values["kept_axes"][TIME] + 1


def test_the_exercise_turns_as_the_library_does(values):
    row = values["turning"][TIME]
    assert [row["held out"], row["cosine"]] == pytest.approx(values["library"])


def test_neighbours_survive_less_and_less(values):
    kept, chance = values["neighbours"], values["survives"]["ten neighbours (share kept)"]["chance"]
    assert kept[SEED] > kept[SIZE] + 0.03
    assert kept[SIZE] > kept[TIME] + 0.1
    assert min(kept[TIME], kept[PEOPLE]) > 1.5 * chance


def test_groups_come_back_and_single_persons_tastes_hardly(values):
    left = {name: row[SEED] for name, row in values["left"].items()}
    assert left["groups by Gumbel tastes (adjusted Rand)"] > 0.25  # eight runs: 0.40 and more
    assert left["one person's tastes (share alike)"] < 0.25  # 0.05 to 0.14 in the eight
    assert values["together"] > 0.9
    assert 0.3 < left["six clusters (adjusted Rand)"] < 1
    for group in values["named"]:
        assert group["films"] > 0
        assert len(group["known for"]) > 3
        assert (group["name"] == "(none)") == (group["stays"] < 0.7)
    assert max(group["stays"] - group["luck"] for group in values["named"]) > 0.3


def test_what_is_lost_is_lost_to_fewer_ratings(values):
    """Eight runs: 0.43 to 0.56; to other people -0.12 to 0.00, to time -0.03 to 0.04."""
    steps = values["steps"]
    assert steps["fewer ratings"] > 0.3
    assert -0.2 < steps["other people"] < 0.1
    assert abs(steps["another time"]) < 0.1


def test_you_stand_where_you_stood(values):
    assert values["you_alike"] > 0.9


@pytest.mark.real
def test_on_movielens_ten_neighbours_are_mostly_other_films_again(ml100k):
    values = executed(NAME, "solutions", "full").values
    assert 0.3 < values["neighbours"][SEED] < 0.6
    assert max(values["neighbours"][TIME], values["neighbours"][PEOPLE]) < 0.12
    assert values["turning"][TIME]["held out"] < 0.15
    assert values["turning"][PEOPLE]["held out"] < 0.15
    assert 2 <= values["kept_axes"][SEED] <= 7
