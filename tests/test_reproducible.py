"""Same seed, same bits, for every model: again, in the background, after a break; and what the
number of threads may change."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import recsys_tutorial as rt
from benchmarks import reproduce


@pytest.fixture(scope="module")
def parts():
    return rt.datasets.planted(n_users=40, n_items=30, n_ratings=500, seed=0).split("random")


@pytest.mark.parametrize("name", reproduce.NAMES)
def test_same_seed_same_bits(name, parts):
    before = torch.get_num_threads(), torch.random.get_rng_state()
    found = reproduce.of_model(name, parts[0], parts[2])
    assert found["again"] == found["background"] == found["resumed"] == []
    assert found["threads"] <= reproduce.TOLERANCE
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.random.get_rng_state(), before[1])


def test_another_seed_and_another_order_are_told_apart(parts):
    train, _, test = parts
    one, other = (reproduce.fitted("BiasedMF", train, seed=seed) for seed in (0, 1))
    found = reproduce.differ(reproduce.outcome(one, test), reproduce.outcome(other, test))
    assert {"user_factors", "predictions"} <= set(found)
    assert "user_count" not in found
    apart = reproduce.apart(reproduce.outcome(one, test), reproduce.outcome(other, test))
    assert apart > reproduce.TOLERANCE


def test_threads_are_those_of_the_training_itself(parts, monkeypatch):
    seen = set()
    forward = rt.models.BiasedMF.forward

    def noted(model, batch):
        if torch.is_grad_enabled():  # a step of training
            seen.add(torch.get_num_threads())
        return forward(model, batch)

    monkeypatch.setattr(rt.models.BiasedMF, "forward", noted)
    reproduce.of_model("BiasedMF", parts[0], parts[2])
    assert seen == {1, 2, 4}


def test_every_model_is_among_them():
    assert len(reproduce.NAMES) >= 20
    assert np.isin(["BiasedMF", "EASE", "SequenceLSTM"], reproduce.NAMES).all()
