"""The comparison of page 16: equal trials, its own rules, and gates that can fail."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import recsys_tutorial as rt
import recsys_workshop as ws

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import ledger, peers


def test_the_page_reads_what_was_measured():
    for key, entry in peers.page_entries(ledger.read()["benchmarks"]).items():
        found = ws.ledger("16", key)
        assert found == entry["value"]
        assert found.record["rows"] == entry["rows"]
        assert found.data == "ml-100k"


def test_the_models_defaults_are_the_tuned_ones():
    """Who takes a model without looking gets what the trials found."""
    for name in ("ItemKNN", "EASE", "PureSVD"):  # ImplicitALS is chosen for what readers see
        row = ledger.read()["benchmarks"]["peers"]["chosen"][name]
        (key,) = row["settings"]
        default = getattr(getattr(rt.models, name)(3, 4), key)
        near = min(peers.contenders()[name].trials, key=lambda trial: abs(trial[key] - default))
        place = peers.contenders()[name].trials.index(near)
        assert row["tried"][place] > row["valid"] - 0.003, name  # on the ladder next to the best


def test_every_row_has_eight_trials_and_none_is_chosen_at_the_end_of_its_ladder():
    for name, contender in peers.contenders().items():
        assert len(contender.trials) == (1 if name == "Popularity" else 8), name
        different = {json.dumps(trial, sort_keys=True) for trial in contender.trials}
        assert len(different) == len(contender.trials), name
    chosen = ledger.read()["benchmarks"]["peers"]["chosen"]
    assert [name for name, row in chosen.items() if row["at_edge"]] == []
    assert all(len(row["tried"]) == row["trials"] for row in chosen.values())


def test_no_row_that_chose_a_setting_is_in_the_table(ml100k):
    (_, valid), *reported = ml100k.folds(5)
    for _, test in reported:
        assert not set(valid.row) & set(test.row)
    rows = ledger.read()["benchmarks"]["peers"]["folds"].values()
    assert {len(row["ndcg@10_folds"]) for row in rows} == {len(reported)}


def test_gates_can_fail():
    good = [0.01, -0.01, 0.03, 900]
    bad = [-0.03, -0.05, -0.01, 900]

    def rows(interval, bpr):
        names = ("EASE", "ImplicitALS, classic", "ImplicitALS")
        found = {name: {"less implicit ALS": interval} for name in names}
        return {**found, "BPR": {"ndcg@10": bpr}, "implicit BPR": {"ndcg@10": 0.1}}

    result = {
        "als_times": 4.0,
        "chosen": {"EASE": {"at_edge": False}},
        "folds": rows(good, 0.13),
    }
    assert all(holds for _, holds in peers.gates(result))
    result = {"als_times": 5.1, "chosen": {"EASE": {"at_edge": True}}, "folds": rows(bad, 0.11)}
    assert not any(holds for _, holds in peers.gates(result))


def test_the_penalty_of_a_line_up_is_paid_for_the_rated_item(small):
    model = peers.RankedMF.for_dataset(small, dim=3, l2=1.0)
    user, item = (torch.from_numpy(a[:4].astype(np.int64)) for a in (small.user, small.item))
    alone = model.penalty(rt.Batch(user=user[:, None], item=item[:, None]))
    others = item[:, None].repeat(1, 5)
    others[:, 1:] = 7
    line_up = model.penalty(rt.Batch(user=user[:, None], item=others))
    assert torch.equal(line_up, alone)


def test_ndcg_of_each_user_is_that_of_evaluate(small):
    train, _, test = small.split(valid=0, test=0.3, seed=0)
    model = rt.models.EASE.for_dataset(train)
    rt.fit(model, train, progress=False)
    each = peers.ndcg_of_each_user(model, test, train)
    assert len(each) == small.n_users
    expected = rt.evaluate(model, test, train=train, relevant=4)["ndcg@10"]
    assert np.nanmean(each) == pytest.approx(expected)


@pytest.mark.real
def test_closed_forms_give_the_ledgers_numbers_on_the_first_fold_of_the_table(ml100k):
    _, (train, test), *_ = ml100k.folds()
    section = ledger.read()["benchmarks"]["peers"]
    for name in ("Popularity", "ItemKNN", "PureSVD", "EASE"):
        settings = section["chosen"][name]["settings"]
        model, _ = peers.contenders()[name].run(train, **settings)
        found = peers.judged(model, test, train)["ndcg@10"]
        assert found == pytest.approx(section["folds"][name]["ndcg@10_folds"][0], abs=5e-4), name
