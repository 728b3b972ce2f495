"""What page 07 shows and says is so."""

from __future__ import annotations

import pytest

from recsys_workshop.labs.drawing_infrastructure import FLOWS, infrastructure

pytestmark = pytest.mark.page
NAME = "07_infrastructure"


def test_the_picture_is_a_loop_and_everything_in_it_is_reached():
    figure = infrastructure()
    (axes,) = figure.axes
    words = {text.get_text() for text in axes.texts}
    assert {"training table", "ranking\n500 → 10"} <= words
    reached, more = {"person"}, {"person"}
    while more:
        more = {end for start, end in FLOWS if start in reached} - reached
        reached |= more
    assert reached == {name for flow in FLOWS for name in flow}
    # what was shown today decides, by way of the night, what is shown tomorrow
    assert ("shown", "log") in FLOWS
    assert ("features night", "ranking") in FLOWS


def test_boxes_of_the_picture_do_not_overlap():
    figure = infrastructure()
    boxes = [
        t.get_bbox_patch().get_window_extent()
        for t in figure.axes[0].texts
        if t.get_text() and t.get_bbox_patch() is not None
    ]
    assert len(boxes) == 9
    for i, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[i + 1 :])


def test_todays_clicks_help(values):
    mean, error = values["gain"]
    assert mean > 4 * error
    assert values["hit"]["streamed"] > values["hit"]["nightly"]
    assert values["surprise"]["truth"] < values["surprise"]["streamed"]


def test_skew_promises_most_and_serves_worst_though_the_order_survives(values):
    assert values["offline"]["skewed"] < values["offline"]["truth"]
    worse, worlds = values["skew_worse"]
    assert worse == worlds
    assert abs(values["hit"]["skewed"] - values["hit"]["streamed"]) < 0.02
    assert 1.7 < values["weight"]["skewed"] / values["weight"]["streamed"] < 2.6  # "twice"


def test_a_shop_of_a_billion_ratings_fits_into_one_machine(values):
    assert values["plan"][-1] < 64  # GiB
    assert values["speed"] > 50_000


def test_one_log_turns_the_test_round_and_full_logs_put_it_right(values):
    shops = values["shops"]
    mean, error = shops["truth"]
    assert mean < -4 * error
    for design in ("pooled", "interleaved"):
        assert shops[design][0] > 4 * shops[design][1], design
    assert values["spread"]["pooled"] == min(
        values["spread"][d] for d in ("truth", "pooled", "diverted")
    )
    for design in ("diverted", "co_diverted", "equal_log"):
        assert shops[design][0] < -2 * shops[design][1], design
    off, error = values["off"]["equal_log"]  # paired, shop by shop
    assert abs(off) < 3 * error
    assert values["off"]["pooled"][0] > 5 * values["off"]["pooled"][1]
    assert values["wrong"]["pooled"] > 0.8
    assert values["wrong"]["equal_log"] < 0.3  # a single shop is noisy even so


def test_one_log_per_arm_misleads_in_a_small_shop(values):
    hungry = values["hungry"]
    assert hungry["truth"][0] > 3 * hungry["truth"][1]
    assert hungry["diverted"][0] < -3 * hungry["diverted"][1]
    assert hungry["equal_log"][0] > 3 * hungry["equal_log"][1]
    assert hungry["pooled"][0] > hungry["truth"][0] + 3 * hungry["truth"][1]


def test_interleaving_is_sharper_and_peeking_is_wrong_four_times_as_often(values):
    interleaved, ab = values["power"]
    assert interleaved > ab + 0.2
    stopped, once = values["looks"]
    assert 0.19 < stopped < 0.29  # Armitage and others 1969: 0.248
    assert 0.03 < once < 0.07


def test_the_number_of_visitors_has_the_power_it_promises(values):
    assert all(0.74 < share < 0.84 for share in values["found"])


def test_cuped_narrows_the_interval_around_what_was_planted(values):
    (plain, wide), (calm, narrow) = values["cuped"]
    assert narrow < 0.8 * wide
    assert abs(plain - 0.2) < 2 * wide
    assert abs(calm - 0.2) < 2 * narrow


def test_logged_chances_judge_the_new_policy_and_the_model_does_not(values):
    truth = values["policy_truth"]
    for explore, table in values["judged"].items():
        for name, (mean, sd) in table.items():
            if name == "model of clicks":
                assert truth - mean > 2 * sd, explore
            else:  # 200 logs; the two relatives are off by a little in small logs
                assert abs(mean - truth) < 4 * sd / 200**0.5 + 0.01, (explore, name)
    much, little = values["judged"]["0.5"], values["judged"]["0.1"]
    assert little["IPS"][1] > 1.5 * much["IPS"][1]
    assert much["doubly robust"][1] < much["IPS"][1]


def test_the_loop_makes_alike_chance_repairs_and_costs(values):
    alone, little, much = (values["final"][e] for e in ("0.0", "0.1", "0.3"))
    assert alone["overlap"] > little["overlap"] + 0.1
    assert alone["overlap"] > 1.1
    assert little["joy"] > alone["joy"] + 0.02
    assert little["alive"] > alone["alive"]
    assert alone["served"] > little["served"] > much["served"]
