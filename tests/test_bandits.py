"""The shop that explores: Bayes' rule, the worlds it is judged in, who wins where."""

import numpy as np
import pytest

from recsys_workshop.labs.simulate import bandit

ALIKE = np.ones((1, 1))  # visitors without tastes: a film has a quality, and no more
TASTES = np.c_[np.random.default_rng(5).normal(size=(200, 2)), np.ones(200)]
PRIOR = np.array([0.1, 0.1, 0.25])
WAYS = {"greedy": {"width": 0}, "epsilon": {"width": 0, "epsilon": 0.1}, "thompson": {}}


def slow_twin(users, prior, noise, *, width, epsilon, items, visits, life, seed):
    """One shop, the belief solved anew from all ratings so far at every visit."""
    world, choice = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    truth = np.sqrt(prior) * world.normal(size=(items, len(prior)))
    logs = [[] for _ in range(items)]
    regret = []
    for _ in range(visits):
        new = world.random((1, items))[0] < 1 / life
        fresh = np.sqrt(prior) * world.normal(size=truth.shape)
        for i in np.flatnonzero(new):
            truth[i], logs[i] = fresh[i], []
        z = users[world.integers(len(users), size=1)[0]]
        luck = np.sqrt(noise) * world.normal()
        score, sd = np.empty(items), np.empty(items)
        for i, log in enumerate(logs):
            x = np.array([row for row, _ in log]).reshape(-1, len(prior))
            y = np.array([stars for _, stars in log])
            covariance = np.linalg.inv(x.T @ x / noise + np.diag(1 / prior))
            score[i] = z @ covariance @ x.T @ y / noise
            sd[i] = np.sqrt(z @ covariance @ z)
        drawn = score + (width * sd + 1e-9) * choice.normal(size=items)
        at_random = choice.random() < epsilon
        any_film = choice.integers(items)
        shown = any_film if at_random else drawn.argmax()
        regret.append((truth @ z).max() - truth[shown] @ z)
        logs[shown].append((z, truth[shown] @ z + luck))
    return regret


@pytest.mark.parametrize(("width", "epsilon"), [(1.0, 0.0), (0.0, 0.2)])
def test_steps_of_one_rating_are_bayes_rule_over_all_of_them(width, epsilon):
    settings = {"items": 4, "visits": 60, "life": 30.0, "seed": 3}
    fast = bandit(TASTES, PRIOR, 0.5, width=width, epsilon=epsilon, seeds=1, **settings)
    slow = slow_twin(TASTES, PRIOR, 0.5, width=width, epsilon=epsilon, **settings)
    assert np.allclose(fast[0], slow)


def test_a_function_of_ones_own_may_choose():
    settings = {"items": 4, "visits": 80, "seeds": 40, "seed": 3}
    greedy = bandit(TASTES, PRIOR, 0.5, width=0, **settings)
    own = bandit(TASTES, PRIOR, 0.5, choose=lambda m, c, z, rng: (m @ z).argmax(), **settings)
    assert own[:, 0].mean() >= 0
    assert own.mean() == pytest.approx(greedy.mean(), rel=0.2)  # the first film is another one
    first = bandit(TASTES, PRIOR, 0.5, choose=lambda *_: 0, **settings)
    assert first.mean() > own.mean()


def test_films_at_random_lose_what_theory_says():
    """The best of 20 standard normal numbers is 1.867 on average."""
    regret = bandit(ALIKE, [1.0], 1.0, epsilon=1.0, items=20, visits=50, seeds=2_000)
    assert regret.shape == (2_000, 50)
    assert regret.mean() == pytest.approx(1.867, abs=0.05)  # 4 se of 0.012


def test_nothing_to_choose_from_and_nothing_to_learn():
    assert (bandit(ALIKE, [1.0], 1.0, items=1, visits=9) == 0).all()
    assert (bandit(ALIKE, [0.0], 1.0, items=5, visits=9) == 0).all()


def test_regret_is_never_negative_and_thompson_learns():
    regret = bandit(TASTES, PRIOR, 0.7, visits=1_000, seeds=20)
    assert (regret >= 0).all()
    assert regret[:, -250:].mean() < regret[:, :250].mean() / 2


def test_every_way_is_judged_in_the_same_world():
    """Without tastes a shop's possible regrets are its films: the same for all."""
    films = []
    for way in ({"epsilon": 1.0}, {"epsilon": 0.9, "width": 0.0}):
        regret = bandit(ALIKE, [1.0], 1.0, items=5, visits=300, seeds=3, **way)
        films.append([sorted(set(shop.round(9))) for shop in regret])
    assert films[0] == films[1]
    assert len(films[0][0]) == 5


def test_the_seed_decides_and_nothing_else_is_touched():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = (bandit(ALIKE, [1.0], 1.0, visits=20, seeds=2, seed=s) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def lost(seed: int, **shop) -> dict[str, float]:
    return {
        name: bandit(TASTES, PRIOR, 0.7, visits=1_500, seeds=60, seed=seed, **shop, **way).mean()
        for name, way in WAYS.items()
    }


@pytest.mark.parametrize("seed", [0, 1])
def test_thompson_wins_where_films_stay(seed):
    found = lost(seed)
    assert found["thompson"] < 0.85 * found["epsilon"]
    assert found["epsilon"] < found["greedy"]


@pytest.mark.parametrize("seed", [0, 1])
def test_thompson_loses_where_films_leave_before_what_was_learned_pays(seed):
    found = lost(seed, life=60)
    assert found["thompson"] > found["epsilon"] + 0.02
    assert found["thompson"] > found["greedy"] + 0.02


def test_a_belief_three_times_too_wide_explores_for_too_long():
    right, wide = (
        bandit(TASTES, PRIOR, 0.7, width=width, visits=1_500, seeds=30).mean()
        for width in (1.0, 3.0)
    )
    assert wide > 2 * right
