"""Fast ranking statistics: the same numbers as the metrics on dense rows, ties included."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_tutorial import metrics, ranking
from recsys_tutorial.ranking import ranking_statistics, top_k

DENSE = {
    "recall": metrics.recall_at_k,
    "precision": metrics.precision_at_k,
    "ndcg": metrics.ndcg_at_k,
    "average_precision": metrics.average_precision_at_k,
    "reciprocal_rank": lambda labels, scores, k: metrics.mrr(labels, scores),
}
NOTHING = np.array([], dtype=np.int64)


def random_block(seed, n_users, n_items, levels, positive=0.1, masked=0.2):
    """Scores (float32; whole numbers below ``levels``, or without ties), positives, masked."""
    rng = np.random.default_rng(seed)
    shape = (n_users, n_items)
    scores = rng.normal(size=shape) if levels is None else rng.integers(0, levels, shape)
    kind = rng.choice(3, size=shape, p=[1 - positive - masked, positive, masked])
    return scores.astype(np.float32), np.nonzero(kind == 1), np.nonzero(kind == 2)


def statistics(scores, positive, masked, k, whole=True):
    block = torch.from_numpy(scores.copy())
    return ranking_statistics(block, *positive, *masked, k, whole=whole)


def assert_equal_to_metrics(scores, positive, masked, k):
    result = statistics(scores, positive, masked, k)
    labels, dense = np.zeros(scores.shape), scores.copy()
    labels[positive], dense[masked] = 1, -np.inf
    assert result["n_positive"].tolist() == labels.sum(axis=1).tolist()
    assert result["n_positive"].dtype == torch.int64
    for name, metric in DENSE.items():
        np.testing.assert_allclose(result[name], metric(labels, dense, k), atol=1e-9, err_msg=name)
    top = statistics(scores, positive, masked, k, whole=False)
    assert result.keys() - top.keys() == {"auc", "reciprocal_rank"}
    for name, value in top.items():
        torch.testing.assert_close(value, result[name], equal_nan=True, msg=name)
    candidates = dense > -np.inf
    for user in range(len(scores)):
        expected = np.nan
        if candidates[user].any():
            expected = metrics.auc(labels[user][candidates[user]], dense[user][candidates[user]])
        np.testing.assert_allclose(result["auc"][user], expected, atol=1e-9)


@pytest.mark.parametrize("k", [1, 10, 500])
@pytest.mark.parametrize("levels", [1, 2, 5, 50, None])
@pytest.mark.parametrize("positive", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("short", [0, 8192])  # rows compared one by one, and rows sorted
def test_equal_to_the_metrics_on_dense_rows(monkeypatch, short, positive, levels, k):
    monkeypatch.setattr(ranking, "_SHORT", short)
    assert_equal_to_metrics(*random_block(0, 25, 120, levels, positive), k)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    n_users=st.integers(1, 6),
    n_items=st.integers(1, 30),
    levels=st.sampled_from([1, 2, 3, 8, None]),
    positive=st.sampled_from([0.05, 0.5]),
    masked=st.sampled_from([0.0, 0.3, 0.5]),
    k=st.integers(1, 35),
)
def test_equal_to_the_metrics_on_any_small_block(
    seed, n_users, n_items, levels, positive, masked, k
):
    assert_equal_to_metrics(*random_block(seed, n_users, n_items, levels, positive, masked), k)


def test_tables_are_handled_in_parts_of_bounded_size(monkeypatch):
    monkeypatch.setattr(ranking, "_TABLE", 100)
    assert_equal_to_metrics(*random_block(1, 25, 120, 2), 10)


def test_by_hand():
    scores = torch.tensor([[9.0, 5.0, 4.0, 3.0, 2.0], [1.0, 1.0, 1.0, 1.0, 0.0]])
    # Row 0: item 0 is masked, so items 2 and 3 stand at ranks 2 and 3. Row 1: item 1 among four
    # tied ones.
    result = ranking_statistics(scores, [0, 0, 1], [2, 3, 1], [0], [0], k=2)
    assert scores[0, 0] == -torch.inf  # in place, as promised
    expected = {
        "recall": [1 / 2, 2 / 4],
        "precision": [1 / 2, 1 / 4],
        "ndcg": [(1 / np.log2(3)) / (1 + 1 / np.log2(3)), (1 + 1 / np.log2(3)) / 4],
        "average_precision": [(1 / 2) / 2, (1 + 1 / 2) / 4],
        "reciprocal_rank": [1 / 2, (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4],
        "auc": [1 / 2, (1 + 3 / 2) / 4],
        "n_positive": [2, 1],
    }
    assert list(result) == list(expected)
    for name, values in expected.items():
        assert result[name].tolist() == pytest.approx(values), name


def test_a_user_without_positives_is_nan_and_one_without_negatives_has_no_auc():
    result = ranking_statistics(torch.zeros(2, 3), [1, 1], [0, 2], [1], [1], k=1)
    assert all(value[0].isnan() for name, value in result.items() if name != "n_positive")
    assert result["n_positive"].tolist() == [0, 2]
    assert result["auc"][1].isnan()
    assert result["recall"][1] == 0.5
    assert result["average_precision"][1] == 1.0


def test_no_positives_and_no_users_are_no_error():
    result = ranking_statistics(torch.zeros(2, 3), NOTHING, NOTHING, NOTHING, NOTHING)
    assert result["auc"].isnan().all()
    assert ranking_statistics(torch.zeros(0, 3), [], [], [], [])["recall"].shape == (0,)


def test_scores_that_differ_in_the_last_bit_of_float32_are_not_tied():
    one = np.float32(1)
    scores = torch.tensor([[one, np.nextafter(one, np.float32(2))]])
    assert ranking_statistics(scores, [0], [0], [], [])["reciprocal_rank"].item() == 0.5
    tied = torch.tensor([[one, one]])
    assert ranking_statistics(tied, [0], [0], [], [])["reciprocal_rank"].item() == 0.75


def test_the_same_item_may_be_masked_twice_and_indices_may_be_tensors():
    scores, positive, masked = random_block(2, 10, 40, 4)
    twice = [np.concatenate([m, m[::-1]]) for m in masked]
    once = statistics(scores, positive, masked, 5)
    again = ranking_statistics(
        torch.from_numpy(scores.T.copy()).T,  # and the block may be transposed
        *map(torch.from_numpy, [*positive, *twice]),
        k=5,
    )
    for name, value in once.items():
        torch.testing.assert_close(again[name], value, equal_nan=True)


def test_order_of_positives_and_items_changes_nothing():
    scores, positive, masked = random_block(3, 20, 60, 6)
    rng = np.random.default_rng(0)
    mixed, column = rng.permutation(len(positive[0])), rng.permutation(60)
    place = np.argsort(column)  # item i of the old catalogue is now at place[i]
    one = statistics(scores, positive, masked, 10)
    two = statistics(
        np.ascontiguousarray(scores[:, column]),
        (positive[0][mixed], place[positive[1][mixed]]),
        (masked[0], place[masked[1]]),
        10,
    )
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, equal_nan=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": torch.tensor([[0.0, 1.0], [torch.nan, 0.0]])}, "NaN for item 0 of row 1"),
        ({"scores": torch.zeros(2)}, r"\(2,\)"),
        ({"scores": torch.zeros(2, 2, dtype=torch.float16)}, "float16"),
        ({"positive_rows": [0, 0], "positive_items": [1, 1]}, "item 1 is positive twice in row 0"),
        ({"masked_rows": [0], "masked_items": [1]}, "item 1 of row 0 is both positive and masked"),
        ({"positive_rows": [2]}, "positive_rows must be 0 to 1, got 2"),
        ({"masked_items": [-1], "masked_rows": [0]}, "masked_items must be 0 to 1, got -1"),
        ({"masked_items": [0]}, "one length"),
        ({"positive_items": [0.5]}, "must be integers, got float64"),
        ({"k": 0}, "got 0"),
        ({"k": 1.5}, "got 1.5"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {
        "scores": torch.zeros(2, 2),
        "positive_rows": [0],
        "positive_items": [1],
        "masked_rows": [],
        "masked_items": [],
        "k": 1,
    }
    ranking_statistics(**arguments)
    with pytest.raises(ValueError, match=message):
        ranking_statistics(**{**arguments, **change})


@pytest.mark.parametrize("levels", [1, 30, None])
def test_fast_also_for_tied_models(levels):
    shares = {"positive": 5_500 / 943 / 1682, "masked": 90_000 / 943 / 1682}
    scores, positive, masked = random_block(4, 943, 1682, levels, **shares)
    block = torch.from_numpy(scores)
    start = time.perf_counter()
    result = ranking_statistics(block, *positive, *masked)
    assert time.perf_counter() - start < 1  # takes 0.03 s
    assert np.nanmean(result["auc"]) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("k", [1, 3, 12, 100])
@pytest.mark.parametrize("levels", [1, 2, 4, None])
def test_top_k_is_by_score_then_index(levels, k):
    scores, _, masked = random_block(5, 60, 12, levels, masked=0.5)
    scores[masked] = -np.inf
    values, items = top_k(torch.from_numpy(scores), k)
    assert values.shape == items.shape == (60, min(k, 12))
    for user, row in enumerate(scores):
        best = sorted(np.flatnonzero(row > -np.inf), key=lambda i: (-row[i], i))[:k]
        missing = min(k, 12) - len(best)
        assert items[user].tolist() == best + [-1] * missing
        assert values[user].tolist() == row[best].tolist() + [-np.inf] * missing


def test_top_k_refuses_bad_input():
    with pytest.raises(ValueError, match="NaN for item 1 of row 0"):
        top_k(torch.tensor([[0.0, torch.nan]]), 1)
    with pytest.raises(ValueError, match="got 0"):
        top_k(torch.zeros(1, 2), 0)
    with pytest.raises(ValueError, match=r"\(2,\)"):
        top_k(torch.zeros(2), 1)
