"""Models for the tests of rt.interpret: fitted, or with tables given by hand."""

from __future__ import annotations

import torch

import recsys_tutorial as rt


def fitted(data, **settings):
    made = rt.models.BiasedMF.for_dataset(data, **settings)
    rt.fit(made, data, progress=False)
    return made


def with_factors(data, p, q, b_i=None):
    """A BiasedMF of float64 whose tables are given: what is asked of it can be counted by hand."""
    made = rt.models.BiasedMF.for_dataset(data, dim=p.shape[1]).double()
    with torch.no_grad():
        made.user_factors.copy_(torch.as_tensor(p))
        made.item_factors.copy_(torch.as_tensor(q))
        if b_i is not None:
            made.item_bias.copy_(torch.as_tensor(b_i))
    return made
