"""Vocabulary, Dataset, split, folds, concat and the loader."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys_tutorial as rt
from recsys_tutorial.datasets import Dataset, Vocabulary, concat, from_frame


def frame(n_users: int = 6, n_items: int = 5, times: bool = True) -> pd.DataFrame:
    """Every user rates every item, the later the higher the item's number."""
    user, item = np.divmod(np.arange(n_users * n_items), n_items)
    table = pd.DataFrame({"user": user + 1, "item": item + 101, "rating": 1.0 + (user + item) % 5})
    return table.assign(timestamp=1000 + item) if times else table


@pytest.fixture
def data() -> Dataset:
    return from_frame(frame())


def pairs(part: Dataset) -> list[tuple[int, int]]:
    return list(map(tuple, part.ratings[["user", "item"]].to_numpy().tolist()))


def test_last_times_also_before_1970(data):
    before = from_frame(frame().assign(timestamp=-1000 - frame()["item"]))
    assert before.last_times().tolist() == [-1101] * 6
    part = data.take(data.user == 2)
    assert part.last_times().tolist() == [0, 0, part.timestamp.max(), 0, 0, 0]
    assert part.counts("user").tolist() == [0, 0, 5, 0, 0, 0]
    assert "5 ratings" in repr(part)
    assert from_frame(frame(times=False)).last_times() is None


class TestVocabulary:
    @pytest.mark.parametrize("unknown", [99, "10", None, 10.5])
    def test_unknown_id_is_a_key_error_that_names_it(self, unknown):
        vocabulary = Vocabulary([10, 20], kind="user")
        with pytest.raises(KeyError, match="unknown user") as error:
            vocabulary.position(unknown)
        assert repr(unknown) in str(error.value)
        with pytest.raises(KeyError, match="unknown user"):
            vocabulary.index([10, unknown])
        assert unknown not in vocabulary
        if unknown == "10":
            assert "of type int, this one is str" in str(error.value)

    @pytest.mark.parametrize("several", [[10], np.array([10, 20]), slice(1), {10: 5.0}])
    def test_what_can_be_no_id_is_a_key_error_too(self, several):
        with pytest.raises(KeyError, match="unknown user"):
            Vocabulary([10, 20], kind="user").position(several)

    @given(
        ids=st.one_of(st.lists(st.integers(-(2**62), 2**62)), st.lists(st.text(max_size=5))),
        data=st.data(),
    )
    @settings(max_examples=60, deadline=None)
    def test_ids_and_positions_are_each_others_inverse(self, ids, data):
        vocabulary = Vocabulary(ids)
        assert vocabulary.ids.tolist() == sorted(set(ids))
        assert vocabulary.index(vocabulary.ids).tolist() == list(range(len(vocabulary)))
        assert [vocabulary.id_at(vocabulary.position(one)) for one in ids] == ids
        shuffled = Vocabulary(data.draw(st.permutations(ids)))
        assert shuffled == vocabulary
        if ids:
            fewer = Vocabulary(vocabulary.ids.tolist()[1:])
            assert fewer != vocabulary
            with pytest.raises(KeyError):
                fewer.index(vocabulary.ids)


class TestSplit:
    def test_random_is_exactly_the_documented_permutation(self, data):
        train, valid, test = data.split("random", valid=0.2, test=0.3, seed=7)
        order = np.random.default_rng(7).permutation(len(data))
        n_test, n_both = int(len(data) * 0.3), int(len(data) * 0.5)
        for part, rows in (
            (test, order[:n_test]),
            (valid, order[n_test:n_both]),
            (train, order[n_both:]),
        ):
            pd.testing.assert_frame_equal(part.ratings, data.ratings.iloc[rows])

    @pytest.mark.parametrize("how", ["random", "last", "time"])
    def test_always_three_parts_that_share_the_vocabulary(self, data, how):
        train, valid, test = data.split(how, valid=0, test=0.4)
        assert len(valid) == 0
        assert len(valid.ratings) == 0
        assert sorted(pairs(train) + pairs(test)) == sorted(pairs(data))
        assert train.user_vocab is valid.user_vocab is test.user_vocab is data.user_vocab

    def test_last_takes_each_users_newest_rows(self, data):
        train, valid, test = data.split("last", valid=0.2, test=0.4)
        assert test.ratings.groupby("user")["item"].apply(list).tolist() == [[104, 105]] * 6
        assert valid.ratings.groupby("user")["item"].apply(list).tolist() == [[103]] * 6
        assert len(train) == 12

    @pytest.mark.parametrize("how", ["last", "time"])
    def test_without_times_only_random(self, how):
        data = from_frame(frame(times=False))
        with pytest.raises(ValueError, match="timestamp"):
            data.split(how)
        assert sum(map(len, data.split("random"))) == 30

    @pytest.mark.parametrize(("valid", "test"), [(0.5, 0.5), (-0.1, 0.1), (0.1, 1.0), (0.1, 2)])
    def test_impossible_shares(self, data, valid, test):
        with pytest.raises(ValueError, match=r"valid \+ test < 1"):
            data.split(valid=valid, test=test)

    def test_what_it_does_not_know(self, data):
        with pytest.raises(ValueError, match=r"'by-user'.*random"):
            data.split("by-user")
        for k in (1, 31):
            with pytest.raises(ValueError, match=f"k={k}"):
                next(data.folds(k))

    @given(
        times=st.lists(st.integers(0, 9), min_size=3, max_size=40),
        valid=st.floats(0, 0.4),
        test=st.floats(0, 0.4),
    )
    @settings(max_examples=40, deadline=None)
    def test_no_row_is_later_than_one_held_out(self, times, valid, test):
        n = len(times)
        table = pd.DataFrame({"user": np.arange(n) % 3, "item": np.arange(n), "rating": 3})
        data = from_frame(table.assign(timestamp=times))
        for how in ("last", "time"):
            split = data.split(how, valid, test)
            parts = [list(zip(p.timestamp, p.row, p.user, strict=True)) for p in split]
            groups = range(3) if how == "last" else [None]
            for user in groups:
                of = [[t[:2] for t in part if user in (None, t[2])] for part in parts]
                for earlier, later in ((of[0], of[1]), (of[0], of[2]), (of[1], of[2])):
                    assert not earlier or not later or max(earlier) < min(later)

    @pytest.mark.real
    def test_per_user_last_tenth_of_ml100k(self, ml100k):
        assert len(ml100k.split("last", valid=0, test=0.1)[2]) == 9_596


class TestFolds:
    def test_blocks_in_file_order(self, data):
        folds = list(data.folds(5))
        assert len(folds) == 5
        for number, (train, test) in enumerate(folds):
            assert test.row.tolist() == list(range(6 * number, 6 * number + 6))
            assert sorted([*train.row, *test.row]) == list(range(30))

    def test_seeded_folds_are_shuffled_and_disjoint(self, data):
        tests = [test.row.tolist() for _, test in data.folds(4, seed=3)]
        assert sorted(row for test in tests for row in test) == list(range(30))
        assert tests[0] != sorted(tests[0])
        assert tests == [test.row.tolist() for _, test in data.folds(4, seed=3)]


class TestConcat:
    def test_joins_the_rows_of_parts(self, data):
        train, valid, test = data.split(seed=1)
        whole = concat(train, valid, test)
        assert sorted(whole.row) == list(range(30))
        assert whole.ratings.sort_index().equals(data.ratings)

    def test_overlap_is_refused_by_name(self, data):
        with pytest.raises(ValueError, match=r"user .* has item .* in more than one part"):
            concat(data, data.take(np.array([3])))

    def test_other_vocabulary_is_refused(self, data):
        with pytest.raises(ValueError, match="vocabularies differ"):
            concat(data, from_frame(frame(n_users=7)))


class TestBatches:
    def test_every_row_once_with_the_last_smaller_part(self, data):
        sizes = [len(b.user) for b in data.batches(batch_size=8)]
        assert sizes == [8, 8, 8, 6]
        assert len(data.batches(batch_size=8)) == 4

    def test_order_of_rows_without_a_generator(self, data):
        batch = next(iter(data.batches(batch_size=100)))
        assert batch.user.tolist() == data.user.tolist()
        assert batch.rating.dtype == torch.float32
        assert batch.user.dtype == batch.item.dtype == torch.int64
        assert batch.time is batch.history is batch.weight is None

    def test_each_pass_is_shuffled_anew_and_rows_stay_together(self, data):
        batches = data.batches(batch_size=30, generator=torch.Generator().manual_seed(5))
        first, second = next(iter(batches)), next(iter(batches))
        assert first.item.tolist() != second.item.tolist()
        batches.generator.manual_seed(5)
        assert next(iter(batches)).item.tolist() == first.item.tolist()
        truth = {(u, i): r for u, i, r in zip(data.user, data.item, data.rating, strict=True)}
        for u, i, r in zip(first.user, first.item, first.rating, strict=True):
            assert truth[(int(u), int(i))] == float(r)

    def test_time_and_weight(self):
        data = from_frame(frame().assign(weight=2.0))
        batch = next(iter(data.batches(("user", "time"), batch_size=3)))
        assert batch.time.tolist() == [1000, 1001, 1002]
        assert batch.weight.tolist() == [2, 2, 2]
        assert batch.item is None

    def test_missing_columns_are_named(self):
        with pytest.raises(ValueError, match="no timestamps"):
            from_frame(frame(times=False)).batches(("time",), batch_size=3)
        with pytest.raises(ValueError, match="no 'time'"):
            rt.Batch(user=torch.tensor([1])).need("user", "time")
