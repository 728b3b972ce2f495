"""What page 06 shows and says is so."""

from __future__ import annotations

import pytest
from pages_runner import executed

pytestmark = pytest.mark.page
NAME = "06_evaluation"


@pytest.fixture
def real(ml100k):
    return executed("06_evaluation", "solutions", "full").values


def test_training_on_the_test_part_looks_wonderful(values):
    assert values["rmse"]["the wonder"] < values["rmse"]["the model of page 02"] - 0.2


def test_the_lead_of_the_winner_was_luck(values):
    on_valid, on_test = values["lead"]
    assert on_valid > 0.01
    # 20 winners: on the test part their mean lead is zero, within four standard errors
    assert abs(on_test) < on_valid / 4


def test_weights_mend_what_is_missing_not_at_random(values):
    (all_rosy, seen_rosy, mended_rosy), (all_sober, seen_sober, mended_sober) = values["mnar"]
    assert seen_rosy < seen_sober  # 180,000 cells: differences of 0.1 are no noise
    assert all_sober < all_rosy
    assert mended_sober < mended_rosy
    line, curve = values["calibration"]
    assert curve < line - 0.02


def test_the_detective_is_right_about_each_suspect(values):
    guilty = [name for name, caught in values["caught"].items() if caught]
    assert len(values["caught"]) == 6
    assert set(values["caught"]) - set(guilty) == {
        "mean stars, from train alone",
        "list of all film ids",
    }


def test_a_guilty_mean_pays_most_where_ratings_are_few(values):
    honest, guilty = values["payoff"]["film means (stars)"]
    assert guilty < honest
    assert values["rare"][0] - values["rare"][1] > honest - guilty
    everywhere, rare, _ = values["pays"]  # value, low, high over users
    assert everywhere[1] > 0
    assert rare[1] > 0


def test_all_planted_crimes_pay(values):
    honest, guilty = values["planted_popularity"]
    assert guilty > honest + 0.05
    honest, guilty = values["planted_vocabulary"]
    assert guilty < honest - 0.01
    honest, guilty = values["rank_error"]
    assert guilty < honest - 0.03


def test_copying_planted_twins_pays(values):
    _, _, (model, copied) = values["twins"]
    assert copied < model - 0.05


def test_a_user_bias_is_good_pooled_and_a_coin_within_users(values):
    pooled, within = values["user_only"]
    assert pooled[1] > 0.55
    assert within[:3] == [0.5, 0.5, 0.5]


def test_the_planted_pair_turns_round(values):
    bold, careful = values["planted_pair"]["bold"], values["planted_pair"]["careful"]
    assert bold[0] > careful[0]
    assert bold[1] < careful[1]


@pytest.mark.real
def test_knowing_the_future_pays_on_real_data(real):
    rows, users = real["widths"]
    assert rows < users
    assert min(real["leak_stars"]) > 0.02  # stars; seeds differ by 0.005
    assert real["leak_rows"][1] > 0
    past, mixed = real["found"]
    assert mixed > past + 0.04


@pytest.mark.real
def test_little_is_gained_by_three_of_the_crimes_on_real_data(real):
    for name in ("popularity (share below)", "vocabulary (stars)", "rank (stars)"):
        honest, guilty = real["payoff"][name]
        assert abs(honest - guilty) < 0.005, name


@pytest.mark.real
def test_real_data_has_twins(real):
    titles, rows, _ = real["twins"]
    assert titles == 18
    assert rows > 20


@pytest.mark.real
def test_two_real_models_on_which_the_aucs_disagree(real):
    pooled, within = real["flip"]
    assert pooled[2] < 0 < within[1]


@pytest.mark.real
def test_two_real_models_that_sampling_turns_round_in_all_splits(real):
    assert real["better"] == {"all films": 3, "99 drawn films": 0}
