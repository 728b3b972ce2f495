"""Metrics of rows and of lists: known answers by hand, scikit-learn, and properties.

The metrics of ranked lists are in test_metrics_top_k.
"""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from recsys_tutorial import metrics

quick = settings(max_examples=60, deadline=None, derandomize=True)
scored_rows = st.lists(
    st.tuples(st.booleans(), st.integers(-3, 3), st.integers(0, 3)), min_size=1, max_size=40
)


def columns(rows):
    return [np.array(column) for column in zip(*rows, strict=True)]


# --- errors of ratings ---------------------------------------------------------------------------


def test_rmse_and_mae_by_hand():
    assert metrics.rmse([1, 2, 3], [1, 4, 2]) == pytest.approx(math.sqrt(5 / 3))
    assert metrics.mae([1, 2, 3], [1, 4, 2]) == pytest.approx(1.0)
    assert metrics.rmse([4.0], [4.0]) == 0.0


def test_a_column_against_a_row_is_refused_not_broadcast():
    with pytest.raises(ValueError, match=r"\(3,\) and \(3, 1\)"):
        metrics.rmse(np.zeros(3), np.zeros((3, 1)))


@pytest.mark.parametrize("error", [metrics.rmse, metrics.mae])
@pytest.mark.parametrize(
    ("truth", "scores", "message"),
    [
        ([], [], "truth is empty"),
        ([1.0, 2.0], [1.0], r"\(2,\) and \(1,\)"),
        ([1.0, 2.0], [1.0, np.nan], "scores holds NaN"),
        (["x"], [1.0], "truth must be an array of numbers"),
        (3.0, 3.0, "single value 3.0"),
    ],
)
def test_bad_ratings_are_named(error, truth, scores, message):
    with pytest.raises(ValueError, match=message):
        error(truth, scores)


# --- AUC -----------------------------------------------------------------------------------------


def test_auc_by_hand():
    assert metrics.auc([1, 0, 1, 0], [0.9, 0.5, 0.5, 0.1]) == 0.875  # three right, one tie
    assert metrics.auc([0, 1], [1.0, 2.0]) == 1.0
    assert metrics.auc([0, 1], [2.0, 1.0]) == 0.0
    assert metrics.auc([0, 1, 1], [3.0, 3.0, 3.0]) == 0.5
    assert metrics.auc([0, 1], [-np.inf, 0.0]) == 1.0  # infinite scores are ordinary values


@pytest.mark.parametrize("label", [0, 1])
def test_auc_of_one_class_is_nan(label):
    assert math.isnan(metrics.auc([label, label], [1.0, 2.0]))


@quick
@given(scored_rows)
def test_auc_agrees_with_scikit_learn_ties_included(rows):
    labels, scores, _ = columns(rows)
    if labels.all() or not labels.any():
        assert math.isnan(metrics.auc(labels, scores))
    else:
        assert metrics.auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))


@quick
@given(scored_rows)
def test_group_auc_is_auc_of_each_group(rows):
    labels, scores, groups = columns(rows)
    each = metrics.group_auc(labels, scores, groups)
    assert each.group.tolist() == sorted(set(groups.tolist()))
    for group, auc, positive, negative in zip(*each, strict=True):
        inside = groups == group
        assert auc == pytest.approx(metrics.auc(labels[inside], scores[inside]), nan_ok=True)
        assert positive == labels[inside].sum()
        assert positive + negative == inside.sum()


@quick
@given(scored_rows)
def test_conditional_auc_is_a_mean_of_group_auc(rows):
    labels, scores, groups = columns(rows)
    frame = pd.DataFrame(metrics.group_auc(labels, scores, groups)._asdict()).dropna()
    macro = metrics.conditional_auc(labels, scores, groups)
    pairs = metrics.conditional_auc(labels, scores, groups, average="pairs")
    if frame.empty:
        assert math.isnan(macro)
        assert math.isnan(pairs)
    else:
        assert macro == pytest.approx(frame.auc.mean())
        weights = frame.n_positive * frame.n_negative
        assert pairs == pytest.approx(np.average(frame.auc, weights=weights))


def test_pooled_and_conditional_auc_disagree_as_worked_out_by_hand():
    # A+ > A- > B+ > B-, five rows each: pooled loses only the pairs (B+, A-).
    labels = np.repeat([1, 0, 1, 0], 5)
    scores = np.repeat([4.0, 3.0, 2.0, 1.0], 5)
    users = np.repeat(["A", "A", "B", "B"], 5)
    assert metrics.auc(labels, scores) == 0.75
    assert metrics.conditional_auc(labels, scores, users) == 1.0


def test_user_bias_alone_earns_pooled_auc_and_no_conditional_auc():
    # Rates of users uniform on [0, 1], score = the user's rate: pooled AUC tends to 5/6.
    n_users, per_user = 400, 400
    rates = (np.arange(n_users) + 0.5) / n_users
    positives = np.round(rates * per_user).astype(int)
    labels = (np.arange(per_user) < positives[:, None]).ravel()
    users = np.repeat(np.arange(n_users), per_user)
    scores = np.repeat(rates, per_user)
    assert metrics.auc(labels, scores) == pytest.approx(5 / 6, abs=1e-4)
    assert metrics.conditional_auc(labels, scores, users) == 0.5
    assert metrics.conditional_auc(labels, scores, users, average="pairs") == 0.5


@pytest.mark.parametrize(
    "groups",
    [
        ["a", "a", "b", "b"],
        pd.Series([9, 9, 4, 4], index=[3, 1, 3, 0]),
        pd.Series(["u", "u", "v", "v"], dtype="category"),
        torch.tensor([5, 5, 6, 6]),
    ],
)
def test_groups_may_be_numbers_or_text(groups):
    assert metrics.conditional_auc([1, 0, 0, 1], [2, 1, 2, 1], groups) == 0.5


@pytest.mark.parametrize(
    ("labels", "scores", "groups", "message"),
    [
        ([1, 0], [1.0, 2.0], ["a"], r"differ in shape: \(1,\) and \(2,\)"),
        ([1, 2], [1.0, 2.0], ["a", "a"], "got 2"),
        ([1, 0], [np.nan, 2.0], ["a", "a"], "scores holds NaN"),
        ([], [], [], "labels is empty"),
        ([[1, 0]], [[1.0, 2.0]], ["a", "a"], "one dimension"),
    ],
)
def test_bad_groups_are_named(labels, scores, groups, message):
    with pytest.raises(ValueError, match=message):
        metrics.conditional_auc(labels, scores, groups)


def test_unknown_average_is_named():
    with pytest.raises(ValueError, match="'micro'"):
        metrics.conditional_auc([1, 0], [1, 0], [0, 0], average="micro")


@pytest.mark.parametrize(
    "as_type",
    [
        list,
        np.asarray,
        pd.Series,
        torch.tensor,
        lambda v: torch.tensor([float(x) for x in v], requires_grad=True),
        lambda v: pd.Series(v, index=[7, 7, 1, 0]),
    ],
)
def test_kinds_of_arrays(as_type):
    labels, scores = as_type([1, 0, 0, 1]), as_type([4, 3, 2, 1])
    assert metrics.auc(labels, scores) == 0.5
    assert metrics.rmse(labels, scores) == pytest.approx(math.sqrt(22 / 4))
    assert metrics.mrr(labels, scores) == 1.0
    assert metrics.recall_at_k(labels, scores, k=2) == 0.5


# --- lists and probabilities ---------------------------------------------------------------------


def test_coverage_by_hand():
    assert metrics.coverage([[0, 1], [1, 2]], n_items=10) == 0.3
    assert metrics.coverage([[0], [1, 3], []], n_items=4) == 0.75
    assert metrics.coverage(torch.tensor([[0, 1], [2, 3]]), n_items=4) == 1.0


def test_diversity_by_hand():
    vectors = [[1, 0], [2, 0], [0, 3], [0, 0], [-1, 0]]
    assert metrics.intra_list_diversity([[0, 1]], vectors) == pytest.approx(0)
    assert metrics.intra_list_diversity([[0, 2]], vectors) == pytest.approx(1)
    assert metrics.intra_list_diversity([[0, 4]], vectors) == pytest.approx(2)
    assert metrics.intra_list_diversity([[0, 3], [3, 3]], vectors) == pytest.approx(1)
    # cosines 1, 0, 0 in a list of three; a list of one is left out
    assert metrics.intra_list_diversity([[0, 1, 2], [2]], vectors) == pytest.approx(2 / 3)
    assert math.isnan(metrics.intra_list_diversity([[0], [2]], vectors))


def test_diversity_equals_the_mean_over_pairs():
    rng = np.random.default_rng(6)
    vectors, lists = rng.normal(size=(20, 5)), rng.integers(0, 20, (7, 6))

    def cosine(i, j):
        a, b = vectors[i], vectors[j]
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    pairs = [[1 - cosine(i, j) for i, j in itertools.combinations(row, 2)] for row in lists]
    assert metrics.intra_list_diversity(lists, vectors) == pytest.approx(np.mean(pairs))


def test_novelty_by_hand():
    counts = [8, 4, 2, 0, 1]
    assert metrics.novelty([[0, 1], [1, 2]], counts, n_users=8) == 1.0
    assert metrics.novelty([[3], [4]], counts, n_users=8) == 3.0  # nobody counts as one user
    assert metrics.novelty([[0], [2, 2, 2]], counts, n_users=8) == 1.0  # lists count the same


def test_calibration_by_hand():
    assert metrics.calibration_error([0, 1], [0.0, 1.0]) == 0.0
    assert metrics.calibration_error([0, 0, 0, 1], [0.25] * 4) == 0.0
    assert metrics.calibration_error([0, 0], [0.9, 0.9]) == pytest.approx(0.9)
    # 0.3 opens the bin [0.3, 0.4): apart from 0.29
    assert metrics.calibration_error([1, 0], [0.29, 0.3]) == pytest.approx((0.71 + 0.3) / 2)
    assert metrics.calibration_error([1, 0], [0.29, 0.3], n_bins=1) == pytest.approx(0.205)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.coverage([], 5), "no item"),
        (lambda: metrics.coverage([[0, 1, 2]], 2), "0 to 1, got 2"),
        (lambda: metrics.coverage([[0, -1]], 2), "0 to 1, got -1"),
        (lambda: metrics.coverage([[0]], 0), "n_items must be .* got 0"),
        (lambda: metrics.intra_list_diversity([[0, 2]], [[1], [1]]), "0 to 1, got 2"),
        (lambda: metrics.intra_list_diversity([["a"]], [[1], [1]]), "positions .* got"),
        (lambda: metrics.intra_list_diversity([[0, 1]], [1, 1]), r"shape \(2,\)"),
        (lambda: metrics.novelty([[0]], [9], 8), "between 0 and n_users=8"),
        (lambda: metrics.novelty([[0]], [1], 0), "n_users must be .* got 0"),
        (lambda: metrics.novelty([[1]], [1], 8), "0 to 0, got 1"),
        (lambda: metrics.calibration_error([0], [1.5]), "got 1.5"),
        (lambda: metrics.calibration_error([0, 2], [0.1, 0.2]), "got 2"),
        (lambda: metrics.calibration_error([0], [0.5], n_bins=0), "n_bins must be .* got 0"),
    ],
)
def test_bad_lists_and_probabilities_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
