"""Each simulation against what is known to be true in it."""

import numpy as np
import pytest

from recsys_workshop.labs.simulate import bandit, intraday, shelf


def standard_error(column):
    return column.std() / len(column) ** 0.5


# ---- articles --------------------------------------------------------------------------------


def test_articles_stay_until_new_ones_take_their_place():
    chance, new = shelf(30, 40, groups=3, items=20, fresh=0.1, seed=1)
    assert (chance.shape, new.shape) == ((40, 30, 3, 20), (40, 30, 1, 20))
    assert new[0].all()
    assert abs(new[1:].mean() - 0.1) < 4 * (0.1 * 0.9 / new[1:].size) ** 0.5
    changed = chance[1:] != chance[:-1]
    assert (changed == new[1:]).all()


def test_tastes_differ_between_groups_and_qualities_do_not():
    def logits(**sds):
        chance, _ = shelf(200, 1, seed=2, **sds)
        return np.log(chance[0] / (1 - chance[0]))

    alike = logits(quality=0.8, taste=0.0)
    assert np.ptp(alike, axis=1).max() < 1e-9
    assert alike[:, 0].std() == pytest.approx(0.8, rel=0.05)  # 8,000 articles
    assert logits(quality=0.0, taste=0.5).std() == pytest.approx(0.5, rel=0.05)
    assert alike.mean() == pytest.approx(-2, abs=0.05)


def test_a_seed_is_a_world():
    one, again, other = (shelf(3, 4, seed=seed)[0] for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).all()


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


def test_nothing_touches_global_random_state():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    shelf(2, 2)
    intraday(seeds=1, users=20)
    bandit(np.ones((1, 1)), np.ones(1), 1.0, visits=3, seeds=2)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
