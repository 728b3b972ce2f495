"""Metrics of ranked lists: known answers by hand, all orders of ties, other libraries."""

import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score
from sklearn.metrics import ndcg_score as sklearn_ndcg

from recsys_tutorial import metrics
from recsys_tutorial.metrics import ranking

AT_K = {
    "recall": metrics.recall_at_k,
    "precision": metrics.precision_at_k,
    "ndcg": metrics.ndcg_at_k,
    "map": metrics.average_precision_at_k,
}
RANKED = {**AT_K, "mrr": lambda labels, scores, k: metrics.mrr(labels, scores)}
quick = settings(max_examples=60, deadline=None, derandomize=True)


# Plain definitions on one strict order of binary labels, written apart from the library: the
# expectation under ties is their mean over all orders.
def plain(name, ordered, k):
    hits = [i for i, label in enumerate(ordered, start=1) if label]
    top = [i for i in hits if i <= k]
    if name == "recall":
        return len(top) / len(hits)
    if name == "precision":
        return len(top) / k
    if name == "mrr":
        return 1 / hits[0]
    if name == "map":
        return sum((n + 1) / i for n, i in enumerate(top)) / min(k, len(hits))
    ideal = sum(1 / math.log2(i + 1) for i in range(1, min(k, len(hits)) + 1))
    return sum(1 / math.log2(i + 1) for i in top) / ideal


def orders(scores):
    """All orders of the candidates that descending scores allow, -inf left out."""
    candidates = [i for i, s in enumerate(scores) if s != -np.inf]
    levels = sorted({scores[i] for i in candidates}, reverse=True)
    ties = [[i for i in candidates if scores[i] == level] for level in levels]
    for parts in itertools.product(*(itertools.permutations(tie) for tie in ties)):
        yield list(itertools.chain.from_iterable(parts))


def brute_force(name, labels, scores, k):
    return np.mean([plain(name, [labels[i] for i in order], k) for order in orders(scores)])


tied_lists = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 1.0, 2.0, -np.inf])), min_size=1, max_size=6
)
scored_rows = st.lists(
    st.tuples(st.booleans(), st.integers(-3, 3), st.integers(0, 3)), min_size=1, max_size=40
)


def columns(rows):
    return [np.array(column) for column in zip(*rows, strict=True)]


def test_ranked_lists_by_hand():
    labels, scores = [1, 0, 1, 1], [4.0, 3.0, 2.0, 1.0]  # hits at ranks 1, 3, 4
    assert metrics.recall_at_k(labels, scores, k=3) == pytest.approx(2 / 3)
    assert metrics.precision_at_k(labels, scores, k=3) == pytest.approx(2 / 3)
    assert metrics.average_precision_at_k(labels, scores, k=3) == pytest.approx((1 + 2 / 3) / 3)
    assert metrics.average_precision_at_k(labels, scores, k=2) == pytest.approx(1 / 2)
    assert metrics.mrr([0, 0, 1, 1], scores) == pytest.approx(1 / 3)


def test_ndcg_known_answers():
    assert metrics.ndcg_at_k([1, 0, 1, 1], [4, 3, 2, 1], k=3) == pytest.approx(0.703918, abs=5e-7)
    assert metrics.ndcg_at_k([1, 0, 1], [3, 2, 1]) == pytest.approx(0.919721, abs=5e-7)
    graded, scores = [3, 2, 3, 0, 1, 2], [6, 5, 4, 3, 2, 1]
    assert metrics.ndcg_at_k(graded, scores) == pytest.approx(0.960808, abs=5e-7)
    exponential = 2 ** np.array(graded) - 1
    assert metrics.ndcg_at_k(exponential, scores) == pytest.approx(0.948811, abs=5e-7)


@pytest.mark.parametrize("name", RANKED)
def test_users_in_rows_and_nan_without_relevant_items(name):
    labels = [[1, 0, 0], [0, 0, 0], [0, 1, 1]]
    scores = [[1.0, 2.0, 3.0]] * 3
    values = RANKED[name](labels, scores, 2)
    assert values.shape == (3,)
    assert np.isnan(values).tolist() == [False, True, False]
    for user in (0, 2):
        one = RANKED[name](labels[user], scores[user], 2)
        assert isinstance(one, float)
        assert values[user] == one
    assert math.isnan(RANKED[name](labels[1], scores[1], 2))


@pytest.mark.parametrize("name", RANKED)
@quick
@given(rows=tied_lists, k=st.integers(1, 7))
def test_ties_and_masks_equal_the_mean_over_all_orders(name, rows, k):
    """So a constant scorer gets what chance gets; k may exceed the number of candidates."""
    labels, scores = columns(rows)
    value = RANKED[name](labels, scores, k)
    if (labels & (scores > -np.inf)).any():
        assert value == pytest.approx(brute_force(name, labels, scores, k), abs=1e-12)
    else:
        assert math.isnan(value)


@quick
@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=6),
    k=st.integers(1, 7),
)
def test_graded_ties_equal_the_mean_over_all_orders(rows, k):
    labels, scores = columns(rows)

    def dcg(values):
        return sum(g / math.log2(i + 2) for i, g in enumerate(list(values)[:k]))

    value = metrics.ndcg_at_k(labels, scores, k)
    if labels.any():
        mean = np.mean([dcg(labels[order]) for order in orders(scores.tolist())])
        assert value == pytest.approx(mean / dcg(sorted(labels, reverse=True)))
    else:
        assert math.isnan(value)


@pytest.mark.parametrize("name", RANKED)
@quick
@given(rows=scored_rows, k=st.integers(1, 45), seed=st.integers(0, 99))
def test_range_monotone_transforms_and_order_of_the_catalogue(name, rows, k, seed):
    labels, scores, _ = columns(rows)
    value = RANKED[name](labels, scores, k)
    if not labels.any():
        assert math.isnan(value)
        return
    assert 0 <= value <= 1
    assert RANKED[name](labels, np.exp(scores / 2) - 7, k) == value
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    assert RANKED[name](labels[shuffled], scores[shuffled], k) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("k", [1, 5, 40])
def test_ndcg_agrees_with_scikit_learn_on_ties(k):
    rng = np.random.default_rng(2)
    labels, scores = rng.integers(0, 4, (50, 25)), rng.integers(0, 6, (50, 25)).astype(float)
    labels[:, 0] = 1
    expected = [sklearn_ndcg([y], [s], k=k) for y, s in zip(labels, scores, strict=True)]
    np.testing.assert_allclose(metrics.ndcg_at_k(labels, scores, k), expected)


def test_average_precision_agrees_with_scikit_learn_on_whole_lists_without_ties():
    rng = np.random.default_rng(3)
    labels, scores = rng.integers(0, 2, (40, 30)), rng.normal(size=(40, 30))
    labels[:, 0] = 1
    ours = metrics.average_precision_at_k(labels, scores, k=30)
    theirs = [average_precision_score(y, s) for y, s in zip(labels, scores, strict=True)]
    np.testing.assert_allclose(ours, theirs)


@pytest.mark.slow
def test_ranked_lists_agree_with_ranx_without_ties():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numba, about ranx's own code
        ranx = pytest.importorskip("ranx")
        rng = np.random.default_rng(4)
        labels, scores = rng.integers(0, 2, (30, 40)), rng.permuted(np.arange(1200.0))
        scores = scores.reshape(30, 40)
        labels[:, 0] = 1
        items = [f"i{i}" for i in range(40)]
        truth = {f"u{u}": {items[i]: 1 for i in np.flatnonzero(y)} for u, y in enumerate(labels)}
        run = {f"u{u}": dict(zip(items, row.tolist(), strict=True)) for u, row in enumerate(scores)}
        names = ["ndcg@10", "mrr", "recall@10", "precision@10", "map@40"]
        theirs = ranx.evaluate(ranx.Qrels(truth), ranx.Run(run), names)
    ours = {
        "ndcg@10": metrics.ndcg_at_k(labels, scores, 10),
        "mrr": metrics.mrr(labels, scores),
        "recall@10": metrics.recall_at_k(labels, scores, 10),
        "precision@10": metrics.precision_at_k(labels, scores, 10),
        "map@40": metrics.average_precision_at_k(labels, scores, 40),
    }
    for name, values in ours.items():
        assert np.mean(values) == pytest.approx(theirs[name]), name


@pytest.mark.parametrize("name", AT_K)
@pytest.mark.parametrize("k", [0, 2.0, True])
def test_bad_k_is_named(name, k):
    with pytest.raises(ValueError, match=rf"k must be .* got {k!r}"):
        AT_K[name]([1, 0], [1.0, 2.0], k=k)


@pytest.mark.parametrize("name", RANKED)
@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([1, 0], [1.0, 2.0, 3.0], r"\(2,\) and \(3,\)"),
        (np.zeros((0, 4)), np.zeros((0, 4)), "labels is empty"),
        ([[1, 0]], [[1.0, np.nan]], "scores holds NaN"),
        ([1, -1], [1.0, 2.0], "got -1"),
        (np.zeros((1, 1, 2)), np.zeros((1, 1, 2)), "one or two dimensions"),
    ],
)
def test_bad_lists_are_named(name, labels, scores, message):
    with pytest.raises(ValueError, match=message):
        RANKED[name](labels, scores, 1)


@pytest.mark.parametrize("name", sorted(set(RANKED) - {"ndcg"}))
def test_grades_are_for_ndcg_only(name):
    with pytest.raises(ValueError, match="must be 0 or 1, got 3"):
        RANKED[name]([3, 0], [1.0, 2.0], 1)


def test_scores_that_differ_in_the_last_bit_of_float32_are_not_tied():
    one = np.float32(1)
    row, item = np.array([0]), np.array([0])
    close = np.array([[one, np.nextafter(one, np.float32(2))]])
    assert ranking.reciprocal_rank(ranking.find_ties(row, item, close)) == [0.5]
    assert ranking.reciprocal_rank(ranking.find_ties(row, item, np.array([[one, one]]))) == [0.75]


@pytest.mark.parametrize("levels", [1, 3, 1000])
def test_the_auc_of_a_ranking_is_that_of_its_candidates(levels):
    rng = np.random.default_rng(6)
    labels, scores = rng.integers(0, 2, (20, 30)), rng.integers(0, levels, (20, 30)).astype(float)
    scores[rng.random(scores.shape) < 0.3] = -np.inf
    row, item = np.nonzero((labels > 0) & (scores > -np.inf))
    values = ranking.ranking_auc(ranking.find_ties(row, item, scores))
    for user, value in enumerate(values):
        there = scores[user] > -np.inf
        expected = metrics.auc(labels[user][there], scores[user][there])
        assert value == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("k", [1, 3, 12, 100])
@pytest.mark.parametrize("levels", [1, 2, 4, 1000])
def test_the_list_of_k_is_by_score_then_index(levels, k):
    rng = np.random.default_rng(5)
    scores = rng.integers(0, levels, (60, 12)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.5] = -np.inf
    for row, chosen in zip(scores, ranking.in_top(scores, k), strict=True):
        best = sorted(np.flatnonzero(row > -np.inf), key=lambda i: (-row[i], i))[:k]
        assert np.flatnonzero(chosen).tolist() == sorted(best)
