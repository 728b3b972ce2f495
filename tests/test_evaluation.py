"""predict and evaluate, against scikit-learn and the plain metric functions."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

import recsys_tutorial as rt
from recsys_tutorial import Batch, evaluation, metrics
from recsys_tutorial.datasets import from_frame
from recsys_tutorial.models import BiasedMF, Model, Popularity


class Fixed(Model):
    """Scores that a test has chosen: a table (n_users, n_items)."""

    def __init__(self, n_users, n_items, seed=0):
        super().__init__(n_users, n_items, seed=seed)
        self.register_buffer("table", torch.zeros(n_users, n_items))

    def forward(self, batch: Batch) -> torch.Tensor:
        return self.table[batch.user, batch.item]


@pytest.fixture(scope="module")
def parts(small):
    return small.split("random", seed=4)


@pytest.fixture(scope="module")
def model(parts):
    train, valid, _ = parts
    model = BiasedMF.for_dataset(train)
    rt.fit(model, train, valid, progress=False)
    return model


class TestPredict:
    def test_rows_in_order_and_inside_the_scale(self, model, parts):
        test = parts[2]
        scores = rt.predict(model, test)
        assert scores.shape == (len(test),)
        raw = model.mean + model.user_bias[test.user] + model.item_bias[test.item]
        raw = raw + (model.user_factors[test.user] * model.item_factors[test.item]).sum(1)
        assert np.allclose(scores, raw.detach().clamp(1, 5).numpy(), atol=1e-5)
        assert np.allclose(rt.predict(model, test, clip=False), raw.detach().numpy(), atol=1e-5)

    def test_blocks_do_not_show(self, model, parts, monkeypatch):
        whole = rt.predict(model, parts[0])
        monkeypatch.setattr(evaluation, "ROWS", 7)
        assert np.array_equal(rt.predict(model, parts[0]), whole)


class TestEvaluate:
    def test_every_number_against_an_independent_computation(self, model, parts):
        train, valid, test = parts
        result = rt.evaluate(model, test, train=[train, valid], k=5)
        assert " ".join(result) == (
            "rmse mae auc conditional_auc recall@5 precision@5 ndcg@5 map@5 mrr ranking_auc "
            "coverage n_users n_cold"
        )
        scores = rt.predict(model, test)
        raw = rt.predict(model, test, clip=False)
        liked = test.rating >= 4
        assert result["rmse"] == pytest.approx(math.sqrt(np.mean((test.rating - scores) ** 2)))
        assert result["mae"] == pytest.approx(np.mean(np.abs(test.rating - scores)))
        assert result["auc"] == pytest.approx(roc_auc_score(liked, raw))
        within = [
            roc_auc_score(liked[rows], raw[rows])
            for u in np.unique(test.user)
            if 0 < liked[rows := test.user == u].sum() < rows.sum()
        ]
        assert result["conditional_auc"] == pytest.approx(np.mean(within))

        users = np.unique(test.user[liked])
        dense = model.score_items(Batch(user=torch.from_numpy(users))).detach().double().numpy()
        labels = np.zeros_like(dense)
        row = {u: r for r, u in enumerate(users)}
        for u, i in zip(test.user[liked], test.item[liked], strict=True):
            labels[row[u], i] = 1
        for part in (train, valid):
            for u, i in zip(part.user, part.item, strict=True):
                if u in row:
                    dense[row[u], i] = -np.inf
        for key, function in {
            "recall@5": metrics.recall_at_k,
            "precision@5": metrics.precision_at_k,
            "ndcg@5": metrics.ndcg_at_k,
            "map@5": metrics.average_precision_at_k,
        }.items():
            assert result[key] == pytest.approx(np.nanmean(function(labels, dense, k=5))), key
        assert result["mrr"] == pytest.approx(np.nanmean(metrics.mrr(labels, dense)))
        per_user = [
            roc_auc_score(labels[r][open_], dense[r][open_])
            for r in range(len(users))
            if (open_ := np.isfinite(dense[r])).sum() > labels[r].sum()
        ]
        assert result["ranking_auc"] == pytest.approx(np.mean(per_user))
        top = np.argsort(-dense, axis=1, kind="stable")[:, :5]
        shown = {i for r, i in np.ndenumerate(top) if np.isfinite(dense[r[0], i])}
        assert result["coverage"] == pytest.approx(len(shown) / test.n_items)
        assert result["n_users"] == len(users)

    def test_blocks_do_not_show(self, model, parts, monkeypatch):
        train, valid, test = parts
        whole = rt.evaluate(model, test, train=[train, valid])
        monkeypatch.setattr(evaluation, "CELLS", 3 * test.n_items)
        sizes, score_items = set(), model.score_items
        monkeypatch.setattr(
            model, "score_items", lambda batch: sizes.add(len(batch.user)) or score_items(batch)
        )
        assert rt.evaluate(model, test, train=[train, valid]) == pytest.approx(whole)
        assert max(sizes) == 3  # memory does not grow with the number of users

    def test_a_ranking_model_has_no_error_in_stars(self, parts):
        train, _, test = parts
        model = Popularity.for_dataset(train)
        rt.fit(model, train)
        result = rt.evaluate(model, test, train=train)
        assert not {"rmse", "mae"} & set(result)
        assert 0 < result["ndcg@10"] < 1

    def test_items_of_train_do_not_compete(self, small):
        """The best-scored item is in train: without it the test item is first."""
        table = pd.DataFrame({"user": [1, 1, 1], "item": [10, 11, 12], "rating": [5, 5, 1]})
        data = from_frame(table)
        train, test = data.take(np.array([0])), data.take(np.array([1]))
        model = Fixed.for_dataset(train)
        model.table.copy_(torch.tensor([[5.0, 4.0, 1.0]]))
        assert rt.evaluate(model, test, train=train)["mrr"] == 1
        assert rt.evaluate(model, test, train=[])["mrr"] == 0.5

    def test_a_constant_model_ranks_as_chance_does(self, parts):
        train, valid, test = parts
        result = rt.evaluate(Fixed.for_dataset(train), test, train=[train, valid])
        assert result["auc"] == result["conditional_auc"] == result["ranking_auc"] == 0.5
        left = test.n_items - train.counts("user") - valid.counts("user")
        users = np.unique(test.user[test.rating >= 4])
        assert result["recall@10"] == pytest.approx(np.mean(np.minimum(1, 10 / left[users])))

    def test_a_model_of_user_bias_only(self, parts):
        """Knows who is generous, not what anybody likes: pooled AUC is fooled."""
        train, _, test = parts
        model = BiasedMF.for_dataset(train, dim=0)
        rt.fit(model, train, progress=False)
        with torch.no_grad():
            model.item_bias.zero_()
        result = rt.evaluate(model, test, train=train)
        assert result["conditional_auc"] == 0.5
        assert result["auc"] > 0.55

    def test_cold_rows_are_counted(self, small):
        train = small.take((small.user != 0) & (small.item != 3))
        test = small.take((small.user == 0) | (small.item == 3))
        model = BiasedMF.for_dataset(train)
        rt.fit(model, train, epochs=1, progress=False)
        assert rt.evaluate(model, test, train=train)["n_cold"] == len(test)
        assert rt.evaluate(model, train.take(train.user == 5), train=[])["n_cold"] == 0


class TestRelevance:
    def ratings(self, top: float) -> pd.DataFrame:
        return pd.DataFrame({"user": [1, 1, 2, 2], "item": [1, 2, 1, 2], "rating": [top, 1, 2, 4]})

    def test_four_stars_on_a_scale_that_ends_at_five(self):
        data = from_frame(self.ratings(5))
        model = Fixed.for_dataset(data)
        model.table.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        assert rt.evaluate(model, data, train=[])["conditional_auc"] == 1.0

    def test_another_scale_asks(self):
        data = from_frame(self.ratings(10))
        with pytest.raises(ValueError, match=r"1 to 10: pass relevant=..., for example 5.5"):
            rt.evaluate(Fixed.for_dataset(data), data, train=[])
        assert rt.evaluate(Fixed.for_dataset(data), data, train=[], relevant=4)["n_users"] == 2

    def test_pairs_without_ratings_are_all_relevant(self):
        data = from_frame(pd.DataFrame({"user": [1, 1, 2], "item": [1, 2, 3]}))
        model = Fixed.for_dataset(data)
        model.in_stars.fill_(False)
        model.table.copy_(torch.eye(3)[:2] + 0.1)
        result = rt.evaluate(model, data, train=[])
        assert result["n_users"] == 2
        assert not {"rmse", "auc", "conditional_auc"} & set(result)  # all are equal: of what?


class TestSlips:
    """One sentence each, with the remedy."""

    def test_what_is_no_model(self, model, small):
        with pytest.raises(TypeError, match=r"BiasedMF is a class.*BiasedMF.for_dataset\(train\)"):
            rt.predict(BiasedMF, small)
        with pytest.raises(TypeError, match="swapped"):
            rt.predict(small, model)
        with pytest.raises(TypeError, match=r"needs a model, and got a str"):
            rt.evaluate("BiasedMF", small, train=[])

    def test_what_is_no_dataset(self, model, parts):
        train, _, test = parts
        with pytest.raises(TypeError, match=r"pandas frame.*rt.datasets.from_frame"):
            rt.predict(model, test.ratings)
        with pytest.raises(TypeError, match=r"pandas frame"):
            rt.evaluate(model, test, train=[train, test.ratings])
        with pytest.raises(TypeError, match=r"needs a Dataset, and got a list"):
            rt.predict(model, [test])
        with pytest.raises(ValueError, match="test part is empty"):
            rt.evaluate(model, test.take(np.array([], dtype=int)), train=[])

    @pytest.mark.parametrize(
        ("setting", "message"),
        [
            ({"relevant": 6}, "no test row is relevant"),
            ({"k": 3.0}, "k must be a whole number of at least 1, got 3.0"),
        ],
    )
    def test_settings_of_the_wrong_type(self, model, parts, setting, message):
        with pytest.raises((TypeError, ValueError), match=message):
            rt.evaluate(model, parts[2], **{"train": parts[0], **setting})

    def test_overlap_is_told_by_the_ids_that_the_user_gave(self):
        table = pd.DataFrame({"user": [1003], "item": [507], "rating": [5.0]})
        data = from_frame(table)
        with pytest.raises(ValueError, match="user 1003 has item 507 in more than one part"):
            rt.evaluate(Fixed.for_dataset(data), data, train=data)

    def test_what_was_never_fitted_or_is_not_finite(self, parts):
        train, _, test = parts
        fresh = rt.models.EASE.for_dataset(train)
        for call in (
            lambda: rt.predict(fresh, test),
            lambda: rt.evaluate(fresh, test, train=train),
            lambda: rt.recommend(fresh, train, int(train.user_vocab.ids[0])),
        ):
            with pytest.raises(ValueError, match="EASE has not been fitted"):
                call()
        model = Fixed.for_dataset(train)
        model.table[3] = torch.nan
        with pytest.raises(ValueError, match=r"Fixed.*not finite"):
            rt.evaluate(model, test, train=train)
