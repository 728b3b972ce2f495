"""What the tests of sequence models share: little data, windows, numbers everywhere."""

import pandas as pd
import pytest
import torch

from recsys_tutorial import Batch
from recsys_tutorial.datasets import from_frame
from recsys_tutorial.models import SequenceLSTM, SequenceTransformer
from recsys_tutorial.models.sequences import NEVER, PADDING
from recsys_workshop.labs.planted_sequences import planted_sequences

BOTH = pytest.mark.parametrize("cls", [SequenceLSTM, SequenceTransformer])
SMALL = {"dim": 8, "length": 6, "dropout": 0.2}


def toy(times=(5, 3, 3, 9, 1, 2, 7), weight=None):
    """User 1: b and c in one second, then a, then d; user 2: a; user 3: b, d."""
    frame = pd.DataFrame(
        {
            "user": [1, 1, 1, 1, 2, 3, 3],
            "item": ["a", "b", "c", "d", "a", "b", "d"],
            "rating": [4.0, 2.0, 5.0, 3.0, 1.0, 5.0, 2.0],
        }
    )
    if times is not None:
        frame["timestamp"] = times
    if weight is not None:
        frame["weight"] = weight
    return from_frame(frame)


def chain_parts():
    """A planted chain, cut into what was before and what comes next."""
    data = planted_sequences(n_users=60, n_items=40, length=(8, 20), seed=3)
    return data.split("last", valid=0.1, test=0.1)


def scrambled(model):
    """The model with random numbers everywhere: what is wrong cannot hide behind a zero."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=model.generator) * 0.5)
    return model.eval()


def window_batch(history, rating=None, time=None):
    history = torch.as_tensor(history)
    real = history != PADDING
    if time is None:
        time = torch.arange(history.shape[1]).expand(history.shape)
    rating = torch.full(history.shape, 3.0) if rating is None else torch.as_tensor(rating)
    return Batch(
        user=torch.arange(len(history)),
        history=history,
        rating=rating,
        time=torch.where(real, torch.as_tensor(time), NEVER),
        weight=real.float(),
    )


def random_windows(model, n=3, length=6, seed=0):
    g = torch.Generator().manual_seed(seed)
    history = torch.stack([torch.randperm(model.n_items, generator=g)[:length] for _ in range(n)])
    return window_batch(history, torch.randint(1, 6, history.shape, generator=g).float())
