"""What the primer says of PyTorch, ignite and event files is what its cells find."""

from __future__ import annotations

import functools

import pytest
import torch
from page_variables import Variables, run_cells

pytestmark = pytest.mark.page


@functools.cache
def cells() -> Variables:
    return run_cells("appendix_primer", "fast")


def test_the_first_cell_learns_the_mean():
    torch.testing.assert_close(cells()["guess"].detach(), torch.tensor(4.0), atol=1e-3, rtol=0)


def test_the_trap_costs_twice_the_variance_and_the_right_way_nothing():
    page = cells()
    assert page["right"].item() == 0
    torch.testing.assert_close(page["wrong"], 2 * page["ratings"].var(unbiased=False))


def test_a_model_that_falls_into_the_trap_learns_the_mean():
    page = cells()
    net, optimiser = page["fresh"](lr=0.02)
    user, item, rating = page["user"], page["item"], page["rating"]
    with torch.no_grad():
        net.q.mul_(20)  # away from the mean at the start
        before = (net(user, item) - rating.mean()).abs().mean()
    for _ in range(300):
        loss = (net(user, item).unsqueeze(-1) - rating).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    after = (net(user, item) - rating.mean()).abs().mean()
    assert after < 0.02 < 0.1 < before


def test_a_step_makes_the_loss_smaller():
    page = cells()
    assert page["after"] < page["before"]


def test_plain_loop_and_ignite_are_the_same_to_the_bit():
    assert cells()["same"] is True


def test_training_stops_early_and_after_its_best():
    page = cells()
    assert 3 < len(page["curve"]) < 60
    assert page["state"].epoch == len(page["curve"]) == page["best"] + 1 + 3


def test_larger_rate_is_down_early_and_the_smaller_still_on_its_way():
    lowest = {
        run: rows.loc[rows["value"].idxmin(), "step"]
        for run, rows in cells()["chosen"].groupby("run")
    }
    assert lowest["lr=0.05"] <= 6
    assert lowest["lr=0.005"] == 12


def test_what_is_written_is_read_back():
    written = cells()["written"]
    assert set(written["run"]) == {"lr=0.005", "lr=0.05"}
    assert set(written["tag"]) == {"train/loss", "valid/rmse"}
    for _, steps in written.groupby(["run", "tag"])["step"]:
        assert steps.tolist() == list(range(1, 13))


def test_numbers_are_loaded_and_objects_refused():
    page = cells()
    rows = page["user"], page["item"]
    assert torch.equal(page["net"](*rows), page["copy"](*rows))
    assert "The object was refused" in page.printed


def test_same_generator_same_numbers_and_each_row_counts_its_ratings():
    page = cells()
    assert torch.equal(page["first"], page["second"])
    assert page["counted"].grad[:, 0].tolist() == [2, 1, 1, 0]
