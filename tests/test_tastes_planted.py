"""Both models of several tastes on planted tastes, and in use."""

import numpy as np
import pytest
import torch
from ladder import batch_of, rmse_of
from scipy import special
from scipy.optimize import linear_sum_assignment
from test_tastes import BOTH, fitted

import recsys_tutorial as rt
from recsys_tutorial.datasets import planted
from recsys_tutorial.models import BiasedMF, GumbelTastes, MixtureOfTastes

# ---- planted tastes ---------------------------------------------------------------------------


def several_tastes(seed: int, **changed):
    settings = {"n_users": 300, "n_items": 300, "n_ratings": 36_000, "dim": 4, "n_tastes": 2}
    settings |= {"noise": 0.3, "signal": 1.2, "selection": 0.5, "whole_stars": False}
    return planted(**settings | changed, seed=seed)


def test_planted_users_with_several_tastes():
    data = several_tastes(0)
    t = data.truth
    assert t.user_tastes.shape == t.user_attention.shape == (300, 2, 4)
    model = MixtureOfTastes(300, 300, dim=4, n_tastes=2).double()
    with torch.no_grad():
        model.mean.fill_(t.mean)
        for table, values in (
            (model.user_tastes, t.user_tastes),
            (model.user_attention, t.user_attention),
            (model.item_factors, t.item_factors),
            (model.user_bias, t.user_bias),
            (model.item_bias, t.item_bias),
        ):
            table.copy_(torch.from_numpy(values))
    left = data.rating - model(batch_of(data.user, data.item)).detach().numpy()
    assert left.std() == pytest.approx(0.3, abs=0.01)  # the truth leaves the noise, and no more
    logits = np.einsum("nmd,nd->nm", t.user_attention[data.user], t.item_factors[data.item])
    weights = special.softmax(logits, axis=-1)
    assert (weights.max(-1) > 0.9).mean() > 0.7  # most near 0 or 1


def test_one_planted_taste_is_what_it_was():
    plain, one = planted(seed=4), planted(seed=4, n_tastes=1)
    assert np.array_equal(plain.rating, one.rating)
    assert not hasattr(one.truth, "user_tastes")
    with pytest.raises(ValueError, match="n_tastes=0"):
        planted(n_tastes=0)


def best_of(cls, grid, train, valid, **settings):
    """The model of the smallest validation error; as many are tried of each class."""
    fit = {"epochs": 60, "lr": 0.1, "batch_size": 1024}
    models = [fitted(cls, train, fit=fit, **settings, **choice) for choice in grid]
    return min(models, key=lambda model: rmse_of(model, valid))


def likeness(model, truth) -> tuple[float, float]:
    """How alike found and planted tastes are, and how alike those of people mixed up.

    A taste is what it says of all items, U_m . q_i over i. Tastes of a user are matched by the
    permutation of the largest sum of correlations (Hungarian method); mean over users and tastes.
    """
    everybody = torch.arange(model.n_users)
    found = model.of_catalogue(model.user_tastes, everybody).detach().double().numpy()
    planted_ = np.einsum("umd,id->umi", truth.user_tastes, truth.item_factors)

    def unit(x):
        x = x - x.mean(-1, keepdims=True)
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    def matched(a, b):
        values = []
        for mine, theirs in zip(unit(a), unit(b), strict=True):
            r = mine @ theirs.T
            values.append(r[linear_sum_assignment(-r)].mean())
        return float(np.mean(values))

    mixed_up = np.random.default_rng(0).permutation(model.n_users)
    return matched(planted_, found), matched(planted_, found[mixed_up])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_planted_tastes_are_found_and_pay(seed):
    """Two settings tried of each class, by validation rows; the verdict by test rows."""
    data = several_tastes(seed)
    train, valid, test = data.split(seed=seed)
    plain = [{"dim": dim, "l2": 0.03} for dim in (16, 24)]
    several = [{"dim": dim, "l2": 0.01} for dim in (4, 5)]
    before = rmse_of(best_of(BiasedMF, plain, train, valid), test)
    for cls in (MixtureOfTastes, GumbelTastes):
        model = best_of(cls, several, train, valid)
        assert rmse_of(model, test) < before - 0.03  # seven seeds: at least 0.043
        match, chance = likeness(model, data.truth)
        assert match > 0.75
        assert chance < 0.4


def test_no_second_taste_is_found_where_none_was_planted():
    """Two tastes that say the same: then it does not matter which of them speaks."""
    data = several_tastes(0, n_tastes=1)
    train, valid, test = data.split(seed=0)
    grid = [{"dim": 4, "l2": 0.01}]
    plain = rmse_of(best_of(BiasedMF, grid, train, valid), test)
    model = best_of(MixtureOfTastes, grid, train, valid, n_tastes=2)
    assert rmse_of(model, test) > plain - 0.01
    first, second = model.of_catalogue(model.user_tastes, torch.arange(300)).detach().unbind(1)
    alike = torch.cosine_similarity(first, second, dim=-1).mean()
    found = best_of(MixtureOfTastes, grid, *several_tastes(0).split(seed=0)[:2])
    first, second = found.of_catalogue(found.user_tastes, torch.arange(300)).detach().unbind(1)
    assert alike > torch.cosine_similarity(first, second, dim=-1).mean() + 0.3


@pytest.mark.real
@BOTH
def test_gain_on_an_official_fold(ml100k, cls):
    """One fold; the gate of all five is the benchmark's."""
    train, test = next(iter(ml100k.folds()))
    rmse = []
    for kind, settings in ((BiasedMF, {"dim": 0}), (cls, {})):
        model = kind.for_dataset(train, **settings)
        rt.fit(model, train, progress=False)
        rmse.append(rmse_of(model, test))
    assert rmse[0] - rmse[1] > 0.025
