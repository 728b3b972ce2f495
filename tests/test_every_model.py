"""The ladder that every model climbs; what is its own, by hand or planted, has its own file."""

import random
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from ladder import gradients_are_right, rmse_of, scrambled, whole_and_resumed

import recsys_tutorial as rt
from recsys_tutorial import Batch, losses, models
from recsys_tutorial.datasets import from_frame
from recsys_tutorial.models.mf import Factorised
from recsys_tutorial.models.sequences import SequenceModel, windows

SETTINGS = {  # small and quick, for each model
    "MF": {"dim": 4},
    "BiasedMF": {"dim": 4},
    "SideFeatureMF": {"dim": 4},
    "TemporalMF": {"dim": 4},
    "FactorizationMachine": {"dim": 4, "fields": None},
    "MixtureOfTastes": {"dim": 4},
    "GumbelTastes": {"dim": 4},
    "DeepMF": {"dim": 4, "width": 6},
    "MultiOutputMF": {"dim": 4},
    "VariationalMF": {"dim": 4},
    "SVDpp": {"dim": 4, "features": True},
    "TensorFactorization": {"dim": 4, "bins": 3},
    "HashedMF": {"dim": 4},
    "SequenceLSTM": {"dim": 4, "length": 8},
    "SequenceTransformer": {"dim": 4, "length": 8},
    "Popularity": {},
    "ItemKNN": {"k": 5},
    "EASE": {},
    "PureSVD": {"dim": 4},
    "ImplicitALS": {"dim": 4},
    "Markov": {},
    "SequentialRules": {"window": 3},
    "BayesianFM": {"dim": 2, "samples": 30, "burn": 5, "thin": 1},
}
NO_PENALTY = {
    "SideFeatureMF": {"own": 0, "own_bias": 0, "side": 0, "side_bias": 0},
    "SVDpp": {"own": 0, "own_bias": 0, "side": 0, "side_bias": 0, "history": 0},
    "TemporalMF": {"l2_time": 0, "l2_day": 0, "tv": 0},
    "TensorFactorization": {"l2_time": 0, "tv": 0},
    "FactorizationMachine": {"l2_table": 0, "l2_bias_table": 0, "l2_side": 0},
    "DeepMF": {"l2_deep": 0},
    "MultiOutputMF": {"l2_heads": 0},
    "MixtureOfTastes": {"l2_attention": 0},
    "GumbelTastes": {"l2_attention": 0},
}
ALL = sorted(SETTINGS)
CLOSED = [name for name in ALL if hasattr(getattr(models, name), "fit")]
TRAINED = [name for name in ALL if name not in CLOSED]
OWN_POPULARITY = ("ImplicitALS", "BayesianFM")  # biases of items are one
RATING = [name for name in TRAINED if not getattr(models, name).ranks]
FACTORISED = [name for name in TRAINED if issubclass(getattr(models, name), Factorised)]


def made(name, data, **settings):
    return getattr(models, name).for_dataset(data, **{**SETTINGS[name], **settings})


def fitted(name, data, epochs=2, settings=None, **fit):
    model = made(name, data, **(settings or {}))
    fit = {} if name in CLOSED else {"epochs": epochs, "lr": 0.02, "batch_size": 256, **fit}
    rt.fit(model, data, progress=False, **fit)
    return model


def batch_for(model, data, users, items) -> Batch:
    users, items = torch.as_tensor(users), torch.as_tensor(items)
    time = None
    if data.timestamp is not None:
        time = torch.from_numpy(data.last_times())[users]
    return Batch(user=users, item=items, time=time)


@pytest.fixture(scope="module")
def table(small) -> pd.DataFrame:
    return small.ratings


def data_of(small, table, **columns):
    """The same users and items, with other columns in the ratings."""
    table = table.assign(**columns)
    return from_frame(table, users=small.users, items=small.items)


@pytest.mark.parametrize("name", ALL)
class TestEach:
    def test_shapes_and_the_catalogue_equals_the_pairs(self, name, small):
        model = scrambled(fitted(name, small), 0.3) if name in TRAINED else fitted(name, small)
        model.eval()
        users = np.array([3, 1, 3])
        with torch.no_grad():
            one, row, pairs, wide = (
                losses.score_of(model(batch_for(model, small, u, i)))
                for u, i in (
                    ([3], [4]),
                    (users, [4, 0, 2]),
                    (users[:, None], [[4, 0], [0, 1], [2, 4]]),
                    (users[:, None], np.arange(small.n_items)[None]),
                )
            )
            catalogue = model.score_items(batch_for(model, small, users, users))
        assert (one.shape, row.shape, pairs.shape) == ((1,), (3,), (3, 2))
        assert wide.shape == catalogue.shape == (3, small.n_items)
        assert torch.allclose(catalogue, wide, atol=1e-4)
        assert torch.allclose(row, pairs[:, 0], atol=1e-5)
        assert torch.allclose(row, wide[[0, 1, 2], [4, 0, 2]], atol=1e-4)

    def test_the_seed_decides_and_global_randomness_is_untouched(self, name, small):
        states = torch.random.get_rng_state(), random.getstate()
        one, again, other = (
            rt.predict(fitted(name, small, settings={"seed": s}), small) for s in (1, 1, 2)
        )
        assert torch.equal(torch.random.get_rng_state(), states[0])
        assert random.getstate() == states[1]
        assert np.array_equal(one, again)
        if name in TRAINED:
            assert not np.array_equal(one, other)

    def test_an_export_gives_the_same_and_the_settings_make_it_again(self, name, small, tmp_path):
        model = fitted(name, small)
        loaded = rt.serving.load(rt.serving.export(model, small, tmp_path), small).model
        assert np.array_equal(rt.predict(loaded, small), rt.predict(model, small))
        twin = model.library_class()(**model.settings())
        twin.load_state_dict(model.state_dict())
        twin.user_vocab, twin.item_vocab = model.user_vocab, model.item_vocab
        assert np.array_equal(rt.predict(twin, small), rt.predict(model, small))
        assert twin.predicts == model.predicts

    def test_cold_rows_are_zero_and_lists_of_the_cold_are_everybodys(self, name, small):
        warm = small.take((small.user != 4) & (small.item != 9))
        model = fitted(name, warm)
        for table_name, values in model.tables():
            if not table_name.endswith("logvar"):  # at the prior
                row = 4 if table_name.startswith("user") else 9
                assert not values[row].any(), table_name
        assert model.is_cold(torch.tensor([3, 4])).tolist() == [False, True]
        cold = model.list_scores(batch_for(model, warm, [4], [0]))[0]
        assert cold.isfinite().all()
        assert cold.unique().numel() > 10  # an order, not the first ids
        if name in ("MF", *CLOSED) and name not in OWN_POPULARITY:
            order = torch.argsort(cold, descending=True, stable=True)
            popular = torch.argsort(model.item_weight, descending=True, stable=True)
            assert order[:5].tolist() == popular[:5].tolist()

    def test_what_cannot_be_is_refused_in_a_sentence(self, name, small):
        cls = getattr(models, name)
        with pytest.raises(ValueError, match="empty"):
            cls.for_dataset(small.take(np.array([], dtype=int)))
        with pytest.raises(TypeError, match="from_frame"):
            cls.for_dataset(small.ratings)
        with pytest.raises(ValueError, match="so no row counts"):
            cls.for_dataset(replace(small, weight=np.zeros(len(small))))
        with pytest.raises(TypeError, match="depth"):
            cls.for_dataset(small, depth=3)
        if "dim" in SETTINGS[name]:
            with pytest.raises(ValueError, match="dim=-1 must be at least"):
                made(name, small, dim=-1)
        with pytest.raises(ValueError, match=r"for_dataset\(train\)"):
            cls(small.n_users, small.n_items).check_vocabulary(small)

    def test_never_fitted_or_diverged_is_said(self, name, small):
        model = made(name, small)
        with pytest.raises(ValueError, match=f"this {name} has not been fitted"):
            model.check_fitted()
        model = fitted(name, small)
        model.check_fitted()
        values = next(t for k, t in model.state_dict().items() if k.startswith(("item_f", "item_b",
                      "item_d", "hashed", "weights", "score", "follows")))  # fmt: skip
        values.view(-1)[0] = torch.nan
        with pytest.raises(ValueError, match="not finite"):
            model.check_fitted()

    def test_all_weights_times_ten_change_nothing(self, name, small, table):
        weight = np.random.default_rng(0).integers(1, 5, len(table)).astype(float)
        one, ten = (data_of(small, table, weight=k * weight) for k in (1, 10))
        expected, got = (rt.predict(fitted(name, data), small) for data in (one, ten))
        assert np.allclose(expected, got, atol=1e-5)

    def test_a_row_of_weight_0_is_not_there(self, name, small, table):
        zero = np.random.default_rng(0).random(len(table)) < 0.2
        weighted = data_of(small, table, weight=np.where(zero, 0.0, 1.0))
        without = data_of(small, table, weight=1.0).take(~zero)
        expected, got = (rt.predict(fitted(name, data), small) for data in (without, weighted))
        assert np.allclose(expected, got, atol=1e-5)

    def test_other_names_give_the_same(self, name, small, table):
        if name == "HashedMF":
            pytest.skip("names decide the buckets")
        names = {side: f"{side}_{{:04d}}".format for side in ("user", "item")}
        renamed = table.assign(**{side: table[side].map(names[side]) for side in names})
        users, items = (
            frame.assign(**{side: frame[side].map(names[side])})
            for side, frame in (("user", small.users), ("item", small.items))
        )
        other = from_frame(renamed, users=users, items=items)
        same = data_of(small, table)
        expected, got = (rt.predict(fitted(name, data), data) for data in (same, other))
        assert np.allclose(expected, got, atol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_somebody_new_gets_a_list_with_reasons_or_a_plain_refusal(name, small):
    model = fitted(name, small)
    ratings = {small.item_vocab.ids[k]: stars for k, stars in ((0, 5.0), (7, 5.0), (9, 1.0))}
    if getattr(model, "fold_in", None) is None:
        with pytest.raises(TypeError, match=f"{name} cannot place a new user.*BiasedMF"):
            rt.recommend(model, small, ratings=ratings)
        return
    table = rt.recommend(model, small, ratings=ratings, k=5, reasons=True)
    assert len(table) == 5
    assert not set(table["item"]) & set(ratings)
    assert table["reasons"].str.contains("rated").any()


@pytest.mark.parametrize("name", CLOSED)
def test_the_order_of_rows_does_not_matter(name, small):
    mixed = small.take(np.random.default_rng(0).permutation(len(small)))
    expected, got = (rt.predict(fitted(name, data), small) for data in (small, mixed))
    assert np.allclose(expected, got, atol=1e-4)


@pytest.mark.parametrize("name", TRAINED)
def test_a_resumed_run_is_an_uninterrupted_one(name, small, tmp_path):
    whole, resumed = whole_and_resumed(lambda: made(name, small), small, tmp_path, batch_size=512)
    assert np.array_equal(rt.predict(whole, small), rt.predict(resumed, small))


@pytest.mark.parametrize("name", [n for n in TRAINED if n != "GumbelTastes"])  # straight-through
def test_gradients_against_differences(name):
    rows = {"user": [0, 0, 1, 1, 2], "item": [0, 1, 1, 2, 0], "rating": [1.0, 5, 3, 2, 4]}
    data = from_frame(pd.DataFrame({**rows, "timestamp": [5, 9, 2, 7, 4]}))
    small = {"dim": 2, "length": 3} if "length" in SETTINGS[name] else {"dim": 2}
    small |= {"width": 3} if name == "DeepMF" else {}
    small |= {"heads": 1, "layers": 1} if name == "SequenceTransformer" else {}
    model = scrambled(made(name, data, **small).double(), 0.4)
    if isinstance(model, SequenceModel):
        batch = windows(data, model.length)
        batch = replace(batch, rating=batch.rating.double(), weight=batch.weight.double())
        model.forward = model.score_sequence
        model.dropout = 0.0
    else:
        columns = ["user", "item", "rating", "time"]
        batch = next(iter(data.batches(columns, batch_size=5)))
        batch = replace(batch, rating=batch.rating.double())
        if name == "MultiOutputMF":  # its pairs, each with a drawn item
            nothing = torch.full((5, 1), torch.nan, dtype=torch.float64)
            batch = replace(
                batch,
                user=batch.user[:, None],
                item=torch.stack([batch.item, (batch.item + 1) % 3], 1),
                rating=torch.cat([batch.rating[:, None], nothing], 1),
                gap=torch.cat([torch.arange(5.0)[:, None].double(), nothing], 1),
            )
    assert gradients_are_right(model, batch, model.default_loss)


@pytest.mark.parametrize("name", RATING)
class TestRatings:
    def test_three_epochs_beat_the_mean(self, name, small):
        train, _, test = small.split(valid=0, test=0.2)
        model = fitted(name, train, epochs=3)
        assert rmse_of(model, test) < np.std(test.rating)

    def test_without_penalties_a_few_ratings_are_learned_by_heart(self, name, small):
        few = small.take(small.user < 6)
        free = {"VariationalMF": {"kl": 0.0}, "MF": {"l2": 0.0}}.get(
            name, {"l2": 0.0, "l2_bias": 0.0}
        )
        settings = {"dim": 12, **free, **NO_PENALTY.get(name, {})}
        model = fitted(name, few, epochs=150, settings=settings, lr=0.03, batch_size=64)
        assert rmse_of(model, few) < 0.35 * np.std(few.rating)

    @pytest.mark.parametrize("k", [0.01, 100])
    def test_ratings_times_k_give_the_same_model_times_k(self, name, small, table, k):
        one, scaled = data_of(small, table), data_of(small, table, rating=k * table["rating"])
        expected, got = (rt.predict(fitted(name, data, epochs=4), data) for data in (one, scaled))
        assert np.allclose(got / k, expected, atol=0.02)


@pytest.mark.parametrize("name", [n for n in RATING if n not in ("MultiOutputMF",)])
def test_l2_means_the_same_beside_any_number_of_negatives(name, small):
    model = scrambled(made(name, small), 0.3)
    rows = replace(batch_for(model, small, [3, 1], [4, 0]), rating=torch.ones(2))
    column = {
        k: getattr(rows, k)[:, None] for k in ("user", "time") if getattr(rows, k) is not None
    }
    for drawn in (1, 16):
        others = torch.arange(2 * drawn).view(2, drawn) % small.n_items
        pairs = Batch(**column, item=torch.cat([rows.item[:, None], others], 1))
        assert torch.allclose(model.penalty(pairs), model.penalty(rows))


@pytest.mark.parametrize("loss", ["squared_error", "logistic", "bpr", "sampled_softmax"])
@pytest.mark.parametrize("name", ["MF", "BiasedMF"])
def test_a_trained_users_row_comes_out_again(name, loss):
    data = rt.datasets.planted(60, 50, 1_500, dim=2, selection=2.0, seed=1)  # people seek tastes
    model, loss = made(name, data, l2=0.02), getattr(losses, loss)
    drawn = {"negatives": 0 if loss is losses.squared_error else 16}
    rt.fit(model, data, loss=loss, **drawn, epochs=60, batch_size=256, lr=0.05, progress=False)
    rows, offset = model.item_rows()
    for user in np.flatnonzero((data.counts("user") >= 40) & (data.counts("user") < 47)):
        items, stars = (torch.tensor(c[data.user == user]) for c in (data.item, data.rating))
        folded = model.fold_in(items, stars)
        assert torch.allclose(folded.parts.sum(0), folded.row, atol=1e-4)
        own = model.score_items(Batch(user=torch.tensor([user])))[0].detach()
        off = (own - rows @ folded.row - offset).abs()
        assert off.mean() < 0.05 + 0.15 * own.std()  # training draws its negatives


def test_a_ranking_loss_of_ones_own_leaves_no_way_to_fold_in(small):
    def own(output, batch):
        return losses.bpr(output, batch)

    own.needs = losses.needs(losses.bpr)
    model = fitted("BiasedMF", small, loss=own)
    with pytest.raises(TypeError, match="no new user can be placed"):
        model.fold_in(torch.tensor([1]), torch.tensor([5.0]))


def test_the_whole_catalogue_as_negatives_is_multiplied_not_gathered(small, monkeypatch):
    looked_up, rows = [], models.MF.rows
    monkeypatch.setattr(
        models.MF,
        "rows",
        lambda self, t, index: looked_up.append(index.numel()) or rows(self, t, index),
    )
    fitted("MF", small, loss=losses.sampled_softmax, negatives="all", epochs=1)
    assert max(looked_up) <= 256  # a batch, or the catalogue once
