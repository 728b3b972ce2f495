"""MixtureOfTastes and GumbelTastes: softmax over tastes, one taste is BiasedMF, planted tastes."""

import math
from itertools import pairwise

import ladder
import numpy as np
import pytest
import torch
from ladder import batch_of, rmse_of, scrambled
from scipy.stats import chisquare

import recsys_tutorial as rt
from recsys_tutorial import losses
from recsys_tutorial.datasets import planted
from recsys_tutorial.models import BiasedMF, GumbelTastes, MixtureOfTastes
from recsys_tutorial.models.tastes import gumbel

BOTH = pytest.mark.parametrize("cls", [MixtureOfTastes, GumbelTastes])


def fitted(cls, train, **settings):
    fit = {"epochs": 15, "lr": 0.02, "batch_size": 256} | settings.pop("fit", {})
    return ladder.fitted(cls, train, fit, **settings)


def by_hand(model, user: int, item: int) -> float:
    """The definition, taste by taste, in plain numbers."""
    q = model.item_factors[item].tolist()
    dot = [
        [sum(a * b for a, b in zip(taste, q, strict=True)) for taste in table[user].tolist()]
        for table in (model.user_tastes, model.user_attention)
    ]
    if isinstance(model, GumbelTastes):
        personal = dot[0][dot[1].index(max(dot[1]))]
    else:
        chance = [math.exp(logit) for logit in dot[1]]
        personal = sum(c * s for c, s in zip(chance, dot[0], strict=True)) / sum(chance)
    biases = model.user_bias[user] + model.item_bias[item]
    return float((model.mean + biases).detach()) + personal


# ---- the equation -----------------------------------------------------------------------------


@BOTH
def test_scores_of_three_users_by_hand(small, cls):
    model = scrambled(cls.for_dataset(small, dim=3, n_tastes=4)).eval()
    for user in (0, 3, 7):
        for item in (0, 5):
            score = float(model(batch_of([user], [item])).detach())
            assert score == pytest.approx(by_hand(model, user, item), abs=1e-5)


def test_two_tastes_with_round_numbers():
    """Taste 0 gives 2 stars, taste 1 gives -1, and the attention is 3 to 1 for the first."""
    model = MixtureOfTastes(1, 1, dim=2, n_tastes=2)
    with torch.no_grad():
        model.mean.fill_(3.0)
        model.item_factors.copy_(torch.tensor([[1.0, 2.0]]))
        model.user_tastes.copy_(torch.tensor([[[2.0, 0.0], [1.0, -1.0]]]))
        model.user_attention.copy_(torch.tensor([[[math.log(3), 0.0], [0.0, 0.0]]]))
    expected = 3 + 0.75 * 2 + 0.25 * -1
    assert float(model(batch_of([0], [0])).detach()) == pytest.approx(expected)


def test_the_softmax_is_over_tastes_and_not_over_the_latent_axis(small):
    """A well-known slip weighs the latent axes: one taste, its numbers reweighed. It is told by
    three signs: weights that are one a taste and sum to 1, a permutation of tastes that changes
    nothing, and a latent rotation that changes nothing."""
    model = scrambled(MixtureOfTastes.for_dataset(small, dim=5, n_tastes=3)).eval()
    weights = model.mix((model.user_attention[[1, 2]] * model.item_factors[[3, 4], None]).sum(-1))
    assert weights.shape == (2, 3)
    assert torch.allclose(weights.sum(-1), torch.ones(2))
    batch = batch_of(small.user, small.item)
    before = model(batch).detach()
    turn = torch.linalg.qr(torch.randn(5, 5, generator=model.generator)).Q
    with torch.no_grad():
        for table in (model.user_tastes, model.user_attention):
            table.copy_(table[:, [2, 0, 1]])
        for table in (model.user_tastes, model.user_attention, model.item_factors):
            table.copy_(table @ turn)
    assert torch.allclose(model(batch), before, atol=1e-4)


@BOTH
def test_one_taste_is_biased_mf_scores_objective_and_gradients(small, cls):
    """From the same seed the same tables; and whatever stands in the tables, the same slopes."""
    settings = {"dim": 5, "l2": 0.1, "l2_bias": 0.02, "seed": 3}
    one = cls.for_dataset(small, n_tastes=1, **settings)
    parent = BiasedMF.for_dataset(small, **settings)
    assert torch.equal(one.user_tastes[:, 0], parent.user_factors)
    assert torch.equal(one.item_factors, parent.item_factors)
    scrambled(one).train()
    state = {k: v for k, v in one.state_dict().items() if k in parent.state_dict()}
    parent.load_state_dict({**state, "user_factors": one.user_tastes.detach()[:, 0]})
    one.l2_attention = 0.0
    batch = batch_of(small.user, small.item, small.rating.astype(np.float32))
    assert torch.allclose(one(batch), parent(batch), rtol=0, atol=1e-5)
    for model in (one, parent):
        (losses.squared_error(model(batch), batch) + model.penalty(batch)).backward()
    assert torch.allclose(one.user_tastes.grad[:, 0], parent.user_factors.grad, atol=1e-6)
    for name in ("item_factors", "user_bias", "item_bias"):
        assert torch.allclose(getattr(one, name).grad, getattr(parent, name).grad, atol=1e-6)
    assert one.user_attention.grad.abs().max() < 1e-6


@BOTH
def test_equal_tastes_are_biased_mf_whatever_the_attention(small, cls):
    model = scrambled(cls.for_dataset(small, dim=4, n_tastes=3)).eval()
    with torch.no_grad():
        model.user_tastes.copy_(model.user_tastes[:, :1].expand_as(model.user_tastes))
    parent = BiasedMF.for_dataset(small, dim=4)
    state = {k: v for k, v in model.state_dict().items() if k in parent.state_dict()}
    parent.load_state_dict({**state, "user_factors": model.user_tastes.detach()[:, 0]})
    batch = batch_of(small.user, small.item)
    assert torch.allclose(model(batch), parent(batch), atol=1e-4)


def test_tastes_start_different_and_equal_ones_would_never_part(small):
    model = MixtureOfTastes.for_dataset(small, dim=4, n_tastes=2)
    apart = (model.user_tastes[:, 0] - model.user_tastes[:, 1]).norm(dim=-1)
    assert (apart > 0.01).all()
    with torch.no_grad():
        for table in (model.user_tastes, model.user_attention):
            table[:, 1] = table[:, 0]
    rt.fit(model, small, epochs=2, progress=False)
    assert torch.equal(model.user_tastes[:, 0], model.user_tastes[:, 1])  # why they must


def test_the_penalty_is_the_squared_length_of_all_tastes(small):
    model = scrambled(
        MixtureOfTastes.for_dataset(small, dim=3, l2=0.5, l2_attention=0.25, l2_bias=0.125)
    )
    user, item = torch.tensor([3, 3, 9]), torch.tensor([1, 2, 2])
    expected = sum(
        factor * float(table.detach()[who].square().sum()) / 3
        for factor, table, who in (
            (0.5, model.user_tastes, user),
            (0.5, model.item_factors, item),
            (0.25, model.user_attention, user),
            (0.125, model.user_bias, user),
            (0.125, model.item_bias, item),
        )
    )
    assert float(model.penalty(batch_of(user, item)).detach()) == pytest.approx(expected, rel=1e-5)


@BOTH
def test_large_tables_learn_by_sparse_gradients(cls):
    """Tables of three axes go through SparseAdam as well."""
    data = planted(n_users=400, n_items=400, n_ratings=4_000, dim=2, min_ratings=2, seed=1)
    model = cls.for_dataset(data, dim=2)
    rt.fit(model, data, epochs=2, batch_size=32, progress=False)
    assert model.user_tastes.sparse_rows
    assert all(torch.isfinite(p).all() for p in model.parameters())
    assert rmse_of(model, data) < np.std(data.rating)


# ---- drawing a taste --------------------------------------------------------------------------


@pytest.mark.parametrize("logits", [[0.0, 0.0], [2.0, 0.0, -1.0], [5.0, 4.0, 3.0, -8.0]])
def test_argmax_of_logits_and_noise_is_a_draw_from_softmax(logits):
    """With probabilities in place of logits, the usual slip, the counts would be far off."""
    n = 60_000
    values = torch.tensor(logits)
    drawn = (values + gumbel((n, len(logits)), torch.Generator().manual_seed(1))).argmax(-1)
    counts = torch.bincount(drawn, minlength=len(logits)).numpy()
    enough = values.softmax(-1).numpy() * n > 5
    chance = values.double().softmax(-1).numpy()[enough]
    assert chisquare(counts[enough], counts[enough].sum() * chance / chance.sum()).pvalue > 0.001
    if len(set(logits)) > 1:
        slip = values.double().softmax(-1).softmax(-1).numpy()
        assert chisquare(counts, n * slip).pvalue < 1e-6


def test_training_draws_tastes_with_the_chances_of_the_softmax(small):
    model = GumbelTastes.for_dataset(small, n_tastes=3)
    logits = torch.tensor([[1.0, 0.0, -1.0]]).expand(40_000, 3)
    model.train()
    drawn = model.mix(logits)
    assert torch.allclose(drawn.max(-1).values, torch.ones(40_000), atol=1e-6)  # one taste speaks
    chance = logits[0].softmax(-1)
    assert torch.allclose(drawn.mean(0), chance, atol=4 * 0.5 / 40_000**0.5)


def test_noise_is_finite_where_the_uniform_number_is_zero(monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda shape, generator: torch.zeros(shape))
    assert torch.isfinite(gumbel((4, 3), torch.Generator())).all()


def test_gradients_pass_straight_through(small):
    """Forward it is one taste; backward the softmax at the temperature of the moment."""
    model = GumbelTastes.for_dataset(small)
    model.train()
    model.progress = 0.5
    logits = torch.zeros(1, 2, requires_grad=True)
    liking = torch.tensor([[1.0, -1.0]])
    noise = gumbel((1, 2), torch.Generator().set_state(model.generator.get_state()))
    (model.mix(logits) * liking).sum().backward()
    soft = (noise / math.sqrt(0.5)).softmax(-1)[0]
    slope = 2 * soft[0] * soft[1] / math.sqrt(0.5)
    assert torch.allclose(logits.grad, torch.stack([slope, -slope])[None], atol=1e-6)


def test_the_temperature_falls_while_fit_goes_on(small, monkeypatch):
    seen = []
    model = GumbelTastes.for_dataset(small, dim=2)
    penalty = model.penalty
    monkeypatch.setattr(model, "penalty", lambda b: (seen.append(model.temperature), penalty(b))[1])
    rt.fit(model, small, epochs=2, progress=False)
    assert seen[0] == 1.0
    assert all(a > b for a, b in pairwise(seen))
    assert 0.5 < seen[-1] < 0.6
    assert model.temperature == 0.5  # fitted
