"""Columns of 32 bits, as large data and saved data have them, train the same models as 64 bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import recsys_tutorial as rt
from recsys_tutorial import models


@pytest.fixture(scope="module")
def parts():
    """Ratings over 30 years, so that products of times and bins leave 32 bits."""
    data = rt.datasets.planted(120, 60, 3_000, seed=0)
    start = data.timestamp.min()
    spread = 30 * 365 * 86_400 / (data.timestamp.max() - start)
    time = (start + (data.timestamp - start) * spread).astype(np.int64)
    assert time.max() < 2**31
    return replace(data, timestamp=time).split("random", valid=0.1, test=0, seed=0)[:2]


def narrow(data):
    columns = {"user": np.int32, "item": np.int32, "timestamp": np.int32}
    return replace(data, **{n: getattr(data, n).astype(kind) for n, kind in columns.items()})


TRAINED = sorted(set(models.__all__) - {"Model", "FoldedUser"})


@pytest.mark.parametrize("name", TRAINED)
def test_the_model_is_the_same(parts, name):
    kind = getattr(models, name)
    wide, small = parts, [narrow(part) for part in parts]
    assert small[0].user.dtype == np.int32
    found = []
    for train, valid in (wide, small):
        model = kind.for_dataset(train)
        epochs = {} if hasattr(kind, "fit") else {"epochs": 1}
        rt.fit(model, train, progress=False, **epochs)
        found.append([rt.predict(model, valid), rt.evaluate(model, valid, train=train)["ndcg@10"]])
    np.testing.assert_allclose(*[one[0] for one in found], rtol=1e-6)
    assert found[0][1] == pytest.approx(found[1][1], abs=1e-9)
