"""Page 01 concludes only what its cells have found, on planted and on real data."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from page_variables import Variables, run_cells

from recsys_tutorial.models import MF
from recsys_workshop.checks import page_01
from recsys_workshop.labs import drawings

pytestmark = pytest.mark.page


@functools.cache
def cells(mode: str) -> Variables:
    return run_cells("01_why_recommenders", mode)


@pytest.fixture(params=["fast", pytest.param("full", marks=pytest.mark.real)])
def page(request) -> Variables:
    if request.param == "full":
        request.getfixturevalue("ml100k")  # skips, or fails, where there is no real data
    return cells(request.param)


# ---- the toy --------------------------------------------------------------------------------


def test_the_toy_is_that_of_the_checks_and_its_empty_cells_follow():
    page = cells("fast")
    full = 3 + page_01.FRIENDS @ page_01.FILMS.T
    known = ~np.isnan(page["stars"])
    assert known.sum() == 23
    np.testing.assert_array_equal(page["P"], page_01.FRIENDS)
    np.testing.assert_array_equal(page["Q"], page_01.FILMS)
    np.testing.assert_array_equal(page["stars"][known], full[known])
    np.testing.assert_array_equal(page["by_hand"], full)
    assert full.min() == 1
    assert full.max() == 5


def test_what_the_page_says_of_the_rows_left_after_the_first_axis():
    left = cells("fast")["left"]
    row = page_01.FILMS[:, 1]
    for friend, times in enumerate((0, 0, 1, 1, -2)):
        known = ~np.isnan(left[friend])
        np.testing.assert_array_equal(left[friend][known], times * row[known])


def test_gradient_steps_find_the_same_cells_and_the_same_relations():
    page = cells("fast")
    assert page["same"] is True
    assert page["losses"][-1] < 1e-6 < page["losses"][0]
    assert page["gap"] < 1e-3
    assert page["error_at"] == pytest.approx(page["losses"], abs=1e-5)  # the reader's and torch's
    space, comedy, love, wrong_groom, pie, winter = page["q"].detach().numpy()
    np.testing.assert_allclose(comedy, space + pie, atol=1e-3)
    np.testing.assert_allclose(wrong_groom, love + pie, atol=1e-3)
    np.testing.assert_allclose(love, -space, atol=1e-3)
    np.testing.assert_allclose(winter, -pie, atol=1e-3)


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_empty_cells_do_not_hang_on_the_seed(seed):
    stars = torch.tensor(cells("fast")["stars"], dtype=torch.float32)
    seen = ~stars.isnan()
    generator = torch.Generator().manual_seed(seed)
    p = (0.5 * torch.randn(5, 2, generator=generator)).requires_grad_()
    q = (0.5 * torch.randn(6, 2, generator=generator)).requires_grad_()
    steps = torch.optim.SGD([p, q], lr=1.0)
    for _ in range(300):
        steps.zero_grad()
        (stars - 3 - p @ q.T)[seen].square().mean().backward()
        steps.step()
    expected = torch.tensor(page_01.FRIENDS @ page_01.FILMS.T, dtype=torch.float32)
    assert (p @ q.T - expected).abs().max() < 0.01


# ---- the story ------------------------------------------------------------------------------


def test_each_of_the_two_makes_the_mistake_that_is_told():
    page = cells("fast")
    sent, pieces = page["sent"], page["pieces"].set_index("piece")
    assert sent["both together"] > max(sent["the model alone"], sent["the stylist alone"])
    assert {"red linen dress", "sequin jacket"} == set(pieces.nlargest(2, "model").index)
    assert not pieces.loc["sequin jacket", "fits the note"]
    assert pieces.loc["cream silk blouse", "fits the note"]
    assert pieces.loc["cream silk blouse", "truth"] < 3
    np.testing.assert_allclose(page["likes"], [1.5, 0.5])


def test_the_pair_is_never_worse_and_gains_with_what_the_note_is_worth():
    joy = {who: np.array(values) for who, values in cells("fast")["joy"].items()}  # (9, 400) each
    ahead = joy["both together"] - joy["the model alone"]
    np.testing.assert_array_equal(ahead[0], 0)
    gain, error = ahead.mean(1), ahead.std(1) / np.sqrt(ahead.shape[1])
    assert (gain[2:] > 3 * error[2:]).all()
    assert (np.diff(gain) > 0).all()
    assert (joy["both together"].mean(1) > joy["the stylist alone"].mean(1) + 0.5).all()


# ---- why deep -------------------------------------------------------------------------------


def some_rows(page: Variables):
    return next(iter(page["page"].test.batches(batch_size=500)))


def test_the_class_on_the_page_is_the_model_of_the_library(page):
    mine, theirs = (
        kind.for_dataset(page["page"].train, dim=8, seed=3)(some_rows(page))
        for kind in (page["Match"], MF)
    )
    assert torch.equal(mine, theirs)


def test_the_changes_start_as_the_model_that_they_change(page):
    train, rows = page["page"].train, some_rows(page)
    plain = page["Match"].for_dataset(train, dim=8, seed=3)(rows)
    biased = page["WithBias"].for_dataset(train, dim=8, seed=3)(rows)
    genres = page["WithGenres"].for_dataset(train, dim=8, seed=3, genres=page["genres"])(rows)
    torch.testing.assert_close(biased, plain)
    torch.testing.assert_close(genres, plain)


def test_a_bias_helps_and_genres_help_most_where_films_are_rare(page):
    errors = {kind: np.array(rows) for kind, rows in page["errors"].items()}  # (3 seeds, 3 parts)
    assert (errors["Match"][:, 0] - errors["WithBias"][:, 0]).mean() > 0
    gains = page["gains"]  # (3 seeds, 3 parts: all, rare, other)
    assert gains[:, 1].mean() > 3 * gains[:, 1].std(ddof=1) / np.sqrt(3)
    assert (gains[:, 1] > gains[:, 2]).all()


def test_what_is_said_of_a_chance_is_about_what_happens(page):
    chance, liked = page["probability"], page["liked"]
    tolerance = 0.05 if page["page"].data.truth is None else 0.2  # planted: 1,200 rows only
    happened = []
    for low in (0.0, 0.25, 0.5, 0.75):
        here = (chance >= low) & (chance < low + 0.25)
        happened.append(liked[here].mean())
        assert abs(chance[here].mean() - happened[-1]) < tolerance
    assert happened == sorted(happened)


# ---- the lessons ----------------------------------------------------------------------------


def test_density_counts_for_more_than_the_model(page):
    thinner = page["thinner"]  # (2 models, 4 shares, seeds)
    mean, spread = thinner.mean(2), thinner.std(2, ddof=1)
    assert (np.diff(mean, axis=1) < 0).all()
    by_model = mean[0, -1] - mean[1, -1]
    assert page["by_data"] > by_model + 2 * spread.max()
    everything, tenth, held_small = page["vectors_add"].values()  # over users, one per seed
    assert all(one.high < 0 for one in everything)
    assert not any(one.high < 0 for one in tenth)  # thin: vectors are not worth it
    assert all(abs(one.difference) < 0.005 for one in held_small)  # nor do they harm when small


def test_as_many_rows_are_worth_more_where_they_are_dense(page):
    difference = page["difference"]
    assert (difference > 0).all()
    assert difference.mean() > 3 * difference.std(ddof=1) / np.sqrt(len(difference))
    if page["page"].data.truth is None:  # on real data, and asked about everybody, the sign turns
        assert np.mean([one.difference for one in page["everyone"]]) > 0


def test_named_reasons_carry_the_recommendation(page):
    falls = page["falls"]
    assert len(falls["others"]) == 8 * len(falls["named"]) == 80
    assert np.mean(falls["named"]) > 3 * max(np.mean(falls["others"]), 1)


def test_vectors_keep_their_four_promises(page):
    assert page["auc"] > 0.7
    assert abs(page["single"]) < 0.2
    assert page["relation"] > 0.85
    assert page["same_axis"] > 0.7


@pytest.mark.real
def test_nearest_to_a_film_are_its_sequels(ml100k):
    (line,) = [x for x in cells("full").printed.splitlines() if x.startswith("Star Wars (1977): ")]
    assert "Empire Strikes Back, The (1980)" in line
    assert "Return of the Jedi (1983)" in line


def test_windows_differ_from_person_to_person(page):
    windows = page["windows"]
    assert windows.shape == (5, 3)
    assert page["shared"] <= 2
    assert set(windows["for everybody"]) != set(windows.iloc[:, 1])


def test_the_picture_joins_every_pair_it_talks_of():
    (ax,) = drawings.relationships().axes
    texts = {text.get_text() for text in ax.texts}
    names = {"user", "item", "context", "time", "text"}
    assert names <= texts
    assert {name for pair in drawings.RELATIONS for name in pair} == names
    assert len(ax.lines) + len(ax.patches) == len(drawings.RELATIONS)
