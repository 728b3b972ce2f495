"""Each simulation against what is known to be true in it."""

import numpy as np
import pytest

from recsys_workshop.labs import simulate
from recsys_workshop.labs.simulate import (
    Policy,
    ab_test,
    feedback_loop,
    intraday,
)

GREEDY, CURIOUS = Policy(explore=0.0), Policy(explore=0.1)
HUNGRY = {"visitors": 200, "groups": 15, "days": 40, "taste": 0.65, "quality": 0.8, "prior": 3.0}


def standard_error(column):
    return column.std() / len(column) ** 0.5


@pytest.fixture(scope="module")
def sharing():
    """A recommender that never tries anything, against one that does."""
    return ab_test(GREEDY, CURIOUS, seeds=60, seed=11)


def test_a_shared_log_turns_the_result_round(sharing):
    for column in ("pooled", "interleaved"):
        assert sharing[column].mean() > 5 * standard_error(sharing[column])
    assert sharing["truth"].mean() < -5 * standard_error(sharing["truth"])


def test_logs_of_its_own_and_as_long_give_the_truth(sharing):
    off = sharing["equal_log"] - sharing["truth"]
    assert abs(off.mean()) < 3 * standard_error(off)
    assert sharing["diverted"].mean() < -5 * standard_error(sharing["diverted"])
    assert sharing["co_diverted"].mean() < -3 * standard_error(sharing["co_diverted"])


def test_half_a_log_misleads_where_one_of_the_two_needs_much_data():
    a, b = Policy(explore=0.5, personal=True), Policy(explore=0.5)
    shops = ab_test(a, b, ("diverted", "equal_log"), seeds=300, seed=12, **HUNGRY)
    assert shops["truth"].mean() > 3 * standard_error(shops["truth"])
    assert shops["diverted"].mean() < -2 * standard_error(shops["diverted"])
    off = shops["equal_log"] - shops["truth"]
    assert abs(off.mean()) < 3 * standard_error(off)


def test_a_against_itself_shows_nothing_in_any_design():
    shops = ab_test(CURIOUS, CURIOUS, seeds=60, days=20, seed=3)
    for column in shops:
        assert abs(shops[column].mean()) < 3.5 * standard_error(shops[column]), column


def test_without_anything_to_learn_all_designs_agree():
    """Articles and tastes all alike: no log helps, and there is no difference to be found."""
    shops = ab_test(GREEDY, CURIOUS, seeds=40, days=20, quality=0.0, taste=0.0, seed=4)
    assert (shops.abs().mean() < 0.004).all()  # clicks a view; the noise of 10,000 views is 0.003


def test_the_log_makes_the_shop_better():
    """Against choosing at random, every design sees that learning pays."""
    shops = ab_test(Policy(explore=0.1), Policy(explore=1.0), ("diverted",), seeds=20, seed=5)
    assert shops["truth"].min() > 0.02
    assert shops["diverted"].min() > 0.02


def test_all_of_the_same_articles_whichever_designs_are_asked_for():
    few = ab_test(GREEDY, CURIOUS, ("diverted",), seeds=5, days=5, seed=6)
    many = ab_test(GREEDY, CURIOUS, seeds=5, days=5, seed=6)
    assert few["truth"].tolist() == many["truth"].tolist()
    assert few["diverted"].tolist() == many["diverted"].tolist()
    assert list(many) == ["truth", *simulate.DESIGNS]
    other = ab_test(GREEDY, CURIOUS, ("diverted",), seeds=5, days=5, seed=7)
    assert few["truth"].tolist() != other["truth"].tolist()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"designs": ("sideways",)}, "unknown design 'sideways'"),
        ({"seeds": 0}, "seeds=0"),
        ({"items": 3}, "items=3"),
        ({"visitors": 10}, "visitors=10"),
        ({"fresh": 1.5}, "fresh=1.5"),
    ],
)
def test_impossible_shops_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ab_test(GREEDY, CURIOUS, **settings)


def test_a_policy_explores_a_share():
    with pytest.raises(ValueError, match=r"explore=1\.2"):
        Policy(explore=1.2)


# ---- days ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def days():
    return intraday(seeds=10, seed=1)


def by_feed(days, column):
    return days.groupby(["feed", "world"])[column].mean().unstack("feed")


def test_today_helps_fresh_helps_more_and_nobody_beats_the_truth(days):
    surprise = by_feed(days, "surprise")
    for better, worse in (("truth", "streamed"), ("streamed", "late"), ("late", "nightly")):
        gap = surprise[worse] - surprise[better]
        assert gap.mean() > 4 * standard_error(gap), (better, worse)


def test_a_table_joined_at_midnight_promises_most_and_serves_worst(days):
    offline, served = by_feed(days, "offline"), by_feed(days, "surprise")
    assert (offline["skewed"] < offline["truth"]).all()  # better than possible: it saw the answer
    assert (served["skewed"] > served["nightly"]).all()
    assert (by_feed(days, "today")["skewed"] > by_feed(days, "today")["streamed"]).all()
    for honest in ("nightly", "streamed", "late"):
        assert offline[honest].tolist() == served[honest].tolist()


def test_before_the_first_click_the_stream_knows_nothing(days):
    first = days[days["click"] == 1].set_index(["feed", "world"])["hit"].unstack("feed")
    assert abs((first["streamed"] - first["nightly"]).mean()) < 0.02


def test_weights_are_those_of_highest_likelihood():
    from recsys_workshop.labs.simulate.intraday import _fit, _softmax

    rng = np.random.default_rng(0)
    profile, today = rng.normal(size=(300, 1, 4)), rng.normal(size=(300, 5, 4))
    p = _softmax(0.7 * profile + 1.3 * today)
    chosen = np.eye(4)[(rng.random((300, 5, 1)) > p.cumsum(-1)).sum(-1)]
    assert _fit(profile, today, chosen) == pytest.approx([0.7, 1.3], abs=0.15)  # 3 se of 0.045


def test_the_best_possible_is_bayes_by_hand():
    from recsys_workshop.labs.simulate.intraday import _best_possible

    taste = np.array([[0.8, 0.2]])
    p = _best_possible(taste, np.array([[[0.0, 0.0], [0.0, 1.0]]]), mood=0.5)
    np.testing.assert_allclose(p[0, 0], taste[0])  # nothing seen: the long-term taste
    # One click on the second genre: 0.2 * (0.5 + 0.5 * 0.2) against 0.8 * (0.5 * 0.2).
    belief = 0.2 * 0.6 / (0.2 * 0.6 + 0.8 * 0.1)
    np.testing.assert_allclose(p[0, 1, 1], 0.5 * belief + 0.5 * 0.2)


# ---- loops -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def loops():
    return {e: feedback_loop(e, seeds=20, seed=1).set_index(["day", "shop"]) for e in (0.0, 0.1)}


def test_a_loop_makes_people_alike_and_exploration_repairs_it(loops):
    last = {e: f.loc[39] for e, f in loops.items()}
    too_much = last[0.0]["overlap"] - 1
    assert too_much.mean() > 4 * standard_error(too_much)
    for column, better in (("overlap", -1), ("joy", 1), ("alive", 1)):
        gain = better * (last[0.1][column] - last[0.0][column])
        assert gain.mean() > 4 * standard_error(gain), column


def test_the_loop_learns_and_never_beats_the_best(loops):
    for frame in loops.values():
        joy = frame["joy"].groupby("day").mean()
        assert abs(joy[0]) < 0.1  # the first day is random, and an average item gives 0
        assert joy[39] > 0.85
        assert (frame["joy"] <= 1 + 1e-9).all()


def test_exploring_has_its_price_at_once(loops):
    assert (loops[0.0]["served"] == loops[0.0]["joy"]).all()
    cost = loops[0.1]["joy"].loc[39] - loops[0.1]["served"].loc[39]
    assert cost.mean() == pytest.approx(0.1, abs=0.02)  # a tenth of the places gives 0 on average


def test_enough_chance_finds_the_truth():
    end = feedback_loop(1.0, days=60, noise=0.1, seeds=3, users=60, items=30).query("day == 59")
    assert (end["joy"] > 0.995).all()
    assert end["overlap"].mean() == pytest.approx(1, abs=0.03)


# ---- how many, how often -----------------------------------------------------------------------


def test_interleaving_needs_far_fewer_visitors():
    power = simulate.interleaving([200, 800], tests=150, seed=1)
    assert power.loc[800, "interleaved"] > power.loc[800, "ab"] + 0.2
    assert power.loc[800, "interleaved"] > power.loc[200, "interleaved"]


def test_interleaving_finds_no_difference_where_there_is_none():
    equal = simulate.interleaving(200, noise_a=1.2, noise_b=1.2, tests=400, seed=2)
    assert (equal.loc[200] < 0.06).all()  # 0.025 expected, 4 se of 0.008


def test_nothing_touches_global_random_state():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    ab_test(GREEDY, CURIOUS, seeds=2, days=2)
    feedback_loop(0.1, seeds=2, days=2)
    intraday(seeds=1, users=20)
    simulate.interleaving(10, tests=2)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
