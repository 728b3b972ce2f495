"""What page 09 shows and says is so."""

from __future__ import annotations

import pytest
from pages_runner import executed

from recsys_tutorial.models import BiasedMF

pytestmark = pytest.mark.page

NAME = "09_temporal_features"


def test_the_class_of_the_page_is_that_of_the_library(values):
    assert values["gap"] < 1e-5
    assert values["variation"] == 10
    assert BiasedMF.columns == ("user", "item", "rating")  # the page's class asks for more


def test_planted_drift_is_found_as_each_penalty_likes_it(values):
    away, at_jump = values["away"], values["at_jump"]
    assert away["absolute steps"] < 0.75 * away["no penalty"]
    assert away["squared steps"] < 0.9 * away["no penalty"]
    assert at_jump["absolute steps"] > at_jump["squared steps"] + 0.2  # a jump, not a slope
    assert at_jump["absolute steps"] > at_jump["no penalty"] + 0.2


def test_known_days_are_those_of_a_random_split(values):
    share = values["known_day"]
    assert share["random"] > 0.9
    assert share["random"] > share["last"] > share["time"]


def test_newcomers_rule_the_cut_in_time(values):
    assert values["cold_share"] > 0.3
    assert len(set(values["for_me"])) == 5


def test_moving_vectors_find_the_people_who_were_made_to_change(values):
    fixed, moving = values["planted"]["fixed vectors"], values["planted"]["moving vectors"]
    assert moving["people who changed"] < fixed["people who changed"] - 0.2
    assert moving["others"] < fixed["others"] + 0.15  # more numbers, more noise


@pytest.mark.real
def test_on_real_data_days_interpolate_and_a_cut_in_time_leaves_the_gain_open(ml100k):
    values = executed(NAME, "solutions", "full").values
    order, days = "with order and drift", "and with days"
    gains = values["gains"]  # value, low, high
    assert gains[f"random, {days}"][1] > 0  # small and real
    assert gains[f"random, {days}"][0] < 0.02
    for model in (order, days):
        assert gains[f"time, {model}"][1] < 0 < gains[f"time, {model}"][2]  # not told apart
    assert values["cold_share"] == pytest.approx(0.71, abs=0.01)
    assert values["cold"]["time"]["biases only"] > values["warm"]["time"]["biases only"] + 0.03


@pytest.mark.real
def test_on_real_data_the_order_is_a_flat_arch_for_the_figure_and_for_the_model(ml100k):
    values = executed(NAME, "solutions", "full").values
    value, _, high = values["ends"]
    assert all(-0.1 < v < 0 for v in value)
    assert all(h < 0 for h in high)
    assert all(v < 0 for v in values["effect"])


@pytest.mark.real
def test_on_real_data_a_service_that_streams_gains_where_a_forecast_does_not(ml100k):
    values = executed(NAME, "solutions", "full").values
    assert all(low > 0 for _, low, _ in values["streams"].values())
    assert len(values["streams"]) == 3
