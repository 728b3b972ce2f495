"""What page 18 shows and says is so."""

from __future__ import annotations

import numpy as np
import pytest
from pages_runner import executed

pytestmark = pytest.mark.page
NAME = "18_other_considerations"


def along(values, name):
    """The trade-off of a method: (what is gained, NDCG), from plain ranking on."""
    return np.array([at for key, at in values["trade"].items() if key.startswith(name)]).T


def test_the_measure_of_the_page_is_that_of_the_library(values):
    assert values["ndcg"] == pytest.approx(values["library"], abs=1e-9)


def test_eight_bits_take_a_quarter_and_keep_the_lists(values):
    full, half, eight = values["kB"]
    assert half == full / 2
    assert eight < 0.3 * full + 1
    assert values["kept"][0] == 1
    assert min(values["kept"]) > 0.95
    assert np.ptp(values["weights_ndcg"]) < 0.004


def test_one_more_number_makes_the_nearest_the_best(values):
    best = {name: max(recall for recall, _ in points) for name, points in values["curves"].items()}
    assert best["exact"] == 1
    assert best["near, with one more number"] > 0.9
    assert best["near, as they are"] < 0.5


def test_reasons_sum_to_the_score(values):
    assert values["gap"] < 1e-5


def test_the_exercise_is_the_mmr_of_the_library(values):
    assert values["you_next"] == values["you_mmr"]


@pytest.mark.parametrize("name", ["MMR", "DPP", "calibrated"])
def test_curves_trade_accuracy_for_what_they_are_for(values, name):
    gained, accuracy = along(values, name)
    assert (np.diff(gained) > -1e-9).all() or (np.diff(gained) < 1e-9).all()
    assert abs(gained[-1] - gained[0]) > 0.03
    assert accuracy[-1] < accuracy[0] == pytest.approx(values["ndcg"])
    lam = values["lams"][name]
    assert values["trade"][f"{name} {lam}"][1] >= 0.95 * values["ndcg"]


def test_on_the_test_part_each_method_has_what_it_was_made_for_at_little_cost(values):
    plain = values["table"]["plain"]
    for name, row in values["table"].items():
        assert row["NDCG@10"] > 0.87 * plain["NDCG@10"]  # planted: 300 people, a wide interval
        if name.startswith(("MMR", "DPP")):
            assert row["diversity"] > plain["diversity"]
        if name.startswith("calibrated"):
            assert row["off genres (nats)"] < 0.9 * plain["off genres (nats)"]
    assert np.abs(values["my_divergence"]).max() < 1e-9


def test_cautious_lists_promise_less_risk_and_hold_films_that_go_less_together(values):
    sd = [sd for _, sd in values["frontier"].values()]  # from the boldest to the most cautious
    assert sd[0] > values["frontier"]["0"][1] > sd[-1]
    assert values["frontier"]["0"][0] == max(mean for mean, _ in values["frontier"].values())
    assert values["together"]["-1"] > values["together"]["2"]
    assert values["list_sd"] == pytest.approx(values["frontier"]["0"][1])
    cautious, plain, bold = values["your_lists"]
    assert len({tuple(cautious), tuple(plain), tuple(bold)}) == 3


def test_the_risk_that_was_promised_is_the_risk_that_came(values):
    """In this order for each of four seeds; by 0.02 stars where it was smallest."""
    off, promised = values["off"], values["promised_off"]
    assert off["-1"] > off["0"] > off["4"]
    for b in off:
        assert off[b] == pytest.approx(promised[b], abs=0.12)
    assert values["gave"]["0"] > values["gave"]["4"]


def test_lists_are_better_known_than_what_people_watch(values):
    share, slots = values["head"]
    assert slots > 1.25 * share  # 2.0 on real ratings; planted ones are flatter
    assert slots > values["liked_head"] + 0.2
    assert values["above"] > 0.95
    assert values["slope"] < 1  # who watches rare films is sent furthest from them


def test_less_of_the_well_known_is_cheap_at_first_and_expensive_in_the_end(values):
    share, accuracy = np.array(values["turned"]).T  # exponents 0, 0.05, 0.1, ... 0.5
    assert (np.diff(share) < 0).all()
    assert accuracy[2] > 0.88 * accuracy[0]  # 0.97 on real ratings
    assert accuracy[-1] < 0.7 * accuracy[0]


def test_every_group_comes_with_an_interval_and_its_size(values):
    assert len(values["served"]) >= 6
    for value, low, high, n in values["served"].values():
        assert low < value < high
        assert n >= 20
    assert values["served"]["men"][3] + values["served"]["women"][3] == pytest.approx(
        sum(n for name, (*_, n) in values["served"].items() if name.endswith("ratings"))
    )


@pytest.mark.real
def test_who_rates_most_is_served_best(ml100k):
    served = executed("18_other_considerations", "solutions", "full").values["served"]
    by_activity = [row for name, row in served.items() if name.endswith("ratings")]
    assert max(by_activity) == by_activity[-1]
