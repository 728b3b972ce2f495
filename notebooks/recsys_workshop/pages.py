"""What each page of the series starts with: data, parts, your ratings, and earlier models."""

from __future__ import annotations

import os
import time
from collections.abc import Hashable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from recsys_tutorial import datasets, models
from recsys_tutorial.datasets import Dataset
from recsys_tutorial.models.base import Model
from recsys_tutorial.training import checkpoint, fit
from recsys_workshop import figures, local
from recsys_workshop.labs.text import Text, load_text, planted_text

SWITCH = "RECSYS_TUTORIAL_PAGES"
"""Environment variable: "fast" runs the pages small and on planted data, "full" (or unset) as
people see them."""

DATASET = "RECSYS_TUTORIAL_DATASET"
"""Environment variable: the pages' data, a name or a CSV file as `datasets.load` takes it."""

ME = "me.json"

PERSONA = {
    "Star Wars (1977)": 5,
    "Empire Strikes Back, The (1980)": 5,
    "Blade Runner (1982)": 5,
    "Alien (1979)": 4,
    "Twelve Monkeys (1995)": 5,
    "Princess Bride, The (1987)": 4,
    "Monty Python and the Holy Grail (1974)": 5,
    "Toy Story (1995)": 4,
    "Titanic (1997)": 2,
    "Independence Day (ID4) (1996)": 2,
    "Sleepless in Seattle (1993)": 2,
    "Liar Liar (1997)": 1,
}
"""The ratings of a sample persona, who likes thoughtful science fiction."""

_current: Page | None = None


def page(name: str) -> Page:
    """Start a page: find the data and say in one line which it is. The setup cell calls this."""
    global _current
    figures.use_style()
    # Small steps gain nothing from more threads. If other work keeps a core busy, or a container
    # may use only one, threads that wait for each other take ten times as long.
    threadpool_limits(1)  # numpy's
    torch.set_num_threads(1)
    pd.set_option("display.max_colwidth", 80, "display.precision", 3)  # whole titles, short numbers
    _current = Page(name)
    print(_current.line)
    return _current


def current() -> Page:
    """The page that this kernel runs. RuntimeError before its setup cell has run."""
    if _current is None:
        raise RuntimeError("run the setup cell at the top of the page first")
    return _current


class Page:
    """The material of one page; each attribute is computed at its first use.

    data               : the Dataset, MovieLens-100K or, if that is not available, planted
    train, valid, test : its parts, split("random", seed=42)
    text               : the text of a dictionary or, if that is not available, planted
    me                 : your ratings, item id to stars; those of a sample persona until you rate
    model              : predicts stars: the BiasedMF that an earlier page kept, else a new one
    ranker             : fills lists: the ImplicitALS that an earlier page kept, else a new one
    folder             : where your ratings, your progress and kept models are
    fast               : True in the tests' fast mode
    """

    def __init__(self, name: str) -> None:
        mode = os.environ.get(SWITCH) or "full"
        if mode not in ("fast", "full"):
            raise ValueError(f'{SWITCH}={mode!r}: it is "fast" or "full"')
        self.name, self.fast = name, mode == "fast"

    def __repr__(self) -> str:
        return f"<Page {self.name} on {self.data.name}>"

    def pick(self, full: Any, fast: Any) -> Any:
        """`full` for people, `fast` in the tests' fast mode: for example a number of epochs."""
        return fast if self.fast else full

    # ---- data -----------------------------------------------------------------------------

    @cached_property
    def data(self) -> Dataset:
        if self.fast:
            return datasets.planted()
        return datasets.load(os.environ.get(DATASET) or "ml-100k", fallback="planted")

    @property
    def line(self) -> str:
        """Which data this page works on."""
        d = self.data
        counts = f"{len(d):,} ratings by {d.n_users:,} users of {d.n_items:,} films"
        if d.truth is None:
            return f"{d.name}: {counts}, from {d.source.split(' in ')[0]}."
        return f"PLANTED DATA, every film and rating invented: {counts}."

    @cached_property
    def _parts(self) -> tuple[Dataset, Dataset, Dataset]:
        return self.data.split("random", seed=42)

    @property
    def train(self) -> Dataset:
        return self._parts[0]

    @property
    def valid(self) -> Dataset:
        return self._parts[1]

    @property
    def test(self) -> Dataset:
        return self._parts[2]

    @cached_property
    def text(self) -> Text:
        return planted_text() if self.fast else load_text(fallback="planted")

    # ---- you ------------------------------------------------------------------------------

    @property
    def me(self) -> dict[Hashable, float]:
        saved = (local.read_json(ME, _is_me) or {}).get(self.data.name, [])
        known = set(self.data.item_vocab.ids.tolist())
        low, high = self.data.scale
        mine = {r["item"]: float(r["rating"]) for r in saved}
        fitting = {i: r for i, r in mine.items() if i in known and low <= r <= high}
        if len(fitting) < len(mine):
            n = len(mine) - len(fitting)
            print(f"{n} of your saved ratings do not fit this data and are left out.")
        return fitting or self._persona()

    @property
    def me_is_sample(self) -> bool:
        """True until you have saved ratings of your own for this data."""
        return not (local.read_json(ME, _is_me) or {}).get(self.data.name)

    def save_me(self, ratings: Mapping[Hashable, float]) -> Path | None:
        """Keep your ratings (item id to stars) for later pages.

        Raises KeyError for an unknown item, ValueError for a rating off the scale.
        """
        low, high = self.data.scale
        titles = self.data.items["title"]
        rows = []
        for item, rating in ratings.items():
            title = titles.iloc[self.data.item_vocab.position(item)]
            if not _on_scale(rating, (low, high)):
                raise ValueError(
                    f"{rating!r} for {title!r}: stars go from {low:g} to {high:g}, and None takes "
                    "a rating back"
                )
            plain = item.item() if isinstance(item, np.generic) else item
            rows.append({"item": plain, "title": title, "rating": float(rating)})
        return local.update_json(ME, _is_me, lambda kept: {**kept, self.data.name: rows})

    def _persona(self) -> dict[Hashable, float]:
        items = self.data.items
        by_title = dict(zip(items["title"], self.data.item_vocab.ids.tolist(), strict=True))
        known = {by_title[t]: float(r) for t, r in PERSONA.items() if t in by_title}
        if len(known) >= 5:
            return known
        # Invented films: the persona rates the twelve best known and likes their main genre.
        low, high = self.data.scale
        most_rated = np.argsort(-self.data.counts("item"), kind="stable")[:12]
        genres = [set(items["genres"].iloc[i]) if "genres" in items else set() for i in most_rated]
        everything = sorted(g for each in genres for g in each)
        liked = max(everything, key=everything.count, default="")
        ids = self.data.item_vocab.ids[most_rated].tolist()
        return {
            item: high if liked in g else low + (high - low) / 4
            for item, g in zip(ids, genres, strict=True)
        }

    @property
    def folder(self) -> Path:
        return local.directory()

    # ---- the model so far -----------------------------------------------------------------

    @cached_property
    def model(self) -> Model:
        return self._kept_or_trained("model", models.BiasedMF)

    @cached_property
    def ranker(self) -> Model:
        return self._kept_or_trained("ranker", models.ImplicitALS)

    def _kept_or_trained(self, name: str, kind: type[Model]) -> Model:
        kept = self.load(name)
        if kept is not None:
            return kept
        start = time.monotonic()
        model = kind.for_dataset(self.train)
        fit(model, self.train, self.valid, progress=False)
        print(f"Trained: {kind.__name__}, in {time.monotonic() - start:.1f} s.")
        return model

    def save(self, model: Model, name: str = "model") -> Path | None:
        """Keep a fitted model for later pages; they start from `name="model"`.

        A class of your own is kept as the class of the library that it inherits from.

        Raises ValueError for a model with other parameters than any class of `rt.models`.
        """
        model.check_vocabulary(self.train)
        kind = model.library_class().__name__
        settings = {n: v for n, v in model.settings().items() if n not in ("n_users", "n_items")}
        rebuilt = getattr(models, kind).for_dataset(self.train, **settings)
        weights = model.state_dict()
        mine, its = ({k: v.shape for k, v in w.items()} for w in (weights, rebuilt.state_dict()))
        if mine != its:
            raise ValueError(
                f"{type(model).__name__} has other parameters than {kind}: only models with the "
                "parameters of a class in rt.models can be kept for later pages"
            )
        path = self._model_path(name)
        try:
            checkpoint.save(path, {"kind": kind, "settings": settings, "weights": weights})
        except OSError as error:
            print(f"The model could not be kept in {path.parent}: {error.strerror or error}.")
            return None
        return path

    def load(self, name: str = "model") -> Model | None:
        """A model that an earlier page kept, or None; a model of other data is ignored."""
        path = self._model_path(name)
        if not path.is_file():
            return None
        try:
            kept = checkpoint.read(path)
            model = getattr(models, kept["kind"]).for_dataset(self.train, **kept["settings"])
            counts = model.user_count.clone(), model.item_count.clone()
            model.load_state_dict(kept["weights"])
        except Exception as error:  # whatever is wrong with the file, the page continues
            print(f"{path.name} cannot be read and is ignored ({type(error).__name__}).")
            return None
        # The counts show which rows it was trained on: another part would leak test ratings.
        of_users, of_items = counts
        same = torch.equal(of_users, model.user_count) and torch.equal(of_items, model.item_count)
        return model if same else None

    def _model_path(self, name: str) -> Path:
        return local.directory() / "models" / self.data.name / f"{name}.pt"


def _is_me(content: Any) -> bool:
    return all(
        isinstance(row["item"], int | str) and isinstance(row["rating"], int | float)
        for rows in content.values()
        for row in rows
    )


def _on_scale(stars: Any, scale: tuple[float, float]) -> bool:
    number = isinstance(stars, int | float | np.number) and not isinstance(stars, bool)
    return number and scale[0] <= stars <= scale[1]
