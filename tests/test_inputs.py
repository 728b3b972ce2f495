"""Tables and calls as people bring them: the right result, or one sentence with the remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import recsys_tutorial as rt
from recsys_tutorial.datasets import from_frame
from recsys_tutorial.training import TrainingDiverged

MODELS = [n for n in rt.models.__all__ if n not in ("Model", "FoldedUser")]


def table(n_users: int = 40, n_items: int = 30, n: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    user, item = np.divmod(rng.choice(n_users * n_items, size=n, replace=False), n_items)
    stars = np.clip(np.rint(3.3 + rng.normal(size=n_items)[item] + 0.5 * rng.normal(size=n)), 1, 5)
    time = 1_500_000_000 + rng.integers(0, 30_000_000, n)
    return pd.DataFrame({"user": user, "item": item, "rating": stars, "timestamp": time})


def counts(n: int = 500) -> np.ndarray:
    return np.rint(np.random.default_rng(1).lognormal(3, 2, n)) + 1  # up to a thousand medians


def fitted(name: str, data: Any, *more: Any) -> Any:
    model = getattr(rt.models, name).for_dataset(data)
    rt.fit(model, data, *more, progress=False, **{} if hasattr(model, "fit") else {"epochs": 1})
    return model


@pytest.fixture(scope="module")
def data() -> Any:
    return from_frame(table())


@pytest.fixture(scope="module")
def parts(data: Any) -> Any:
    return data.split("random")


@pytest.fixture(scope="module")
def model(parts: Any) -> Any:
    return fitted("BiasedMF", parts[0])


# ---- every model ------------------------------------------------------------------------------

TINY = {
    "one row": lambda f: f.head(1),
    "one user": lambda f: f[f.user == f.user[0]],
    "one item": lambda f: f[f.item == f.item[0]],
    "all pairs rated": lambda f: pd.DataFrame(
        [(u, i, float(u + i), 1_500_000_000) for u in range(4) for i in range(4)], columns=f.columns
    ),
    "likes and dislikes": lambda f: f.assign(rating=np.where(f.rating > 3, 1.0, -1.0)),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kind", TINY)
def test_tiny_and_odd_tables_give_finite_lists(kind: str, name: str) -> None:
    made = from_frame(TINY[kind](table()))
    model = fitted(name, made)
    assert np.isfinite(rt.predict(model, made)).all()
    listed = rt.recommend(model, made, user=made.user_vocab.ids[0], exclude_rated=False)
    assert np.isfinite(listed["score"]).all()


def test_a_model_of_ratings_alone_refuses_pairs_and_names_one_that_takes_them() -> None:
    made = from_frame(table().drop(columns="rating"))
    with pytest.raises(ValueError, match=r"BayesianFM needs ratings.*take ImplicitALS"):
        fitted("BayesianFM", made)


@pytest.mark.parametrize("name", [n for n in MODELS if n != "BayesianFM"])
def test_plays_with_a_heavy_tail_and_times_in_milliseconds_are_ranked(name: str) -> None:
    plays = table().drop(columns="rating").assign(plays=counts())
    plays["timestamp"] *= 1000
    with pytest.warns(UserWarning, match="milliseconds"):
        made = from_frame(plays, counts="plays")
    train, valid, test = made.split("time")
    result = rt.evaluate(fitted(name, train, valid), test, train=[train, valid])
    assert not {"rmse", "auc"} & set(result)
    assert 0 < result["ndcg@10"] < 1


# ---- tables -----------------------------------------------------------------------------------


def test_equal_ratings_leave_nothing_to_predict_and_a_line_says_so(capsys: Any) -> None:
    fitted("BiasedMF", from_frame(table().assign(rating=1.0)))
    assert "all ratings are 1, so there is nothing to predict" in capsys.readouterr().out


PAIRS = table().drop(columns="rating")
REFUSED: dict[str, tuple[Any, str]] = {
    "no counts at all": (
        lambda: fitted("ImplicitALS", from_frame(PAIRS.assign(n=0), counts="n")),
        "every weight of this part is 0",
    ),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_tables_that_cannot_be_meant_so(call: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        call()


# ---- calls ------------------------------------------------------------------------------------

MF = rt.models.BiasedMF
SLIPS: dict[str, tuple[Any, str]] = {
    "dim=2.5": (lambda m, d, p: MF.for_dataset(d, dim=2.5), "dim=2.5 of a BiasedMF.*whole number"),
    "dim='4'": (lambda m, d, p: MF.for_dataset(d, dim="4"), "dim='4' of a BiasedMF"),
    "l2=nan": (lambda m, d, p: MF.for_dataset(d, l2=np.nan), "l2=nan of a BiasedMF"),
    "seed": (lambda m, d, p: rt.fit(MF.for_dataset(d), d, seed="a"), "seed must be a whole number"),  # type: ignore[arg-type]
    "loss of a closed form": (
        lambda m, d, p: rt.fit(rt.models.EASE.for_dataset(d), d, loss=rt.losses.bpr),
        "EASE is solved, not trained",
    ),
    "lr far too large": (
        lambda m, d, p: rt.fit(MF.for_dataset(d), d, lr=1e6, progress=False),
        r"the loss became \S+e\+\d+ in epoch 1: .*Try lr=0\.\d+ ",
    ),
    "load, frame": (
        lambda m, d, p: rt.datasets.load(d.ratings),
        "Dataset of a frame by from_frame",
    ),  # type: ignore[arg-type]
    "export, frame": (lambda m, d, p: rt.serving.export(m, d.ratings, p), "pandas frame"),
    "export, swapped": (lambda m, d, p: rt.serving.export(d, m, p), "swapped"),
    "export, class": (lambda m, d, p: rt.serving.export(MF, d, p), "BiasedMF is a class"),  # type: ignore[arg-type]
    "export, no stars": (lambda m, d, p: rt.serving.export(m, d, p, stars=5), "needs a model"),  # type: ignore[arg-type]
    "pca, frame": (lambda m, d, p: rt.interpret.pca(d.ratings), "needs a model, and got a Data"),
    "pca, class": (lambda m, d, p: rt.interpret.pca(MF), "BiasedMF is a class"),  # type: ignore[arg-type]
    "neighbours, frame": (lambda m, d, p: rt.interpret.neighbours(m, d.ratings, "3"), "frame"),
    "biases, swapped": (lambda m, d, p: rt.interpret.biases(d, m), "swapped"),
}


@pytest.mark.parametrize(("call", "message"), SLIPS.values(), ids=SLIPS.keys())
def test_slips_name_the_remedy(
    call: Any, message: str, model: Any, parts: Any, tmp_path: Any
) -> None:
    with pytest.raises((TypeError, ValueError, TrainingDiverged), match=message):
        call(model, parts[0], tmp_path)
