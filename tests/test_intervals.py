"""Intervals over users: they cover what they should, and count users rather than rows."""

import numpy as np
import pytest

import recsys_tutorial as rt
from recsys_tutorial import metrics
from recsys_tutorial.interpret.intervals import (
    Comparison,
    Interval,
    auc_interval,
    mean_interval,
)


def test_ninety_five_of_a_hundred_intervals_hold_the_mean(rng):
    held = []
    for trial in range(300):
        interval = mean_interval(rng.normal(2.0, 1.0, 60), samples=400, seed=trial)
        held.append(interval.low <= 2.0 <= interval.high)
    assert 0.90 <= np.mean(held) <= 0.985  # 0.95 - the percentile's small loss, +- 3 se of 0.0126


def test_missing_users_are_left_out_and_counted():
    interval = mean_interval([1.0, np.nan, 3.0])
    assert (interval.value, interval.n) == (2.0, 2)


@pytest.mark.parametrize("values", [[], [np.nan, np.nan], np.ones((2, 2))])
def test_nothing_to_average_is_refused(values):
    with pytest.raises(ValueError, match="value"):
        mean_interval(values)


def test_weights_by_rows_give_the_mean_over_rows(rng):
    rows = rng.integers(1, 50, 40)
    user = np.repeat(np.arange(40), rows)
    value = rng.normal(size=40)[user] + rng.normal(size=len(user))
    means = np.bincount(user, value) / rows
    interval = mean_interval(means, weights=rows, seed=1)
    assert interval.value == pytest.approx(value.mean())
    drawn = np.random.default_rng(1).integers(0, 40, (2_000, 40))
    by_hand = (means * rows)[drawn].sum(1) / rows[drawn].sum(1)
    bounds = np.quantile(by_hand, [0.025, 0.975])
    np.testing.assert_allclose((interval.low, interval.high), bounds)
    assert mean_interval(means, weights=np.full(40, 3), seed=1) == pytest.approx(
        mean_interval(means, seed=1)
    )


@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0], [1.0, np.nan]])
def test_impossible_weights_are_refused(weights):
    with pytest.raises(ValueError, match="weights"):
        mean_interval([1.0, 2.0], weights=weights)


def rated(rng, n_users=60, each=12):
    users = np.repeat(np.arange(n_users), each)
    generous = rng.normal(0, 1.5, n_users)[users]
    liking = rng.normal(0, 1, len(users))
    return users, generous, liking, (generous + liking > 0).astype(int)


def test_conditional_interval_is_around_the_metric(rng):
    users, _, liking, labels = rated(rng)
    liking = liking + rng.normal(0, 1, len(users))
    interval = mean_interval(metrics.group_auc(labels, liking, users).auc)
    assert interval.value == pytest.approx(metrics.conditional_auc(labels, liking, users))
    both = (~np.isnan(metrics.group_auc(labels, liking, users).auc)).sum()
    assert interval.n == both < 60
    assert interval.low < interval.value < interval.high


def test_user_biases_have_a_conditional_auc_of_a_half_without_any_doubt(rng):
    users, generous, _, labels = rated(rng)
    interval = mean_interval(metrics.group_auc(labels, generous, users).auc)
    assert (interval.low, interval.value, interval.high) == (0.5, 0.5, 0.5)


def test_pooled_interval_equals_resampling_rows_by_hand(rng):
    users, generous, liking, labels = rated(rng, 20, 5)
    scores = np.round(generous + liking + rng.normal(0, 1, len(users)), 1)  # with ties
    interval = auc_interval(labels, scores, users, samples=50, seed=7)
    drawn = np.random.default_rng(7).integers(0, 20, (50, 20))
    values = []
    for some in drawn:
        rows = np.repeat(np.arange(len(users)), np.bincount(some, minlength=20)[users])
        values.append(metrics.auc(labels[rows], scores[rows]))
    assert interval.low == pytest.approx(np.quantile(values, 0.025))
    assert interval.high == pytest.approx(np.quantile(values, 0.975))


def test_rows_of_one_user_do_not_count_as_independent(rng):
    """Every row twice: as sure as before, where an interval over rows would shrink."""
    users, generous, liking, labels = rated(rng)
    scores = generous + 0.5 * liking
    once = auc_interval(labels, scores, users, seed=1)
    twice = auc_interval(np.tile(labels, 2), np.tile(scores, 2), np.tile(users, 2), seed=1)
    assert twice.high - twice.low == pytest.approx(once.high - once.low)


def test_a_difference_is_paired(rng):
    users, generous, liking, labels = rated(rng)
    same = auc_interval(labels, liking, users, minus=liking)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    assert not same.off_zero
    better = auc_interval(labels, generous + liking, users, minus=generous)
    assert better.off_zero
    assert better.value > 0


def test_a_pooled_interval_needs_both_labels():
    with pytest.raises(ValueError, match="both kinds"):
        auc_interval([1, 1], [0.1, 0.2], [0, 1])


def test_an_interval_can_be_read_aloud():
    assert str(Interval(0.7312, 0.72, 0.7421, 1200)) == "0.731 (0.720 to 0.742, 1,200 users)"


@pytest.fixture(scope="module")
def fitted(small):
    train, valid, test = small.split("random", seed=4)
    models = [rt.models.BiasedMF.for_dataset(train, dim=dim) for dim in (0, 4)]
    for model in models:
        rt.fit(model, train, valid, progress=False)
    return models, train, valid, test


class TestCompare:
    @pytest.mark.parametrize(
        "metric", ["rmse", "mae", "auc", "conditional_auc", "ndcg@10", "recall@5", "mrr"]
    )
    def test_the_difference_is_that_of_evaluate(self, fitted, metric):
        (a, b), train, valid, test = fitted
        k = int(metric.partition("@")[2] or 10)
        parts = [train, valid]
        one, other = (rt.evaluate(m, test, train=parts, k=k) for m in (a, b))
        found = rt.compare(a, b, test, train=parts, metric=metric, samples=200)
        assert found.difference == pytest.approx(one[metric] - other[metric], abs=1e-6)
        assert found.low <= found.difference <= found.high
        assert found == rt.compare(a, b, test, train=parts, metric=metric, samples=200)
        back = rt.compare(b, a, test, train=parts, metric=metric, samples=200)
        assert (back.low, back.high) == pytest.approx((-found.high, -found.low))

    def test_a_model_and_itself_are_not_told_apart(self, fitted):
        (a, _), train, _, test = fitted
        found = rt.compare(a, a, test, train=train, metric="ndcg@10")
        assert found[1:4] == (0, 0, 0)
        assert "not told apart" in str(found)

    def test_resampling_errors_by_hand(self, fitted):
        (a, b), train, _, test = fitted
        found = rt.compare(a, b, test, train=train, metric="rmse", samples=50, seed=7)
        users, code = np.unique(test.user, return_inverse=True)
        n, differences = len(users), []
        for drawn in np.random.default_rng(7).integers(0, n, (50, n)):
            rows = np.repeat(np.arange(len(test)), np.bincount(drawn, minlength=n)[code])
            one, other = (
                metrics.rmse(test.rating[rows], rt.predict(m, test)[rows]) for m in (a, b)
            )
            differences.append(one - other)
        assert found.low == pytest.approx(np.quantile(differences, 0.025), abs=1e-6)
        assert found.high == pytest.approx(np.quantile(differences, 0.975), abs=1e-6)
        assert found.n_users == n

    def test_it_can_be_read_aloud(self):
        told = Comparison("rmse", -0.012, -0.02, -0.004, 943)
        assert str(told) == "rmse: -0.0120 (-0.0200 to -0.0040, 943 users), the first is better"
        assert str(told._replace(metric="mrr")).endswith("the second is better")
        assert str(told._replace(high=0.001)).endswith("not told apart")

    def test_what_is_no_mean_over_users_is_refused(self, fitted):
        (a, b), train, _, test = fitted
        for metric in ("coverage", "NDCG"):
            with pytest.raises(
                ValueError, match=rf"'{metric}': .* compare knows recall@10, .*rmse"
            ):
                rt.compare(a, b, test, train=train, metric=metric)
