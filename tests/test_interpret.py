"""rt.interpret: axes, their names and their worth, against brute force and planted truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hand_models import fitted, with_factors

import recsys_tutorial as rt
import recsys_workshop as ws
from recsys_tutorial import interpret
from recsys_tutorial.datasets import from_frame, planted
from recsys_workshop.labs import naming, stability


@pytest.fixture(scope="module")
def data():
    return planted()


@pytest.fixture(scope="module")
def model(data):
    return fitted(data)


@pytest.fixture
def hand(small, rng):
    """A model of random tables on `small`, and these tables."""
    p = rng.normal(size=(small.n_users, 4)) + np.array([2.0, 0.0, -1.0, 0.0])  # with a mean
    q = rng.normal(size=(small.n_items, 4)) * [1.0, 0.6, 0.3, 0.1]
    return with_factors(small, p, q), p, q


# ---- axes ---------------------------------------------------------------------------------------


def test_axes_give_the_user_centred_scores_back(hand):
    model, p, q = hand
    axes = interpret.pca(model)
    scores = (p - p.mean(0)) @ q.T
    np.testing.assert_allclose(axes.users @ axes.items.T, scores, atol=1e-9)
    np.testing.assert_allclose(axes.users.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(axes.users.T @ axes.users / len(p), np.eye(4), atol=1e-12)
    np.testing.assert_allclose((axes.sd**2).sum(), (scores**2).mean())
    np.testing.assert_allclose(axes.share, axes.sd**2 / (scores**2).mean())
    assert (np.diff(axes.sd) < 0).all()
    assert (axes.items[np.abs(axes.items).argmax(0), range(4)] > 0).all()  # the signs
    np.testing.assert_allclose(axes.place([*p[7], 0.3]), axes.users[7], atol=1e-9)  # with a bias


def test_axes_do_not_depend_on_the_gauge_and_the_tables_do(hand, small, rng):
    model, p, q = hand
    m = rng.normal(size=(4, 4)) + np.diag([3.0, 1.0, 1.0, 1.0])  # invertible, and no rotation
    other = with_factors(small, p @ np.linalg.inv(m).T, q @ m)
    first, second = interpret.pca(model), interpret.pca(other)
    np.testing.assert_allclose(second.users, first.users, atol=1e-8)
    np.testing.assert_allclose(second.items, first.items, atol=1e-8)
    of_table = [np.linalg.svd(t - t.mean(0), full_matrices=False)[0] for t in (q, q @ m)]
    assert abs(of_table[0][:, 0] @ of_table[1][:, 0]) < 0.99


def test_rows_without_training_ratings_count_for_nothing(data):
    few = data.take(np.flatnonzero((data.user >= 20) & (data.item >= 10)))
    model = fitted(few, dim=8)
    axes = interpret.pca(model)
    assert not axes.seen_user[:20].any()
    assert not axes.seen_item[:10].any()
    assert (axes.users[:20] == 0).all()
    np.testing.assert_allclose(axes.users[axes.seen_user].std(0), 1, atol=1e-6)
    spread = interpret.polarizability(model, few)["polarizability"]
    assert spread[:10].isna().all()
    assert spread[10:].notna().all()
    p = model.user_factors.detach().numpy()[20:]
    assert np.isclose(spread[10], (p @ model.item_factors.detach().numpy()[10]).std(), rtol=1e-4)


def test_a_user_folded_in_from_their_ratings_stands_close_to_their_place(data, model):
    axes = interpret.pca(model)
    placed, trained = [], []
    for user in np.argsort(-data.counts("user"))[:40]:
        mine = data.user == user
        ratings = dict(zip(data.item_vocab.ids[data.item[mine]], data.rating[mine], strict=True))
        placed.append(interpret.place(axes, model, ratings)[:4])
        trained.append(axes.users[user, :4])
    for a, b in zip(np.array(placed).T, np.array(trained).T, strict=True):
        assert np.corrcoef(a, b)[0, 1] > 0.95


@pytest.mark.parametrize("seed", [0, 1])
def test_planted_axes_are_found_and_no_more(seed):
    data = planted(seed=seed)
    model = fitted(data)
    axes = interpret.pca(model)
    baseline = stability.permutation_baseline(model, data, repeats=2)
    assert (axes.sd > baseline.max()).sum() == 4
    assert axes.sd[3] > 1.2 * baseline.max()  # a clear step, not luck
    assert axes.sd[4] < 0.8 * baseline.max()
    truth = data.truth
    people = truth.user_factors - truth.user_factors.mean(0)
    planted_axes = np.linalg.svd(people @ truth.item_factors.T)[2][:4].T  # orthonormal
    found = np.linalg.qr(axes.items[:, :4])[0]
    # Of each found direction at least 0.7 of the square lies in the planted four dimensions; of a
    # random one it is 4 / 200.
    shared = np.linalg.svd(found.T @ planted_axes)[1]
    assert (shared**2 > 0.7).all()


def test_where_no_taste_is_planted_no_axis_is_wider_than_chance():
    data = planted(dim=0, seed=3)
    model = fitted(data)
    baseline = stability.permutation_baseline(model, data, repeats=3)
    # The same distribution: the widest of one fit against the widest of three others.
    assert interpret.pca(model).sd[0] < 1.15 * baseline.max()


def test_baseline_keeps_the_cells_and_leaves_global_random_state_alone(small, monkeypatch):
    seen = []
    real = stability.refit

    def watched(model, train, **options):
        seen.append(train)
        return real(model, train, **options)

    monkeypatch.setattr(stability, "refit", watched)
    model = fitted(small, dim=4)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    baseline = stability.permutation_baseline(model, small, repeats=2, epochs=3)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002
    assert baseline.shape == (2, 4)
    for train in seen:
        np.testing.assert_array_equal(train.item, small.item)
        assert np.isclose(train.rating.mean(), small.rating.mean(), atol=1e-4)
        assert (train.rating != small.rating).mean() > 0.9
    assert (seen[0].rating != seen[1].rating).any()


def test_pairs_without_ratings_have_no_baseline():
    pairs = from_frame(pd.DataFrame({"user": [1, 1, 2, 3], "item": [1, 2, 1, 3]}))
    with pytest.raises(ValueError, match="these pairs have none"):
        stability.permutation_baseline(rt.models.MF.for_dataset(pairs, dim=2), pairs)


# ---- again: seeds and people --------------------------------------------------------------------


def test_refit_is_the_same_model_from_another_seed(data, model):
    other = stability.refit(model, data, seed=1)
    assert (type(other), other.dim, other.l2) == (type(model), model.dim, model.l2)
    assert not torch.equal(other.item_factors, model.item_factors)
    again = interpret.matches(interpret.pca(model), interpret.pca(other))
    assert (again[:4] > 0.95).all()  # planted
    assert (again[4:] < 0.9).all()  # noise
    same = interpret.matches(interpret.pca(model), interpret.pca(model))
    np.testing.assert_allclose(same, 1)


def test_halves_share_no_user_and_lose_no_row(data):
    one, two = stability.halves(data, seed=4)
    assert not set(one.user) & set(two.user)
    assert sorted([*one.row, *two.row]) == sorted(data.row)
    assert abs(len(np.unique(one.user)) - len(np.unique(two.user))) <= 1
    assert one.item_vocab == data.item_vocab


def test_reliability_of_two_halves_tells_how_close_the_truth_is(data, model):
    """What page 03 says of the truth: the root of the whole's reliability (Spearman, Brown)."""
    truth = data.truth
    true = (truth.user_factors @ truth.item_factors.T).std(0)
    spread = interpret.polarizability(model, data)["polarizability"]
    halves = [fitted(half) for half in stability.halves(data)]
    one, two = (interpret.polarizability(m, data)["polarizability"] for m in halves)
    halved = np.corrcoef(one, two)[0, 1]
    expected = np.sqrt(2 * halved / (1 + halved))
    # 200 items: the standard error of either correlation is about 0.04.
    assert abs(np.corrcoef(spread, true)[0, 1] - expected) < 0.12
    seeds = interpret.polarizability(model, data, stability.refit(model, data, seed=1))
    assert seeds.attrs["reliability"] > 0.95 > halved + 0.2


# ---- names --------------------------------------------------------------------------------------


def test_planted_axes_get_their_genres_and_noise_gets_none(data, model):
    axes = interpret.pca(model)
    baseline = stability.permutation_baseline(model, data, repeats=2)
    again = interpret.matches(axes, interpret.pca(stability.refit(model, data, seed=1)))
    table = naming.describe(axes, data, baseline=baseline, again=again)
    assert list(table.index) == [1, 2, 3, 4, 5, 6]
    genres = set(sum(data.truth.axis_genres, ()))
    named = {verdict.split(" (")[0] for verdict in table["verdict"][:4]}
    assert named <= genres
    assert len(named) == 4
    assert table["verdict"][4:].str.startswith("nothing").all()
    ends = table.loc[1, ["low", "high"]].str.split("; ")
    assert [len(e) for e in ends] == [3, 3]
    place = dict(zip(data.items["title"], axes.items[:, 0], strict=True))
    assert max(place[t] for t in ends["low"]) < 0 < min(place[t] for t in ends["high"])


def test_each_verdict_has_its_reason(data, model):
    axes = interpret.pca(model)
    wide, found = np.full((2, 6), axes.sd[0] + 1), np.ones(6)
    verdict = naming.describe(axes, data, baseline=wide, again=found)["verdict"]
    assert (verdict == "nothing: no wider than chance").all()
    verdict = naming.describe(axes, data, baseline=wide * 0, again=found * 0.6)["verdict"]
    assert (verdict == "nothing: not found again").all()
    items = data.items.assign(genres=pd.Series([()] * data.n_items, index=data.items.index))
    verdict = naming.describe(axes, replace(data, items=items), wide * 0, found)["verdict"]
    assert (verdict[:4] == "stable, but no name fits").all()


def test_correlations_are_those_of_numpy(data, model):
    axes = interpret.pca(model)
    table = naming.correlations(axes, data, most=3, min_ratings=40)
    rows = data.counts("item") >= 40
    year = data.items["year"].to_numpy(float)[rows]
    assert np.isclose(table.at["year", 2], np.corrcoef(year, axes.items[rows, 1])[0, 1])


# ---- Procrustes ---------------------------------------------------------------------------------


def test_planted_rotation_is_recovered_on_items_it_was_not_fitted_on(rng):
    b = rng.normal(size=(300, 6))
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    noisy = b @ rotation.T + rng.normal(0, 0.1, b.shape)
    found = interpret.procrustes(noisy, b, np.arange(100))
    np.testing.assert_allclose(found.rotation, rotation, atol=0.05)
    assert found.held_out > 0.98  # the noise has 1 % of the square
    np.testing.assert_allclose(found.rotation.T @ found.rotation, np.eye(6), atol=1e-12)
    assert np.nanmin(found.cosine) > 0.9


def test_unrelated_maps_fit_on_few_anchors_and_fail_on_the_others(rng):
    a, b = rng.normal(size=(2, 300, 20))
    found = interpret.procrustes(a, b, rng.random(300) < 0.1)
    assert found.fitted > 0.3
    assert found.held_out < -0.5  # worse than saying nothing, which would be 0


def test_two_seeds_of_a_model_are_the_same_map_turned(data, model):
    other = stability.refit(model, data, seed=1)
    found = interpret.procrustes(model, other, np.arange(0, data.n_items, 2))
    assert found.held_out > 0.9


def test_procrustes_says_what_does_not_fit(data, model, small):
    with pytest.raises(ValueError, match="different items"):
        interpret.procrustes(model, rt.models.MF.for_dataset(small), [0])
    with pytest.raises(ValueError, match=r"\(4, 2\).*\(5, 2\)"):
        interpret.procrustes(np.ones((4, 2)), np.ones((5, 2)), [0])
    for anchors in (np.zeros(4, dtype=bool), np.ones(4, dtype=bool)):
        with pytest.raises(ValueError, match="both are needed"):
            interpret.procrustes(np.ones((4, 2)), np.ones((4, 2)), anchors)


# ---- pictures -----------------------------------------------------------------------------------


def test_neighbours_kept_counts_what_a_picture_keeps(rng):
    angle = np.sort(rng.random(30)) * 2 * np.pi
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)
    assert (naming.neighbours_kept(circle * 7, circle, k=5) == 1).all()
    shuffled = np.mean(
        [naming.neighbours_kept(circle, rng.permutation(circle), k=5).mean() for _ in range(50)]
    )
    assert abs(shuffled - 5 / 29) < 0.03  # what chance keeps


# ---- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", [interpret.biases, interpret.polarizability])
def test_models_without_factors_are_refused_by_name(small, ask):
    with pytest.raises(TypeError, match="Popularity has no user and item factors"):
        ask(rt.models.Popularity.for_dataset(small), small)
    with pytest.raises(ValueError, match="dim=0"):
        ask(rt.models.BiasedMF.for_dataset(small, dim=0), small)


def test_other_vocabularies_and_untrained_twins_are_refused(data, small):
    model = rt.models.MF.for_dataset(small)
    for ask in (interpret.biases, interpret.polarizability):
        with pytest.raises(ValueError, match="not those of Dataset"):
            ask(model, data)
    with torch.no_grad():
        model.user_factors.fill_(0.5)
    with pytest.raises(ValueError, match="train it first"):
        interpret.pca(model)
    with pytest.raises(TypeError, match="no user and item factors"):
        interpret.pca(rt.models.Popularity.for_dataset(small))


def test_a_model_may_say_itself_what_its_factors_are(small, rng):
    model = rt.models.MF.for_dataset(small, dim=3)
    p, q = rng.normal(size=(small.n_users, 2)), rng.normal(size=(small.n_items, 2))
    model.factors = lambda: (torch.as_tensor(p), torch.as_tensor(q))
    with torch.no_grad():
        model.user_factors.zero_()  # a table that was written to is a model that was fitted
    axes = interpret.pca(model)
    np.testing.assert_allclose(axes.users @ axes.items.T, (p - p.mean(0)) @ q.T, atol=1e-9)


# ---- expectations -------------------------------------------------------------------------------


def test_guesses_are_kept_until_there_are_others(monkeypatch, tmp_path):
    monkeypatch.setenv("RECSYS_TUTORIAL_STATE", str(tmp_path))
    assert ws.expect("03.axes") == []
    assert ws.expect("03.axes", ["year", "Comedy"]) == ["year", "Comedy"]
    assert ws.expect("03.axes", []) == ["year", "Comedy"]  # an untouched stub does not wipe it out
    assert ws.expect("07.gain", ("more",)) == ["more"]
    assert ws.expect("03.axes", ["Drama"]) == ["Drama"]
    assert ws.expect("03.axes") == ["Drama"]
    for wrong in ("year", [1]):
        with pytest.raises(TypeError, match="list of words"):
            ws.expect("03.axes", wrong)


def test_a_damaged_file_of_guesses_stops_nothing(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("RECSYS_TUTORIAL_STATE", str(tmp_path))
    (tmp_path / "expected.json").write_text('["no mapping"]')
    assert ws.expect("03.axes", ["year"]) == ["year"]
    assert "was damaged" in capsys.readouterr().out
