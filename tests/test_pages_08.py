"""Page 08 concludes only what its cells have found, and shows the library's model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from page_variables import run_cells
from pages_runner import executed

from recsys_tutorial import Batch, datasets
from recsys_tutorial.models import SideFeatureMF
from recsys_workshop.labs import cold_start

pytestmark = pytest.mark.page

NAME = "08_cold_start_and_side_features"


def paired_error(gains: np.ndarray) -> np.ndarray:
    """Standard error over tenths."""
    return gains.std(axis=0, ddof=1) / np.sqrt(len(gains))


def test_a_cold_film_is_like_any_other_to_the_model_without_features(values):
    assert values["spread"] < 1e-5


def test_test_rows_are_in_no_training_part(values):
    assert values["fixed"] is True


def test_features_help_cold_films_and_do_not_harm_cold_people(values):
    gain = np.array(values["gain"])  # (seeds, cuts, 2)
    assert gain[:, 0, 1].mean() > 3 * paired_error(gain[:, 0, 1])
    assert gain[:, 0, 0].mean() > -2 * paired_error(gain[:, 0, 0]) - 0.002
    at_zero = np.array(values["at_zero"])
    assert at_zero[:, 0].mean() > -2 * paired_error(at_zero[:, 0]) - 0.002
    assert at_zero[:, 1].mean() > 3 * paired_error(at_zero[:, 1])
    assert gain[:, 0, 1].mean() > gain[:, 0, 0].mean()


def test_more_ratings_help_the_same_rows(values):
    without = np.array(values["without"]).mean(0)  # (cuts, 2)
    assert (np.diff(without, axis=0) < 0.003).all()
    assert (without[0] - without[-1] > 0.02).all()


def test_found_groups_are_other_films_and_hold_no_cold_start(values):
    many, few = values["stars"]
    assert many > few + 0.05
    assert min(values["first_found"]) > 5


def test_features_are_worth_more_to_films(values):
    people, films = values["worth"]
    assert films > people >= 0


def test_shuffled_features_gain_nothing(values):
    lost, gain = np.array(values["shuffled"]), np.array(values["gain"])[:, 0]
    assert lost[:, 1].mean() < 0.2 * gain[:, 1].mean()
    assert lost[:, 0].mean() < max(0.3 * gain[:, 0].mean(), 0.005)


@pytest.mark.real
def test_a_few_ratings_say_more_of_a_person_than_a_form_does(ml100k):
    people, films = executed(NAME, "solutions", "full").values["worth"]
    assert people < 2 < films


@pytest.mark.real
def test_features_and_both_penalties_pay_against_the_same_model_without_them(ml100k):
    values = executed(NAME, "solutions", "full").values
    assert all(low > 0 for _, low, _ in values["changes"].values())
    features, _, _ = values["changes"]["... without features"]
    assert features < values["rmse"]["BiasedMF"] - values["rmse"]["features, both penalties"]


def test_the_same_films_cut_are_not_the_films_found(values):
    made, found = np.array(values["same_films"]), np.array(values["found_films"])
    assert made[-1] == found[-1]
    assert made[0] > made[-1]
    assert values["prior_to_data"][0] == pytest.approx(values["prior"])


@pytest.mark.real
def test_on_real_data_found_and_made_are_close_between_thirty_and_some_hundreds(ml100k):
    values = executed(NAME, "solutions", "full").values
    made, found = np.array(values["same_films"]), np.array(values["found_films"])
    assert np.abs(made - found).max() < 0.02
    assert made[0] - made[-1] > 0.03
    assert values["made_interval"][0] > 0


# ---- the model on the page -------------------------------------------------------------------


def test_the_class_on_the_page_is_the_model_of_the_library():
    page = run_cells(NAME, "fast")
    train = page["page"].train
    ours = SideFeatureMF.for_dataset(train)
    shown = page["WithFeatures"].for_dataset(train, dim=ours.dim)
    generator = torch.Generator().manual_seed(0)
    names = {"A": "side_user_factors", "C": "side_item_factors", "a": "side_user_bias"}
    with torch.no_grad():
        for mine, its in {**names, "c": "side_item_bias"}.items():
            values = torch.randn(getattr(ours, its).shape, generator=generator)
            getattr(ours, its).copy_(values)
            getattr(shown, mine).copy_(values)
    batch = Batch(user=torch.from_numpy(train.user[:500]), item=torch.from_numpy(train.item[:500]))
    torch.testing.assert_close(shown(batch), ours(batch))


# ---- cutting ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data():
    return datasets.planted(n_users=120, n_items=90, n_ratings=6_000, seed=3)


@pytest.mark.parametrize("n", [0, 1, 20])
def test_chosen_rows_have_exactly_n_ratings(data, n):
    made = cold_start.make(data, seed=1)
    train = made.train(n)
    for side, chosen in (("user", made.users), ("item", made.items)):
        own = np.bincount(made.test[side].__getattribute__(side), minlength=len(train.counts(side)))
        assert len(chosen) > 0
        assert (train.counts(side)[chosen] <= n).all()
        enough = own[chosen] > 0  # whoever is tested on has had 20 to be cut
        assert (train.counts(side)[chosen][enough] == n).all()
        assert own.sum() == own[chosen].sum()
        assert own.max() <= cold_start.TESTED


def test_histories_are_nested_and_the_rest_stays(data):
    made = cold_start.make(data, seed=1)
    rows = [set(made.train(n).row.tolist()) for n in (0, 2, 5)]
    assert rows[0] < rows[1] < rows[2]
    test = {r for part in made.test.values() for r in part.row.tolist()}
    assert not test & set(made.train(cold_start.MOST).row.tolist())


@pytest.mark.parametrize("n", [-1, cold_start.MOST + 1])
def test_impossible_cuts_are_refused(data, n):
    with pytest.raises(ValueError, match=f"n={n}"):
        cold_start.make(data).train(n)


def test_thin_data_is_refused():
    with pytest.raises(ValueError, match="thin"):
        cold_start.make(datasets.planted(n_users=30, n_items=30, n_ratings=100))


def test_shuffling_keeps_ratings_titles_and_the_distribution(data):
    other = cold_start.shuffled_features(data, seed=1)
    assert np.array_equal(other.rating, data.rating)
    assert other.items["title"].equals(data.items["title"])
    assert other.users["user"].equals(data.users["user"])
    assert sorted(other.items["genres"]) == sorted(data.items["genres"])
    assert not other.items["genres"].equals(data.items["genres"])
