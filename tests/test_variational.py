"""VariationalMF: its two losses by hand, scales, intervals that hold, and who is how certain."""

import math

import numpy as np
import pytest
import torch
from ladder import batch_of, fitted, rmse_of, scrambled

import recsys_tutorial as rt
from recsys_tutorial import Batch, losses
from recsys_tutorial.datasets import planted
from recsys_tutorial.models import BiasedMF, VariationalMF
from recsys_tutorial.models.variational import RatingBelief

Z90 = 1.6449  # standard deviations on each side that hold 90 % of a normal distribution


def rows_of(data) -> Batch:
    return batch_of(data.user, data.item, data.rating)


# ---- the two losses, by hand ----------------------------------------------------------------


def test_kl_by_hand():
    zero, one = torch.zeros(1), torch.ones(1)
    assert float(losses.kl_normal(zero, zero)) == 0
    assert float(losses.kl_normal(one, zero)) == 0.5
    assert float(losses.kl_normal(zero, one)) == pytest.approx((math.e - 2) / 2)
    assert float(losses.kl_normal(zero, zero + math.log(0.3), math.log(0.3))) == pytest.approx(0)


def test_kl_equals_that_of_torch_for_any_prior():
    draw = torch.Generator().manual_seed(0)
    mean, logvar, prior = (torch.randn(50, generator=draw) for _ in range(3))
    normal = torch.distributions.Normal
    posterior = normal(mean, (logvar / 2).exp())
    expected = torch.distributions.kl_divergence(
        posterior, normal(torch.zeros(50), (prior / 2).exp())
    )
    assert torch.allclose(losses.kl_normal(mean, logvar, prior), expected, atol=1e-5)


def test_nll_by_hand():
    batch = batch_of([0, 1], [0, 1], [4.0, 1.0])
    output = RatingBelief(torch.tensor([3.0, 3.0]), torch.tensor([1.0, 4.0]))
    by_hand = [1 / 2 + math.log(2 * math.pi) / 2, 4 / 8 + math.log(2 * math.pi * 4) / 2]
    assert float(losses.gaussian_nll(output, batch)) == pytest.approx(np.mean(by_hand))
    weighted = Batch(rating=batch.rating, weight=torch.tensor([3.0, 1.0]))
    assert float(losses.gaussian_nll(output, weighted)) == pytest.approx(
        np.average(by_hand, weights=[3, 1])
    )


def test_a_plain_squared_error_is_a_variance_of_one_half():
    batch = batch_of([0, 1], [0, 1], [4.0, 1.0])
    score = torch.tensor([3.5, 2.0])
    half = losses.gaussian_nll(RatingBelief(score, torch.full((2,), 0.5)), batch)
    constant = math.log(math.pi) / 2
    assert float(half) - constant == pytest.approx(float(losses.squared_error(score, batch)))


def test_nll_needs_a_variance():
    with pytest.raises(TypeError, match="VariationalMF"):
        losses.gaussian_nll(torch.zeros(2), batch_of([0, 1], [0, 1], [4.0, 1.0]))


# ---- scores and variances -------------------------------------------------------------------


def by_hand():
    """Two users, two items, vectors of two numbers."""
    model = VariationalMF(2, 2, dim=2).eval()
    with torch.no_grad():
        model.mean.fill_(3.0)
        model.user_factors.copy_(torch.tensor([[1.0, 2.0], [0.0, 1.0]]))
        model.item_factors.copy_(torch.tensor([[3.0, 1.0], [-1.0, 0.0]]))
        model.user_bias.copy_(torch.tensor([0.5, 0.0]))
        model.item_bias.copy_(torch.tensor([0.0, 0.25]))
        for name, value in {
            "user_logvar": [[0.1, 0.2], [0.3, 0.4]],
            "item_logvar": [[0.5, 0.6], [0.7, 0.8]],
            "user_bias_logvar": [0.01, 0.02],
            "item_bias_logvar": [0.03, 0.04],
        }.items():
            getattr(model, name).copy_(torch.tensor(value).log())
        model.log_noise.fill_(math.log(0.9))
    return model


def test_mean_and_variance_by_hand():
    score, variance = by_hand()(batch_of([0, 1, 1], [0, 1, 0]))
    assert score.tolist() == pytest.approx([3 + 0.5 + 5, 3 + 0.25 + 0, 3 + 1])
    first = (1 * 0.5 + 4 * 0.6) + (0.1 * 9 + 0.2 * 1) + (0.1 * 0.5 + 0.2 * 0.6) + 0.01 + 0.03
    second = (0 * 0.7 + 1 * 0.8) + (0.3 * 1 + 0) + (0.3 * 0.7 + 0.4 * 0.8) + 0.02 + 0.04
    assert variance[:2].tolist() == pytest.approx([first + 0.9, second + 0.9])


def test_the_variance_is_that_of_drawn_vectors():
    model = scrambled(VariationalMF(1, 1, dim=3), 0.5).eval()
    draw = torch.Generator().manual_seed(0)

    def drawn(mean, logvar):
        return mean + (logvar / 2).exp() * torch.randn((400_000, *mean.shape), generator=draw)

    with torch.no_grad():
        p, q = (drawn(getattr(model, f"{s}_factors")[0], getattr(model, f"{s}_logvar")[0])
                for s in ("user", "item"))  # fmt: skip
        b = [drawn(getattr(model, f"{s}_bias"), getattr(model, f"{s}_bias_logvar"))[:, 0]
             for s in ("user", "item")]  # fmt: skip
        scores = model.mean + (p * q).sum(-1) + b[0] + b[1]
        score, variance = model(batch_of([0], [0]))
        noise = float(model.log_noise.exp())
    assert float(scores.mean()) == pytest.approx(float(score), abs=0.02)
    assert float(scores.var()) == pytest.approx(float(variance) - noise, rel=0.02)


# ---- the divergence, at the right scale -----------------------------------------------------


def whole_kl(model) -> float:
    """Of all rows that have training ratings, each once, in nats."""
    total = 0.0
    for side, prior in (("user", model.bias_prior[0]), ("item", model.bias_prior[1])):
        warm = getattr(model, f"{side}_count") > 0
        pairs = (("factors", "logvar", model.factor_prior), ("bias", "bias_logvar", prior))
        for mean, logvar, of in pairs:
            table = getattr(model, f"{side}_{mean}"), getattr(model, f"{side}_{logvar}")
            total += float(losses.kl_normal(*table, of)[warm].sum().detach())
    return total


def test_the_sparse_form_is_the_full_form_over_an_epoch_and_on_average(small):
    model = scrambled(VariationalMF.for_dataset(small, dim=3), 0.5)
    full = whole_kl(model) / len(small)
    generator = torch.Generator().manual_seed(0)
    paid, rows, each = 0.0, 0, []
    for batch in small.batches(batch_size=37, generator=generator):
        value = float(model.penalty(batch).detach())
        paid, rows = paid + value * len(batch.user), rows + len(batch.user)
        each.append(value)
    assert rows == len(small)
    assert paid / rows == pytest.approx(full, rel=1e-4)
    error = np.std(each) / math.sqrt(len(each))
    assert np.mean(each) == pytest.approx(full, abs=4 * error)
    assert error < 0.05 * full


def test_active_users_do_not_pay_twice():
    """Without 1/n a user with ten ratings would be held ten times as strongly as one with one."""
    data = planted(30, 20, 200, min_ratings=1, seed=3)
    model = scrambled(VariationalMF.for_dataset(data, dim=2), 0.5)
    model.penalty(rows_of(data)).backward()
    expected = model.user_factors.detach() / model.factor_prior.exp() / len(data)
    assert torch.allclose(model.user_factors.grad, expected, atol=1e-6)
    assert data.counts("user").max() > 3 * data.counts("user").min()


def test_the_prior_is_scaled_so_that_a_prediction_is_not_as_wide_as_the_scale(small):
    for dim in (2, 64):
        model = VariationalMF.for_dataset(small, dim=dim, prior=0.3)
        spread = dim * float(model.factor_prior.exp()) ** 2
        base = BiasedMF.for_dataset(small, dim=0)
        rt.fit(base, small, progress=False)
        left = np.var(small.rating - rt.predict(base, small, clip=False))
        assert spread == pytest.approx(0.3 * left, rel=0.1)  # N(0, 1): a variance of dim


# ---- drawing --------------------------------------------------------------------------------


def test_training_draws_anew_for_each_row_with_the_models_own_generator(small):
    model = scrambled(VariationalMF.for_dataset(small, dim=3), 0.5)
    same = batch_of([3] * 20_000, [4] * 20_000)
    before = torch.get_rng_state()
    with torch.no_grad():
        score, variance = model.train()(same)
        again = model(same).score
        mean, total = model.eval()(batch_of([3], [4]))
    noise = float(model.log_noise.detach().exp())
    assert len(score.unique()) > 10_000  # one draw for the whole batch would be a single number
    assert not torch.equal(score, again)
    assert float(score.mean()) == pytest.approx(float(mean), abs=4 * float(total / 20_000) ** 0.5)
    assert float(score.var()) == pytest.approx(float(total) - noise, rel=0.05)
    assert torch.allclose(variance, torch.tensor(noise))
    assert torch.equal(torch.get_rng_state(), before)


# ---- learning -------------------------------------------------------------------------------


def test_planted_tastes_are_found_and_none_where_none_were_planted():
    gains = []
    for dim in (4, 0):
        train, _, test = planted(300, 200, 12_000, dim=dim, seed=2).split(valid=0, test=0.1)
        base = BiasedMF.for_dataset(train, dim=0)
        rt.fit(base, train, progress=False)
        gains.append(rmse_of(base, test) - rmse_of(fitted(VariationalMF, train, dim=4), test))
    assert gains[0] > 0.15
    assert -0.01 < gains[1] < 0.01


@pytest.mark.parametrize("kl", [1.0, 2_000.0])
def test_an_unscaled_divergence_drowns_the_data(kl):
    """2,000 is about the number of ratings: what a sum over the tables comes to."""
    train, _, test = planted(100, 60, 2_400, dim=2, seed=4).split(valid=0, test=0.1)
    model = fitted(VariationalMF, train, dim=4, kl=kl)
    moved = float(model.user_factors.detach().square().mean())
    nothing = float(np.std(test.rating))
    if kl == 1.0:
        assert rmse_of(model, test) < 0.9 * nothing
        assert moved > 0.01
    else:
        assert rmse_of(model, test) > 0.97 * nothing
        assert moved < 1e-4
