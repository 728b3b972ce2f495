"""Tables of films: what a reader sees."""

import numpy as np
import pandas as pd

import recsys_workshop as ws
from recsys_workshop.tables import draw_stars

FRAME = pd.DataFrame(
    {
        "item": [50, 7],
        "title": ["Star Wars (1977)", "Fish & <Chips> (1988)"],
        "year": pd.array([1977, None], dtype="Int64"),
        "genres": [("Action", "Sci-Fi"), ()],
        "score": [0.71, 0.2],
        "stars": [4.24, np.nan],
        "ratings": [583.0, 8.0],
    }
)


def test_it_shows_titles_stars_and_whole_numbers_and_no_ids():
    shown = ws.films(FRAME).shown
    assert list(shown.columns) == ["title", "genres", "stars", "ratings"]
    assert shown["genres"].tolist() == ["Action, Sci-Fi", ""]
    assert shown["stars"].tolist() == ["★★★★☆ 4.2", ""]
    assert shown["ratings"].tolist() == ["583", "8"]


def test_html_puts_text_on_the_left_numbers_on_the_right_and_escapes():
    page = ws.films(FRAME)._repr_html_()
    assert '<td style="text-align: left">Fish &amp; &lt;Chips&gt; (1988)</td>' in page
    assert '<td style="text-align: right">583</td>' in page
    assert "nan" not in page.lower()
    assert 'class="dataframe films"' in page


def test_plain_text_lines_up():
    lines = repr(ws.films(FRAME, ["title", "ratings"])).splitlines()
    assert lines == [
        "title                  ratings",
        "Star Wars (1977)           583",
        "Fish & <Chips> (1988)        8",
    ]


def test_stars_are_drawn_on_a_scale_of_five_only():
    assert draw_stars(5.0) == "★★★★★ 5"
    assert draw_stars(0.5) == "☆☆☆☆☆ 0.5"
    assert draw_stars(87.25) == "87.2"
