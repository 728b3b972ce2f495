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


def test_a_shop_of_a_milliard_ratings_fits_into_one_machine(values):
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
    apart = (error**2 + shops["equal_log"][1] ** 2) ** 0.5
    assert abs(shops["equal_log"][0] - mean) < 3 * apart


def test_diversion_misleads_in_a_small_shop(values):
    hungry = values["hungry"]
    assert hungry["truth"][0] > 3 * hungry["truth"][1]
    assert hungry["diverted"][0] < -3 * hungry["diverted"][1]
    assert hungry["equal_log"][0] > 3 * hungry["equal_log"][1]
    assert hungry["pooled"][0] > hungry["truth"][0] + 3 * hungry["truth"][1]


def test_interleaving_is_sharper_and_peeking_is_wrong_four_times_as_often(values):
    interleaved, ab = values["power"]
    assert interleaved > ab + 0.2
    stopped, once = values["looks"]
    assert 0.19 < stopped < 0.29
    assert once < 0.08


def test_the_loop_makes_alike_chance_repairs_and_costs(values):
    alone, little, much = (values["final"][e] for e in ("0.0", "0.1", "0.3"))
    assert alone["overlap"] > little["overlap"] + 0.1
    assert alone["overlap"] > 1.1
    assert little["joy"] > alone["joy"] + 0.02
    assert little["alive"] > alone["alive"]
    assert alone["served"] > little["served"] > much["served"]
