"""rerank: each list against a slow twin, a case known by hand, and what must not matter."""

from __future__ import annotations

import doctest
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recsys_workshop.checks import page_18
from recsys_workshop.labs import rerank

quick = settings(max_examples=60, deadline=None)


def problem(n: int, seed: int, dim: int = 8):
    """Scores in stars, unit vectors, genre shares and a target; nothing tied."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, dim))
    genres = rng.dirichlet(np.full(4, 0.5), size=n)
    return rng.uniform(1, 5, n), features, genres, rng.dirichlet(np.ones(4))


# Each method as a function of scores, features, genres, target, k and the strength of the rest
# (0: plain ranking), so that what holds for all is tested on all.
METHODS = {
    "dpp": lambda s, f, g, p, k, x: rerank.dpp(s, rerank.cosine(f), k, lam=1 - x),
    "calibrated": lambda s, f, g, p, k, x: rerank.calibrated(s, g, p, k, lam=1 - x),
}
each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


# ---- what holds for all ------------------------------------------------------------------------


@each_method
@quick
@given(
    scores=arrays(np.float64, st.integers(1, 12), elements=st.floats(allow_infinity=False)),
    masked=st.floats(0, 1),
    k=st.integers(1, 15),
    x=st.floats(0, 1),
)
def test_distinct_candidates_none_masked_and_all_there_are_of_them(method, scores, masked, k, x):
    """Any finite scores, however large or equal; NaN comes from hypothesis, -inf from here."""
    _, features, genres, target = problem(len(scores), seed=0)
    scores[np.random.default_rng(1).random(len(scores)) < masked] = -np.inf
    valid = np.flatnonzero(np.isfinite(scores))
    chosen = method(scores, features, genres, target, k, x)
    assert chosen.dtype == np.int64
    assert len(chosen) == min(k, len(valid))
    assert len(set(chosen)) == len(chosen)
    assert set(chosen) <= set(valid)


@each_method
@quick
@given(
    scores=arrays(np.float64, st.integers(1, 12), elements=st.floats(-9, 9) | st.just(np.nan)),
    k=st.integers(1, 15),
)
def test_with_all_the_weight_on_relevance_it_is_the_plain_ranking_with_its_ties(method, scores, k):
    scores = np.round(scores * 2) / 2  # many ties
    _, features, genres, target = problem(len(scores), seed=0)
    order = np.argsort(-np.where(np.isnan(scores), -np.inf, scores), kind="stable")
    expected = order[np.isfinite(scores[order])][:k]
    np.testing.assert_array_equal(method(scores, features, genres, target, k, 0.0), expected)


def test_plain_ranking_keeps_apart_scores_that_rescaling_makes_one():
    scores = np.array([1.0, np.nextafter(1.0, 2.0), -1e300, 1e300])
    assert rerank.dpp(scores, np.eye(4), 3, lam=1).tolist() == [3, 1, 0]
    # exp(lam / (1 - lam) / 2) is infinite from lam = 0.9993 on
    assert rerank.dpp([1.0, 5.0, 3.0], np.eye(3), 3, lam=1 - 1e-12).tolist() == [1, 2, 0]


@each_method
@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_candidates_changes_nothing_but_their_labels(method, seed):
    scores, features, genres, target = problem(15, seed)
    new = np.random.default_rng(seed + 100).permutation(15)
    plain = method(scores, features, genres, target, 8, 0.4)
    moved = method(scores[new], features[new], genres[new], target, 8, 0.4)
    np.testing.assert_array_equal(new[moved], plain)


@each_method
def test_a_masked_candidate_is_as_if_it_were_not_there(method):
    scores, features, genres, target = problem(12, seed=3)
    there = np.arange(12) % 3 != 1
    for mask in (-np.inf, np.nan):
        hidden = np.where(there, scores, mask)
        chosen = method(hidden, features, genres, target, 5, 0.4)
        alone = method(scores[there], features[there], genres[there], target, 5, 0.4)
        np.testing.assert_array_equal(chosen, np.flatnonzero(there)[alone])


@each_method
def test_unit_and_zero_of_the_scores_do_not_matter_nor_does_a_longer_list(method):
    scores, features, genres, target = problem(12, seed=4)
    short = method(scores, features, genres, target, 4, 0.4)
    if method is not METHODS["calibrated"]:  # which comes best first
        longer = method(scores, features, genres, target, 9, 0.4)
        np.testing.assert_array_equal(longer[:4], short)
    moved = method(100 * scores - 7, features, genres, target, 4, 0.4)
    np.testing.assert_array_equal(moved, short)


@each_method
def test_tensors_are_welcome_and_arguments_stay_as_they_were(method):
    given_arrays = problem(10, seed=5)
    before = [a.copy() for a in given_arrays]
    chosen = method(*given_arrays, 5, 0.4)
    for a, b in zip(given_arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)
    tensors = [torch.tensor(a, dtype=torch.float32) for a in given_arrays[:2]]
    np.testing.assert_array_equal(method(*tensors, *given_arrays[2:], 5, 0.4), chosen)


def test_what_is_said_of_a_masked_candidate_is_never_read():
    gap = np.array([[1, np.nan, 0], [np.nan, np.nan, np.nan], [0, np.nan, 1]])
    scores = [1.0, -np.inf, 2.0]
    assert rerank.dpp(scores, gap, 3).tolist() == [2, 0]
    shares = [[1, 0], [np.nan, 7], [0, 1]]
    assert rerank.calibrated(scores, shares, [0.5, 0.5], 3).tolist() == [2, 0]


# ---- similarity --------------------------------------------------------------------------------


def test_cosine_of_a_row_of_zeros_is_with_itself_alone():
    table = rerank.cosine([[3.0, 4.0], [0.0, 0.0], [-3.0, -4.0]])
    np.testing.assert_allclose(table, [[1, 0, -1], [0, 1, 0], [-1, 0, 1]], atol=1e-15)


# ---- determinantal point process ---------------------------------------------------------------


def log_det(scores, similarity, lam, chosen):
    """ln det of L restricted to a set, times (1 - lam), from the definition of L."""
    r = (scores - scores.min()) / (scores.max() - scores.min())
    q = np.exp(lam / (2 * (1 - lam)) * r)
    block = (q[:, None] * similarity * q)[np.ix_(chosen, chosen)]
    sign, value = np.linalg.slogdet(block)
    return (1 - lam) * value if sign > 0 else -np.inf


@pytest.mark.parametrize("lam", [0.0, 0.3, 0.7, 0.9])
@pytest.mark.parametrize("seed", range(4))
def test_dpp_is_greedy_search_by_whole_determinants(seed, lam):
    scores, features, _, _ = problem(12, seed)
    similarity = rerank.cosine(features) * np.outer(*[np.linspace(0.5, 2, 12)] * 2)
    chosen = []
    for place in rerank.dpp(scores, similarity, 8, lam):  # 8 is the rank
        value = [
            log_det(scores, similarity, lam, [*chosen, i]) if i not in chosen else -np.inf
            for i in range(12)
        ]
        assert value[place] >= max(value) - 1e-8
        chosen.append(int(place))


@pytest.mark.parametrize("seed", range(4))
def test_dpp_finds_the_best_set_of_all_where_items_do_not_share(seed):
    """With a diagonal table the logarithm is a sum over items, so greedy search is exact."""
    rng = np.random.default_rng(seed)
    scores, table = rng.uniform(1, 5, 9), np.diag(rng.uniform(0.2, 3, 9))
    sets = itertools.combinations(range(9), 4)
    best = max(sets, key=lambda some: log_det(scores, table, 0.6, list(some)))
    assert set(rerank.dpp(scores, table, 4, lam=0.6)) == set(best)


def test_dpp_sees_a_mixture_of_two():
    """Item 2 lies between 0 and 1: no volume left, though it is not too like either."""
    features = np.array([[1.0, 0, 0], [0, 1, 0], [1, 1, 0], [0.75, 0, 0.66]])
    table, scores = rerank.cosine(features), [5.0, 4.9, 4.8, 4.0]
    assert set(rerank.dpp(scores, table, 3, lam=0.3)) == {0, 1, 3}


def test_beyond_the_rank_dpp_fills_up_by_relevance():
    features = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1], [1, 0]])
    chosen = rerank.dpp([1.0, 2, 3, 4, 5], rerank.cosine(features), 5, lam=0.5)
    assert chosen.tolist() == [4, 3, 2, 1, 0]
    unequal = rerank.dpp([5.0, 4.9, 1, 0, 4.8], rerank.cosine(features), 4, lam=0.5)
    assert unequal.tolist() == [0, 2, 1, 4]


def test_rounding_to_float32_is_no_reason_to_refuse():
    features = np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    assert len(rerank.dpp(np.arange(400.0), unit @ unit.T, 20)) == 20


# ---- what the exercises of page 18 fill lists with -----------------------------------------------


@pytest.mark.parametrize("lam", [0.0, 0.3, 0.7, 0.95])
@pytest.mark.parametrize("seed", range(4))
def test_the_next_one_is_the_definition_of_mmr(seed, lam):
    scores, features, _, _ = problem(14, seed)
    similarity = rerank.cosine(features)  # cosines below 0 among them
    r, chosen = (scores - scores.min()) / np.ptp(scores), []
    for _ in range(9):
        value = {
            i: lam * r[i] - (1 - lam) * max((similarity[i, j] for j in chosen), default=0)
            for i in set(range(14)) - set(chosen)
        }
        found = page_18._next_one(r, similarity, chosen, lam)
        assert value[found] >= max(value.values()) - 1e-12
        chosen.append(found)


@pytest.mark.parametrize("risk", [-1.0, 0.3, 2.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_next_share_is_greedy_on_the_objective_of_the_whole_list(seed, risk):
    mean, features, _, _ = problem(10, seed)
    table = 0.3 * features @ features.T + np.diag(0.1 + features[:, 0] ** 2)
    w = 1 / np.log2(np.arange(2, 12))

    def objective(chosen):
        v = w[: len(chosen)]
        return v @ mean[chosen] - risk * v @ table[np.ix_(chosen, chosen)] @ v

    chosen = []
    for _ in range(6):
        value = [objective([*chosen, i]) if i not in chosen else -np.inf for i in range(10)]
        found = page_18._next_share(mean, table, w, chosen, risk)
        assert value[found] >= max(value) - 1e-9
        chosen.append(found)


# ---- calibration -------------------------------------------------------------------------------


def test_miscalibration_by_hand_and_zero_where_they_agree():
    target, rows = [0.5, 0.5], [[1.0, 0.0], [1.0, 0.0]]
    q = 0.9 * np.array([1.0, 0.0]) + 0.1 * np.array([0.5, 0.5])
    expected = (0.5 * np.log(0.5 / q)).sum()
    assert rerank.miscalibration(target, rows, alpha=0.1) == pytest.approx(expected)
    assert rerank.miscalibration(target, np.eye(2)) == pytest.approx(0, abs=1e-12)
    assert rerank.miscalibration([1.0, 0.0], [[1.0, 0.0]]) == 0  # 0 ln 0 is 0


@pytest.mark.parametrize("lam", [0.0, 0.3, 0.8])
@pytest.mark.parametrize("seed", range(4))
def test_calibrated_is_greedy_on_its_objective(seed, lam):
    scores, _, genres, target = problem(12, seed)
    r = (scores - scores.min()) / (scores.max() - scores.min())
    chosen = []
    for _ in range(7):
        value = [
            lam * r[[*chosen, i]].sum()
            - (1 - lam) * rerank.miscalibration(target, genres[[*chosen, i]])
            if i not in chosen
            else -np.inf
            for i in range(12)
        ]
        chosen.append(int(np.argmax(value)))
    best_first = sorted(chosen, key=lambda i: -scores[i])
    assert rerank.calibrated(scores, genres, target, 7, lam).tolist() == best_first


def test_calibrated_gives_the_shares_that_are_asked_for():
    genres = np.repeat(np.eye(2), 20, axis=0)
    scores = np.r_[np.linspace(4, 5, 20), np.linspace(1, 2, 20)]  # all the best are of the first
    chosen = rerank.calibrated(scores, genres, [0.7, 0.3], 10, lam=0.02)
    assert genres[chosen].sum(0).tolist() == [7, 3]
    assert (np.diff(scores[chosen]) < 0).all()  # the best first
    assert sorted(chosen) == [*range(13, 20), *range(37, 40)]  # of each genre the best


def test_genre_shares_sum_to_one_also_without_any_genre():
    shares, names = rerank.genre_shares([("B", "A"), (), ["A", "A"]])
    assert names == ["(no genre)", "A", "B"]
    np.testing.assert_array_equal(shares, [[0, 0.5, 0.5], [1, 0, 0], [0, 1, 0]])


# ---- examples ----------------------------------------------------------------------------------


def test_the_examples_in_the_docstrings_are_true():
    result = doctest.testmod(rerank)
    assert (result.failed, result.attempted > 0) == (0, True)
