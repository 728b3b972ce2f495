"""Sequence models: what a row is predicted from, and what must not matter."""

import pytest
import torch
from sequence_data import (
    BOTH,
    SMALL,
    chain_parts,
    random_windows,
    scrambled,
    toy,
    window_batch,
)

from recsys_tutorial import Batch, losses
from recsys_tutorial.models import SequenceLSTM
from recsys_tutorial.models.sequences import NEVER, PADDING, windows


@pytest.fixture(scope="module")
def chain():
    return chain_parts()


def test_windows_by_hand():
    cut = windows(toy(), length=3)
    assert cut.user.tolist() == [0, 0, 1, 2]  # user 1 has four rows: one, then the newest three
    assert cut.history.tolist() == [[1, -1, -1], [2, 0, 3], [0, -1, -1], [1, 3, -1]]
    assert cut.rating.tolist() == [[2, 0, 0], [5, 4, 3], [1, 0, 0], [5, 2, 0]]
    assert cut.time[1].tolist() == [3, 5, 9]
    assert cut.time[3].tolist() == [2, 7, NEVER]
    assert cut.weight.tolist() == [[1, 0, 0], [1, 1, 1], [1, 0, 0], [1, 1, 0]]


def test_without_timestamps_the_order_of_rows_is_the_order_in_time():
    cut = windows(toy(times=None), length=4)
    assert cut.history[0].tolist() == [0, 1, 2, 3]
    assert (cut.time[0].diff() > 0).all()


def test_every_row_is_in_one_window_with_its_weight():
    data = toy(weight=[1.0, 2, 3, 4, 5, 6, 7])
    for length in (1, 2, 3, 10):
        cut = windows(data, length)
        real = cut.history != PADDING
        pairs = sorted(zip(cut.user.repeat_interleave(real.sum(1)).tolist(),
                           cut.history[real].tolist(), strict=True))  # fmt: skip
        assert pairs == sorted(zip(data.user.tolist(), data.item.tolist(), strict=True))
        assert cut.weight.sum() == 28


def test_history_is_each_users_last_rows():
    model = SequenceLSTM.for_dataset(toy(), dim=4, length=3)
    assert model.history.tolist() == [[2, 0, 3], [0, -1, -1], [1, 3, -1]]
    assert model.history_rating.tolist() == [[5, 4, 3], [1, 0, 0], [5, 2, 0]]


@BOTH
def test_a_row_is_predicted_from_all_strictly_earlier_rows_and_no_other(cls):
    model = scrambled(cls.for_dataset(toy(), **SMALL))
    batch = windows(toy(), 6)
    output = model.score_sequence(batch)
    log_p = (output.score - output.total)[0].detach()  # user 1: (b, c), a, d
    for row, (item, earlier) in enumerate([(1, []), (2, []), (0, [1, 2]), (3, [1, 2, 0])]):
        if earlier:
            items = torch.tensor(earlier)
            stars = batch.rating[0][: len(earlier)]
            h = model.fold_in(items, stars).row
        else:
            h = torch.zeros(model.dim)
        scores = h @ model.item_factors.T + model.item_bias
        assert float(log_p[row]) == pytest.approx(
            float(scores.log_softmax(0)[item].detach()), abs=1e-5
        )


@BOTH
def test_changing_the_future_changes_nothing(cls, chain):
    model = scrambled(cls.for_dataset(chain[0], **SMALL))
    batch = random_windows(model)
    before = model.score_sequence(batch)
    for t in range(1, 6):
        history, rating = batch.history.clone(), batch.rating.clone()
        history[:, t:] = (history[:, t:] + 7) % model.n_items
        rating[:, t:] = 6 - rating[:, t:]
        after = model.score_sequence(window_batch(history, rating))
        assert torch.equal(after.score[:, :t], before.score[:, :t])
        assert torch.equal(after.total[:, : t + 1], before.total[:, : t + 1])
        assert not torch.equal(after.total[:, t + 1 :], before.total[:, t + 1 :]) or t == 5


@BOTH
def test_films_of_one_second_do_not_know_of_each_other(cls, chain):
    model = scrambled(cls.for_dataset(chain[0], **SMALL))
    history = torch.tensor([[4, 9, 2, 7]])
    time = torch.tensor([[1, 2, 2, 3]])
    before = model.score_sequence(window_batch(history, time=time))
    other = model.score_sequence(window_batch(torch.tensor([[4, 11, 2, 7]]), time=time))
    assert other.score[0, 2] == before.score[0, 2]  # 2 came with 9, or with 11
    assert other.score[0, 3] != before.score[0, 3]
    assert before.total[0, 1] == before.total[0, 2]  # one question with two right answers


@BOTH
def test_more_padding_changes_nothing(cls, chain):
    model = scrambled(cls.for_dataset(chain[0], **SMALL))
    short = random_windows(model, length=4)
    padded = window_batch(
        torch.cat([short.history, torch.full((3, 2), PADDING)], 1),
        torch.cat([short.rating, torch.zeros(3, 2)], 1),
    )
    one, two = model.score_sequence(short), model.score_sequence(padded)
    assert torch.allclose(two.score[:, :4], one.score, atol=1e-6)
    one_loss, two_loss = losses.next_item(one, short), losses.next_item(two, padded)
    assert float(two_loss.detach()) == pytest.approx(float(one_loss.detach()), abs=1e-6)
    user = torch.arange(3)
    a = model.score_items(Batch(user=user, history=short.history))
    b = model.score_items(Batch(user=user, history=padded.history))
    assert torch.allclose(a, b, atol=1e-6)


@BOTH
def test_only_the_last_items_of_a_long_history_count(cls, chain):
    model = scrambled(cls.for_dataset(chain[0], **SMALL))
    long = torch.randperm(model.n_items)[None, :15]
    user = torch.tensor([0])
    a = model.score_items(Batch(user=user, history=long))
    b = model.score_items(Batch(user=user, history=long[:, -model.length :]))
    assert torch.allclose(a, b, atol=1e-6)
    folded = model.fold_in(long[0], torch.full((15,), 4.0))
    assert torch.allclose(folded.parts.sum(0), folded.row, atol=1e-5)
    assert not folded.parts[: 15 - model.length].any()
    assert folded.parts[15 - model.length :].any(1).all()
