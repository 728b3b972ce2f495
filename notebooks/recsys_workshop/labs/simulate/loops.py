"""A recommender that learns from what it has shown itself."""

from __future__ import annotations

import numpy as np
import pandas as pd


def feedback_loop(
    explore: float = 0.0,
    *,
    days: int = 40,
    users: int = 100,
    items: int = 100,
    dim: int = 3,
    places: int = 5,
    noise: float = 1.0,
    seeds: int = 20,
    seed: int = 0,
) -> pd.DataFrame:
    """What happens to a shop whose recommender is trained every night on its own log.

    Users have known tastes p_u (standard normal), items unknown vectors q_i (standard normal /
    sqrt(dim)); the reward of showing i to u is p_u . q_i plus noise. On the first day everybody
    gets random items. Then the model is the ridge regression of the rewards seen so far on p_u,
    one for each item, and shows each user the `places` items with the highest prediction; a share
    `explore` of the places goes to items at random. An item that was never shown is predicted as
    0, the average.

    Args:
        explore: share of the places filled with random items, 0 to 1.
        days: nights of training, and days of showing.
        users, items: their numbers.
        dim: length of the vectors.
        places: items shown to a user per day.
        noise: standard deviation of the noise in a reward.
        seeds: shops simulated side by side.
        seed: seed of all random numbers.

    Returns:
        A frame with one row for each (shop, day), columns
        `joy`     : mean reward of the model's first items, as a share of the best possible
        `overlap` : items that two users have in common in the model's lists, on average, as a
                    multiple of the overlap in the truly best lists (1: no homogenisation)
        `alive`   : share of the items that are in at least one of the model's lists
        `served`  : as `joy`, but for the lists as shown, with random items in them
        The first three judge the model's lists before chance replaces places.

    Source: the question is that of Chaney, Stewart and Engelhardt 2018, "How algorithmic
    confounding in recommendation systems increases homogeneity and decreases utility".
    """
    rng = np.random.default_rng(seed)
    p = rng.normal(size=(seeds, users, dim))
    q = rng.normal(size=(seeds, items, dim)) / np.sqrt(dim)
    truth = p @ q.swapaxes(1, 2)  # (seeds, users, items)
    best = _top(truth, places)
    most = np.take_along_axis(truth, best, -1).mean((1, 2))
    least_overlap = _overlap(best, items)
    gram = np.tile(np.eye(dim), (seeds, items, 1, 1))  # ridge with a standard normal prior
    right = np.zeros((seeds, items, dim))
    rows = []
    for day in range(days):
        learned = np.linalg.solve(gram, right[..., None])[..., 0]  # (seeds, items, dim)
        guess: np.ndarray = p @ learned.swapaxes(1, 2)
        if day == 0:
            guess = rng.random(guess.shape)
        guess = guess + 1e-9 * rng.random(guess.shape)  # equal guesses: any of them
        shown = _top(guess, places)
        judged: dict[str, np.ndarray] = {
            "joy": np.take_along_axis(truth, shown, -1).mean((1, 2)) / most,
            "overlap": _overlap(shown, items) / least_overlap,
            "alive": (_counts(shown, items) > 0).mean(1),
        }
        by_chance = rng.random(shown.shape) < explore
        shown = np.where(by_chance, rng.integers(0, items, shown.shape), shown)
        reward = np.asarray(np.take_along_axis(truth, shown, -1))
        judged["served"] = reward.mean((1, 2)) / most
        rows.append(pd.DataFrame({"shop": np.arange(seeds), "day": day, **judged}))
        reward = reward + noise * rng.normal(size=shown.shape)
        _learn(gram, right, p, shown, reward)
    return pd.concat(rows, ignore_index=True)


def _top(score: np.ndarray, k: int) -> np.ndarray:
    """The k best items of each user: int64 (seeds, users, k)."""
    return np.argpartition(-score, k - 1, axis=-1)[..., :k]


def _counts(shown: np.ndarray, items: int) -> np.ndarray:
    """In how many lists each item is: (seeds, items)."""
    seeds = len(shown)
    flat = shown.reshape(seeds, -1) + items * np.arange(seeds)[:, None]
    return np.bincount(flat.ravel(), minlength=seeds * items).reshape(seeds, items)


def _overlap(shown: np.ndarray, items: int) -> np.ndarray:
    """Items that two different users have in common, mean over pairs: (seeds,)."""
    users = shown.shape[1]
    counts = _counts(shown, items).astype(float)
    return (counts * (counts - 1)).sum(1) / (users * (users - 1))


def _learn(
    gram: np.ndarray, right: np.ndarray, p: np.ndarray, shown: np.ndarray, reward: np.ndarray
) -> None:
    """Add the day's log to each item's normal equations, in place."""
    shop = np.arange(len(shown))[:, None, None]
    rows = np.broadcast_to(p[:, :, None, :], (*shown.shape, p.shape[-1]))
    np.add.at(gram, (shop, shown), rows[..., :, None] * rows[..., None, :])
    np.add.at(right, (shop, shown), rows * reward[..., None])
