"""Cold start on purpose: cut histories short, and keep the test rows the same.

Sorting users by their number of ratings answers another question, because users with few ratings
are different people from users with many. Cutting answers the one that matters: how well would we
predict the same people if they had rated less?
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recsys_tutorial.datasets.dataset import Dataset

MOST = 20
"""The longest history after a cut, in ratings."""

TESTED = 30
"""Test ratings per chosen user or item, at most, so that none of them counts for too much."""


@dataclass(frozen=True)
class ColdStart:
    """A tenth of the users and a tenth of the items, whose histories can be cut to n ratings.

    data      : all ratings
    users     : positions of the chosen users; items : of the chosen items
    test      : {"user": ratings by chosen users of other items, "item": ratings of chosen items by
                other users}: the same rows for each n
    history   : rows of `data` that training may keep; `place`: of each in its own history
    rest      : rows of users and items that were not chosen
    """

    data: Dataset
    users: np.ndarray
    items: np.ndarray
    test: dict[str, Dataset]
    history: np.ndarray
    place: np.ndarray
    rest: np.ndarray

    def train(self, n: int) -> Dataset:
        """The training part with n ratings for each chosen user and each chosen item.

        Histories are nested: the 5 ratings of n=5 are among the 10 of n=10.

        Raises ValueError for an n that is not from 0 to MOST.
        """
        if not 0 <= n <= MOST:
            raise ValueError(f"n={n}: histories can be cut to 0 up to {MOST} ratings")
        return self.data.take(np.sort(np.concatenate([self.rest, self.history[self.place < n]])))


def make(data: Dataset, share: float = 0.1, seed: int = 0) -> ColdStart:
    """Choose a share of users and of items with at least MOST + 5 ratings, and their test rows.

    Ratings of chosen items by chosen users are left out: they would be cold on both sides.

    Raises ValueError if too few have enough ratings.
    """
    rng = np.random.default_rng(seed)
    chosen: dict[str, np.ndarray] = {}
    for side, size in (("user", data.n_users), ("item", data.n_items)):
        able = np.flatnonzero(data.counts(side) >= MOST + 5)
        wanted = min(round(share * size), len(able) // 2)
        if wanted == 0:
            raise ValueError(f"no two {side}s have {MOST + 5} ratings: this data is too thin")
        chosen[side] = np.sort(rng.choice(able, wanted, replace=False))
    by_user, by_item = (np.isin(getattr(data, s), chosen[s]) for s in ("user", "item"))
    history, place, test = [], [], {}
    for side, mine in (("user", by_user & ~by_item), ("item", by_item & ~by_user)):
        rows = rng.permutation(np.flatnonzero(mine))
        rows = rows[np.argsort(getattr(data, side)[rows], kind="stable")]
        codes = getattr(data, side)[rows]
        nth = np.arange(len(rows)) - np.searchsorted(codes, codes)  # 0, 1, 2 ... within each
        history.append(rows[nth < MOST])
        place.append(nth[nth < MOST])
        test[side] = data.take(rows[(nth >= MOST) & (nth < MOST + TESTED)])
    return ColdStart(
        data, chosen["user"], chosen["item"], test,
        np.concatenate(history), np.concatenate(place), np.flatnonzero(~by_user & ~by_item),
    )  # fmt: skip


def without_features(data: Dataset) -> Dataset:
    """The same ratings, and nothing known about users and items except titles."""
    return replace(data, users=data.users[["user"]], items=data.items[["item", "title"]])


def shuffled_features(data: Dataset, seed: int = 0) -> Dataset:
    """The same ratings; each user and each item gets the features of another one, at random.

    Rows move as a whole, so that features keep their distribution and their relations.
    """
    rng = np.random.default_rng(seed)
    tables = {}
    for name, key in (("users", ["user"]), ("items", ["item", "title"])):
        frame = getattr(data, name)
        mixed = frame.iloc[rng.permutation(len(frame))].set_axis(frame.index)
        tables[name] = mixed.assign(**{k: frame[k] for k in key})
    return replace(data, users=tables["users"], items=tables["items"])
