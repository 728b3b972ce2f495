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


@pytest.mark.real
def test_on_real_data_days_interpolate_and_time_forecasts_nothing(ml100k):
    values = executed("09_temporal_features", "solutions", "full").values
    warm = values["warm"]
    plain, order, days = ("biased MF", "and order, drift", "and days")
    assert warm["random"][plain] - warm["random"][days] > 0.002
    assert warm["random"][order] - warm["random"][days] > 0.001  # most of it is the days'
    assert warm["time"][plain] - warm["time"][days] < 0.002  # nothing to be had, or a loss
    assert values["cold_share"] == pytest.approx(0.71, abs=0.01)
    assert values["cold"]["time"] > warm["time"]["biases only"] + 0.03  # newcomers are harder
    assert max(values["mean"]) - min(values["mean"]) > 0.04
