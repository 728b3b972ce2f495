"""EASE, ItemKNN, PureSVD: each against its formula done another way, and the common contract."""

import numpy as np
import pandas as pd
import pytest
import torch
from ladder import fitted
from sklearn.decomposition import TruncatedSVD

import recsys_tutorial as rt
from recsys_tutorial import Batch
from recsys_tutorial.datasets import from_frame
from recsys_tutorial.models import EASE, ImplicitALS, ItemKNN, Popularity, PureSVD
from recsys_tutorial.serving.engine import Engine

ALL = [EASE, ItemKNN, PureSVD, ImplicitALS]


def dense(train) -> np.ndarray:
    """x, cell by cell: (r - low + 1) / (high - low + 1)."""
    low, high = train.scale
    x = np.zeros((train.n_users, train.n_items))
    for user, item, rating in zip(train.user, train.item, train.rating, strict=True):
        x[user, item] = (rating - low + 1) / (high - low + 1)
    return x


def everybody(model, train) -> np.ndarray:
    return model.score_items(Batch(user=torch.arange(train.n_users))).detach().numpy()


def pairs(*rows):
    return from_frame(pd.DataFrame(rows, columns=["user", "item"]))


@pytest.fixture(scope="module")
def cut(small):
    """A part of `small` in which user 3 and item 5 are cold."""
    return small.take((small.user != 3) & (small.item != 5))


# ---- x ------------------------------------------------------------------------------------------


def test_the_table_holds_shares_of_the_best_rating():
    frame = pd.DataFrame({"user": [1, 1, 2], "item": ["a", "b", "a"], "rating": [5.0, 1.0, 3.0]})
    data = from_frame(frame)
    x = EASE.for_dataset(data).table(data).toarray()
    assert np.allclose(x, [[1.0, 0.2], [0.6, 0.0]])


def test_pairs_count_one_and_weights_multiply():
    frame = pd.DataFrame({"user": [1, 2], "item": ["a", "a"], "weight": [1.0, 3.0]})
    data = from_frame(frame)
    assert EASE.for_dataset(data).table(data).toarray().ravel().tolist() == [1.0, 3.0]


# ---- EASE ---------------------------------------------------------------------------------------


def test_ease_by_hand():
    """Two items rated by the same two users: W = 2 / (2 + l2) both ways, as one ridge each."""
    data = pairs((1, "a"), (1, "b"), (2, "a"), (2, "b"))
    model = fitted(EASE, data, l2=1.0)
    assert torch.allclose(model.weights, torch.tensor([[0, 2 / 3], [2 / 3, 0]]), atol=1e-6)
    assert np.allclose(everybody(model, data), 2 / 3, atol=1e-6)


def test_ease_is_a_ridge_regression_of_each_item_on_the_others(cut):
    """The constraint W_ii = 0, taken literally: column i is solved without item i."""
    model = fitted(EASE, cut, l2=7.0)
    x = dense(cut)
    for i in (0, 5, 11, cut.n_items - 1):
        others = np.arange(cut.n_items) != i
        left = x[:, others].T @ x[:, others] + 7.0 * np.eye(others.sum())
        column = np.linalg.solve(left, x[:, others].T @ x[:, i])
        assert np.allclose(model.weights[others, i], column, atol=1e-6)
        assert model.weights[i, i] == 0
    assert np.allclose(everybody(model, cut), x @ model.weights.numpy(), atol=1e-5)


def test_a_catalogue_too_large_is_refused_with_its_memory_and_a_remedy():
    with pytest.raises(ValueError, match=r"59,047 items.*103\.9 GiB.*than 4.*ImplicitALS"):
        EASE(10, 59_047)
    with pytest.raises(ValueError, match="ItemKNN holds a number for each pair"):
        ItemKNN(10, 59_047)


def test_ease_without_regularisation_is_refused():
    with pytest.raises(ValueError, match="l2=0 must be positive"):
        EASE(3, 4, l2=0)


# ---- ItemKNN ------------------------------------------------------------------------------------


def test_item_knn_by_hand():
    """a and b share one of two users; c is like nobody. Cosine 1 / (sqrt 2 sqrt 1 + h)."""
    data = pairs((1, "a"), (1, "b"), (2, "a"), (3, "c"))
    model = fitted(ItemKNN, data, k=2, shrink=1.0)
    w = 1 / (2**0.5 + 1)
    expected = torch.tensor([[0, w, 0], [w, 0, 0], [0, 0, 0]])
    assert torch.allclose(model.weights, expected, atol=1e-6)


def test_item_knn_keeps_the_k_best_of_each_column(cut):
    model = fitted(ItemKNN, cut, k=4, shrink=3.0)
    x = dense(cut)
    for i in range(cut.n_items):
        length = np.linalg.norm(x, axis=0) * np.linalg.norm(x[:, i])
        cosine = x.T @ x[:, i] / (length + 3.0)
        cosine[i] = 0
        best = np.sort(cosine)[-4:]
        column = model.weights[:, i].numpy()
        assert np.allclose(np.sort(column)[-4:], best, atol=1e-6)
        assert np.allclose(column[column != 0], cosine[column != 0], atol=1e-6)
        assert (column != 0).sum() <= 4


def test_shrinkage_takes_weight_from_what_few_have_rated():
    rows = [(u, item) for u in range(20) for item in ("often", "often too")]
    data = pairs(*rows, (99, "rare"), (99, "rare too"))
    model = fitted(ItemKNN, data, k=3, shrink=10.0)
    at = {name: k for k, name in enumerate(data.item_vocab.ids)}
    assert model.weights[at["rare"], at["rare too"]] < 0.1
    assert model.weights[at["often"], at["often too"]] > 0.6


# ---- PureSVD ------------------------------------------------------------------------------------


def test_pure_svd_against_scikit_learn_without_signs(cut):
    model = fitted(PureSVD, cut, dim=6)
    other = TruncatedSVD(6, algorithm="arpack", random_state=0).fit(dense(cut))
    mine = model.item_factors.detach().numpy().T  # (6, n_items)
    agreement = np.abs((mine * other.components_).sum(1))
    assert np.allclose(agreement, 1, atol=1e-5)
    best = other.inverse_transform(other.transform(dense(cut)))
    assert np.allclose(everybody(model, cut), best, atol=1e-4)


def test_pure_svd_comes_in_order_with_its_signs_settled(cut):
    first, second = (fitted(PureSVD, cut, dim=6, seed=s) for s in (0, 1))
    assert torch.allclose(first.item_factors, second.item_factors, atol=1e-4)
    lengths = first.user_factors.norm(dim=0)  # the singular values
    assert (lengths.diff() < 0).all()
    largest = first.item_factors.abs().argmax(0)
    assert (first.item_factors[largest, torch.arange(6)] > 0).all()


def test_pure_svd_with_more_dimensions_than_there_are_gives_x_back():
    data = pairs((1, "a"), (1, "b"), (2, "a"), (3, "c"))
    model = fitted(PureSVD, data, dim=10)
    assert np.allclose(everybody(model, data), dense(data), atol=1e-5)


# ---- all of them --------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", ALL)
def test_a_known_user_folded_in_gets_the_trained_scores(cls, cut):
    model = fitted(cls, cut)
    rows, offset = model.item_rows()
    for user in (0, 9):
        mine = cut.user == user
        ratings = torch.from_numpy(cut.rating[mine]).float()
        folded = model.fold_in(torch.from_numpy(cut.item[mine]), ratings)
        assert torch.allclose(folded.parts.sum(0), folded.row, atol=1e-5)
        assert folded.parts.shape == (mine.sum(), rows.shape[1])
        scores = (rows @ folded.row + offset).numpy()
        assert np.allclose(scores, everybody(model, cut)[user], atol=1e-4)


@pytest.mark.parametrize("cls", ALL)
def test_the_service_recommends_with_reasons_that_sum_to_the_score(cls, small, tmp_path):
    model = fitted(cls, small)
    engine = Engine(rt.serving.load(rt.serving.export(model, small, tmp_path / "export"), small))
    items, ratings = np.array([0, 7, 9]), np.array([5.0, 5.0, 1.0])
    found = engine.recommend(items, ratings, k=5)
    asked = dict(zip(small.item_vocab.ids[items].tolist(), ratings, strict=True))
    expected = rt.recommend(model, small, ratings=asked, k=5)
    assert [row["item"] for row in found] == expected["item"].tolist()
    told = engine.explain(items, ratings, small.item_vocab.position(found[0]["item"]))
    lifts = sum(part["lift"] for part in told["contributions"])
    assert told["base"] + lifts == pytest.approx(found[0]["score"], abs=1e-5)
    assert len(engine.recommend_user(4, k=3)) == 3


@pytest.mark.parametrize("cls", ALL)
def test_planted_groups_are_found(cls):
    """Two kinds of users, each rating its own half: what is missing from the half comes first."""
    rng = np.random.default_rng(0)
    rows = [
        (user, item) for user in range(60) for item in rng.permutation(20)[:14] + 20 * (user % 2)
    ]
    data = pairs(*rows)
    model = fitted(cls, data, **({"dim": 2} if hasattr(cls(1, 1), "dim") else {}))
    scores = everybody(model, data)
    scores[data.user, data.item] = -np.inf
    best = np.argsort(-scores, axis=1)[:, :6]  # all that is left of the half
    half = data.item_vocab.ids[best] // 20
    assert (half == (data.user_vocab.ids % 2)[:, None]).mean() == 1


@pytest.mark.real
@pytest.mark.parametrize(("cls", "least"), [(EASE, 2.0), (PureSVD, 1.9), (ItemKNN, 1.65)])
def test_real_data_against_popularity(ml100k, cls, least):
    """NDCG@10 over popularity's on a validation part: 2.14, 2.05 and 1.84 when written."""
    train, valid, _ = ml100k.split("random", seed=42)
    mine, base = (
        rt.evaluate(fitted(c, train), valid, train=train)["ndcg@10"] for c in (cls, Popularity)
    )
    assert mine > least * base
