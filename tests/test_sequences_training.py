"""Sequence models in training: gradients, resume, seeds, little data, exports."""

import numpy as np
import pandas as pd
import pytest
import torch
from sequence_data import (
    BOTH,
    SMALL,
    chain_parts,
    scrambled,
    toy,
)

import recsys_tutorial as rt
from recsys_tutorial import Batch, losses
from recsys_tutorial.datasets import from_frame
from recsys_tutorial.models import SequenceLSTM, SequenceTransformer
from recsys_tutorial.models.sequences import windows


@pytest.fixture(scope="module")
def chain():
    return chain_parts()


@BOTH
def test_gradient_of_the_biases_by_hand(cls):
    """With everything in one second nothing is known: softmax of b, less the shares of films."""
    data = toy(times=[5] * 7)
    model = scrambled(cls.for_dataset(data, **SMALL))
    batch = windows(data, 6)
    losses.next_item(model.score_sequence(batch), batch).backward()
    share = torch.from_numpy(data.counts("item")) / len(data)
    expected = model.item_bias.detach().softmax(0) - share
    assert torch.allclose(model.item_bias.grad, expected, atol=1e-6)


@BOTH
def test_a_few_windows_are_learned_by_heart(cls):
    """Everything but the first film of a user, which nothing announces."""
    frame = pd.DataFrame(
        {
            "user": [1] * 4 + [2] * 4,
            "item": [0, 1, 2, 3, 3, 0, 2, 1],
            "rating": 3.0,
            "timestamp": [*range(4), *range(4)],
        }
    )
    data = from_frame(frame)
    model = cls.for_dataset(data, dim=16, length=4, dropout=0.0, seed=1)
    history = rt.fit(model, data, epochs=200, lr=0.02, progress=False)
    least = 2 * np.log(2) / 8  # two users, two first films: one bit each, of eight rows
    loss = losses.next_item(model.score_sequence(windows(data, 4)), windows(data, 4))
    assert least - 1e-4 < float(loss.detach()) < least + 0.03
    assert history.frame["train_loss"].iloc[-1] < 0.5


@BOTH
def test_valid_loss_is_that_of_the_rows_behind_the_training_history(cls, chain):
    train, valid, _ = chain
    model = cls.for_dataset(train, **SMALL)
    history = rt.fit(model, train, valid, loss=losses.next_item, epochs=2, progress=False)
    with torch.no_grad():
        log_p = model.score_items(Batch(user=torch.from_numpy(valid.user))).log_softmax(1)
    by_hand = -log_p[torch.arange(len(valid)), torch.from_numpy(valid.item)].mean()
    assert history.frame["valid_loss"].iloc[-1] == pytest.approx(float(by_hand), abs=1e-5)


@BOTH
def test_train_loss_is_a_mean_over_rows(cls, chain):
    """Two sizes of batch, next to no learning: the same mean, though batches differ in rows."""
    train = chain[0]
    means = []
    for batch_size in (7, 10_000):
        model = cls.for_dataset(train, dim=8, length=6, dropout=0.0)
        history = rt.fit(model, train, epochs=1, lr=1e-9, batch_size=batch_size, progress=False)
        means.append(history.frame["train_loss"].iloc[0])
    assert means[0] == pytest.approx(means[1], abs=1e-4)


def test_a_loss_must_suit_the_model(chain):
    train = chain[0]
    with pytest.raises(ValueError, match="squared_error does not"):
        rt.fit(SequenceLSTM.for_dataset(train), train, loss=losses.squared_error)
    with pytest.raises(ValueError, match="MF does not learn from sequences"):
        rt.fit(rt.models.MF.for_dataset(train), train, loss=losses.next_item)
    with pytest.raises(ValueError, match="negatives"):
        rt.fit(SequenceTransformer.for_dataset(train), train, negatives=5)
    with pytest.raises(ValueError, match="heads"):
        SequenceTransformer.for_dataset(train, dim=9, heads=2)
    with pytest.raises(ValueError, match="length"):
        SequenceLSTM.for_dataset(train, length=0)


@BOTH
def test_users_with_one_rating_or_none_and_items_with_none(cls):
    data = toy()
    train = data.take(np.array([0, 1, 4]))  # user 1: b then a; user 2: a; user 3 and c, d are cold
    model = cls.for_dataset(train, **SMALL)
    rt.fit(model, train, epochs=3, progress=False)
    scores = model.score_items(Batch(user=torch.arange(3))).detach()
    assert torch.isfinite(scores).all()
    assert not scores[:, 2:].any()  # c and d: exactly zero
    assert torch.equal(scores[2], model.item_bias.detach())  # nothing known: what comes first
    assert not model.item_factors[2:].any()
    output = model.score_sequence(windows(train, 6))
    assert torch.isfinite(losses.next_item(output, windows(train, 6)))
    report = rt.evaluate(model, data.take(np.array([2, 3, 6])), train=train, relevant=1)
    assert report["n_cold"] == 3
    alone = data.take(np.array([4]))
    rt.fit(cls.for_dataset(alone, **SMALL), alone, epochs=1, progress=False)


@BOTH
def test_cold_items_have_a_share_of_probability_in_training_too(cls):
    """Else the scores of all others could drift below their zero."""
    train = toy().take(np.array([0, 1, 4]))
    model = scrambled(cls.for_dataset(train, **SMALL))
    total = model.score_sequence(windows(train, 6)).total
    b = model.item_bias.detach()[:2]
    assert float(total[0, 0].detach()) == pytest.approx(float(torch.log(2 + b.exp().sum())))


@BOTH
def test_recommendations_for_a_user_and_for_ratings_in_their_order(cls, chain):
    train = chain[0]
    model = scrambled(cls.for_dataset(train, **SMALL))
    user = int(train.user[0])
    table = rt.recommend(model, train, train.user_vocab.id_at(user), k=5)
    assert len(set(table["title"])) == 5
    items, stars = model.history[user], model.history_rating[user]
    ids = train.item_vocab.ids[items[items >= 0].numpy()]
    ratings = dict(zip(ids.tolist(), stars.tolist(), strict=False))
    same = rt.recommend(model, train, ratings=ratings, k=40, exclude_rated=False, reasons=True)
    known = rt.recommend(model, train, train.user_vocab.id_at(user), k=40, exclude_rated=False)
    assert same["title"].tolist() == known["title"].tolist()
    turned = dict(reversed(ratings.items()))
    other = rt.recommend(model, train, ratings=turned, k=40, exclude_rated=False)
    assert other["title"].tolist() != same["title"].tolist()
