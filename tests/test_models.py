"""Models: shapes, values by hand, reductions, cold rows, the fold-in of new users."""

import numpy as np
import pandas as pd
import pytest
import torch
from ladder import batch_of, fitted

import recsys_tutorial as rt
from recsys_tutorial import losses
from recsys_tutorial.datasets import from_frame
from recsys_tutorial.models import MF, BiasedMF, Popularity

FACTOR_MODELS = [MF, BiasedMF]


def by_hand(model) -> None:
    """Two users, three items, numbers that can be multiplied in the head."""
    with torch.no_grad():
        model.mean.fill_(3.0)
        model.user_factors.copy_(torch.tensor([[1.0, 0.0], [0.5, 2.0]]))
        model.item_factors.copy_(torch.tensor([[1.0, 1.0], [0.0, 1.0], [-1.0, 0.0]]))


def test_mf_by_hand():
    model = MF(2, 3, dim=2)
    by_hand(model)
    scores = model(batch_of([0, 0, 1, 1], [0, 2, 0, 1]))
    assert scores.tolist() == [4.0, 2.0, 5.5, 5.0]


def test_biased_mf_by_hand():
    model = BiasedMF(2, 3, dim=2)
    by_hand(model)
    with torch.no_grad():
        model.user_bias.copy_(torch.tensor([0.5, -1.0]))
        model.item_bias.copy_(torch.tensor([0.0, 0.25, -0.25]))
    scores = model(batch_of([0, 0, 1, 1], [0, 2, 0, 1]))
    assert scores.tolist() == [4.5, 2.25, 4.5, 4.25]


def test_a_vocabulary_of_another_dataset_is_refused(small):
    model = BiasedMF.for_dataset(small)
    other = rt.datasets.planted(n_users=81, n_items=60, n_ratings=2_400, seed=1)
    for use in (
        lambda: rt.predict(model, other),
        lambda: rt.evaluate(model, other, train=other),
        lambda: rt.evaluate(model, small, train=other),
        lambda: rt.recommend(model, other, 1),
        lambda: rt.fit(model, other),
    ):
        with pytest.raises(ValueError, match="for_dataset"):
            use()


@pytest.mark.parametrize("cls", FACTOR_MODELS)
class TestFactorModels:
    def test_zero_dimensions_leave_mean_and_biases(self, cls, small):
        model = fitted(cls, small, {"epochs": 6}, dim=0)
        scores = model(batch_of(small.user, small.item))
        expected = model.mean.expand(len(small))
        if cls is BiasedMF:
            expected = expected + model.user_bias[small.user] + model.item_bias[small.item]
        assert torch.allclose(scores, expected)

    def test_gradients_reach_only_rows_of_the_batch(self, cls, small):
        model = cls.for_dataset(small, dim=3)
        batch = batch_of([2, 5], [1, 1])
        (model(batch).sum() + model.penalty(batch)).backward()
        touched = model.user_factors.grad.abs().sum(1).nonzero().flatten().tolist()
        assert touched == [2, 5]

    def test_penalty_by_hand_is_frequency_weighted(self, cls):
        model = cls(2, 2, dim=2, l2=0.5)
        with torch.no_grad():
            model.user_factors.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
            model.item_factors.zero_()
        batch = batch_of([0, 0, 1], [0, 1, 0])  # user 0 pays twice
        assert float(model.penalty(batch).detach()) == pytest.approx(0.5 * (1 + 1 + 4) / 3)

    def test_cold_items_stay_cold_when_drawn_as_negatives(self, cls, small):
        warm = small.take(small.item != 9)
        model = cls.for_dataset(warm)
        rt.fit(model, warm, loss=losses.bpr, epochs=1, progress=False)
        assert model.item_factors[9].abs().sum() == 0

    def test_planted_tastes_are_recovered(self, cls):
        """Enough noise-free ratings: scores come out as planted, whatever the axes are called."""
        data = rt.datasets.planted(
            n_users=120, n_items=80, n_ratings=6_000, dim=2, noise=0.0, whole_stars=False, seed=5
        )
        train, _, test = data.split(valid=0, test=0.2)
        model = cls.for_dataset(
            train, dim=8, l2=0.002, **({"l2_bias": 0.0} if cls is BiasedMF else {})
        )
        rt.fit(model, train, epochs=80, lr=0.03, batch_size=256, progress=False)
        rmse = rt.metrics.rmse(test.rating, rt.predict(model, test))
        assert rmse < 0.3 * test.rating.std()


def test_popularity_counts_training_ratings(small):
    model = Popularity.for_dataset(small)
    assert float(model(batch_of([0], [0]))) == 0  # not fitted yet
    rt.fit(model, small)
    scores = model(batch_of([0, 5], [2, 2]))
    assert scores.tolist() == [small.counts("item")[2]] * 2
    assert "rmse" not in rt.evaluate(model, small.take(np.arange(50)), train=[])


def test_weighted_mean():
    data = from_frame(
        pd.DataFrame({"user": [1, 2], "item": [1, 1], "rating": [1.0, 5.0], "weight": [3.0, 1.0]})
    )
    assert float(MF.for_dataset(data).mean) == pytest.approx(2.0)


class TestFewRatings:
    """A new user with few ratings is held near the average one; training's penalty would not."""

    def test_one_rating_moves_a_new_user_little(self, small):
        model = fitted(BiasedMF, small, {"epochs": 6})
        item = torch.tensor([int(np.argmax(small.counts("item")))])
        _, offset = model.item_rows()
        loved = model.fold_in(item, torch.tensor([5.0])).row
        surprise = 5.0 - float(offset[item])
        assert 0 < float(loved[-1]) < 0.3 * surprise
        assert not model.fold_in(item[:0], torch.tensor([])).row.any()

    @pytest.mark.parametrize("n", [1, 3, 10])
    def test_a_few_ratings_never_predict_worse_than_none(self, n):
        data = rt.datasets.planted(n_users=300, n_items=120, n_ratings=15_000, seed=8)
        known = data.user < 220
        model = fitted(BiasedMF, data.take(known), {"epochs": 6})
        rows, offset = model.item_rows()
        errors = []
        for user in range(220, 300):
            mine = np.flatnonzero(data.user == user)
            first, rest = mine[:n], mine[n:]
            folded = model.fold_in(torch.tensor(data.item[first]), torch.tensor(data.rating[first]))
            none = offset[data.item[rest]]
            some = rows[data.item[rest]] @ folded.row + none
            errors.append(
                [float(((torch.tensor(data.rating[rest]) - s) ** 2).mean()) for s in (none, some)]
            )
        without, with_some = np.mean(errors, axis=0)
        assert with_some < without

    def test_from_forty_ratings_on_it_is_the_penalty_of_training(self, small):
        model = BiasedMF.for_dataset(small, dim=3, l2=0.2, l2_bias=0.05)
        assert model.ridge(50).tolist() == pytest.approx([10, 10, 10, 2.5])
        assert model.ridge(1).tolist() == pytest.approx([8, 8, 8, 0.05 + 3.9])
