"""BayesianFM: each conditional against densities, the whole sampler, and what is made of draws."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse, stats

import recsys_tutorial as rt
from recsys_tutorial import Batch
from recsys_tutorial.datasets import from_frame
from recsys_tutorial.models import BayesianFM, gibbs
from recsys_tutorial.models.gibbs import Block, Field, Sampler

USER, ITEM, DAY = np.array([0, 0, 1, 1, 2, 2, 0]), np.array([0, 1, 1, 2, 2, 0, 2]), np.arange(7) % 4
LIKED = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 2.0]])  # two features of three users
PLAIN = {"features": False, "histories": False}


def tiny(seed=0, dim=1, weight=None, blocks=True):
    g = np.random.default_rng(seed)
    of_users = [Block(sparse.csc_matrix(LIKED), dim)] if blocks else []
    fields = [Field(USER, 3, dim, g, of_users), Field(ITEM, 3, dim, g, [])]
    fields.append(Field(DAY, 4, dim, g, []))
    return Sampler(g.normal(size=7), weight, fields, g)


def uniform(values, log_density, grid):
    """P of a Kolmogorov-Smirnov test of the values against a density known up to a factor."""
    p = np.exp(log_density - log_density.max())
    steps = np.append(0, np.cumsum((p[1:] + p[:-1]) / 2 * np.diff(grid)))
    return stats.kstest(np.interp(values, grid, steps / steps[-1]), "uniform").pvalue


def test_mean_and_precision_of_a_group_against_scipys_densities():
    x, g = np.array([0.3, -1.2, 2.0, 0.9]), np.random.default_rng(0)
    drawn = np.array([gibbs.normal_gamma(x, g) for _ in range(3_000)])
    m, t = np.linspace(-4, 4, 400), np.linspace(0.005, 6, 500)
    log = stats.gamma.logpdf(t, 1)[:, None] + stats.norm.logpdf(m, 0, t[:, None] ** -0.5)
    log = log + sum(stats.norm.logpdf(one, m, t[:, None] ** -0.5) for one in x)
    p = np.exp(log - log.max())
    assert uniform(drawn[:, 0], np.log(p.sum(0)), m) > 0.01
    assert uniform(drawn[:, 1], np.log(p.sum(1)), t) > 0.01


@pytest.mark.parametrize("weight", [None, np.array([1.0, 2, 1, 0.5, 3, 1, 1])])
def test_noise_and_level_against_scipys_densities(weight):
    start = tiny(weight=weight)
    w = np.ones(7) if weight is None else weight
    alphas, levels = [], []
    for _ in range(600):
        one = copy.copy(start)
        one.fields, one.error = [], start.error.copy()
        one.fields = [type("Empty", (), {"own": []})]  # no factors: noise and level alone
        one.step()
        alphas.append(one.alpha)
        levels.append(
            (one.w0 - _mean_level(start, one.alpha, w)) * np.sqrt(one.alpha * w.sum() + 1)
        )
    grid = np.linspace(0.001, 8, 2_000)
    log = stats.gamma.logpdf(grid, 1) + sum(
        k * stats.norm.logpdf(e, 0, grid**-0.5) for k, e in zip(w, start.error, strict=True)
    )
    assert uniform(np.array(alphas), log, grid) > 0.01
    assert stats.kstest(levels, "norm").pvalue > 0.01


def _mean_level(start, alpha, w):
    grid = np.linspace(-3, 3, 3)  # a normal density is a parabola: three points tell its top
    log = stats.norm.logpdf(grid) + sum(
        k * stats.norm.logpdf(e + start.w0, grid, alpha**-0.5)
        for k, e in zip(w, start.error, strict=True)
    )
    a, b, _ = np.polyfit(grid, log, 2)
    return -b / (2 * a)


@pytest.mark.parametrize("f", [0, 1])
@pytest.mark.parametrize("where", ["id", "feature"])
def test_a_number_against_the_density_of_everything(f, where):
    """The joint density in one number is a parabola: where is its top, and how wide is it?"""
    start = tiny(seed=3, dim=1)
    start.alpha, y = 1.7, start.error + start.expected()
    off = []
    for _ in range(500):
        one = copy.deepcopy(start)
        one.g = start.g  # goes on from where it is
        field, block = one.fields[0], one.fields[0].blocks[0]
        if where == "id":
            field.blocks = []
            one.draw(field, f)
            table, last, prior = field.own, 1, (field.mean[f], field.precision[f])
        else:
            g = np.random.default_rng(one.g.integers(2**31))
            prior = gibbs.normal_gamma(block.z[f], copy.deepcopy(g))
            h = one.beside(field, f)
            a, b = (np.bincount(USER, h * v, 3) for v in (h, one.error))
            field.full[f] += block.draw(f, a, b, one.alpha, g)
            table, last = block.z, 1  # the last feature: all others are as they stay
        x, log = table[f, last], []
        for shift in (-1.0, 0.0, 1.0):
            moved = copy.deepcopy(one)
            effect = LIKED[:, last] if where == "feature" else np.eye(3)[last]
            moved.fields[0].full[f] += shift * effect
            sd = one.alpha**-0.5
            each = stats.norm.logpdf(y, moved.expected(), sd).sum()
            log.append(each + stats.norm.logpdf(x + shift, prior[0], prior[1] ** -0.5))
        a, b, _ = np.polyfit([-1, 0, 1], log, 2)
        off.append((0 + b / (2 * a)) * np.sqrt(-2 * a))
    assert stats.kstest(off, "norm").pvalue > 0.01


def _from_prior(g):
    """A sampler whose every number is drawn from its prior."""
    s = tiny()
    s.g, s.alpha, s.w0 = g, g.gamma(1), g.normal()
    for field in s.fields:
        for f in range(2):
            for group, table in ((field, field.own), *((b, b.z) for b in field.blocks)):
                t = g.gamma(1)
                m = g.normal(0, t**-0.5)
                table[f] = g.normal(m, t**-0.5, table.shape[1])
                if group is field:
                    field.mean[f], field.precision[f] = m, t
        field.full = field.own + sum((b.table @ b.z.T).T for b in field.blocks)
    s.error = g.normal(0, s.alpha**-0.5, 7)
    return s


def _seen(s):
    users, block = s.fields[0], s.fields[0].blocks[0]
    numbers = [s.w0, users.own[0, 1], users.own[1, 0] * s.fields[1].own[1, 0], block.z[0, 0]]
    return [np.log(s.alpha), np.log(users.precision[1]), *np.tanh(numbers), np.tanh(block.z[1, 1])]


@pytest.mark.parametrize("fault", [False, True])
def test_geweke_draws_of_numbers_and_ratings_in_turn_are_draws_from_the_prior(fault, monkeypatch):
    """Geweke 2004, "Getting it right": a wrong sampler drifts away from the prior."""
    if fault:
        right = gibbs.normal_gamma
        monkeypatch.setattr(
            gibbs, "normal_gamma", lambda v, g: (right(v, g)[0], right(v, g)[1] * 1.3)
        )
    g = np.random.default_rng(4)
    prior = np.array([_seen(_from_prior(g)) for _ in range(2_000)])
    chain, s = [], _from_prior(g)
    for _ in range(6_000):
        s.step()
        s.error = g.normal(0, s.alpha**-0.5, 7)  # the ratings anew, given the numbers
        chain.append(_seen(s))
    batches = np.array(chain).reshape(30, 200, -1).mean(1)  # long enough to be independent
    se = np.sqrt(batches.var(0, ddof=1) / 30 + prior.var(0) / 2_000)
    z = (batches.mean(0) - prior.mean(0)) / se
    assert (abs(z).max() > 4.5) == fault, z.round(1)


def test_two_fields_are_bpmf_in_ten_lines():
    g, d, n = np.random.default_rng(7), 2, 40
    r = np.random.default_rng(1)
    who, what, y = r.integers(0, 6, n), r.integers(0, 5, n), r.normal(size=n)
    s = Sampler(y, None, [Field(who, 6, d, g, []), Field(what, 5, d, g, [])], g)
    for _ in range(5):
        s.step()
    g = np.random.default_rng(7)
    tables = [g.normal(0, 0.1, (d + 1, m)) for m in (6, 5)]
    tables[0][0], tables[1][0], w0 = 0, 0, 0.0
    for _ in range(5):
        p, q = tables
        rest = y - w0 - p[0, who] - q[0, what] - (p[1:, who] * q[1:, what]).sum(0)
        alpha = g.gamma(1 + n / 2) / (1 + rest @ rest / 2)
        w0 += g.normal(alpha * (rest.sum() - w0 / alpha) / (v := alpha * n + 1), v**-0.5)
        for f in range(d + 1):
            for mine, other, a, b in ((p, q, who, what), (q, p, what, who)):
                rest = y - w0 - p[0, who] - q[0, what] - (p[1:, who] * q[1:, what]).sum(0)
                m, t = gibbs.normal_gamma(mine[f], g)
                noise, h = g.normal(size=mine.shape[1]), other[f, b] if f else np.ones(n)
                for k in range(mine.shape[1]):
                    on, z = a == k, h[a == k]
                    v = alpha * z @ z + t
                    old = rest[on] + z * mine[f, k]
                    mine[f, k] = (alpha * z @ old + t * m) / v + noise[k] / np.sqrt(v)
    for field, table in zip(s.fields, tables, strict=True):
        assert np.allclose(field.own, table, atol=1e-8)
    assert np.allclose(s.w0, w0)


@pytest.fixture(scope="module")
def planted():
    """Ratings from the model itself, and what is expected of every pair."""
    g = np.random.default_rng(2)
    p, q = g.normal(0, 0.7, (80, 3)), g.normal(0, 0.7, (60, 3))
    truth = 3 + p[:, :1] + q[:, 0] + p[:, 1:] @ q[:, 1:].T
    cell = g.permutation(4_800)[:1_800]
    rating = truth.ravel()[cell] + g.normal(0, 0.5, 1_800)
    rows = {"user": cell // 60, "item": cell % 60, "rating": rating, "timestamp": 9 * cell}
    return from_frame(pd.DataFrame(rows)), truth


@pytest.fixture(scope="module")
def model(planted):
    model = BayesianFM.for_dataset(planted[0], dim=2, samples=220, burn=20, thin=2, **PLAIN)
    rt.fit(model, planted[0], progress=False)
    return model


@torch.no_grad()
def test_a_planted_posterior_is_found(planted, model):
    data, truth = planted
    user, item = (torch.tensor(v) for v in np.divmod(np.arange(4_800), 60))
    draws = model.draws(Batch(user=user, item=item)).numpy()
    new = ~np.isin(np.arange(4_800), data.user * data.n_items + data.item)
    low, high = np.quantile(draws[:, new], [0.05, 0.95], axis=0)
    inside = (low < truth.ravel()[new]) & (truth.ravel()[new] < high)
    assert 0.84 < inside.mean() < 0.95
    error = draws.mean(0) - truth.ravel()
    assert np.sqrt(np.mean(error[new] ** 2)) < 0.35 * truth.std()
    assert float(model.noise.mean()) == pytest.approx((0.5 / float(model.unit)) ** 2, rel=0.15)
    belief = model(Batch(user=user, item=item))
    assert np.allclose(belief.score, draws.mean(0), atol=1e-4)
    unknown = belief.variance - float(model.unit) ** 2 * model.noise.mean()
    assert np.allclose(unknown, draws.var(0), atol=1e-4)


def test_the_same_seed_gives_the_same_draws_with_and_without_a_compiler(planted, monkeypatch):
    small = {"dim": 2, "samples": 20, "burn": 2, "thin": 3, "days": True}
    fitted = []
    for plain in (False, False, True):
        if plain:
            monkeypatch.setattr(gibbs, "sweep", lambda: gibbs.sweep_features)
        fitted.append(BayesianFM.for_dataset(planted[0], **small))
        rt.fit(fitted[-1], planted[0], progress=False)
    for name, table in fitted[0].named_buffers():
        assert torch.equal(table, fitted[1].get_buffer(name)), name
        assert torch.allclose(table, fitted[2].get_buffer(name), rtol=1e-4, atol=1e-5), name
    assert fitted[0].user_draws.abs().amax((1, 2)).min() > 0


def test_a_new_user_is_placed_by_bayes_rule_in_each_draw(planted, model):
    data, _ = planted
    user = int(data.counts("user").argmax())
    mine = data.user == user
    items, stars = torch.tensor(data.item[mine]), torch.tensor(data.rating[mine])
    folded = model.fold_in(items, stars)
    rows, offset = model.item_rows()
    assert torch.allclose(folded.parts.sum(0), folded.row, atol=1e-4)
    score = offset + rows @ folded.row
    own = model.score_items(Batch(user=torch.tensor([user])))[0]
    assert (score - own).abs().mean() < 0.1
    k, z = 3, torch.cat([torch.ones(len(items), 1), model.item_draws[3, items, 1:]], 1)
    prior = stats.norm(model.newcomer[k], model.tightness[k] ** -0.5)
    y = (stars - model.mean) / model.unit - model.level[k] - model.item_draws[k, items, 0]
    row = model.newcomer[k] + folded.row.view(model.n_kept, 3)[k]

    def density(x):
        noise = float(model.noise[k]) ** 0.5
        return prior.logpdf(x).sum() + stats.norm.logpdf(y, z @ x, noise).sum()

    for shift in 1e-2 * torch.eye(3):
        assert density(row) > max(density(row + shift), density(row - shift))
    many = torch.stack([model.draws_from(items, stars, seed=s) for s in range(40)])
    assert torch.allclose(many.mean((0, 1)), score, atol=0.06)
    nobody = model.fold_in(items[:0], stars[:0])
    assert not nobody.row.any()
    spread = model.draws_from(items[:0], stars[:0]).std(0).mean()
    assert spread > 2 * model.draws_from(items, stars).std(0).mean()


def test_an_interrupt_keeps_what_was_drawn(planted, capsys):
    def told(n, loss):
        if n == 7:
            raise KeyboardInterrupt

    model = BayesianFM.for_dataset(planted[0], dim=1, samples=40, burn=2, thin=2, **PLAIN)
    model.fit(planted[0], told)
    assert "interrupted in draw 7 of 40" in capsys.readouterr().out
    assert torch.equal(model.level[0], model.level[2])  # two draws, again and again
    assert not torch.equal(model.level[0], model.level[1])
    history = rt.fit(model, planted[0], progress=False)
    assert len(history.rows) == 40
    assert history.stopped is None


def test_what_cannot_be_is_said(planted):
    data = planted[0]
    with pytest.raises(ValueError, match="keeps no draw"):
        BayesianFM.for_dataset(data, samples=10, burn=8, thin=5)
    frame = data.ratings[["user", "item"]]
    with pytest.raises(ValueError, match="needs times"):
        BayesianFM.for_dataset(from_frame(frame), days=True)
    pairs = from_frame(frame)
    with pytest.raises(ValueError, match="take ImplicitALS"):
        rt.fit(BayesianFM.for_dataset(pairs), pairs, progress=False)


def test_a_day_without_ratings_adds_what_an_unknown_one_would(planted):
    data = planted[0]
    model = BayesianFM.for_dataset(data, dim=1, samples=12, burn=2, thin=5, days=True, **PLAIN)
    rt.fit(model, data, progress=False)
    time = torch.tensor([int(data.timestamp[0]), 10**9])
    user = torch.full((2,), int(data.user[0]))
    places = model.day(Batch(user=user, item=user, time=time))
    assert places[0] < places[1] == len(model.day_keys)
