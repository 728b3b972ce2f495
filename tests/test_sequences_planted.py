"""Markov and sequence models on planted chains: found where one is, and not where there is none."""

import itertools

import numpy as np
import pytest
import torch
from sequence_data import (
    BOTH,
    toy,
)

import recsys_tutorial as rt
from recsys_tutorial import Batch, losses
from recsys_tutorial.evaluation import next_group
from recsys_tutorial.models import Markov, SequenceLSTM, SequenceTransformer, SequentialRules
from recsys_tutorial.models.sequences import windows
from recsys_workshop.labs.planted_sequences import next_chances, planted_sequences

PLANTED = {"dim": 32, "length": 50, "dropout": 0.2}


def test_markov_refuses_a_catalogue_too_large_for_a_table_of_pairs():
    with pytest.raises(ValueError, match=r"Markov holds .* 60,000 items .* 107.3 GiB .*than 4"):
        Markov(10, 60_000)


def test_markov_by_hand():
    data = toy()  # b, c -> a -> d (user 1); a (user 2); b -> d (user 3)
    model = Markov.for_dataset(data, smoothing=2.0)
    rt.fit(model, data)
    share = np.array([2, 2, 1, 2]) / 7
    counts = np.array([[0, 0, 0, 1], [0.5, 0, 0, 1], [0.5, 0, 0, 0], [0, 0, 0, 0]])
    expected = (counts + 2 * share) / (counts.sum(1, keepdims=True) + 2)
    assert np.allclose(model.follows, expected)
    assert np.allclose(model.score_items(Batch(user=torch.tensor([1])))[0], expected[0])


def test_markov_takes_the_mean_over_the_last_second_and_agrees_with_itself():
    data = toy(times=[5, 9, 9, 3, 1, 2, 7])  # d, a, then b and c together
    model = Markov.for_dataset(data, smoothing=1.0)
    rt.fit(model, data)
    table = model.score_items(Batch(user=torch.arange(3)))
    assert torch.allclose(table[0], (model.follows[1] + model.follows[2]) / 2)
    user, item = torch.tensor([[0], [2]]), torch.arange(4).unsqueeze(0)
    assert torch.allclose(model(Batch(user=user, item=item)), table[[0, 2]])
    part = data.take(data.user != 0)
    cold = Markov.for_dataset(part)
    rt.fit(cold, part)
    assert not cold.score_items(Batch(user=torch.tensor([0]))).any()


def test_rules_by_hand_and_without_ties_a_window_of_one_is_markov():
    data = toy(times=[1, 2, 3, 4, 1, 2, 7])  # lists in the order of rows, no ties
    rows = [data.item[data.user == u].tolist() for u in range(3)]
    model = SequentialRules.for_dataset(data, window=2, decay=0.5, smoothing=2.0)
    rt.fit(model, data)
    counts = np.zeros((4, 4))
    for row in rows:
        for a, b in itertools.pairwise(row):
            counts[a, b] += 1
        for a, b in zip(row, row[2:], strict=False):
            counts[a, b] += 0.5
    share = np.bincount(data.item, minlength=4) / len(data)
    expected = (counts + 2 * share) / (counts.sum(1, keepdims=True) + 2)
    assert np.allclose(model.follows, expected)
    last, before = rows[0][-1], rows[0][-2]
    scores = model.score_items(Batch(user=torch.tensor([0])))[0]
    assert np.allclose(scores, (expected[last] + 0.5 * expected[before]) / 1.5)
    one, two = SequentialRules.for_dataset(data, window=1), Markov.for_dataset(data)
    for model in (one, two):
        rt.fit(model, data)
    everybody = Batch(user=torch.arange(3))
    assert torch.allclose(one.score_items(everybody), two.score_items(everybody))


def test_next_group_by_hand():
    data = toy(times=[5, 3, 3, 9, 1, 2, 7])
    train = data.take(np.array([1, 4, 5]))  # b at 3, a, b
    rest = data.take(np.array([0, 2, 3, 6]))  # a at 5, c at 3 (a tie with b), d at 9, d
    found = next_group(rest, train)
    assert found.row.tolist() == [0, 6]
    both = next_group(toy(times=[5, 3, 3, 5, 1, 2, 7]).take(np.array([0, 2, 3, 6])), [train])
    assert both.row.tolist() == [0, 3, 6]
    no_times = toy(times=None)
    found = next_group(no_times.take(np.array([1, 2, 6])), no_times.take(np.array([0, 4, 5])))
    assert found.row.tolist() == [1, 6]


class Best(rt.models.Popularity):
    """The chances of the planted chain itself."""

    def know(self, data, train):
        order = np.lexsort((train.timestamp, train.user))
        parts = np.split(train.item[order], np.cumsum(train.counts("user"))[:-1])
        table = np.stack([next_chances(data.truth, items) for items in parts])
        self.table = torch.tensor(table, dtype=torch.float32)
        return self

    def forward(self, batch):
        return self.table[batch.user, batch.item]

    def score_items(self, batch):
        return self.table[batch.user]


def ranks(model, train, nxt):
    return rt.evaluate(model, nxt, train=train, relevant=1)["mrr"]


def trained(model, train, **settings):
    rt.fit(model, train, progress=False, **settings)
    return model


def planted(seed, order, **settings):
    data = planted_sequences(n_users=300, order=order, seed=seed, **settings)
    train, _, test = data.split("last", valid=0, test=0.1)
    return data, train, next_group(test, train)


def baselines(train, nxt):
    """Of everything that knows no more than sets of films or the last film, the mrr."""
    simple = {cls.__name__: cls.for_dataset(train) for cls in (rt.models.Popularity, Markov)}
    simple["EASE"] = rt.models.EASE.for_dataset(train)
    found = {name: ranks(trained(model, train), train, nxt) for name, model in simple.items()}
    mf = rt.models.MF.for_dataset(train, dim=16)
    trained(mf, train, loss=losses.sampled_softmax, negatives="all")
    return {**found, "MF": ranks(mf, train, nxt)}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_planted_chain_is_found_and_no_simpler_model_ranks_as_well(seed):
    """Counting sees 120 x 120 transitions one by one; the models see that films share a mood."""
    data, train, nxt = planted(seed, order=1)
    best = ranks(trained(Best.for_dataset(train), train).know(data, train), train, nxt)
    simple = baselines(train, nxt)
    for cls, lr in ((SequenceLSTM, 0.01), (SequenceTransformer, 0.005)):
        model = cls.for_dataset(train, seed=seed, **PLANTED)
        mrr = ranks(trained(model, train, epochs=8, lr=lr), train, nxt)
        assert mrr > max(simple.values())
        assert mrr > 2 * max(v for name, v in simple.items() if name != "Markov")
        assert mrr > 0.88 * best


@pytest.mark.parametrize("seed", [0, 1])
def test_what_the_last_film_but_one_announces_is_found_too(seed):
    """A first-order chain cannot know it, whatever it counts."""
    data, train, nxt = planted(seed, order=2)
    best = ranks(trained(Best.for_dataset(train), train).know(data, train), train, nxt)
    simple = max(baselines(train, nxt).values())
    lstm = SequenceLSTM.for_dataset(train, seed=seed, **PLANTED)
    assert ranks(trained(lstm, train, epochs=15, lr=0.01), train, nxt) > max(
        0.85 * best, 2 * simple
    )
    # Attention finds the place before the last late, and then at once, at an epoch that differs
    # between machines: it asks for many more epochs.
    attention = SequenceTransformer.for_dataset(train, seed=seed, **PLANTED)
    assert ranks(trained(attention, train, epochs=45, lr=0.01), train, nxt) > 1.2 * simple


@BOTH
def test_no_chain_is_found_where_none_was_planted(cls):
    data, train, nxt = planted(0, order=1, follow=0.0)
    best = ranks(trained(Best.for_dataset(train), train).know(data, train), train, nxt)
    model = cls.for_dataset(train, **PLANTED)
    assert ranks(trained(model, train, epochs=8), train, nxt) < 1.2 * best


def test_planted_chances_are_what_was_drawn():
    data = planted_sequences(n_users=2000, n_items=24, moods=4, length=(4, 4), seed=2)
    cut = windows(data, 4)
    truth = data.truth
    follows = np.zeros((4, 4))
    np.add.at(follows, (truth.mood[cut.history[:, 0]], truth.mood[cut.history[:, 1]]), 1)
    share = follows / follows.sum(1, keepdims=True)
    assert np.abs(share - truth.transition).max() < 0.08  # less what was seen; about 500 each
    expected = [next_chances(truth, h[:3])[h[3]] for h in cut.history.numpy()]
    own = np.array([next_chances(truth, h[:3]).dot(next_chances(truth, h[:3])) for h in
                    cut.history.numpy()])  # fmt: skip
    assert np.mean(expected) == pytest.approx(own.mean(), abs=0.01)  # what is drawn, on average
    assert np.allclose(next_chances(truth, [0, 5, 7])[[0, 5, 7]], 0)
