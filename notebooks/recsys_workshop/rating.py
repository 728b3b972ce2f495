"""Rate films yourself: in a form for mouse and keyboard, or with a dictionary."""

from __future__ import annotations

import html
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from recsys_tutorial.datasets import Dataset
from recsys_tutorial.titles import plain_text, search_of
from recsys_workshop.pages import Page


def rate_films(page: Page, ratings: Mapping[str, float | None] | None = None) -> FilmRater:
    """Your own ratings: from a form, if this is the last line of a cell, or from a dictionary.

    ratings : title to stars, `{"Toy Story (1995)": 5}`. They are added to your earlier ratings;
              None instead of stars takes a rating back. If one is wrong, none is kept.

    Other pages find them in `page.me`.

    Raises KeyError for an unknown title (it suggests others), ValueError for stars off the scale.
    """
    rater = FilmRater(page)
    if ratings is not None:
        if not isinstance(ratings, Mapping):
            raise ValueError(
                f"ratings must be title: stars, like {{{rater.example!r}: 5}}; this is a "
                f"{type(ratings).__name__}"
            )
        rater.update({item_of(page.data, title): stars for title, stars in ratings.items()})
    return rater


def find_titles(dataset: Dataset, text: str, k: int = 8) -> list[str]:
    """Up to k titles that match the typed text, as `TitleSearch.find`; none for no text."""
    titles = dataset.items["title"].tolist()
    return [titles[i] for i in search_of(dataset).find(text, k)] if plain_text(text) else []


def item_of(dataset: Dataset, title: str) -> Hashable:
    """The id of the item with exactly this title; capitals and accents do not matter.

    Raises KeyError, with similar titles, for an unknown title; ValueError if two items have it.
    """
    plain = plain_text(str(title))
    same = [i for i, one in enumerate(search_of(dataset).plain) if one == plain]
    if len(same) == 1:
        return dataset.item_vocab.id_at(same[0])
    if same:
        raise ValueError(f"{len(same)} films are called {title!r}: rate them by their ids")
    close = find_titles(dataset, str(title), 3)
    advice = f"did you mean {', '.join(map(repr, close))}?" if close else "no title is like it"
    raise KeyError(f"there is no film {title!r} in {dataset.name}: {advice}")


class FilmRater:
    """Your ratings of the page's films; in a notebook it shows itself as a form."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said = ""
        low, high = page.data.scale
        step = 1.0 if float(low).is_integer() else low
        self.scale = [float(s) for s in np.arange(low, high + step / 2, step)]

    @property
    def ratings(self) -> dict[Hashable, float]:
        """Item id to stars, as kept; empty until you have rated."""
        return {} if self.page.me_is_sample else self.page.me

    @property
    def example(self) -> str:
        """A title, to show what titles look like: the most rated one."""
        return self.title(self.page.data.item_vocab.ids[self.page.data.counts("item").argmax()])

    @property
    def search_hint(self) -> str:
        """Advice on what to type, with the year of the newest film."""
        items = self.page.data.items
        if "year" not in items or items["year"].isna().all():
            return "type part of it"
        return f"type part of it (films up to {items['year'].max()})"

    def title(self, item: Hashable) -> str:
        data = self.page.data
        return str(data.items["title"].iloc[data.item_vocab.position(item)])

    def suggestions(self, k: int = 30) -> list[str]:
        """The most rated titles that you have not rated."""
        data, mine = self.page.data, self.ratings
        order = np.argsort(-data.counts("item"), kind="stable")
        items = [i for i in data.item_vocab.ids[order].tolist() if i not in mine]
        return [self.title(item) for item in items[:k]]

    def update(self, ratings: Mapping[Hashable, float | None]) -> None:
        """Add, change (stars) or take back (None) some ratings, and keep them."""
        mine = self.ratings
        for item, stars in ratings.items():
            if stars is None:
                mine.pop(item, None)
            else:
                mine[item] = stars
        self.page.save_me(mine)
        for item, stars in ratings.items():
            plural = "" if stars == 1 else "s"
            given = "rating taken back" if stars is None else f"{stars:g} star{plural}"
            self.said = f"{self.title(item)}: {given}."

    def __repr__(self) -> str:
        mine = [f"{stars:g}  {self.title(item)}" for item, stars in self.ratings.items()]
        return "\n".join([f"You have rated {_films(len(mine))}.", *mine])

    def _ipython_display_(self) -> None:
        from IPython.display import display

        try:
            form: Any = _form(self)
        except ImportError:
            print(self)
            return
        shown = form._repr_mimebundle_()
        data = dict(shown[0] if isinstance(shown, tuple) else shown)
        display({**data, "text/plain": repr(self)}, raw=True)
        display({"text/html": _KEYS, "text/plain": ""}, raw=True)


_KEYS = """\
<script>
document.currentScript?.closest(".jp-OutputArea")?.addEventListener("focusin", event => {
  if (event.target.matches("select, button"))
    event.target.setAttribute("data-lm-suppress-shortcuts", "true");
});
</script>"""
"""JupyterLab takes keys in lists and on buttons for its own shortcuts: arrows would move to another
cell. With this script the form gets the keys while it has the focus."""


def _films(n: int) -> str:
    return f"{n} film{'' if n == 1 else 's'}"


def _form(rater: FilmRater) -> Any:
    """A search box, a list of the films found, a button per number of stars, your ratings.

    All are plain labelled boxes, lists and buttons: Tab moves from one to the next, arrows move
    within lists, Enter or space presses a button.
    """
    import ipywidgets as widgets

    wide = widgets.Layout(width="100%", max_width="640px")
    search = widgets.Text(description="Title", placeholder=rater.search_hint, layout=wide)
    found = widgets.Select(description="Found", options=[], rows=6, layout=wide)
    stars = [
        widgets.Button(
            description=f"{s:g} ★",
            tooltip=f"Rate the chosen film {s:g} stars",
            layout=widgets.Layout(width="64px"),
        )
        for s in rater.scale
    ]
    mine = widgets.Select(description="Rated", options=[], rows=5, layout=wide)
    remove = widgets.Button(
        description="Take this rating back", layout=widgets.Layout(width="200px")
    )
    status = widgets.HTML()

    def say(text: str) -> None:
        status.value = f'<span role="status" aria-live="polite">{html.escape(text)}</span>'

    def refresh() -> None:
        kept = rater.ratings
        mine.options = [(f"{rater.title(i)}: {s:g}", i) for i, s in kept.items()]
        remove.disabled = not kept
        say(f"{rater.said} {_films(len(kept))} rated so far.".strip())

    def look(text: str) -> None:
        titles = find_titles(rater.page.data, text) if text.strip() else rater.suggestions()
        found.options = titles
        found.index = 0 if titles else None
        if text.strip():
            say(f"{_films(len(titles)) if titles else 'No film'} like {text!r}.")

    def rate(button: Any) -> None:
        if found.value is None:
            say("Type part of a title and choose a film first.")
            return
        try:
            rater.update({item_of(rater.page.data, found.value): rater.scale[stars.index(button)]})
        except ValueError as error:
            say(str(error))
            return
        refresh()
        look("")
        search.value = ""
        search.focus()

    def take_back(_: Any) -> None:
        if mine.value is not None:
            rater.update({mine.value: None})
            refresh()

    search.observe(lambda change: look(change["new"]), "value")
    for button in stars:
        button.on_click(rate)
    remove.on_click(take_back)
    look("")
    refresh()
    return widgets.VBox([search, found, widgets.HBox(stars), status, mine, remove])
