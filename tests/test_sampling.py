"""Exact ranks against a slow twin; sampled ranks against drawing and counting."""

import numpy as np
import pytest

from recsys_tutorial import metrics
from recsys_workshop.labs.sampling import exact_ranks, expected_sampled_hit_rate, sampled_ranks


def test_ranks_equal_counting_one_by_one(small, rng):
    train, valid, test = small.split("random", seed=3)
    scores = np.round(rng.normal(size=(small.n_users, small.n_items)), 1)  # with ties
    rank, candidates = exact_ranks(scores, test, [train, valid])
    seen = np.zeros(scores.shape, dtype=bool)
    for part in (train, valid):
        seen[part.user, part.item] = True
    for at in range(0, len(test), 7):
        user, item = test.user[at], test.item[at]
        others = [scores[user, i] for i in range(small.n_items) if not seen[user, i] and i != item]
        mine = scores[user, item]
        assert rank[at] == 1 + sum(o > mine for o in others) + sum(o == mine for o in others) / 2
        assert candidates[at] == len(others) + 1


def test_scores_are_not_written_to(small, rng):
    train, _, test = small.split("random", seed=3)
    scores = rng.normal(size=(small.n_users, small.n_items))
    before = scores.copy()
    exact_ranks(scores, test, train)
    np.testing.assert_array_equal(scores, before)


def test_the_short_way_draws_like_drawing_and_counting(rng):
    n, m, rank, trials = 200, 20, 15, 20_000
    short = sampled_ranks(np.full(trials, rank), n, m, seed=1)
    others = rng.integers(1, n, (trials, m))  # places of the others, the item's own left out
    counted = 1 + (others < rank).sum(1)
    assert short.mean() == pytest.approx(
        counted.mean(), abs=5 * counted.std() * (2 / trials) ** 0.5
    )
    assert np.mean(short <= 2) == pytest.approx(
        np.mean(counted <= 2), abs=5 * (0.5 / trials) ** 0.5
    )


def test_rank_fifty_of_a_thousand_looks_like_a_hit():
    assert expected_sampled_hit_rate(50, 1000) == pytest.approx(0.976, abs=0.001)
    drawn = sampled_ranks(np.full(20_000, 50), 1000, seed=0)
    expected = expected_sampled_hit_rate(50, 1000)
    assert np.mean(drawn <= 10) == pytest.approx(expected, abs=5 * 0.16 / 20_000**0.5)


def test_two_planted_models_change_places():
    """One hits sometimes and misses badly, one is always near: exact and sampled disagree."""
    bold, careful = np.array([5, 700]), np.array([40, 60])
    exact = [np.mean(r <= 10) for r in (bold, careful)]
    sampled = [
        np.mean([expected_sampled_hit_rate(int(r), 1000) for r in m]) for m in (bold, careful)
    ]
    assert exact == [0.5, 0.0]
    assert sampled[0] == pytest.approx(0.5, abs=1e-3)
    assert sampled[1] == pytest.approx(0.96, abs=5e-3)


def test_auc_survives_the_sampling(small, rng):
    train, _, test = small.split("random", seed=3)
    scores = rng.normal(size=(small.n_users, small.n_items))
    rank, n = exact_ranks(scores, test, train)
    exact = 1 - (rank - 1) / (n - 1)
    sampled = np.mean(
        [1 - (sampled_ranks(rank, n, 20, seed=s) - 1) / 20 for s in range(50)], axis=0
    )
    assert sampled.mean() == pytest.approx(exact.mean(), abs=0.01)
    hit = np.zeros(int(n[0]))
    hit[int(rank[0]) - 1] = 1
    assert exact[0] == pytest.approx(metrics.auc(hit, -np.arange(len(hit))))
