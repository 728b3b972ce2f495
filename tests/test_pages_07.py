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
    flows = [flow.split() for flow in FLOWS]
    reached, more = {"person"}, {"person"}
    while more:
        more = {end for start, end in flows if start in reached} - reached
        reached |= more
    assert reached == {name for flow in flows for name in flow}
    # what was shown today decides, by way of the night, what is shown tomorrow
    assert {"shown log", "night ranking"} <= {*FLOWS}


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
    assert values["epoch"] == pytest.approx(1)  # its minutes are ratings over ratings per second


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

    off, error = values["hungry_off"]
    assert abs(off) < 3 * error


def test_without_a_difference_every_test_says_so(values):
    for design, (mean, error) in values["same"].items():
        assert abs(mean) < 3.5 * error, design
    # Articles and tastes all alike: no log helps. Chance alone puts two arms of 10,000 views apart
    # by 0.0037 on average, with a standard error of 0.0004 over 40 shops.
    assert all(off < 0.0055 for off in values["nothing_to_learn"].values())


def test_a_recommender_that_reads_its_log_beats_chance_in_every_shop(values):
    assert min(values["learning"].values()) > 0.02  # clicks per view, the worst of 20 shops
    assert values["greedy"]
    assert values["visits"] == [[100] * 3] * 4  # 300 visitors in three groups


def test_drafted_lists_hold_different_articles_and_half_of_each_ranker(values):
    fewest, of_b = values["drafted"]
    assert fewest == 6
    assert of_b == [3]
    assert values["first_pick"]


def test_interleaving_is_sharper_and_peeking_is_wrong_four_times_as_often(values):
    interleaved, ab = values["power"]
    assert interleaved > ab + 0.2
    few, many = values["grows"]
    assert many > few
    assert all(share < 0.06 for share in values["equal_rankers"].values())  # 0.025 + 4 se of 0.008
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
    mean, error = values["too_alike"]
    assert mean > 4 * error
    for name, better in (("overlap", -1), ("joy", 1), ("alive", 1)):
        gain, error = values["repaired"][name]
        assert better * gain > 3 * error, name
    assert values["alone"]  # without random places what is shown is what was chosen
    price = little["joy"] - little["served"]
    assert price == pytest.approx(0.1, abs=0.03)  # a tenth of the places gives 0 on average


def test_the_loop_learns_from_nothing_and_never_beats_the_best(values):
    for first, highest in values["joy"]:
        assert abs(first) < 0.15  # the first day is random, and an average film gives 0
        assert highest <= 1 + 1e-9
    assert min(values["final"][e]["joy"] for e in ("0.0", "0.1", "0.3")) > 0.85
    joy, overlap = values["all_random"]
    assert min(joy) > 0.98
    assert overlap == pytest.approx([1] * 3, abs=0.05)


def test_vectors_of_films_are_those_of_ridge_regression(values):
    found, by_hand = values["ridge"]
    assert found == pytest.approx(by_hand)
