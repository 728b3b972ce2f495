"""What VariationalMF knows of its own certainty: intervals, new users, many items at once."""

import itertools
import math

import numpy as np
import pytest
import torch
from ladder import batch_of, fitted, rmse_of, scrambled
from test_variational import Z90, rows_of

import recsys_tutorial as rt
from recsys_tutorial import Batch
from recsys_tutorial.datasets import planted
from recsys_tutorial.models import BiasedMF, FoldedUser, VariationalMF


def coverage(model, test) -> np.ndarray:
    """For each test row whether its rating is inside of the 90 % interval."""
    with torch.no_grad():
        score, variance = model(rows_of(test))
    return (np.abs(test.rating - score.numpy()) < Z90 * variance.sqrt().numpy()).astype(float)


def cut_histories(data, sizes=(0, 5, 50), group=40, seed=0):
    """A training part in which some users keep only so many ratings; test rows; those users."""
    rng = np.random.default_rng(seed)
    train, _, test = data.split("random", valid=0, test=0.2, seed=seed)
    able = rng.permutation(np.flatnonzero(train.counts("user") >= max(sizes)))
    keep, users = np.ones(len(train), dtype=bool), {}
    for size, some in zip(sizes, np.split(able[: group * len(sizes)], len(sizes)), strict=True):
        users[size] = some
        for user in some:
            keep[rng.permutation(np.flatnonzero(train.user == user))[size:]] = False
    return train.take(keep), test, users


@pytest.fixture(scope="module")
def cut():
    """Planted: 400 users, 120 of them with histories cut to 0, 5 and 50; and the model on it."""
    train, test, users = cut_histories(planted(400, 200, 24_000, seed=1))
    return fitted(VariationalMF, train, dim=4), train, test, users


# ---- who is how certain ---------------------------------------------------------------------


def test_cold_rows_are_at_the_prior_and_so_the_least_certain(cut):
    """A cold row is in no batch: left alone it would keep its small first variance."""
    model, _, _, users = cut
    cold = torch.as_tensor(users[0])
    assert (model.user_count[cold] == 0).all()
    assert (model.user_factors[cold] == 0).all()
    assert (model.user_bias[cold] == 0).all()
    assert torch.allclose(model.user_logvar[cold], model.factor_prior)
    assert torch.allclose(model.user_bias_logvar[cold], model.bias_prior[0])
    warm = model.user_count > 0
    assert float(model.user_logvar[warm].detach().mean()) < float(model.factor_prior) - 0.5


def sd_by_history(model, users) -> list[float]:
    items = torch.arange(model.n_items)[None]
    with torch.no_grad():
        variances = [model(batch_of(some[:, None], items)).variance for some in users.values()]
    return [float(variance.sqrt().mean()) for variance in variances]


def test_uncertainty_falls_with_the_number_of_ratings(cut):
    model, _, _, users = cut
    none, few, many = sd_by_history(model, users)
    assert none > few + 0.04  # stars
    assert few > many + 0.04


def test_intervals_hold_for_each_number_of_ratings(cut):
    model, _, test, users = cut
    inside = coverage(model, test)
    assert 0.85 <= inside.mean() <= 0.95
    for some in users.values():  # about 300 rows and more each: a standard error of 0.02
        assert 0.83 <= inside[np.isin(test.user, some)].mean() <= 0.97


def test_noise_is_learned(cut):
    """Planted: 0.4 stars, and rounding to whole stars adds 1/12."""
    model = cut[0]
    assert float(model.log_noise.detach().exp()) == pytest.approx(0.16 + 1 / 12, abs=0.08)


@pytest.mark.real
def test_on_real_ratings_uncertainty_falls_and_intervals_hold(ml100k):
    train, test, users = cut_histories(ml100k)
    model = fitted(VariationalMF, train)
    none, few, many = sd_by_history(model, users)
    assert none > few + 0.02
    assert few > many + 0.02
    inside = coverage(model, test)
    assert 0.85 <= inside.mean() <= 0.95
    for some in users.values():  # 800 rows and more: a standard error of 0.01
        share = inside[np.isin(test.user, some)].mean()
        assert 0.86 <= share <= 0.96
    count = train.counts("user")[test.user]
    for low, high in ((0, 30), (30, 100), (100, np.inf)):
        share = inside[(count >= low) & (count < high)].mean()
        assert 0.85 <= share <= 0.95


@pytest.mark.real
def test_gain_over_biases_on_an_official_fold(ml100k):
    """The gate of the five folds is the benchmark's."""
    train, test = next(iter(ml100k.folds()))
    base = BiasedMF.for_dataset(train, dim=0)
    rt.fit(base, train, progress=False)
    assert rmse_of(base, test) - rmse_of(fitted(VariationalMF, train), test) > 0.028


# ---- one user, many items -------------------------------------------------------------------


def test_bayes_rule_by_hand():
    """One item, no factors: prior variance 2, noise 1, a rating 3 above what is expected."""
    model = VariationalMF(1, 1, dim=0)
    with torch.no_grad():
        model.bias_prior.fill_(math.log(2.0))
        model.log_noise.zero_()
    belief = model.fold_in(torch.tensor([0]), torch.tensor([3.0]))
    assert float(belief.row) == pytest.approx(3 * 2 / 3)
    assert float(belief.covariance) == pytest.approx(2 / 3)


def test_an_uncertain_item_says_less_by_hand():
    """One factor: prior variance 1, noise 1, q = 2 with variance 3, the bias all but known."""
    model = VariationalMF(1, 1, dim=1)
    with torch.no_grad():
        model.factor_prior.zero_()
        model.bias_prior.fill_(-30)
        model.log_noise.zero_()
        model.item_factors.fill_(2.0)
        model.item_logvar.fill_(math.log(3.0))
    belief = model.fold_in(torch.tensor([0]), torch.tensor([4.0]))
    precision = 1 + 2**2 + 3  # without the 3 it would be 5
    assert float(belief.covariance[0, 0]) == pytest.approx(1 / precision)
    assert float(belief.row[0]) == pytest.approx(2 * 4 / precision)


def test_no_ratings_leave_the_prior_and_each_rating_narrows_it(cut):
    model, train, _, _ = cut
    items = torch.tensor(np.argsort(-train.counts("item"))[:40])
    stars = torch.full((40,), 4.0)
    beliefs = [model.fold_in(items[:n], stars[:n]) for n in (0, 5, 40)]
    assert torch.allclose(beliefs[0].row, torch.zeros(model.dim + 1))
    priors = model.factor_prior, model.bias_prior.detach()[0]
    prior = [float(priors[0].exp())] * model.dim + [float(priors[1].exp())]
    assert beliefs[0].covariance.diagonal().tolist() == pytest.approx(prior, rel=1e-4)
    everything = torch.arange(model.n_items)
    widths = [float(model.expect(b, everything).variance.diagonal().mean()) for b in beliefs]
    assert widths[0] > widths[1] > widths[2]
    for wider, narrower in itertools.pairwise(beliefs):
        left = torch.linalg.eigvalsh(wider.covariance - narrower.covariance)
        assert float(left.min()) > -1e-6  # in no direction is more known from less


def test_a_trained_users_mean_comes_out_again(cut):
    model, train, _, users = cut
    gaps = []
    for user in users[50]:
        mine = train.user == user
        items, stars = torch.tensor(train.item[mine]), torch.tensor(train.rating[mine])
        folded = model.fold_in(items, stars)
        assert torch.allclose(folded.parts.sum(0), folded.row, atol=1e-4)
        rows, offset = model.item_rows()
        theirs = model.score_items(Batch(user=torch.tensor([user])))[0]
        gaps.append(float((rows @ folded.row + offset - theirs).square().mean().sqrt().detach()))
    assert np.mean(gaps) < 0.1  # stars; tastes move scores by 0.8


def test_intervals_hold_for_new_users_as_well(cut):
    model, train, test, users = cut
    inside, noise = [], model.unit.square() * model.log_noise.detach().exp()
    for user in users[5]:
        mine, asked = train.user == user, test.user == user
        belief = model.fold_in(torch.tensor(train.item[mine]), torch.tensor(train.rating[mine]))
        score, covariance = model.expect(belief, torch.tensor(test.item[asked]))
        off = np.abs(test.rating[asked] - score.numpy())
        sd = (covariance.diagonal() + noise).sqrt().numpy()
        inside.extend(off < Z90 * sd)
    assert 0.83 <= np.mean(inside) <= 0.97


def test_items_covary_by_what_is_unknown_of_the_user(small):
    model = scrambled(VariationalMF.for_dataset(small, dim=3), 0.5).eval()
    items = torch.tensor([0, 4, 9])
    mean = torch.cat([model.user_factors[7], model.user_bias[7:8]])
    logvar = torch.cat([model.user_logvar[7], model.user_bias_logvar[7:8]])
    belief = FoldedUser(mean.detach(), torch.zeros(0, 4), logvar.detach().exp().diag())
    score, covariance = model.expect(belief, items)
    alone = model(batch_of([7] * 3, items))
    noise = model.log_noise.detach().exp()
    assert torch.allclose(score, alone.score)
    assert torch.allclose(covariance.diagonal(), alone.variance - noise, atol=1e-5)
    q, v_p = model.item_factors[items], model.user_logvar[7].exp()
    shared = q[0] @ (v_p * q[1]) + model.user_bias_logvar[7].exp()
    assert float(covariance[0, 1].detach()) == pytest.approx(float(shared.detach()), rel=1e-4)


def test_the_covariance_is_that_of_drawn_vectors(cut):
    model = cut[0]
    items = torch.tensor([3, 50, 120])
    seen = torch.tensor([0, 7, 11, 19])
    belief = model.fold_in(seen, torch.tensor([5.0, 1.0, 4.0, 2.0]))
    draw = torch.Generator().manual_seed(0)
    n = 200_000
    root = torch.linalg.cholesky(belief.covariance)
    rows = belief.row + torch.randn(n, model.dim + 1, generator=draw) @ root.T
    with torch.no_grad():
        q = model.item_factors[items] + (model.item_logvar[items] / 2).exp() * torch.randn(
            n, 3, model.dim, generator=draw
        )
        b = model.item_bias[items] + (model.item_bias_logvar[items] / 2).exp() * torch.randn(
            n, 3, generator=draw
        )
        scores = model.mean + b + rows[:, -1:] + (q * rows[:, None, :-1]).sum(-1)
    mean, covariance = model.expect(belief, items)
    assert torch.allclose(scores.mean(0), mean, atol=0.01)
    assert torch.allclose(torch.cov(scores.T), covariance, atol=0.01)
