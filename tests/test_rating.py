"""Rating films: finding titles, the form, the dictionary, and the file that remembers."""

import json
import sys

import pandas as pd
import pytest

import recsys_tutorial as rt
from recsys_workshop import pages
from recsys_workshop.rating import _form, find_titles, item_of, rate_films

TITLES = {
    1: "Toy Story (1995)",
    7: "Empire Strikes Back, The (1980)",
    9: "Star Wars (1977)",
    12: "Star Trek: First Contact (1996)",
    20: "Amélie (2001)",
    21: "101 Dalmatians (1996)",
    30: "Hamlet (1948)",
    31: "Hamlet (1996)",
    40: "Twin (1990)",
    41: "Twin (1990)",
}


@pytest.fixture(scope="module")
def films():
    rows = [(u, i, 3 + (u + i) % 3) for u in range(12) for n, i in enumerate(TITLES) if u >= n]
    ratings = pd.DataFrame(rows, columns=["user", "item", "rating"])
    ratings.loc[0, "rating"] = 1
    items = pd.DataFrame({"item": list(TITLES), "title": list(TITLES.values())})
    return rt.datasets.from_frame(ratings, items=items, name="films")


@pytest.fixture
def page(films, tmp_path, monkeypatch):
    monkeypatch.setenv("RECSYS_TUTORIAL_STATE", str(tmp_path))
    made = pages.Page("02_mf_follow_along")
    made.__dict__["data"] = films
    return made


def saved(tmp_path):
    rows = json.loads((tmp_path / "me.json").read_text())["films"]
    return {row["title"]: row["rating"] for row in rows}


class TestFindTitles:
    @pytest.mark.parametrize(
        ("text", "first"),
        [
            ("toy", "Toy Story (1995)"),
            ("STORY toy", "Toy Story (1995)"),
            ("the empire str", "Empire Strikes Back, The (1980)"),
            ("amelie", "Amélie (2001)"),
            ("hamlet 1996", "Hamlet (1996)"),
            ("hamlet", "Hamlet (1948)"),  # rated more often than the other
            ("star", "Star Wars (1977)"),  # a whole word before letters inside one (Dalmatians)
            ("almatia", "101 Dalmatians (1996)"),
            ("star trek first contct", "Star Trek: First Contact (1996)"),
            ("toy stroy", "Toy Story (1995)"),
            ("  star   wars!", "Star Wars (1977)"),
        ],
    )
    def test_what_people_type(self, films, text, first):
        assert find_titles(films, text)[0] == first

    @pytest.mark.parametrize("text", ["", "  ", "?!", "qqqqqqqqq"])
    def test_nothing_fits(self, films, text):
        assert find_titles(films, text) == []

    def test_at_most_k(self, films):
        assert len(find_titles(films, "a", k=3)) == 3


class TestItemOf:
    def test_exact_and_nearly(self, films):
        assert item_of(films, "Star Wars (1977)") == 9
        assert item_of(films, "amelie (2001)") == 20

    def test_close_titles_are_suggested(self, films):
        with pytest.raises(KeyError, match=r"'Toy Storry \(1995\)' in films: did you mean 'Toy St"):
            item_of(films, "Toy Storry (1995)")
        with pytest.raises(KeyError, match=r"did you mean 'Hamlet \(1948\)', 'Hamlet \(1996\)'"):
            item_of(films, "Hamlet")
        with pytest.raises(KeyError, match="no title is like it"):
            item_of(films, "qqqqqqqqq")

    def test_a_title_of_two_films_is_no_answer(self, films):
        with pytest.raises(ValueError, match=r"2 films are called 'Twin \(1990\)'"):
            item_of(films, "Twin (1990)")


class TestDictionary:
    def test_kept_changed_and_taken_back(self, page, tmp_path):
        rate_films(page, {"Toy Story (1995)": 5, "Hamlet (1948)": 2})
        assert saved(tmp_path) == {"Toy Story (1995)": 5.0, "Hamlet (1948)": 2.0}
        assert page.me == {1: 5.0, 30: 2.0}
        again = rate_films(page, {"Toy Story (1995)": 4, "Hamlet (1948)": None})
        assert page.me == again.ratings == {1: 4.0}
        assert "You have rated 1 film." in repr(again)
        assert "4  Toy Story (1995)" in repr(again)

    @pytest.mark.parametrize("stars", [0, 6, float("nan"), "5", True, float("inf")])
    def test_stars_off_the_scale_keep_nothing(self, page, tmp_path, stars):
        rate_films(page, {"Star Wars (1977)": 3})
        with pytest.raises(ValueError, match=r"'Toy Story \(1995\)': stars go from 1 to 5"):
            rate_films(page, {"Hamlet (1996)": 4, "Toy Story (1995)": stars})
        assert saved(tmp_path) == {"Star Wars (1977)": 3.0}

    def test_a_wrong_title_keeps_nothing(self, page, tmp_path):
        with pytest.raises(KeyError, match="did you mean 'Star Wars"):
            rate_films(page, {"Toy Story (1995)": 5, "Star Warz (1977)": 4})
        assert not (tmp_path / "me.json").exists()

    def test_something_else_than_a_dictionary(self, page):
        with pytest.raises(ValueError, match=r"like \{'Toy Story \(1995\)': 5\}; this is a list"):
            rate_films(page, ["Toy Story (1995)"])

    def test_the_sample_persona_is_not_you(self, page):
        assert page.me  # the persona's
        assert rate_films(page).ratings == {}


class TestForm:
    def parts(self, rater):
        search, found, stars, status, mine, remove = _form(rater).children
        return search, found, stars.children, status, mine, remove

    def test_search_choose_and_rate(self, page, tmp_path):
        search, found, stars, status, mine, _ = self.parts(rate_films(page))
        assert [b.description for b in stars] == ["1 ★", "2 ★", "3 ★", "4 ★", "5 ★"]
        search.value = "star"
        assert found.options[:2] == ("Star Wars (1977)", "Star Trek: First Contact (1996)")
        assert found.value == "Star Wars (1977)"
        found.index = 1
        stars[3].click()
        assert saved(tmp_path) == {"Star Trek: First Contact (1996)": 4.0}
        assert search.value == ""
        assert "Star Trek: First Contact (1996): 4 stars. 1 film rated" in status.value
        assert [label for label, _ in mine.options] == ["Star Trek: First Contact (1996): 4"]

    def test_without_a_word_the_best_known_unrated_films_are_offered(self, page):
        _search, found, stars, *_ = self.parts(rate_films(page, {"Toy Story (1995)": 5}))
        assert found.options[0] == "Empire Strikes Back, The (1980)"
        stars[0].click()
        assert page.me == {1: 5.0, 7: 1.0}
        assert found.options[0] == "Star Wars (1977)"

    def test_rated_again_and_taken_back(self, page):
        search, _, stars, _, mine, remove = self.parts(rate_films(page))
        assert remove.disabled
        for star in (0, 4):
            search.value = "toy"
            stars[star].click()
        assert page.me == {1: 5.0}
        mine.index = 0
        remove.click()
        assert rate_films(page).ratings == {}
        assert remove.disabled

    def test_what_was_saved_is_there_again(self, page):
        rate_films(page, {"Hamlet (1996)": 2})
        *_, mine, remove = self.parts(rate_films(page))
        assert mine.options == (("Hamlet (1996): 2", 31),)
        assert not remove.disabled

    def test_no_such_film_is_said_and_a_star_does_nothing(self, page):
        search, _found, stars, status, *_ = self.parts(rate_films(page))
        search.value = "<qqqqqqqq>"
        assert "No film like &#x27;&lt;qqqqqqqq&gt;" in status.value
        stars[2].click()
        assert "choose a film first" in status.value
        assert rate_films(page).ratings == {}

    def test_titles_of_two_films_do_not_break_the_form(self, page):
        search, _found, stars, status, *_ = self.parts(rate_films(page))
        search.value = "twin"
        stars[2].click()
        assert "2 films are called" in status.value

    def test_everything_has_a_name_for_screen_readers(self, page):
        search, found, stars, status, mine, remove = self.parts(rate_films(page))
        assert all(w.description for w in (search, found, mine, remove, *stars))
        assert all("stars" in button.tooltip for button in stars)
        assert 'role="status"' in status.value

    def test_half_stars_where_the_data_has_them(self, page, films):
        halves = films.take(films.rating >= 0)
        object.__setattr__(halves, "scale", (0.5, 5.0))
        page.__dict__["data"] = halves
        assert rate_films(page).scale == [0.5 * n for n in range(1, 11)]

    def test_without_widgets_it_is_text(self, page, monkeypatch, capsys):
        monkeypatch.setitem(sys.modules, "ipywidgets", None)
        rate_films(page, {"Hamlet (1996)": 2})._ipython_display_()
        assert capsys.readouterr().out == "You have rated 1 film.\n2  Hamlet (1996)\n"
