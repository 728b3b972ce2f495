"""ImplicitALS: its equations solved another way, likes and dislikes, and the library `implicit`."""

import warnings
from dataclasses import replace

import ladder
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

import recsys_tutorial as rt
from recsys_tutorial import Batch
from recsys_tutorial.models import EASE, ImplicitALS, Popularity

SETTINGS = {"dim": 5, "l2": 3.0, "alpha": 4.0}
KINDS = [{"prior": 0.0, "worst": 0.2}, {"prior": 0.3}, {"prior": 0.0, "worst": 1.0}]


@pytest.fixture(scope="module")
def cut(small):
    """A part of `small` in which user 3 and item 5 are cold, and rows differ much in length."""
    keep = (small.user != 3) & (small.item != 5) & ((small.user % 4 > 0) | (small.item % 7 == 0))
    return small.take(keep)


def fitted(train, **settings):
    return ladder.fitted(ImplicitALS, train, **SETTINGS | settings)


def whole_table(model, train):
    """Confidence and target (n_users, n_items) of all cells, zeros included."""
    confidence, target = np.ones((2, train.n_users, train.n_items))
    target[:] = 0
    ratings = torch.from_numpy(train.rating)
    confidence[train.user, train.item] += model.alpha * model.strength(ratings).numpy()
    target[train.user, train.item] = model.target(ratings)
    return confidence, target


def by_hand(confidence, target, fixed, l2):
    """Each row's ridge regression over all cells: no trick."""
    ridge = l2 * np.eye(fixed.shape[1])
    pairs = zip(confidence, target, strict=True)
    return np.array(
        [np.linalg.solve(fixed.T * c @ fixed + ridge, fixed.T @ (c * t)) for c, t in pairs]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_half_sweep_solves_every_row(cut, kind):
    model = fitted(cut, sweeps=2, **kind).double()
    cells = model.cells(cut)
    confidence, target = whole_table(model, cut)
    residual = target - model.popularity.numpy()
    for side in ("user", "item"):
        table, other = model.user_factors, model.item_factors
        if side == "item":
            table, other, confidence, residual = other, table, confidence.T, residual.T
        model.solve(cells, side)
        expected = by_hand(confidence, residual, other.numpy(), model.l2)
        expected[model.user_count == 0 if side == "user" else model.item_count == 0] = 0
        assert np.allclose(table.numpy(), expected, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_objective_never_rises_in_a_half_sweep(cut, kind):
    model = ImplicitALS.for_dataset(cut, **SETTINGS, **kind).double()
    cells = model.cells(cut)
    values = [model.objective(cut)]
    for _ in range(8):
        for side in ("item", "user"):
            model.solve(cells, side)
            values.append(model.objective(cut))
    assert (np.diff(values) <= 1e-9 * values[0]).all()
    assert values[-1] < 0.6 * values[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_objective_is_the_sum_over_all_cells(cut, kind):
    model = fitted(cut, **kind)
    confidence, target = whole_table(model, cut)
    p, q = model.user_factors.double().numpy(), model.item_factors.double().numpy()
    total = (confidence * (target - p @ q.T - model.popularity.numpy()) ** 2).sum()
    total += model.l2 * ((p**2).sum() + (q**2).sum())
    assert model.objective(cut) == pytest.approx(total, rel=1e-6)


def test_popularity_is_the_mean_target_of_a_column(cut):
    model = fitted(cut, prior=0.5)
    confidence, target = whole_table(model, cut)
    warm = np.unique(cut.user)
    mean = (confidence * target)[warm].sum(0) / confidence[warm].sum(0)
    assert np.allclose(model.popularity.numpy(), 0.5 * mean, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_folded_in_is_the_trained_row(cut, kind):
    model = ImplicitALS.for_dataset(cut, **SETTINGS, **kind).double()
    model.fit(cut)
    for user in (0, 1, 40):
        mine = cut.user == user
        items, ratings = (torch.from_numpy(a[mine]) for a in (cut.item, cut.rating))
        folded = model.fold_in(items, ratings)
        assert torch.allclose(folded.row, model.user_factors[user], atol=1e-9)
        assert torch.allclose(folded.parts.sum(0), folded.row)


def test_who_is_unknown_gets_what_most_people_like(cut):
    model = fitted(cut)
    cold = cut.user_vocab.ids[3].item()
    nobody = rt.recommend(model, cut, ratings={}, k=20)
    assert rt.recommend(model, cut, user=cold, k=20).equals(nobody)
    order = model.popularity.argsort(descending=True, stable=True)[:20]
    assert nobody["item"].tolist() == cut.item_vocab.ids[order.numpy()].tolist()


def test_long_rows_are_taken_in_several_blocks(cut, monkeypatch):
    whole = fitted(cut)
    monkeypatch.setattr("recsys_tutorial.models.als.CELLS", 100)
    assert torch.allclose(fitted(cut).user_factors, whole.user_factors, atol=1e-4)


def test_it_sweeps_as_the_library_implicit_does(cut):
    """Its confidence is what it is given, ours 1 + alpha x; its targets are 0 and 1; it solves
    users first, we items."""
    als = pytest.importorskip("implicit.als")
    threads = pytest.importorskip("threadpoolctl")  # it warns where BLAS has several
    model = ImplicitALS.for_dataset(cut, **SETTINGS, worst=1.0, prior=0.0).double()
    x = model.table(cut)
    confidence = sparse.csr_matrix((1 + model.alpha * x.data, x.indices, x.indptr), x.shape)
    settings = {"factors": 5, "regularization": 3.0, "alpha": 1.0, "iterations": 4}
    plain = {"use_cg": False, "use_gpu": False, "num_threads": 1, "dtype": np.float64}
    with threads.threadpool_limits(1, "blas"):
        peer = als.AlternatingLeastSquares(**settings, **plain)
        peer.user_factors = np.zeros((cut.n_users, 5))
        peer.item_factors = model.item_factors.numpy().copy()
        peer.fit(confidence, show_progress=False)
    cells = model.cells(cut)
    for _ in range(4):
        model.solve(cells, "user")
        model.solve(cells, "item")
    assert np.allclose(model.user_factors.numpy(), peer.user_factors, atol=1e-8)
    assert np.allclose(model.item_factors.numpy(), peer.item_factors, atol=1e-8)


def test_settings_that_make_no_sense_are_refused():
    for wrong in ({"l2": 0.0}, {"worst": 1.5}, {"prior": 2.0}):
        with pytest.raises(ValueError, match="must be"):
            ImplicitALS(3, 4, **wrong)


def test_more_confidence_fits_the_rated_cells_better(cut):
    batch = Batch(user=torch.from_numpy(cut.user), item=torch.from_numpy(cut.item))
    target = ImplicitALS.for_dataset(cut).target(torch.from_numpy(cut.rating))
    loose, close = ((fitted(cut, alpha=a)(batch) - target).square().mean() for a in (0.5, 20.0))
    assert close < 0.5 * loose


def test_a_weight_of_zero_is_not_there_and_huge_weights_do_not_crash(cut):
    weight = np.ones(len(cut))
    weight[::3] = 0
    less = cut.take(weight > 0)
    weighted = fitted(replace(cut, weight=weight))
    assert torch.allclose(weighted.item_factors, fitted(less).item_factors, atol=1e-5)
    plays = np.round(np.random.default_rng(0).lognormal(5, 2, len(cut))) + 1
    heavy = fitted(replace(cut, weight=plays))
    assert bool(torch.isfinite(heavy.user_factors).all())
    assert float(heavy.user_factors.std()) > 0.05


# ---- likes and dislikes -----------------------------------------------------------------------


def lists_by_genre(model, data):
    """Per genre what ten of its best known films, all rated best or all worst, lead to."""
    low, high = data.scale
    counts, found = data.counts("item"), {}
    for genre in sorted({g for genres in data.items["genres"] for g in genres}):
        films = [i for i, genres in enumerate(data.items["genres"]) if genre in genres]
        films = data.item_vocab.ids[sorted(films, key=lambda i: -counts[i])[:10]].tolist()
        if len(films) == 10:
            found[genre] = [
                set(rt.recommend(model, data, ratings=dict.fromkeys(films, stars))["item"])
                for stars in (high, low)
            ]
    return found


def test_ten_ratings_of_one_genre_turn_the_list_and_dislikes_turn_it_again():
    data = rt.datasets.planted(seed=0)
    model = ImplicitALS.for_dataset(data).fit(data)
    nobody = set(rt.recommend(model, data, ratings={})["item"])
    lists = lists_by_genre(model, data)
    assert len(lists) >= 8
    changed = [len(liked - nobody) for liked, _ in lists.values()]
    turned = [len(disliked - liked) for liked, disliked in lists.values()]
    assert np.median(changed) >= 6
    assert min(changed) >= 5
    assert min(turned) >= 6


@pytest.mark.real
def test_real_lists_answer_to_likes_and_to_dislikes(ml100k):
    model = ImplicitALS.for_dataset(ml100k).fit(ml100k)
    nobody = set(rt.recommend(model, ml100k, ratings={})["item"])
    lists = lists_by_genre(model, ml100k)
    for genre in ("Horror", "Romance", "Sci-Fi", "Children's", "Drama", "Comedy"):
        liked, disliked = lists[genre]
        assert len(liked & nobody) <= 4, genre
        assert len(liked & disliked) <= 4, genre
    for a, b in (("Horror", "Romance"), ("Sci-Fi", "Drama"), ("Children's", "Horror")):
        assert len(lists[a][0] & lists[b][0]) <= 4


@pytest.mark.real
def test_real_data_against_counting_heads_and_ease(ml100k):
    """NDCG@10 on a validation part: 2.1 times Popularity's when written, and 0.99 of EASE's."""
    train, valid, _ = ml100k.split("random", seed=42)
    scores = {}
    for cls in (ImplicitALS, Popularity, EASE):
        model = cls.for_dataset(train)
        rt.fit(model, train, progress=False)
        scores[cls] = rt.evaluate(model, valid, train=train)
    mine = scores[ImplicitALS]
    for metric in ("ndcg@10", "recall@10"):
        assert mine[metric] > 1.9 * scores[Popularity][metric]
    assert mine["ndcg@10"] > 0.95 * scores[EASE]["ndcg@10"]


def test_vectors_that_are_all_but_zero_are_said():
    rng = np.random.default_rng(0)
    plays = np.round(rng.lognormal(3, 2, 2_500)) + 1  # a few outweigh all others
    pair = rng.choice(120 * 80, 2_500, replace=False)
    table = pd.DataFrame({"user": pair // 80, "item": pair % 80, "rating": plays})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from_frame has its own word on counts
        data = rt.datasets.from_frame(table)
    with pytest.warns(UserWarning, match="learned almost nothing"):
        ImplicitALS.for_dataset(data).fit(data)
