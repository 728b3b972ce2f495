"""Large data: columns on disk, chunks, 32 bits, and blocks that change no number."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import recsys_tutorial as rt
from recsys_tutorial.datasets import ColumnsDamaged, Dataset, planted
from recsys_tutorial.datasets import dataset as dataset_module
from recsys_tutorial.datasets import planted as planted_function
from recsys_tutorial.models import MF
from recsys_tutorial.training.negatives import Negatives


@pytest.fixture
def mapped(small: Dataset, tmp_path: Path) -> Dataset:
    small.save(tmp_path / "kept")
    return rt.datasets.open(tmp_path / "kept")


def chunks(data: Dataset, size: int = 700) -> list[pd.DataFrame]:
    table = data.ratings
    return [table.iloc[start : start + size] for start in range(0, len(table), size)]


# ---- columns on disk ------------------------------------------------------------------------


def test_what_is_saved_comes_back(small: Dataset, mapped: Dataset) -> None:
    assert isinstance(mapped.user, np.memmap)
    assert {mapped.user.dtype, mapped.item.dtype, mapped.row.dtype} == {np.dtype(np.int32)}
    assert mapped.rating.dtype == np.float32
    for name in ("user", "item", "rating", "timestamp", "row"):
        assert np.array_equal(getattr(mapped, name), getattr(small, name))
    pd.testing.assert_frame_equal(mapped.items, small.items)
    pd.testing.assert_frame_equal(mapped.users, small.users)
    assert mapped.same_vocabulary(small)
    assert (mapped.name, mapped.source, mapped.scale) == (small.name, small.source, small.scale)
    assert mapped.truth is not None
    assert small.truth is not None
    assert np.array_equal(mapped.truth.user_factors, small.truth.user_factors)
    assert mapped.truth.axis_genres == small.truth.axis_genres


def test_own_data_with_text_ids_weights_and_gaps(tmp_path: Path) -> None:
    ratings = pd.DataFrame(
        {"user": ["b", "a", "b"], "item": [3, 3, 9], "rating": [0.1, 2.0, 7.5], "weight": [1, 2, 0]}
    )
    items = pd.DataFrame({"item": [9], "year": [1999], "genres": ["Drama|War"]})
    data = rt.datasets.from_frame(ratings, items=items)
    data.save(tmp_path)
    again = rt.datasets.open(tmp_path)
    assert again.user_vocab.ids.tolist() == ["a", "b"]
    assert again.rating.tolist() == [0.1, 2.0, 7.5]  # 0.1 needs its 64 bits
    assert again.weight is not None
    assert again.weight.tolist() == [1, 2, 0]
    assert again.timestamp is None
    pd.testing.assert_frame_equal(again.items, data.items)


def test_no_side_column_is_lost_to_another_of_the_same_text(tmp_path: Path) -> None:
    table = pd.DataFrame({"user": [1], "item": [1]})
    about = pd.DataFrame({"item": [1], 7: [1], "7": [2]})
    with pytest.raises(TypeError, match="items: two columns are called 7, as text"):
        rt.datasets.from_frame(table, items=about).save(tmp_path)


def test_an_empty_part_can_be_kept(small: Dataset, tmp_path: Path) -> None:
    small.take(np.empty(0, dtype=np.int64)).save(tmp_path)
    assert len(rt.datasets.open(tmp_path)) == 0


def test_saving_over_an_older_save(small: Dataset, mapped: Dataset, tmp_path: Path) -> None:
    small.take(np.arange(50)).save(tmp_path / "kept")
    assert len(rt.datasets.open(tmp_path / "kept")) == 50
    assert np.array_equal(mapped.user, small.user)  # what was open stays what it was
    assert not list((tmp_path / "kept").glob(".*"))


def test_mapped_columns_never_change_the_file(mapped: Dataset, tmp_path: Path) -> None:
    mapped.user[:] = 0
    assert rt.datasets.open(tmp_path / "kept").user.max() > 0


@pytest.mark.parametrize("writes", [False, True])
def test_parts_of_mapped_columns_see_what_was_written_into_them(
    writes: bool, small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory of a mapped column is given back after a pass, but never with changes in it."""
    monkeypatch.setattr(dataset_module, "_WORTHWHILE", 1)
    small.save(tmp_path)
    mapped = rt.datasets.open(tmp_path)
    expected = small.rating.copy()
    if writes:
        mapped.rating[:] = expected[:] = expected.max()
    assert mapped.rating.max() > 0  # every page is in memory now
    if Path("/proc/self/smaps").exists():
        assert dataset_module._written(mapped.rating) == writes
    order = np.random.default_rng(0).permutation(len(small))
    for rows in np.array_split(order, 3):
        assert np.array_equal(mapped.take(rows).rating, expected[rows])
    assert np.array_equal(mapped.rating, expected)


@pytest.mark.parametrize("name", ["user.npy", "rating.npy", "tables.json", "meta.json"])
@pytest.mark.parametrize("how", ["cut", "altered", "missing"])
def test_damage_is_one_clear_error(name: str, how: str, small: Dataset, tmp_path: Path) -> None:
    small.save(tmp_path)
    stem, _, suffix = name.partition(".")
    (path,) = tmp_path.glob(f"{stem}*.{suffix}")
    content = path.read_bytes()
    middle = len(content) // 2
    if how == "cut":
        path.write_bytes(content[:middle])
    elif how == "missing":
        path.unlink()
    elif name == "meta.json":
        path.write_bytes(content.replace(b'"bytes": ', b'"bytes": 9'))
    else:
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    expected = FileNotFoundError if (name, how) == ("meta.json", "missing") else ColumnsDamaged
    with pytest.raises(expected, match=r"(damaged|holds no saved Dataset).*save\(directory\)"):
        rt.datasets.open(tmp_path)


def test_a_pickle_in_place_of_a_column_is_refused(small: Dataset, tmp_path: Path) -> None:
    """Even one whose checksum somebody wrote into meta.json."""
    from recsys_tutorial.datasets import columns
    from recsys_tutorial.datasets.download import sha256_of

    small.save(tmp_path)
    (path,) = tmp_path.glob("user-*.npy")
    np.save(path, np.array([{"any": "object"}], dtype=object), allow_pickle=True)
    meta = json.loads((tmp_path / "meta.json").read_text())
    meta["files"]["user.npy"] |= {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    meta["sha256"] = columns._sum_of(meta)
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(ValueError, match="pickle"):
        rt.datasets.open(tmp_path)


def test_ids_that_cannot_be_saved_are_refused(tmp_path: Path) -> None:
    data = rt.datasets.from_frame(pd.DataFrame({"user": [(1, 2)], "item": [1]}))
    with pytest.raises(TypeError, match="user ids like"):
        data.save(tmp_path)
    with pytest.raises(FileNotFoundError):
        rt.datasets.open(tmp_path)


# ---- chunks and Parquet ---------------------------------------------------------------------


@pytest.mark.parametrize("as_text", [False, True])
def test_chunks_make_the_dataset_of_the_whole_frame(small: Dataset, as_text: bool) -> None:
    parts = chunks(small)
    items = small.items
    if as_text:
        parts = [p.astype({"user": str, "item": str}) for p in parts]
        items = items.assign(item=items["item"].astype(str))
    whole = rt.datasets.from_frame(pd.concat(parts), items=items)
    made = rt.datasets.from_chunks(iter(parts), items=items)
    assert made.same_vocabulary(whole)
    for name in ("user", "item", "rating", "timestamp", "row"):
        assert np.array_equal(getattr(made, name), getattr(whole, name))
    assert made.scale == whole.scale
    pd.testing.assert_frame_equal(made.items, whole.items)


def test_bad_chunks(small: Dataset) -> None:
    parts = chunks(small)
    with pytest.raises(ValueError, match="twice, in rows 0 and 2400"):
        rt.datasets.from_chunks([*parts, parts[0].iloc[:1]])
    with pytest.raises(ValueError, match="chunks differ"):
        rt.datasets.from_chunks([parts[0], parts[1].drop(columns="timestamp")])
    with pytest.raises(TypeError, match="ids of two types"):
        rt.datasets.from_chunks([parts[0], parts[1].astype({"user": str})])
    with pytest.raises(ValueError, match="no ratings in the chunks"):
        rt.datasets.from_chunks([])
    with pytest.raises(ValueError, match="not finite"):
        rt.datasets.from_chunks([parts[0].assign(rating=np.nan)])


def test_parquet(small: Dataset, tmp_path: Path) -> None:
    pytest.importorskip(
        "pyarrow", reason="an extra that readers lack; it changes how pandas keeps text"
    )
    small.ratings.to_parquet(tmp_path / "ratings.parquet")
    made = rt.datasets.from_parquet(tmp_path / "ratings.parquet", items=small.items, rows=500)
    assert made.ratings.astype({"rating": float}).equals(
        small.ratings.reset_index(drop=True).astype({"timestamp": np.int32})
    )


def test_parquet_with_other_names_says_which_there_are(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="an extra that readers lack")
    pd.DataFrame({"userId": [1], "movieId": [2]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"no column 'item', only \['userId', 'movieId'\]"):
        rt.datasets.from_parquet(tmp_path / "a.parquet")


# ---- 32 bits --------------------------------------------------------------------------------


def test_everything_gives_the_same_from_32_bits(small: Dataset, mapped: Dataset) -> None:
    results = []
    for data in (small, mapped):
        train, valid, test = data.split(seed=2)
        model = MF.for_dataset(train, dim=4)
        rt.fit(model, train, valid, loss=rt.losses.bpr, epochs=2, progress=False)
        results.append(rt.evaluate(model, test, train=[train, valid]))
        results.append(rt.recommend(model, rt.datasets.concat(train, valid), user=5))
    assert results[0] == results[2]
    assert results[1].equals(results[3])


def test_pairs_do_not_overflow() -> None:
    """70,000 x 70,000 pairs are more than 32 bits can number."""
    n = 70_000
    frame = pd.DataFrame({"user": np.arange(n), "item": np.arange(n)[::-1]})
    data = rt.datasets.from_chunks([frame])
    assert data.user.dtype == np.int32
    assert data.pairs().max() == (n - 1) * n
    halves = data.take(np.arange(0, n, 2)), data.take(np.arange(1, n, 2))
    assert len(rt.datasets.concat(*halves)) == n
    negatives = Negatives(data, torch.Generator().manual_seed(0))
    users = torch.arange(n - 1000, n)
    drawn = negatives.draw(users, 20)
    assert not (drawn == (n - 1 - users).unsqueeze(1)).any()
    assert 0 <= int(drawn.min()) <= int(drawn.max()) < n


# ---- blocks change no number ----------------------------------------------------------------


def test_planted_data_does_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    module = sys.modules[planted_function.__module__]
    whole = planted(n_users=60, n_items=50, n_ratings=1_700, seed=4)  # some rate nearly all
    monkeypatch.setattr(module, "_BLOCK", 97)
    parts = planted(n_users=60, n_items=50, n_ratings=1_700, seed=4)
    assert parts.ratings.equals(whole.ratings)
    monkeypatch.setattr(module, "_LARGE", 1_000)
    large = planted(n_users=60, n_items=50, n_ratings=1_700, seed=4)
    assert large.user.dtype == np.int32
    assert large.timestamp is not None
    assert large.timestamp.dtype == np.int32
    assert large.rating.dtype == np.float32
    assert np.array_equal(large.ratings, whole.ratings)


def test_planted_data_has_not_changed() -> None:
    """Pages quote what they found in it: a new way of drawing must draw the same."""
    import hashlib

    digest = hashlib.sha256(planted().ratings.to_numpy(np.float64).tobytes()).hexdigest()
    assert digest.startswith("942f08dc84acc329")


def test_batches_do_not_depend_on_how_many_rows_are_gathered(
    small: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_rows() -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(5)
        loader = small.batches(("user", "item", "time"), batch_size=64, generator=generator)
        return [torch.stack([b.user, b.item, b.time]) for _ in range(2) for b in loader]

    whole = all_rows()
    monkeypatch.setattr(dataset_module, "_GATHER", 200)
    parts = all_rows()
    assert len(whole) == len(parts)
    assert all(torch.equal(a, b) for a, b in zip(whole, parts, strict=True))
    assert {b.dtype for b in parts} == {torch.int64}
