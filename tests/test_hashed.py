"""HashedMF: by hand, its parent, its hash, collisions, what it saves and what it costs."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from ladder import batch_of, fitted, rmse_of

import recsys_tutorial as rt
from recsys_tutorial.datasets import Vocabulary, from_frame
from recsys_tutorial.models import BiasedMF, HashedMF
from recsys_tutorial.models.hashed import buckets_of


def by_hand() -> HashedMF:
    model = HashedMF(2, 3, dim=2, compress=1.0).double()
    with torch.no_grad():
        model.mean.fill_(3.0)
        model.hashed_users.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        model.hashed_items.copy_(torch.tensor([[1.0, 1.0], [2.0, 0.0], [0.0, 3.0]]))
        model.user_buckets.copy_(torch.tensor([[0, 1], [1, 1]]))
        model.item_buckets.copy_(torch.tensor([[0, 1], [2, 2], [1, 0]]))
        model.user_weights.copy_(torch.tensor([[1.0, 2.0], [0.5, 0.5]]))
        model.item_weights.copy_(torch.tensor([[1.0, 0.0], [1.0, -0.5], [0.0, 2.0]]))
        model.user_bias.copy_(torch.tensor([0.5, 0.0]))
        model.item_bias.copy_(torch.tensor([0.0, 0.0, -1.0]))
    return model


def test_scores_counted_by_hand():
    # p: (1, 2) and (0, 1); q: (1, 1), (0, 1.5), (2, 2)
    expected = [[3.5 + 3, 3.5 + 3, 2.5 + 6], [3 + 1, 3 + 1.5, 2 + 2]]
    model = by_hand()
    rows = model(batch_of([[0], [1]], [[0, 1, 2]])).detach()
    np.testing.assert_allclose(rows.numpy(), expected)
    np.testing.assert_allclose(model.score_items(batch_of([0, 1], [0])).detach(), expected)


def test_a_bucket_for_each_id_is_biased_mf_through_training(small):
    train, _, test = small.split(seed=1)
    plain = BiasedMF.for_dataset(train, seed=1, dim=8)
    model = HashedMF.for_dataset(train, seed=1, dim=8, compress=1.0)
    with torch.no_grad():
        for side in ("user", "item"):
            n = len(getattr(model, f"{side}_buckets"))
            getattr(model, f"{side}_buckets").copy_(torch.arange(n).unsqueeze(1).repeat(1, 2))
            getattr(model, f"{side}_weights").copy_(torch.tensor([1.0, 0.0]).repeat(n, 1))
            getattr(model, f"{side}_weights").requires_grad_(False)
            getattr(model, f"hashed_{side}s").copy_(getattr(plain, f"{side}_factors"))
    model.l2 = plain.l2
    for each in (plain, model):
        rt.fit(each, train, epochs=3, lr=0.01, batch_size=256, progress=False)
    np.testing.assert_allclose(rt.predict(model, test), rt.predict(plain, test), atol=1e-4)


def test_hashes_are_the_same_in_any_process():
    """Python's own hash() of text changes with each process; this one must not."""
    code = (
        "from recsys_tutorial.datasets import Vocabulary\n"
        "from recsys_tutorial.models.hashed import buckets_of\n"
        "print(buckets_of(Vocabulary(['a', 'bc', 'Straße']), 1000).tolist())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    here = buckets_of(Vocabulary(["a", "bc", "Straße"]), 1000).tolist()
    assert found == {f"{here}\n"}


def test_the_hash_is_of_the_text_of_the_id():
    """Reference values of MurmurHash3 (x86, 32 bit), as Austin Appleby's verification has them."""
    from sklearn.utils import murmurhash3_32

    assert murmurhash3_32("", seed=0, positive=True) == 0
    assert murmurhash3_32("", seed=1, positive=True) == 0x514E28B7
    first = buckets_of(Vocabulary([7, 12]), 10**9)
    assert first.tolist() == buckets_of(Vocabulary(["7", "12"]), 10**9).flip(0).tolist()


def test_two_hashes_tell_apart_what_one_cannot():
    """Birthday arithmetic: of 1,682 ids in 1,024 buckets 81 % are not alone, 0.16 % of pairs."""
    n, buckets = 1682, 1024
    ids = pd.DataFrame({"user": np.arange(n), "item": np.arange(n), "rating": 3.0})
    model = HashedMF.for_dataset(from_frame(ids), compress=n / buckets)
    assert len(model.hashed_items) == buckets
    one, both = (
        (b.unique(dim=0, return_counts=True)[1] == 1).sum() / n  # share of ids that are alone
        for b in (model.item_buckets[:, :1], model.item_buckets.sort(1).values)
    )
    assert float(one) == pytest.approx((1 - 1 / buckets) ** (n - 1), abs=0.03)
    assert both > 0.99
    assert torch.equal(model.user_buckets, model.item_buckets)  # the same ids


def test_sequential_ids_spread_over_the_buckets():
    where = buckets_of(Vocabulary(np.arange(10_000)), 100).numpy()
    for k in (0, 1):
        many = np.bincount(where[:, k], minlength=100)
        assert many.min() > 60  # 100 expected, standard deviation 10
        assert many.max() < 140
    assert abs(np.corrcoef(where.T)[0, 1]) < 0.05  # two hashes, not one twice


def test_it_saves_what_it_says(small):
    train, _, _ = small.split(seed=1)
    full = BiasedMF.for_dataset(train, dim=32)
    small_one = HashedMF.for_dataset(train, dim=32, compress=4)
    numbers = sum(p.numel() for p in small_one.parameters())
    assert numbers < 0.4 * sum(p.numel() for p in full.parameters())
    assert small_one.hashed_users.shape == (20, 32)


@pytest.mark.parametrize("seed", [0, 1])
def test_planted_tastes_are_found_and_fewer_buckets_cost(seed):
    data = rt.datasets.planted(n_users=200, n_items=120, n_ratings=10_000, seed=seed)
    train, _, test = data.split(seed=seed)
    base = rmse_of(fitted(BiasedMF, train, dim=0), test)
    errors = [rmse_of(fitted(HashedMF, train, compress=c, seed=seed), test) for c in (1, 4, 32)]
    assert errors[0] < base - 0.05
    assert errors[0] < errors[1] < errors[2] + 0.005
