"""SequenceTransformer: its equations by hand, and what it reads."""

import pytest
import torch
from sequence_data import (
    SMALL,
    chain_parts,
    scrambled,
    toy,
)

from recsys_tutorial.models import SequenceTransformer


@pytest.fixture(scope="module")
def chain():
    return chain_parts()


def test_one_layer_by_hand():
    """The equations of the docstring, with a loop over places in place of a mask."""
    model = scrambled(SequenceTransformer.for_dataset(toy(), dim=4, length=6, layers=1, heads=2))
    item = torch.tensor([1, 2, 0])
    block = model.blocks[0]
    x = model.item_factors[item] * 2 + model.positions[:3]  # sqrt(dim) = 2
    query, key, value = block.qkv(block.norm_attention(x)).chunk(3, -1)
    seen = torch.zeros(3, 4)
    for t in range(3):
        for head in (slice(0, 2), slice(2, 4)):
            w = (key[: t + 1, head] @ query[t, head] / 2**0.5).softmax(0)
            seen[t, head] = w @ value[: t + 1, head]
    x = x + block.out(seen)
    x = x + block.down(block.up(block.norm_mlp(x)).relu())
    found = model.states(item.unsqueeze(0), torch.zeros(1, 3))[0]
    assert torch.allclose(found, model.norm(x), atol=1e-5)


def test_places_matter_and_stars_do_not(chain):
    model = scrambled(SequenceTransformer.for_dataset(chain[0], **SMALL))
    film = torch.tensor([[3, 5, 7, 9]])
    last = model.states(film, torch.ones(1, 4))[0, -1]
    assert torch.equal(last, model.states(film, torch.full((1, 4), 5.0))[0, -1])
    turned = model.states(film[:, [1, 0, 2, 3]], torch.ones(1, 4))[0, -1]
    assert not torch.allclose(last, turned, atol=1e-3)
    one = scrambled(SequenceTransformer.for_dataset(chain[0], **SMALL, layers=1))
    with torch.no_grad():
        one.positions.zero_()  # without them one layer sees a set, and which film is the last
    a, b = (one.states(f, torch.ones(1, 4))[0, -1] for f in (film, film[:, [1, 0, 2, 3]]))
    assert torch.allclose(a, b, atol=1e-5)
