"""Exports and services for the tests of serving."""

from __future__ import annotations

from pathlib import Path

import pytest

import recsys_tutorial as rt
from recsys_tutorial.datasets import Dataset
from recsys_tutorial.models import BiasedMF, ImplicitALS, Model


def fitted(data: Dataset, epochs: int = 4, seed: int = 0, **settings: float) -> Model:
    """A small BiasedMF that has learned something."""
    model = BiasedMF.for_dataset(data, dim=8, seed=seed, **settings)
    rt.fit(model, data, epochs=epochs, seed=seed, progress=False)
    return model


@pytest.fixture(scope="session")
def films() -> Dataset:
    """Invented films with some that the search has to be careful with."""
    return rt.datasets.planted(n_users=120, n_items=90, n_ratings=4_000, dim=2, seed=3)


@pytest.fixture(scope="session")
def film_model(films: Dataset) -> Model:
    return fitted(films)


@pytest.fixture(scope="session")
def ranker(films: Dataset) -> Model:
    return ImplicitALS.for_dataset(films, dim=8).fit(films)


@pytest.fixture(scope="session")
def exported(films: Dataset, film_model: Model, ranker: Model, tmp_path_factory) -> Path:
    """An export of both models that no test changes."""
    folder = tmp_path_factory.mktemp("export")
    known = {"metrics": {"ndcg@10": 0.4}, "popularity": {"ndcg@10": 0.2}}
    return rt.serving.export(ranker, films, folder, stars=film_model, **known)


_kept: list[rt.serving.Served] = []


@pytest.fixture
def served(exported: Path) -> rt.serving.Served:
    """A service in the background, for all tests that only ask; another one stops it."""
    if not _kept or not _kept[0].running:
        _kept[:] = [rt.serving.serve(exported)]
    return _kept[0]
