"""Datasets on disk: what is saved comes back."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import recsys_tutorial as rt
from recsys_tutorial.datasets import Dataset, planted
from recsys_tutorial.models import MF


@pytest.fixture
def mapped(small: Dataset, tmp_path: Path) -> Dataset:
    small.save(tmp_path / "kept")
    return rt.datasets.open(tmp_path / "kept")


def test_what_is_saved_comes_back(small: Dataset, mapped: Dataset) -> None:
    assert isinstance(mapped.user, np.memmap)
    assert {mapped.user.dtype, mapped.item.dtype, mapped.row.dtype} == {np.dtype(np.int32)}
    assert mapped.rating.dtype == np.float32
    for name in ("user", "item", "rating", "timestamp", "row"):
        assert np.array_equal(getattr(mapped, name), getattr(small, name))
    pd.testing.assert_frame_equal(mapped.items, small.items)
    pd.testing.assert_frame_equal(mapped.users, small.users)
    assert (mapped.user_vocab, mapped.item_vocab) == (small.user_vocab, small.item_vocab)
    assert (mapped.name, mapped.source, mapped.scale) == (small.name, small.source, small.scale)


def test_own_data_with_text_ids_weights_and_gaps(tmp_path: Path) -> None:
    ratings = pd.DataFrame(
        {"user": ["b", "a", "b"], "item": [3, 3, 2**60], "rating": [0.1, 2.0, 7.5]}
    )
    items = pd.DataFrame({"item": [2**60], "year": [1999], "genres": ["Drama|War"], "x": [0.1]})
    data = rt.datasets.from_frame(ratings.assign(weight=[1, 2, 0]), items=items)
    data.save(tmp_path)
    again = rt.datasets.open(tmp_path)
    assert again.user_vocab.ids.tolist() == ["a", "b"]
    assert again.item_vocab.ids.tolist() == [3, 2**60]
    assert again.rating.tolist() == [0.1, 2.0, 7.5]  # 0.1 needs its 64 bits
    assert again.weight is not None
    assert again.weight.tolist() == [1, 2, 0]
    assert again.timestamp is None
    pd.testing.assert_frame_equal(again.items, data.items)


def test_where_nothing_was_saved(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no saved Dataset"):
        rt.datasets.open(tmp_path)


def test_saving_over_an_older_save(small: Dataset, mapped: Dataset, tmp_path: Path) -> None:
    small.take(np.arange(50)).save(tmp_path / "kept")
    assert len(rt.datasets.open(tmp_path / "kept")) == 50
    assert np.array_equal(mapped.user, small.user)  # what was open stays what it was
    assert not list((tmp_path / "kept").glob(".*"))


def test_mapped_columns_never_change_the_file(mapped: Dataset, tmp_path: Path) -> None:
    mapped.user[:] = 0
    assert rt.datasets.open(tmp_path / "kept").user.max() > 0


def test_pickles_are_not_read_and_short_files_are_noticed(small: Dataset, tmp_path: Path) -> None:
    small.save(tmp_path)
    path = tmp_path / "user.npy"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="mmap length"):
        rt.datasets.open(tmp_path)
    with path.open("wb") as file:
        np.save(file, np.array([{"any": "object"}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="Python objects"):
        rt.datasets.open(tmp_path)


def test_everything_gives_the_same_from_mapped_columns(small: Dataset, mapped: Dataset) -> None:
    results = []
    for data in (small, mapped):
        train, valid, test = data.split(seed=2)
        model = MF.for_dataset(train, dim=4)
        rt.fit(model, train, valid, loss=rt.losses.bpr, epochs=2, progress=False)
        results.append(rt.evaluate(model, test, train=[train, valid]))
        results.append(rt.recommend(model, rt.datasets.concat(train, valid), user=5))
    assert results[0] == results[2]
    assert results[1].equals(results[3])


def test_pairs_do_not_overflow(tmp_path: Path) -> None:
    """70,000 x 70,000 pairs are more than 32 bits can number."""
    n = 70_000
    frame = pd.DataFrame({"user": np.arange(n), "item": np.arange(n)[::-1]})
    rt.datasets.from_frame(frame).save(tmp_path)
    data = rt.datasets.open(tmp_path)
    assert data.user.dtype == np.int32
    halves = data.take(np.arange(0, n, 2)), data.take(np.arange(1, n, 2))
    assert len(rt.datasets.concat(*halves)) == n


def test_planted_data_has_not_changed() -> None:
    """Pages quote what they found in it: a new way of drawing must draw the same."""
    digest = hashlib.sha256(planted().ratings.to_numpy(np.float64).tobytes()).hexdigest()
    assert digest.startswith("942f08dc84acc329")
