"""Losses: values by hand, gradients where others had none, shapes that must not pass."""

import math
from dataclasses import replace

import pytest
import torch

from recsys_tutorial import Batch, losses


def pair_batch(n: int = 2, m: int = 3) -> Batch:
    """Column 0 shows item 0, the others items 1 to m."""
    return Batch(user=torch.arange(n)[:, None], item=torch.arange(m + 1).expand(n, m + 1))


def test_squared_error_by_hand():
    batch = Batch(rating=torch.tensor([4.0, 1.0]))
    assert losses.squared_error(torch.tensor([3.0, 3.0]), batch) == pytest.approx((1 + 4) / 2)


def test_weights_count_rows():
    batch = Batch(rating=torch.tensor([4.0, 1.0]), weight=torch.tensor([3.0, 1.0]))
    value = losses.squared_error(torch.tensor([3.0, 3.0]), batch)
    assert value == pytest.approx((3 * 1 + 1 * 4) / 4)


@pytest.mark.parametrize("loss", [losses.squared_error, losses.bpr, losses.sampled_softmax])
def test_a_batch_in_which_no_row_counts_is_no_division_by_zero(loss):
    pairs = loss is not losses.squared_error
    score = torch.ones((2, 4) if pairs else 2, requires_grad=True)
    batch = pair_batch() if pairs else Batch(rating=torch.tensor([4.0, 1.0]))
    value = loss(score, replace(batch, weight=torch.zeros((2, 1) if pairs else 2)))
    value.backward()
    assert float(value.detach()) == 0
    assert not score.grad.any()


def test_a_column_of_scores_against_a_row_of_ratings_is_refused():
    batch = Batch(rating=torch.zeros(4))
    with pytest.raises(ValueError, match=r"\(4, 1\).*\(4,\)"):
        losses.squared_error(torch.zeros(4, 1), batch)


def test_bpr_by_hand():
    score = torch.tensor([[1.0, 0.0, 2.0]])
    expected = (math.log1p(math.exp(-1)) + math.log1p(math.exp(1))) / 2
    assert losses.bpr(score, pair_batch(1, 2)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("lead", [-10.0, -30.0])
def test_bpr_pulls_hardest_where_the_order_is_most_wrong(lead):
    score = torch.tensor([[lead, 0.0]], requires_grad=True)
    losses.bpr(score, pair_batch(1, 1)).backward()
    assert score.grad[0, 0] == pytest.approx(-1, abs=1e-3)  # 1 - sigma would give about 0


def test_logistic_by_hand():
    score = torch.tensor([[2.0, -1.0, 0.0]])
    expected = math.log1p(math.exp(-2)) + math.log1p(math.exp(-1)) + math.log(2)
    assert losses.logistic(score, pair_batch(1, 2)) == pytest.approx(expected, rel=1e-6)


def test_sampled_softmax_is_cross_entropy():
    score = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    oracle = torch.nn.functional.cross_entropy(score, torch.zeros(6, dtype=torch.int64))
    assert losses.sampled_softmax(score, pair_batch(6, 3)) == pytest.approx(float(oracle))


@pytest.mark.parametrize("loss", [losses.bpr, losses.sampled_softmax])
def test_the_rated_item_does_not_compete_with_itself(loss):
    """With negatives="all" the rated item stands in a later column, too."""
    score = torch.tensor([[0.3, -1.0, 0.3, 2.0]])
    with_itself = Batch(user=torch.zeros(1, 1), item=torch.tensor([[7, 1, 7, 2]]))
    without = Batch(user=torch.zeros(1, 1), item=torch.tensor([[7, 1, 2]]))
    expected = loss(score[:, [0, 1, 3]], without)
    assert loss(score, with_itself) == pytest.approx(float(expected), rel=1e-6)


def test_l2_is_the_mean_squared_length():
    rows = torch.tensor([[3.0, 4.0], [1.0, 0.0]])
    assert losses.l2(rows) == pytest.approx((25 + 1) / 2)
    assert losses.l2(rows.reshape(1, 2, 2)) == pytest.approx((25 + 1) / 2)
    assert losses.l2(torch.zeros(3, 0)) == 0


@pytest.mark.parametrize(
    "loss", [losses.squared_error, losses.logistic, losses.bpr, losses.sampled_softmax]
)
def test_gradients_in_double_precision(loss):
    pairs = losses.needs(loss).batch == "pairs"
    shape = (3, 4) if pairs else (3,)
    score = torch.randn(
        shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2), requires_grad=True
    )
    rating = torch.tensor([1.0, 4.0, 2.0], dtype=torch.float64)
    batch = pair_batch(3, 3) if pairs else Batch(rating=rating)
    assert torch.autograd.gradcheck(lambda s: loss(s, batch), (score,))


def test_a_plain_function_is_a_loss_on_rated_rows():
    assert losses.needs(lambda output, batch: output.mean()) == losses.LossNeeds()
