"""ImplicitALS: its equations solved another way, its objective, and the library `implicit`."""

import numpy as np
import pytest
import torch
from scipy import sparse

import recsys_tutorial as rt
from recsys_tutorial import Batch
from recsys_tutorial.models import ImplicitALS, Popularity

SETTINGS = {"dim": 5, "l2": 3.0, "alpha": 4.0}


@pytest.fixture(scope="module")
def cut(small):
    """A part of `small` in which user 3 and item 5 are cold, and rows differ much in length."""
    keep = (small.user != 3) & (small.item != 5) & ((small.user % 4 > 0) | (small.item % 7 == 0))
    return small.take(keep)


def fitted(train, **settings):
    model = ImplicitALS.for_dataset(train, **SETTINGS | settings)
    rt.fit(model, train, progress=False)
    return model


def by_hand(model, x: np.ndarray, fixed: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """Each row's ridge regression over all cells, zeros included: no trick."""
    rows = []
    for cells, penalty in zip(x, ridge, strict=True):
        confidence = np.diag(1 + model.alpha * cells)
        left = fixed.T @ confidence @ fixed + penalty * np.eye(fixed.shape[1])
        target = cells if model.graded else cells > 0
        rows.append(np.linalg.solve(left, fixed.T @ confidence @ target))
    return np.array(rows)


@pytest.mark.parametrize(("nu", "graded"), [(0.0, True), (1.0, True), (0.0, False)])
def test_each_half_sweep_solves_every_row(cut, nu, graded):
    model = fitted(cut, sweeps=2, nu=nu, graded=graded).double()
    x = model.table(cut)
    cells = x.toarray()
    for side in ("user", "item"):
        table, other = (model.user_factors, model.item_factors)
        if side == "item":
            table, other, cells = other, table, cells.T
        model.solve(x if side == "user" else x.T.tocsr(), side)
        mean_confidence = (1 + model.alpha * cells).mean(1)
        expected = by_hand(model, cells, other.numpy(), model.l2 * mean_confidence**nu)
        assert np.allclose(table.numpy(), expected, atol=1e-9)


@pytest.mark.parametrize(("nu", "graded"), [(0.0, True), (0.7, True), (0.0, False)])
def test_the_objective_never_rises_in_a_half_sweep(cut, nu, graded):
    model = ImplicitALS.for_dataset(cut, **SETTINGS, nu=nu, graded=graded).double()
    x = model.table(cut)
    values = [model.objective(cut)]
    for _ in range(8):
        for side, rows in (("item", x.T.tocsr()), ("user", x)):
            model.solve(rows, side)
            values.append(model.objective(cut))
    assert (np.diff(values) <= 1e-9 * values[0]).all()
    assert values[-1] < 0.5 * values[0]


@pytest.mark.parametrize("graded", [True, False])
def test_the_objective_is_the_sum_over_all_cells(cut, graded):
    model = fitted(cut, nu=0.5, graded=graded)
    cells = model.table(cut).toarray()
    p, q = model.user_factors.double().numpy(), model.item_factors.double().numpy()
    confidence = 1 + model.alpha * cells
    target = cells if graded else cells > 0
    total = (confidence * (target - p @ q.T) ** 2).sum()
    total += (model.l2 * confidence.mean(1) ** 0.5 * (p**2).sum(1)).sum()
    total += (model.l2 * confidence.mean(0) ** 0.5 * (q**2).sum(1)).sum()
    assert model.objective(cut) == pytest.approx(total, rel=1e-6)


@pytest.mark.parametrize("graded", [True, False])
def test_a_user_folded_in_is_the_trained_row(cut, graded):
    model = ImplicitALS.for_dataset(cut, **SETTINGS, nu=0.5, graded=graded).double()
    model.fit(cut)
    for user in (0, 1, 40):
        mine = cut.user == user
        items, ratings = (torch.from_numpy(a[mine]) for a in (cut.item, cut.rating))
        folded = model.fold_in(items, ratings)
        assert torch.allclose(folded.row, model.user_factors[user], atol=1e-10)
        assert torch.allclose(folded.parts.sum(0), folded.row)


def test_long_rows_are_taken_in_several_blocks(cut, monkeypatch):
    whole = fitted(cut)
    monkeypatch.setattr("recsys_tutorial.models.als.CELLS", 100)
    assert torch.allclose(fitted(cut).user_factors, whole.user_factors, atol=1e-4)


def test_it_sweeps_as_the_library_implicit_does(cut):
    """Its confidence is what it is given, ours 1 + alpha x; its targets are 0 and 1; it solves
    users first, we items."""
    als = pytest.importorskip("implicit.als")
    threads = pytest.importorskip("threadpoolctl")  # it warns where BLAS has several
    model = ImplicitALS.for_dataset(cut, **SETTINGS, graded=False).double()
    x = model.table(cut)
    confidence = sparse.csr_matrix((1 + model.alpha * x.data, x.indices, x.indptr), x.shape)
    settings = {"factors": 5, "regularization": 3.0, "alpha": 1.0, "iterations": 4}
    plain = {"use_cg": False, "use_gpu": False, "num_threads": 1, "dtype": np.float64}
    with threads.threadpool_limits(1, "blas"):
        peer = als.AlternatingLeastSquares(**settings, **plain)
        peer.user_factors = np.zeros((cut.n_users, 5))
        peer.item_factors = model.item_factors.numpy().copy()
        peer.fit(confidence, show_progress=False)
    for _ in range(4):
        model.solve(x, "user")
        model.solve(x.T.tocsr(), "item")
    assert np.allclose(model.user_factors.numpy(), peer.user_factors, atol=1e-8)
    assert np.allclose(model.item_factors.numpy(), peer.item_factors, atol=1e-8)


def test_settings_that_make_no_sense_are_refused():
    for wrong in ({"l2": 0.0}, {"alpha": -1.0}, {"sweeps": 0}):
        with pytest.raises(ValueError, match="must be positive"):
            ImplicitALS(3, 4, **wrong)


def test_the_seed_decides(cut):
    first, again, other = (fitted(cut, seed=s, sweeps=1) for s in (1, 1, 2))
    assert torch.equal(first.item_factors, again.item_factors)
    assert not torch.allclose(first.item_factors, other.item_factors, atol=1e-3)


def test_more_confidence_fits_the_rated_cells_better(cut):
    batch = Batch(user=torch.from_numpy(cut.user), item=torch.from_numpy(cut.item))
    target = ImplicitALS.for_dataset(cut).strength(torch.from_numpy(cut.rating))
    loose, close = ((fitted(cut, alpha=a)(batch) - target).square().mean() for a in (0.5, 20.0))
    assert close < 0.5 * loose


@pytest.mark.real
def test_real_data_against_popularity(ml100k):
    """NDCG@10 over popularity's on a validation part: 2.2 when written."""
    train, valid, _ = ml100k.split("random", seed=42)
    scores = []
    for cls in (ImplicitALS, Popularity):
        model = cls.for_dataset(train)
        rt.fit(model, train, progress=False)
        scores.append(rt.evaluate(model, valid, train=train)["ndcg@10"])
    assert scores[0] > 2.0 * scores[1]
