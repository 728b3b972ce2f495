"""recommend: titles, exclusions, new users and reasons."""

import numpy as np
import pandas as pd
import pytest
import torch

import recsys_tutorial as rt
from recsys_tutorial.datasets import from_frame
from recsys_tutorial.models import MF, BiasedMF, Popularity
from recsys_tutorial.recommending import pick_reasons


@pytest.fixture(scope="module")
def model(small):
    model = BiasedMF.for_dataset(small)
    rt.fit(model, small, progress=False)
    return model


def test_titles_of_the_best_unrated_items(model, small):
    user = small.user_vocab.ids[np.argmin(small.counts("user"))]
    table = rt.recommend(model, small, user, k=5)
    assert list(table.columns) == ["item", "title", "year", "genres", "score"]
    assert len(table) == 5
    rated = small.ratings.query("user == @user")["item"]
    assert not set(table["item"]) & set(rated)
    assert table["score"].is_monotonic_decreasing
    titles = small.items.set_index("item")["title"]
    assert (table["title"].to_numpy() == titles.loc[table["item"]].to_numpy()).all()
    scores = model.score_items(rt.Batch(user=torch.tensor([small.user_vocab.position(user)])))[0]
    left = [i for i in small.item_vocab.ids if i not in set(rated)]
    best = max(left, key=lambda i: float(scores[small.item_vocab.position(i)].detach()))
    assert table["item"].iloc[0] == best


def test_rated_items_on_request(model, small):
    user = small.user_vocab.ids[0]
    everything = rt.recommend(model, small, user, k=10_000, exclude_rated=False)
    assert len(everything) == small.n_items
    left = rt.recommend(model, small, user, k=10_000)
    assert len(left) == small.n_items - small.counts("user")[0]


def test_scores_are_clipped_and_order_is_not(model, small):
    with torch.no_grad():
        loud = BiasedMF.for_dataset(small)
        loud.load_state_dict(model.state_dict())
        loud.item_bias[:3] += torch.tensor([90.0, 80.0, 100.0])
    table = rt.recommend(loud, small, ratings={}, k=3)
    assert table["item"].tolist() == [small.item_vocab.ids[i] for i in (2, 0, 1)]
    assert table["score"].tolist() == [5, 5, 5]


def test_what_few_have_rated_does_not_lead_a_list():
    pairs = [(user, item) for user in range(12) for item in range(5)] + [(0, 5)]
    frame = pd.DataFrame(pairs, columns=["user", "item"]).assign(rating=3.0)
    data = from_frame(frame)
    model = BiasedMF.for_dataset(data, dim=0)
    with torch.no_grad():
        model.item_bias.copy_(torch.tensor([0.0, 0.1, 0.2, 0.3, 0.4, 0.9]))
    listed = rt.recommend(model, data, 3, k=3, exclude_rated=False)
    assert listed["item"].tolist() == [4, 5, 3]


def test_ties_come_in_the_order_of_the_vocabulary(small):
    model = Popularity.for_dataset(small)
    model.score.zero_()
    table = rt.recommend(model, small, 1, k=4, exclude_rated=False)
    assert table["item"].tolist() == small.item_vocab.ids[:4].tolist()


class TestNewUser:
    def test_taste_decides(self, small):
        """Opposite ratings of the same films give different lists."""
        model = MF.for_dataset(small, dim=4, l2=0.02)
        rt.fit(model, small, progress=False)
        films = [int(i) for i in small.item_vocab.ids[:8]]
        loves = rt.recommend(
            model, small, ratings=dict.fromkeys(films[:4], 5) | dict.fromkeys(films[4:], 1)
        )
        hates = rt.recommend(
            model, small, ratings=dict.fromkeys(films[:4], 1) | dict.fromkeys(films[4:], 5)
        )
        assert loves["item"].tolist() != hates["item"].tolist()

    def test_no_ratings_yet_is_the_cold_user(self, model, small):
        table = rt.recommend(model, small, ratings={}, k=4)
        best = np.argsort(-model.item_bias.detach().numpy(), kind="stable")[:4]
        assert table["item"].tolist() == [small.item_vocab.ids[i] for i in best]

    def test_a_model_without_fold_in_names_those_that_have_it(self, small):
        popularity = Popularity.for_dataset(small)
        rt.fit(popularity, small)
        with pytest.raises(TypeError, match=r"Popularity cannot .*BiasedMF, FactorizationMachine"):
            rt.recommend(popularity, small, ratings={1: 5})

    @pytest.mark.parametrize("bad", [7, 0, float("nan"), float("inf"), "five", None])
    def test_impossible_ratings_are_named_with_the_title(self, model, small, bad):
        item = int(small.item_vocab.ids[3])
        with pytest.raises(ValueError, match="scale 1 to 5") as error:
            rt.recommend(model, small, ratings={item: bad})
        assert small.items["title"].iloc[3] in str(error.value)

    def test_unknown_ids(self, model, small):
        with pytest.raises(KeyError, match="unknown item 99999"):
            rt.recommend(model, small, ratings={99999: 5})
        with pytest.raises(KeyError, match="unknown user 'ann'"):
            rt.recommend(model, small, "ann")


class TestReasons:
    def test_a_planted_reason_is_found(self):
        """Two worlds of films; who loves one film of a world gets that world, because of it."""
        rng = np.random.default_rng(0)
        rows = [
            {"user": u, "item": i, "rating": 5 if (u % 2) == (i % 2) else 1}
            for u in range(40)
            for i in rng.choice(20, 12, replace=False)
        ]
        titles = pd.DataFrame(
            {"item": range(20), "title": [f"Film {i} (19{i + 10})" for i in range(20)]}
        )
        data = from_frame(pd.DataFrame(rows), items=titles)
        model = BiasedMF.for_dataset(data, dim=4, l2=0.02)
        rt.fit(model, data, epochs=60, progress=False)
        table = rt.recommend(model, data, ratings={4: 5}, k=5, reasons=True)
        assert (table["item"] % 2 == 0).all()
        assert table["reasons"].str.startswith("Film 4 (1914), rated 5 (+").all()

    def test_without_any_rating(self, model, small):
        table = rt.recommend(model, small, ratings={}, reasons=True, k=2)
        assert table["reasons"].tolist() == ["liked by most, whatever their taste"] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "exactly one of user and ratings"),
        ({"user": 1, "ratings": {1: 5}}, "exactly one of user and ratings"),
        ({"ratings": [(1, 5)]}, "this is a list"),
        ({"user": 1, "k": 0}, "k must be a whole number of at least 1, got 0"),
        ({"user": 1, "k": 3.0}, "k must be a whole number of at least 1, got 3.0"),
    ],
)
def test_what_cannot_be_meant_so(model, small, arguments, message):
    with pytest.raises(ValueError, match=message):
        rt.recommend(model, small, **arguments)


def test_a_cold_user_is_told(model, capsys):
    people = pd.DataFrame({"user": [1, 2, 3]})
    data = from_frame(pd.DataFrame({"user": [1, 2], "item": [7, 8], "rating": [5, 4]}), people)
    model = BiasedMF.for_dataset(data)
    rt.fit(model, data, epochs=1, progress=False)
    rt.recommend(model, data, 1)
    assert not capsys.readouterr().out
    rt.recommend(model, data, 3)
    assert "user 3 has no training rating" in capsys.readouterr().out


def pick(lift, ratings):
    return pick_reasons(np.array(lift, dtype=float), np.array(ratings, dtype=float))


class TestPickReasons:
    def test_by_hand(self):
        # ratings 5, 4, 1: of title 0 the best high and the low one; of title 1 the low one lifts
        # more and comes first; title 2 is lifted by nothing.
        assert pick([[0.3, 0.1, 0.0], [0.2, 0.0, -1], [0.1, 0.4, 0.004]], [5, 4, 1]) == [
            [0, 2],
            [2, 0],
            [],
        ]
        assert pick([[0.1], [0.3], [0.2]], [5, 5, 5]) == [[1, 2]]  # all of a kind
        assert pick(np.empty((0, 2)), []) == [[], []]

    def test_no_rating_leads_more_than_three_of_ten_where_another_is_close(self):
        lift = np.array([[0.3] * 10, [0.2] * 10, [0.16] * 10, [0.155] * 10])
        led = [one[0] for one in pick(lift, [5, 5, 5, 5])]
        assert np.bincount(led).tolist() == [3, 3, 3, 1]

    def test_where_none_is_close_the_strongest_leads_all(self):
        assert pick([[0.3] * 10, [0.1] * 10], [5, 5]) == [[0, 1]] * 10
