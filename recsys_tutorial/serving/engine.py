"""What the service computes, in numpy on tables prepared once; it knows nothing of the web."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from recsys_tutorial.batch import Batch
from recsys_tutorial.models.mf import MF
from recsys_tutorial.serving.exporting import Exported
from recsys_tutorial.serving.search import TitleSearch

MOST_RATINGS = 500  # of one person, given on the spot
MOST_REASONS = 2
LEAST_LIFT = 0.005  # stars; what is less does not count as a reason
DAMPING = 10  # ratings at which a similarity counts half: few ratings make a chance neighbour


class Engine:
    """Answers from one exported model, which never change: a new model is a new Engine.

    items : one mapping per item, in vocabulary order, with item, title, year and genres
    scale : lowest and highest rating
    """

    def __init__(self, exported: Exported) -> None:
        self.card, self.model, self.seen = exported.card, exported.model, exported.seen
        listed = self.card["items"]
        n = len(listed["ids"])
        columns = (listed["year"] or [None] * n, listed["genres"] or [[]] * n)
        self.items: list[dict[str, Any]] = [
            {"item": item, "title": title, "year": year, "genres": genres}
            for item, title, year, genres in zip(
                listed["ids"], listed["title"], *columns, strict=True
            )
        ]
        self.scale = (float(self.model.scale[0]), float(self.model.scale[1]))
        self.counts = self.model.item_count.numpy()
        self.search = TitleSearch(listed["title"], self.counts)
        self._item = {str(one): i for i, one in enumerate(listed["ids"])}
        self._user = {str(one): i for i, one in enumerate(self.card["users"]["ids"])}
        self.folds_in = callable(getattr(self.model, "fold_in", None))
        if self.folds_in:
            self._prepare()

    @torch.no_grad()
    def _prepare(self) -> None:
        model: Any = self.model
        rows, offset = model.item_rows()
        self.rows = np.ascontiguousarray(rows.numpy(), dtype=np.float32)  # (n_items, d)
        self.offset = np.ascontiguousarray(offset.numpy(), dtype=np.float32)  # (n_items,)
        self.average = self.rows.mean(0, dtype=np.float64).astype(np.float32)
        self.centred = self.rows - self.average
        # The closed form in numpy where it is the model's; else the model's own fold_in is asked.
        self.closed_form = isinstance(model, MF) and type(model).fold_in is MF.fold_in
        self._ridges: dict[int, np.ndarray] = {}
        length = np.linalg.norm(self.centred, axis=1, keepdims=True)
        self._direction = self.centred / np.maximum(length, 1e-12)
        self._trust = (self.counts / (self.counts + DAMPING)).astype(np.float32)

    # ---- ids ------------------------------------------------------------------------------

    def item(self, one: int | str) -> int | None:
        """Position of an item id, given as it is or as text; None for an unknown one."""
        return self._item.get(str(one))

    def user(self, one: int | str) -> int | None:
        """Position of a user id, as `item`."""
        return self._user.get(str(one))

    # ---- answers --------------------------------------------------------------------------

    def fold(self, items: np.ndarray, ratings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row (d,) of a new user, and what each rating contributed: parts (n, d) that sum to it."""
        if not self.closed_form:
            folded = self.model.fold_in(  # type: ignore[operator]
                torch.from_numpy(items), torch.from_numpy(ratings.astype(np.float32))
            )
            return folded.row.numpy(), folded.parts.numpy()
        z = self.rows[items].astype(np.float64)  # (n, d)
        y = ratings - self.offset[items]
        ridge = self.ridge(len(items))
        if len(items) < len(ridge) and ridge.min() > 1e-6:
            # The same solution with one unknown a rating instead of one a dimension:
            # (Z'Z + R)^-1 Z' = R^-1 Z' (Z R^-1 Z' + 1)^-1
            scaled = z / ridge
            small = scaled @ z.T
            small.flat[:: len(small) + 1] += 1
            parts = np.linalg.solve(small, scaled) * y[:, None]
        else:
            gram = z.T @ z
            gram.flat[:: len(gram) + 1] += ridge
            parts = np.linalg.solve(gram, z.T * y).T
        return parts.sum(0).astype(np.float32), parts.astype(np.float32)

    def ridge(self, n: int) -> np.ndarray:
        """The penalties (d,) on the row of somebody with n ratings, in closed form."""
        if n not in self._ridges:
            model: Any = self.model
            self._ridges[n] = model.ridge(n).double().clamp_min(1e-9).numpy()
        return self._ridges[n]

    def recommend(
        self, items: np.ndarray, ratings: np.ndarray, k: int = 10, reasons: bool = True
    ) -> list[dict[str, Any]]:
        """The k best for somebody known by these ratings alone, with reasons.

        items, ratings : int64 and float64 (n,), positions and stars
        """
        row, parts = self.fold(items, ratings)
        best, scores = self._best(self.rows @ row + self.offset, items, k)
        return self._rows(best, scores, items, ratings, parts if reasons else None)

    @torch.no_grad()
    def recommend_user(self, user: int, k: int = 10, reasons: bool = True) -> list[dict[str, Any]]:
        """The k best for the known user at this position, less what the export says they rated."""
        items, ratings = self.seen.of(user)
        time = None if self.seen.time is None else torch.tensor([int(self.seen.time[user])])
        scores = self.model.score_items(Batch(user=torch.tensor([user]), time=time))[0].numpy()
        best, scores = self._best(scores, items, k)
        parts = self.fold(items, ratings)[1] if reasons and self.folds_in and len(items) else None
        return self._rows(best, scores, items, ratings, parts)

    def explain(self, items: np.ndarray, ratings: np.ndarray, target: int) -> dict[str, Any]:
        """A score taken apart: base plus one contribution a rating is the score, to rounding.

        base is what the same person would give this item if each rating moved all items alike.
        """
        row, parts = self.fold(items, ratings)
        lift = parts @ self.centred[target]
        order = np.argsort(-np.abs(lift), kind="stable")
        base = float(self.offset[target] + self.average @ row)
        return {
            **self.items[target],
            "score": round(base + float(lift.sum(dtype=np.float64)), 6),
            "base": round(base, 6),
            "contributions": [self._reason(items[j], ratings[j], lift[j]) for j in order],
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

    def _best(self, scores: np.ndarray, rated: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        masked = scores.astype(np.float32, copy=True)
        masked[rated] = -np.inf
        best = _top(masked, min(k, len(masked) - len(rated)))
        stars = masked[best]
        return best, stars.clip(*self.scale) if self.model.predicts == "rating" else stars

    def _rows(
        self,
        best: np.ndarray,
        scores: np.ndarray,
        items: np.ndarray,
        ratings: np.ndarray,
        parts: np.ndarray | None,
    ) -> list[dict[str, Any]]:
        table = [
            {**self.items[i], "score": round(s, 6), "reasons": []}
            for i, s in zip(best.tolist(), scores.tolist(), strict=True)
        ]
        if parts is not None and len(parts):
            lift = parts @ self.centred[best].T  # (n, k): stars above what it does for all items
            for row, column, picked in zip(table, lift.T, _telling(lift, ratings), strict=True):
                row["reasons"] = [self._reason(items[j], ratings[j], column[j]) for j in picked]
        return table

    def _reason(self, item: int, rating: float, lift: float) -> dict[str, Any]:
        known = {key: self.items[item][key] for key in ("item", "title")}
        return {**known, "rating": float(rating), "lift": round(float(lift), 6)}


def _telling(lift: np.ndarray, ratings: np.ndarray) -> list[list[int]]:
    """For each column of lifts (n, k) the rows to be named, as `rt.recommend` names them: the best
    of the high and of the low ratings, else the two best; none that lifts next to nothing."""
    high = ratings >= ratings.mean()
    first = np.argsort(-lift, axis=0, kind="stable")[:MOST_REASONS]
    liked = np.where(high[:, None], lift, -np.inf).argmax(0)
    disliked = np.where(high[:, None], -np.inf, lift).argmax(0)
    columns = np.arange(lift.shape[1])
    both = np.minimum(lift[liked, columns], lift[disliked, columns]) > LEAST_LIFT
    both &= not high.all()
    pairs = np.where(both, np.stack([liked, disliked]), first[[0, -1]])
    return [
        [j for j in dict.fromkeys(pairs[:, c].tolist()) if lift[j, c] > LEAST_LIFT] for c in columns
    ]


def _top(scores: np.ndarray, k: int) -> np.ndarray:
    """Positions of the k highest, ties in order of position."""
    if k <= 0:
        return np.empty(0, dtype=np.int64)
    if k >= len(scores):
        return np.argsort(-scores, kind="stable")
    least = np.partition(scores, -k)[-k]
    candidates = np.flatnonzero(scores >= least)
    return candidates[np.argsort(-scores[candidates], kind="stable")][:k]
