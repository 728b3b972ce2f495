"""SequenceLSTM: its equations by hand, and its ratings."""

import numpy as np
import pytest
import torch
from sequence_data import (
    SMALL,
    scrambled,
    toy,
)

import recsys_tutorial as rt
from recsys_tutorial import Batch
from recsys_tutorial.models import SequenceLSTM
from recsys_workshop.labs.planted_sequences import planted_sequences


def test_ratings_and_states_by_hand():
    """The equations of the docstring, one step after the other."""
    data = toy()
    model = scrambled(SequenceLSTM.for_dataset(data, dim=4, length=6, shrink=3.0))
    item, stars = torch.tensor([1, 2, 0]), torch.tensor([2.0, 5.0, 4.0])
    q, d = model.item_factors, model.item_level
    w, u, b_w, b_u = model.lstm.parameters()
    h, c, total = torch.zeros(3), torch.zeros(3), 0.0
    states = model.states(item.unsqueeze(0), stars.unsqueeze(0))[0]
    for t, (i, r) in enumerate(zip(item, stars, strict=True)):
        e = r - model.mean - d[i]
        total = total + e
        mean = total / (t + 1 + 3.0)
        x = torch.cat([q[i], e * q[i], e[None], mean[None]])
        gates = (w @ x + b_w + u @ h + b_u).chunk(4)
        c = gates[1].sigmoid() * c + gates[0].sigmoid() * gates[2].tanh()
        h = gates[3].sigmoid() * c.tanh()
        assert torch.allclose(states[t], torch.cat([mean[None], h]), atol=1e-5)
    state = states[-1]
    output = model.judge(state, torch.tensor(3), *model.warm())
    rating = model.mean + d[3] + model.level @ state + (state @ model.taste) @ q[3]
    assert float(output.rating.detach()) == pytest.approx(float(rating.detach()), abs=1e-5)
    score = state @ q[3] + model.item_bias[3]
    assert float(output.score.detach()) == pytest.approx(float(score.detach()), abs=1e-5)


def test_at_first_a_rating_is_the_films_level_and_the_users_shrunk_mean():
    data = toy()
    model = SequenceLSTM.for_dataset(data, **SMALL, shrink=2.0).eval()
    user, item = torch.tensor([[0], [1], [2]]), torch.arange(4).unsqueeze(0)
    found = model(Batch(user=user, item=item)).rating
    stars = [[4.0, 2.0, 5.0, 3.0], [1.0], [5.0, 2.0]]
    for u, mine in enumerate(stars):
        off = sum(r - data.rating.mean() for r in mine) / (len(mine) + 2)
        assert torch.allclose(found[u], torch.tensor(data.rating.mean() + off).float(), atol=1e-5)


def test_a_user_without_ratings_gets_the_films_level():
    train = toy().take(np.array([0, 1, 4]))  # user 3 is cold
    model = scrambled(SequenceLSTM.for_dataset(train, **SMALL))
    found = model(Batch(user=torch.full((4,), 2), item=torch.arange(4))).rating
    assert torch.allclose(found, model.mean + model.item_level)


def test_planted_levels_of_films_and_users_are_found():
    """Ratings alone, in an order that says nothing: as good as biases, and far from the mean."""
    data = planted_sequences(n_users=150, n_items=40, length=(15, 30), follow=0.0, seed=1)
    train, valid, _ = data.split("last", valid=0.2, test=0)
    model = SequenceLSTM.for_dataset(train, dim=16)
    rt.fit(model, train, progress=False)
    biases = rt.models.BiasedMF.for_dataset(train, dim=0)
    rt.fit(biases, train, progress=False)
    rows = Batch(user=torch.from_numpy(valid.user), item=torch.from_numpy(valid.item))
    found = rt.metrics.rmse(valid.rating, model(rows).rating.detach().numpy())
    assert found < rt.metrics.rmse(valid.rating, rt.predict(biases, valid)) + 0.02
    assert found < 0.85 * valid.rating.std()
