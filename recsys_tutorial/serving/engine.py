"""What the service computes, in numpy on tables prepared once; it knows nothing of the web."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from recsys_tutorial.batch import Batch
from recsys_tutorial.models.base import Model
from recsys_tutorial.models.mf import Factorised
from recsys_tutorial.recommending import LEAST_LIFT, pick_reasons, well_known_first
from recsys_tutorial.serving.exporting import Exported
from recsys_tutorial.titles import TitleSearch

MOST_RATINGS = 500  # of one person, given on the spot
LEAST_SHARE = 0.02  # of the strongest push in a list; what is less does not count as a reason
DAMPING = 10  # ratings at which a similarity counts half: few ratings make a chance neighbour
LARGEST = 2**53  # from here on a browser cannot tell two whole numbers apart


class Side:
    """One of the two models, ready to place somebody new.

    Attributes:
        rows, offset: (n_items, d) and (n_items,): somebody new scores rows @ row + offset.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.folds_in = callable(getattr(model, "fold_in", None))
        self.scale = (float(model.scale[0]), float(model.scale[1]))
        if self.folds_in:
            with torch.no_grad():
                rows, offset = model.item_rows()  # type: ignore[operator]
            self.rows = np.ascontiguousarray(rows.numpy(), dtype=np.float32)
            self.offset = np.ascontiguousarray(offset.numpy(), dtype=np.float32)
            self.average = self.rows.mean(0, dtype=np.float64).astype(np.float32)
            self.mean = float(self.offset.mean(dtype=np.float64))
            self._tables = rows.double(), offset.double()

    def parts(self, items: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        """What each of n ratings adds to the row of somebody new: (n, d)."""
        if len(items) == 0:
            return np.zeros((0, self.rows.shape[1]), dtype=np.float32)
        model: Any = self.model
        given = torch.from_numpy(items), torch.from_numpy(ratings)
        if type(model).fold_in is Factorised.fold_in:  # the same, on tables prepared once
            folded = model.find_row(*self._tables, *given)
        else:
            folded = model.fold_in(*given)
        return np.asarray(folded.parts.numpy(), dtype=np.float32)

    def scores(self, parts: np.ndarray) -> np.ndarray:
        """(n_items,) for somebody whose row is the sum of these parts."""
        return self.rows @ parts.sum(0) + self.offset

    def of_user(self, user: int, time: int | None) -> np.ndarray:
        """(n_items,) for a user of the training data."""
        batch = Batch(
            user=torch.tensor([user]), time=None if time is None else torch.tensor([time])
        )
        with torch.no_grad():
            return self.model.list_scores(batch)[0].numpy()


class Engine:
    """Answers from one export, which never change: a new export is a new Engine.

    Attributes:
        items: One mapping per item, in vocabulary order, with item, title, year and genres. An id
            that a browser would round is text.
        scale: Lowest and highest rating.
    """

    def __init__(self, exported: Exported) -> None:
        if not isinstance(exported, Exported):
            raise TypeError(
                f"Engine takes a loaded export, and got a {type(exported).__name__}: "
                "Engine(rt.serving.load(path))"
            )
        self.card, self.seen = exported.card, exported.seen
        self.lists = Side(exported.model)
        self.stars = None if exported.stars is None else Side(exported.stars)
        listed = self.card["items"]
        ids, n = listed["ids"], len(listed["ids"])
        large = any(type(one) is int and abs(one) >= LARGEST for one in ids)
        columns = (listed["year"] or [None] * n, listed["genres"] or [[]] * n)
        self.items: list[dict[str, Any]] = [
            {"item": str(item) if large else item, "title": title, "year": year, "genres": genres}
            for item, title, year, genres in zip(ids, listed["title"], *columns, strict=True)
        ]
        self.scale = self.lists.scale
        self.counts = exported.model.item_count.numpy()
        self.search = TitleSearch(listed["title"], self.counts)
        self._item = {str(one): i for i, one in enumerate(ids)}
        self._user = {str(one): i for i, one in enumerate(self.card["users"]["ids"])}
        self.folds_in = self.lists.folds_in and (self.stars is None or self.stars.folds_in)
        if self.lists.folds_in:
            centred = self.lists.rows - self.lists.average
            length = np.linalg.norm(centred, axis=1, keepdims=True)
            self._direction = centred / np.maximum(length, 1e-12)
            self._trust = (self.counts / (self.counts + DAMPING)).astype(np.float32)

    # ---- ids ------------------------------------------------------------------------------

    def item(self, one: int | str) -> int | None:
        """Position of an item id, given as it is or as text; None for an unknown one."""
        return self._item.get(str(one))

    def user(self, one: int | str) -> int | None:
        """Position of a user id, as `item`."""
        return self._user.get(str(one))

    # ---- answers --------------------------------------------------------------------------

    def recommend(
        self, items: np.ndarray, ratings: np.ndarray, k: int = 10, reasons: bool = True
    ) -> list[dict[str, Any]]:
        """The k best for somebody known by these ratings alone, with stars and reasons.

        Args:
            items, ratings: int64 and float64 (n,), positions and stars.
            k: How many.
            reasons: Say which ratings speak for each.
        """
        parts = self.lists.parts(items, ratings)
        scores = self.lists.scores(parts)
        stars = None
        if self.stars is not None:
            stars = self.stars.scores(self.stars.parts(items, ratings))
        return self._rows(scores, stars, items, ratings, k, parts if reasons else None)

    def recommend_user(self, user: int, k: int = 10, reasons: bool = True) -> list[dict[str, Any]]:
        """The k best for the known user at this position, less what the export says they rated."""
        items, ratings = self.seen.of(user)
        time = None if self.seen.time is None else int(self.seen.time[user])
        scores = self.lists.of_user(user, time)
        stars = None if self.stars is None else self.stars.of_user(user, time)
        parts = self.lists.parts(items, ratings) if reasons and self.lists.folds_in else None
        return self._rows(scores, stars, items, ratings, k, parts)

    def explain(self, items: np.ndarray, ratings: np.ndarray, target: int) -> dict[str, Any]:
        """The score of one item taken apart: what `waterfall` gives, and each rating's push."""
        parts = self.lists.parts(items, ratings)
        steps, push = waterfall(self.lists, parts, target)
        order = np.argsort(-np.abs(push), kind="stable")
        return {
            **self.items[target],
            "score": round(sum(steps.values()) + float(push.sum()), 6),
            "base": round(sum(steps.values()), 6),
            **{name: round(value, 6) for name, value in steps.items()},
            "contributions": [self._reason(items[j], ratings[j], push[j]) for j in order],
        }

    def similar(self, item: int, k: int = 10) -> list[dict[str, Any]]:
        """The k items whose rows point in the direction of this one's.

        Cosine of the centred rows, from -1 to 1, times n / (n + 10) for n ratings of the other.
        """
        cosine = (self._direction @ self._direction[item]) * self._trust
        cosine[self.counts == 0] = -np.inf
        cosine[item] = -np.inf
        best = _top(cosine, min(k, int(np.isfinite(cosine).sum())))
        return [{**self.items[i], "similarity": round(float(cosine[i]), 6)} for i in best]

    # ---- parts of answers -----------------------------------------------------------------

    def _rows(
        self,
        scores: np.ndarray,
        stars: np.ndarray | None,
        items: np.ndarray,
        ratings: np.ndarray,
        k: int,
        parts: np.ndarray | None,
    ) -> list[dict[str, Any]]:
        masked = scores.astype(np.float32, copy=True)
        masked[items] = -np.inf
        best = well_known_first(_top(masked, min(k, len(masked) - len(items))), self.counts)
        if self.lists.model.predicts == "rating":
            masked = masked.clip(*self.scale)
            stars = masked if stars is None else stars
        push = np.zeros((0, len(best)))
        if parts is not None and len(parts):
            rows = self.lists.rows
            push = parts @ (rows[best] - self.lists.average).T  # (n, k)
        in_stars = self.lists.model.predicts == "rating"
        least = LEAST_LIFT if in_stars else LEAST_SHARE * float(np.abs(push).max(initial=0))
        picked = pick_reasons(push, ratings[: len(push)], least)
        total = push.sum(0)
        person = 0.0 if parts is None else float(self.lists.average @ parts.sum(0))
        table = []
        for column, i in enumerate(best.tolist()):
            row = {**self.items[i], "score": round(float(masked[i]), 6), "stars": None}
            if stars is not None:
                row["stars"] = round(float(np.clip(stars[i], *self.scale)), 6)
            row["ratings"] = int(self.counts[i])
            row["reasons"] = [
                self._reason(items[j], ratings[j], push[j, column]) for j in picked[column]
            ]
            if parts is not None:
                named = sum(one["lift"] for one in row["reasons"])
                film, others = (
                    float(self.lists.offset[i]) - self.lists.mean,
                    float(total[column]) - named,
                )
                steps = {"mean": self.lists.mean, "film": film, "person": person, "others": others}
                row["steps"] = {name: round(value, 6) for name, value in steps.items()}
            table.append(row)
        return table

    def _reason(self, item: int, rating: float, push: float) -> dict[str, Any]:
        known = {key: self.items[item][key] for key in ("item", "title")}
        return {**known, "rating": float(rating), "lift": round(float(push), 6)}


def waterfall(side: Side, parts: np.ndarray, target: int) -> tuple[dict[str, float], np.ndarray]:
    """The score of an item as a sum: from the mean over person and film to each rating's push.

    Returns:
        The steps "mean" (what everybody gives items on average), "film" (what everybody gives
        this one above that) and "person" (what this person gives items in general); and the push
        (n,) of each rating above what it does for items in general.
    """
    steps = {
        "mean": side.mean,
        "film": float(side.offset[target]) - side.mean,
        "person": float(side.average @ parts.sum(0)),
    }
    return steps, parts @ (side.rows[target] - side.average)


def _top(scores: np.ndarray, k: int) -> np.ndarray:
    """Positions of the k highest, ties in order of position."""
    return np.argsort(-scores, kind="stable")[: max(k, 0)]
