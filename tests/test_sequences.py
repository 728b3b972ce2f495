"""Sequence models: what they may know, what must not matter, and that they find a planted chain."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch

import recsys_tutorial as rt
from recsys_tutorial import Batch, losses
from recsys_tutorial.datasets import from_frame, planted_sequences
from recsys_tutorial.datasets.planted_sequences import next_chances
from recsys_tutorial.evaluation import next_group
from recsys_tutorial.models import Markov, SequenceLSTM, SequenceTransformer
from recsys_tutorial.models.sequences import NEVER, PADDING, windows

BOTH = pytest.mark.parametrize("cls", [SequenceLSTM, SequenceTransformer])
SMALL = {"dim": 8, "length": 6, "dropout": 0.2}


def toy(times=(5, 3, 3, 9, 1, 2, 7), weight=None):
    """User 1: b and c in one second, then a, then d; user 2: a; user 3: b, d."""
    frame = pd.DataFrame(
        {
            "user": [1, 1, 1, 1, 2, 3, 3],
            "item": ["a", "b", "c", "d", "a", "b", "d"],
            "rating": [4.0, 2.0, 5.0, 3.0, 1.0, 5.0, 2.0],
        }
    )
    if times is not None:
        frame["timestamp"] = times
    if weight is not None:
        frame["weight"] = weight
    return from_frame(frame)


@pytest.fixture(scope="module")
def chain():
    """A planted chain, cut into what was before and what comes next."""
    data = planted_sequences(n_users=60, n_items=40, length=(8, 20), seed=3)
    return data.split("last", valid=0.1, test=0.1)


def scrambled(model):
    """The model with random numbers everywhere: what is wrong cannot hide behind a zero."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=model.generator) * 0.5)
    return model.eval()


def window_batch(history, rating=None, time=None):
    history = torch.as_tensor(history)
    real = history != PADDING
    if time is None:
        time = torch.arange(history.shape[1]).expand(history.shape)
    rating = torch.full(history.shape, 3.0) if rating is None else torch.as_tensor(rating)
    return Batch(
        user=torch.arange(len(history)),
        history=history,
        rating=rating,
        time=torch.where(real, torch.as_tensor(time), NEVER),
        weight=real.float(),
    )


def random_windows(model, n=3, length=6, seed=0):
    g = torch.Generator().manual_seed(seed)
    history = torch.stack([torch.randperm(model.n_items, generator=g)[:length] for _ in range(n)])
    return window_batch(history, torch.randint(1, 6, history.shape, generator=g).float())


# ---- windows --------------------------------------------------------------------------------


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


def test_order_of_rows_and_names_do_not_matter(chain):
    train = chain[0]
    shuffled = train.take(np.random.default_rng(0).permutation(len(train)))
    assert torch.equal(windows(train, 5).history, windows(shuffled, 5).history)


def test_history_is_each_users_last_rows():
    model = SequenceLSTM.for_dataset(toy(), dim=4, length=3)
    assert model.history.tolist() == [[2, 0, 3], [0, -1, -1], [1, 3, -1]]
    assert model.history_rating.tolist() == [[5, 4, 3], [1, 0, 0], [5, 2, 0]]


# ---- what a row is predicted from -----------------------------------------------------------


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
def test_padding_before_an_item_is_refused(cls, chain):
    model = cls.for_dataset(chain[0], **SMALL)
    with pytest.raises(ValueError, match="padding comes last"):
        model.score_items(Batch(user=torch.tensor([0]), history=torch.tensor([[3, -1, 4]])))


@BOTH
def test_a_batch_of_one(cls, chain):
    model = scrambled(cls.for_dataset(chain[0], **SMALL))
    batch = random_windows(model)
    together = model.score_sequence(batch)
    for i in range(3):
        alone = model.score_sequence(
            window_batch(batch.history[i : i + 1], batch.rating[i : i + 1])
        )
        assert alone.score.shape == (1, 6)
        assert torch.allclose(alone.score[0], together.score[i], atol=1e-5)
    one = model(Batch(user=torch.tensor([2]), item=torch.tensor([5])))
    assert one.score.shape == (1,)
    assert model.score_items(Batch(user=torch.tensor([2]))).shape == (1, model.n_items)


def test_an_lstm_goes_on_from_its_memory(chain):
    model = scrambled(SequenceLSTM.for_dataset(chain[0], **SMALL))
    batch = random_windows(model, length=9)
    whole, _ = model.states_and_memory(batch.history, batch.rating)
    first, memory = model.states_and_memory(batch.history[:, :4], batch.rating[:, :4])
    second, _ = model.states_and_memory(batch.history[:, 4:], batch.rating[:, 4:], memory)
    assert torch.allclose(torch.cat([first, second], 1), whole, atol=1e-6)


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


@BOTH
def test_shapes_and_the_catalogue_agree(cls, chain):
    model = scrambled(cls.for_dataset(chain[0], **SMALL))
    user = torch.tensor([0, 3, 3, 7])
    catalogue = torch.arange(model.n_items).unsqueeze(0)
    table = model.score_items(Batch(user=user))
    wide = model(Batch(user=user.unsqueeze(1), item=catalogue))
    rows = model(Batch(user=user, item=torch.tensor([1, 2, 3, 4])))
    assert table.shape == wide.score.shape == (4, model.n_items)
    assert torch.allclose(table, wide.score, atol=1e-5)
    assert torch.allclose(rows.score, table[torch.arange(4), torch.tensor([1, 2, 3, 4])], atol=1e-5)
    given = Batch(user=user.unsqueeze(1), item=catalogue, history=model.history[user].unsqueeze(1))
    assert model(given).score.shape == (4, model.n_items)
    if cls is SequenceTransformer:  # which reads no ratings: its own history is a history
        assert torch.allclose(model(given).score, table, atol=1e-5)


# ---- gradients ------------------------------------------------------------------------------


@BOTH
def test_gradient_of_the_whole_loss(cls):
    """Against differences, in the direction of random changes of all parameters."""
    data = toy(weight=[1.0, 2, 1, 0.5, 1, 1, 3])
    model = scrambled(cls.for_dataset(data, dim=4, length=3, dropout=0.0)).double()
    batch = windows(data, 3)
    batch = Batch(batch.user, None, batch.rating.double(), batch.time, batch.history,
                  batch.weight.double())  # fmt: skip
    parameters = list(model.parameters())

    def objective():
        return model.default_loss(model.score_sequence(batch), batch) + model.penalty(batch)

    gradients = torch.autograd.grad(objective(), parameters)
    g = torch.Generator().manual_seed(1)
    for _ in range(3):
        step = [torch.randn(p.shape, generator=g, dtype=p.dtype) for p in parameters]
        along = sum(float((a * b).sum()) for a, b in zip(gradients, step, strict=True))
        value = []
        for sign in (1e-6, -2e-6, 1e-6):
            with torch.no_grad():
                for p, s in zip(parameters, step, strict=True):
                    p.add_(s, alpha=sign)
            value.append(float(objective().detach()))
        assert (value[0] - value[1]) / 2e-6 == pytest.approx(along, rel=1e-5, abs=1e-8)


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


# ---- fit ------------------------------------------------------------------------------------


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


@BOTH
def test_killed_and_resumed_equals_uninterrupted(cls, chain, tmp_path):
    train, valid, _ = chain
    settings = {"epochs": 4, "batch_size": 60, "progress": False}
    straight = cls.for_dataset(train, **SMALL)
    whole = rt.fit(straight, train, valid, **settings)
    loss, calls = straight.default_loss, [0]

    class Killed(Exception):
        pass

    def killing(output, batch):
        calls[0] += output.score.requires_grad
        if calls[0] == 30:
            raise Killed
        return loss(output, batch)

    killing.needs, killing.__name__ = losses.needs(loss), loss.__name__
    with pytest.raises(Killed):
        rt.fit(cls.for_dataset(train, **SMALL), train, valid, **settings, loss=killing,
               checkpoint_dir=tmp_path)  # fmt: skip
    fresh = cls.for_dataset(train, **SMALL)
    rest = rt.fit(fresh, train, valid, **settings, checkpoint_dir=tmp_path, resume=True)
    for name, tensor in straight.state_dict().items():
        assert torch.equal(tensor, fresh.state_dict()[name]), name
    columns = ["train_loss", "valid_loss", "lr"]
    pd.testing.assert_frame_equal(whole.frame[columns], rest.frame[columns])
    assert calls[0] == 30


@BOTH
def test_the_global_random_state_is_left_alone_and_seeds_are_all(cls, chain):
    train = chain[0]
    before = torch.get_rng_state()
    models = []
    for _ in range(2):
        model = cls.for_dataset(train, **SMALL, seed=4)
        rt.fit(model, train, epochs=1, progress=False)
        models.append(model.state_dict())
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])
    other = cls.for_dataset(train, **SMALL, seed=5)
    assert not torch.equal(other.item_factors, cls.for_dataset(train, **SMALL).item_factors)


@BOTH
def test_background(cls, chain):
    train, valid, _ = chain
    model, twin = (cls.for_dataset(train, **SMALL) for _ in range(2))
    history = rt.fit(model, train, valid, epochs=2, background=True, progress=False)
    rt.fit(twin, train, valid, epochs=2, progress=False)
    history.wait(60)
    assert torch.equal(model.item_factors, twin.item_factors)


@BOTH
def test_dropout_is_for_training_alone(cls, chain):
    model = cls.for_dataset(chain[0], dim=8, length=6, dropout=0.5)
    batch = random_windows(model)
    model.train()
    a, b = model.score_sequence(batch).score, model.score_sequence(batch).score
    assert not torch.equal(a, b)
    model.eval()
    c, d = model.score_sequence(batch).score, model.score_sequence(batch).score
    assert torch.equal(c, d)


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


# ---- little data, cold ids, exports ---------------------------------------------------------


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
def test_an_export_needs_no_training_data(cls, chain, tmp_path):
    train = chain[0]
    model = cls.for_dataset(train, **SMALL)
    rt.fit(model, train, epochs=1, progress=False)
    user = Batch(user=torch.arange(10))
    bare = cls(train.n_users, train.n_items, **SMALL)
    bare.load_state_dict(copy.deepcopy(model.state_dict()))
    assert torch.equal(bare.eval().score_items(user), model.score_items(user))
    exported = rt.serving.load(rt.serving.export(model, train, tmp_path))
    assert torch.equal(exported.model.score_items(user), model.score_items(user))


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


# ---- Markov, and what comes next ------------------------------------------------------------


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


# ---- planted chains -------------------------------------------------------------------------


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


PLANTED = {"dim": 32, "length": 50, "dropout": 0.2}


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
    # Attention finds the place before the last late, and then at once: it asks for more epochs.
    attention = SequenceTransformer.for_dataset(train, seed=seed, **PLANTED)
    assert ranks(trained(attention, train, epochs=25, lr=0.01), train, nxt) > 1.2 * simple


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
    with pytest.raises(ValueError, match="memory"):
        next_chances(truth, [])
    for wrong in ({"moods": 1}, {"order": 3}, {"length": (5, 1000)}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            planted_sequences(**wrong)
