"""SideFeatureMF for cold rows and new users, and how it is kept."""

import numpy as np
import pytest
import torch
from ladder import fitted, rmse_of
from test_side_features import planted_on_features

import recsys_tutorial as rt
from recsys_tutorial.models import BiasedMF, SideFeatureMF

# ---- cold rows, unknown ids, new users ------------------------------------------------------


def test_cold_rows_score_mean_and_features():
    data = planted_on_features(3, 1.0)
    train = data.take((data.user >= 30) & (data.item >= 30))
    model = fitted(SideFeatureMF, train)
    assert model.user_factors[:30].abs().sum() == model.item_bias[:30].abs().sum() == 0
    both_cold = data.take((data.user < 30) & (data.item < 30))
    x, y = model.user_side[both_cold.user], model.item_side[both_cold.item]
    expected = model.mean + model.unit * (
        x @ model.side_user_bias
        + y @ model.side_item_bias
        + ((x @ model.side_user_factors) * (y @ model.side_item_factors)).sum(-1)
    )
    scores = rt.predict(model, both_cold, clip=False)
    np.testing.assert_allclose(scores, expected.detach().numpy(), atol=1e-5)
    assert rmse_of(model, both_cold) < 0.75 * both_cold.rating.std()
    assert rt.evaluate(model, both_cold, train=train, relevant=3.5)["n_cold"] == len(both_cold)


def test_fold_in_counts_item_features_and_a_stranger_has_none():
    data = planted_on_features(4, 1.0)
    model = fitted(SideFeatureMF, data.take(data.item >= 30))
    rows, offset = model.item_rows()
    assert not rows.requires_grad
    cold = torch.arange(30)
    q, bias = model.of_items(cold)
    assert torch.allclose(rows[:30, :-1], model.unit * q.detach(), atol=1e-6)
    assert torch.allclose(offset[:30], model.mean + model.unit * bias.detach(), atol=1e-6)
    rated = torch.arange(100, 140)
    genre = np.array([g[0] for g in data.items["genres"]])
    liked = genre == genre[100]
    stars = torch.tensor(np.where(liked[100:140], 5.0, 2.0))
    folded = model.fold_in(rated, stars)
    assert torch.allclose(folded.parts.sum(0), folded.row, atol=1e-5)
    scores = (rows @ folded.row + offset)[:30].numpy()  # films that nobody has rated
    assert scores[liked[:30]].min() > scores[~liked[:30]].max()


@pytest.mark.real
def test_gain_over_biases_only_on_the_official_folds(ml100k):
    gains = []
    for train, test in ml100k.folds(5):
        biases = fitted(BiasedMF, train, dim=0)
        gains.append(rmse_of(biases, test) - rmse_of(fitted(SideFeatureMF, train), test))
    assert np.mean(gains) >= 0.043
    assert min(gains) >= 0.036
