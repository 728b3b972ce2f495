"""`ws.ledger`: measured numbers, read from benchmarks/results.json."""

from __future__ import annotations

import json

import pytest

import recsys_workshop as ws


@pytest.fixture
def written(tmp_path):
    entry = {"value": 0.9133, "unit": "stars", "data": "ml-100k", "seeds": [0, 1]}
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"pages": {"02": {"rmse": entry}}}))
    return path


def test_number_is_a_float_that_knows_how_it_was_measured(written):
    number = ws.ledger("02", "rmse", path=written)
    assert f"{number:.2f}" == "0.91"
    assert number < 1
    assert (number.unit, number.data, number.record["seeds"]) == ("stars", "ml-100k", [0, 1])


def test_what_is_missing_is_named_with_what_there_is(written, tmp_path):
    with pytest.raises(KeyError, match=r"nothing for page '03'; it has \['02'\]"):
        ws.ledger("03", "rmse", path=written)
    with pytest.raises(KeyError, match=r"no 'mae' in the ledger; it has \['rmse'\]"):
        ws.ledger("02", "mae", path=written)
    with pytest.raises(FileNotFoundError, match="belongs to the checkout"):
        ws.ledger("02", "rmse", path=tmp_path / "none.json")
