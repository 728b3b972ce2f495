"""The computations of the service, in numpy on tables prepared once."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from recsys_tutorial import recommending
from recsys_tutorial.batch import Batch
from recsys_tutorial.models.base import Model
from recsys_tutorial.serving.exporting import Exported
from recsys_tutorial.titles import TitleSearch

Scores = Callable[["Side", np.ndarray], np.ndarray]  # of a user, from the parts of their row

MOST_RATINGS = 500  # in one request
LARGEST = 2**53  # a browser rounds larger whole numbers


class Side:
    """One of the two models, ready to place new users.

    Attributes:
        rows, offset: (n_items, d) and (n_items,): a new user's scores are rows @ row + offset.
        average, mean: Their means over the items, (d,) and a number.
    """

    def __init__(self, model: Model) -> None:
        self.model: Any = copy.copy(model)
        self.parts(np.zeros(0, dtype=np.int64), np.zeros(0))  # refuses a model that cannot fold in
        for name in ("item_rows", "unrated_cells"):  # made once, since this model never changes
            if hasattr(model, name):
                tables = getattr(model, name)()
                setattr(self.model, name, lambda tables=tables: tables)
        rows, offset = recommending.item_rows(self.model)
        self.rows = np.ascontiguousarray(rows, dtype=np.float32)
        self.offset = np.ascontiguousarray(offset, dtype=np.float32)
        self.average, self.mean = self.rows.mean(0), float(self.offset.mean(dtype=np.float64))

    def parts(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        """The contribution of each of n ratings to a new user's row: (n, d)."""
        return recommending.fold(self.model, items, ratings).parts.numpy()

    def scores(self, parts: np.ndarray) -> np.ndarray:
        """(n_items,) for the user whose row is the sum of these parts."""
        return self.rows @ parts.sum(0) + self.offset

    @torch.no_grad()
    def of_user(self, user: int, time: int | None) -> np.ndarray:
        """(n_items,) for a user of the training data."""
        when = None if time is None else torch.tensor([time])
        return self.model.list_scores(Batch(user=torch.tensor([user]), time=when))[0].numpy()

    def steps(self, parts: np.ndarray, item: int) -> dict[str, float]:
        """The score of an item without the lifts: "mean" (an average user's mean score), "film"
        (that user's score of this item above the mean) and "person" (this user's mean score above
        it)."""
        film, person = float(self.offset[item]) - self.mean, float(self.average @ parts.sum(0))
        return {"mean": self.mean, "film": film, "person": person}

    def lifts(self, parts: np.ndarray, items: Any) -> np.ndarray:
        """What each of n ratings adds to each of k scores above its effect in general: (n, k)."""
        return parts @ (self.rows[items] - self.average).T


class Engine:
    """Answers from one export; a new export needs a new Engine.

    Attributes:
        model_id: Names the export: the first 12 characters of its weights' sha256.
        items: One mapping per item, in vocabulary order, with item, title, year and genres. Ids
            that a browser would round are text.
        scale: Lowest and highest rating.

    Raises:
        TypeError: a model that cannot place new users.
    """

    def __init__(self, exported: Exported) -> None:
        self.card, self.seen = exported.card, exported.seen
        self.model_id = str(self.card["weights"]["sha256"][:12])
        self.lists = Side(exported.model)
        self.stars = None if exported.stars is None else Side(exported.stars)
        ids = [one["item"] for one in self.card["items"]]
        large = any(type(one) is int and abs(one) >= LARGEST for one in ids)
        self.items: list[dict[str, Any]] = [
            {**one, "item": str(i) if large else i, "genres": one["genres"] or []}
            for i, one in zip(ids, self.card["items"], strict=True)
        ]
        self.scale = tuple(exported.model.scale.tolist())
        self.counts = exported.model.item_count.numpy()
        self.search = TitleSearch([one["title"] for one in self.items], self.counts)
        self._item = {str(one): i for i, one in enumerate(ids)}
        self._user = {str(one): i for i, one in enumerate(self.card["users"]["ids"])}

    def item(self, one: int | str) -> int | None:
        """Position of an item id or its text; None for an unknown one."""
        return self._item.get(str(one))

    def user(self, one: int | str) -> int | None:
        """Position of a user id or its text; None for an unknown one."""
        return self._user.get(str(one))

    def about(self) -> dict[str, Any]:
        """What the page tells its visitors about the data and the models."""
        data = self.card["data"]
        kinds = [self.card[k] for k in ("model", "stars") if k in self.card]
        models = ", ".join(f"{kind['class']} for {kind['for']}" for kind in kinds)
        years = [one["year"] for one in self.items if one["year"] is not None]
        return {
            "name": data["name"],
            "planted": data["planted"],
            "scale": self.scale,
            "last_year": max(years, default=None),
            "text": f"{models}; trained on {data['ratings']:,} ratings of {len(self.items):,} "
            f"films ({data['name']}).",
        }

    # ---- answers --------------------------------------------------------------------------

    def recommend(
        self, items: np.ndarray, ratings: np.ndarray, k: int = 10
    ) -> list[dict[str, Any]]:
        """The k best for a person of whom only these ratings are known.

        Args:
            items, ratings: int64 and float64 (n,), positions and stars.
            k: The list has at most this many items.

        Returns:
            For each item its entry in `items`, its score (in stars, or without unit if the model
            ranks), the expected stars (None without a model of stars) and its number of ratings.
            reasons are the ratings that lift it most: item, title, rating and lift, the effect on
            this score above that on items in general. steps is the rest of the score: mean, film
            and person as in `Side.steps`, others the lift of the ratings that are not named.
        """
        return self._best(items, ratings, k, Side.scores)

    def recommend_user(self, user: int, k: int = 10) -> list[dict[str, Any]]:
        """The k best for the known user at this position, without the items they rated."""
        rows = slice(*self.seen["start"][user : user + 2])
        time = int(self.seen["time"][user]) if "time" in self.seen else None
        known = self.seen["item"][rows], self.seen["rating"][rows]
        return self._best(*known, k, lambda side, _: side.of_user(user, time))

    def explain(self, items: np.ndarray, ratings: np.ndarray, target: int) -> dict[str, Any]:
        """The score of one item in parts: base is mean, film and person; contributions are the
        lifts of all ratings, the strongest first."""
        parts = self.lists.parts(items, ratings)
        steps, lift = self.lists.steps(parts, target), self.lists.lifts(parts, [target])[:, 0]
        base = sum(steps.values())
        numbers = {"score": base + float(lift.sum()), "base": base, **steps}
        order = np.argsort(-np.abs(lift), kind="stable")
        return {
            **self.items[target],
            **{name: round(value, 6) for name, value in numbers.items()},
            "contributions": [self._reason(items[j], ratings[j], lift[j]) for j in order],
        }

    def _best(
        self, items: np.ndarray, ratings: np.ndarray, k: int, scores_of: Scores
    ) -> list[dict[str, Any]]:
        parts = self.lists.parts(items, ratings)
        scores, stars = scores_of(self.lists, parts), None
        if self.stars is not None:
            stars = scores_of(self.stars, self.stars.parts(items, ratings))
        best = recommending.best_items(scores, items, self.counts, k)
        in_stars = self.lists.model.predicts == "rating"
        if in_stars:
            scores = scores.clip(*self.scale)
            stars = scores if stars is None else stars
        lifts = self.lists.lifts(parts, best)
        table = []
        picked = recommending.pick_reasons(lifts, ratings, in_stars)
        for i, lift, named in zip(best.tolist(), lifts.T, picked, strict=True):
            steps = self.lists.steps(parts, i) | {"others": float(lift.sum() - lift[named].sum())}
            table.append(
                {
                    **self.items[i],
                    "score": round(float(scores[i]), 6),
                    "stars": None if stars is None else round(float(stars[i].clip(*self.scale)), 6),
                    "ratings": int(self.counts[i]),
                    "reasons": [self._reason(items[j], ratings[j], lift[j]) for j in named],
                    "steps": {name: round(value, 6) for name, value in steps.items()},
                }
            )
        return table

    def _reason(self, item: int, rating: float, push: float) -> dict[str, Any]:
        known = {key: self.items[item][key] for key in ("item", "title")}
        return {**known, "rating": float(rating), "lift": round(float(push), 6)}
