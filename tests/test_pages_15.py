"""What page 15 shows and says is so."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.page

NAME = "15_sequences"
NETWORKS = "SequenceLSTM", "SequenceTransformer"
SIMPLE = "Popularity", "ImplicitALS", "EASE", "Markov", "SequentialRules"


def test_the_equations_of_the_page_are_those_of_torch(values):
    assert values["gap_step"] < 1e-5
    assert values["gap_weights"] < 1e-5
    assert values["gap_row"] < 1e-5


def test_on_a_planted_chain_the_sequence_models_win(values):
    mrr = values["planted"]
    for name in NETWORKS:
        assert mrr[name] > 1.05 * max(mrr[n] for n in SIMPLE)
        assert mrr[name] > 0.85 * mrr["best possible"]
    assert mrr["Markov"] > 1.5 * max(mrr[n] for n in ("Popularity", "ImplicitALS", "EASE"))
    assert all(low > 0 for _, low, _ in values["chain_leads"].values())


def test_changed_futures_change_nothing_before_and_a_forgotten_mask_shows(values):
    for name in ("LSTM", "transformer"):
        assert not any(values["moves"][name][:8])
        assert all(values["moves"][name][8:])
    assert all(values["moves"]["mask forgotten"][:8])
    assert values["future"] == 0


def test_shuffling_keeps_the_ratings_and_destroys_the_order(values):
    assert values["same_ratings"]
    assert values["moved_times"] > 0.3
    assert values["pairs"][1] <= values["pairs"][0]


def test_recommendations_follow_the_order(values):
    straight, turned = values["for_me"].values()
    assert len(set(straight)) == len(set(turned)) == 5
    assert not set(straight) & set(values["my_titles"])
    assert straight != turned


@pytest.mark.real
class TestOnRealData:
    @pytest.fixture
    def mode(self, ml100k):
        return "full"

    def test_rules_lead_and_your_rules_are_near_them(self, values):
        assert all(low > 0 for _, low, _ in values["leads"].values())
        rules = values["real"]["SequentialRules"]
        assert values["real"]["the page's rules"] == pytest.approx(rules, abs=0.002)
        assert min(values["real"][n] for n in NETWORKS) > values["real"]["EASE"] - 0.03

    def test_the_settings_chosen_are_inside_of_what_was_tried(self, values):
        assert len({len(tried) for tried in values["tries"].values()}) == 1
        for name in ("SequentialRules", "Markov", "EASE"):
            tried = values["tries"][name]
            assert values["chosen"][name] not in (tried[0], tried[-1]), name

    def test_much_of_it_is_the_order_in_which_films_were_shown(self, values):
        often, shuffled = values["pairs"]
        assert often > 10 * shuffled
        for name, without in values["shuffled"].items():
            difference, low, _ = values["worth"][name]
            assert difference == pytest.approx(values["real"][name] - without), name
            assert low > 0.01, name

    def test_ratings_are_better_than_biases_and_near_biased_mf(self, values):
        rmse = values["rmse"]
        assert rmse["LSTM"] < rmse["biases only"] - 0.005
        assert rmse["BiasedMF"] < rmse["LSTM"] < rmse["BiasedMF"] + 0.035
        for name, (gap, low, high) in values["gaps"].items():
            assert low < gap < high
            assert gap == pytest.approx(rmse["LSTM"] ** 2 - rmse[name] ** 2, abs=1e-6)
