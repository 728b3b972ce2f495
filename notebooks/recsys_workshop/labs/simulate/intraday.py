"""Features from the current day, streamed; and what happens if training saw different ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
NIGHTS, CLICKS = 20, 10  # clicks from other days, and of today


def intraday(
    *,
    users: int = 400,
    genres: int = 6,
    mood: float = 0.4,
    lag: int = 3,
    seeds: int = 20,
    seed: int = 0,
) -> pd.DataFrame:
    """How well a model predicts the next click, depending on what it knows of today.

    A user has a long-term taste, a distribution over genres (Dirichlet with concentration 0.3: most
    users stick to few genres). Each day has a mood: one genre, drawn from that taste. A click goes
    to the mood's genre with probability `mood`, else to a genre drawn from the long-term taste. The
    log has twenty clicks from other days and today's ten.

    The model scores genre g by  w_1 ln(profile_g + 1/2) + w_2 ln(n_g + 1/2):  the long-term
    profile, counted last night, and how often g was clicked today. Two weights, fitted to one half
    of the users by maximum likelihood and used to serve the other half:

        "nightly"  : n is always 0: nothing of today is known
        "streamed" : n counts the clicks before this one, in training and in serving
        "late"     : the stream lags `lag` clicks behind, in training and in serving
        "skewed"   : served as streamed, but trained on a table that was joined at midnight, where
                     n counts all clicks of the day, even later ones and the click to be predicted

    Args:
        users, genres: sizes.
        mood: as above.
        lag: clicks by which the late stream is behind.
        seeds: worlds simulated side by side.
        seed: seed of all random numbers.

    Returns:
        A frame with one row for each (world, feed, click), click from 1:
        `hit`      : share of the served users whose next genre the model puts first
        `surprise` : its mean -ln p, in nats, as served
        `offline`  : the same for these users, computed from the table that training reads
        `today`    : the weight w_2
        The feed "truth" is the best possible: the true probabilities, given the same past clicks
        and the true taste.
    """
    root = np.random.default_rng(seed)
    frames = []
    for world, rng in enumerate(root.spawn(seeds)):
        taste = rng.dirichlet(np.full(genres, 0.3), users)  # (users, genres)
        taste = (taste + 1e-6) / (1 + genres * 1e-6)
        today = _day(rng, taste, mood)
        chosen = np.eye(genres)[today]  # (users, clicks, genres)
        profile = np.log(_profile(rng, taste) + 0.5)[:, None, :]
        so_far = chosen.cumsum(1) - chosen
        behind = np.zeros_like(so_far)
        behind[:, lag:] = so_far[:, : CLICKS - lag]
        whole_day = np.broadcast_to(chosen.sum(1, keepdims=True), so_far.shape)
        nothing = np.zeros_like(so_far)
        feeds = {  # what training reads, what serving reads
            "nightly": (nothing, nothing),
            "streamed": (so_far, so_far),
            "late": (behind, behind),
            "skewed": (whole_day, so_far),
        }
        train, serve = slice(0, users // 2), slice(users // 2, None)
        for feed, (trained_on, served) in feeds.items():
            known = np.log(trained_on + 0.5)
            weights = _fit(profile[train], known[train], chosen[train])
            p, on_paper = (
                _softmax(weights[0] * profile[serve] + weights[1] * today_is[serve])
                for today_is in (np.log(served + 0.5), known)
            )
            frames.append(_score(world, feed, p, on_paper, today[serve], float(weights[1])))
        p = _best_possible(taste, so_far, mood)[serve]
        frames.append(_score(world, "truth", p, p, today[serve], np.nan))
    return pd.concat(frames, ignore_index=True)


def _draw(rng: np.random.Generator, p: Floats, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Genres drawn from each user's row of p (users, genres): (users, *shape)."""
    ladder = p.cumsum(1).reshape(len(p), *[1] * len(shape), p.shape[1])
    u = rng.random((len(p), *shape, 1))
    return np.minimum((u > ladder).sum(-1), p.shape[1] - 1)


def _day(rng: np.random.Generator, taste: Floats, mood: float) -> NDArray[np.int64]:
    """The genres clicked on one day: (users, clicks)."""
    in_mood = np.repeat(_draw(rng, taste, (1,)), CLICKS, axis=1)
    return np.where(rng.random(in_mood.shape) < mood, in_mood, _draw(rng, taste, (CLICKS,)))


def _profile(rng: np.random.Generator, taste: Floats) -> Floats:
    """Clicks per genre, one on each other day, so that moods average out: (users, genres)."""
    past = _draw(rng, taste, (NIGHTS,))
    return np.eye(taste.shape[1])[past].sum(1)


def _softmax(score: Floats) -> Floats:
    return np.asarray(special.softmax(score, axis=-1))


def _fit(profile: Floats, today: Floats, chosen: Floats) -> Floats:
    """The two weights of highest likelihood, by Newton's method with a faint ridge: (2,)."""
    x = np.stack([np.broadcast_to(profile, today.shape), today], axis=-1)  # (u, c, genres, 2)
    w, ridge = np.zeros(2), 1e-6 * np.eye(2)  # the ridge decides where a feature says nothing
    for _ in range(30):
        p = _softmax(x @ w)
        mean = np.einsum("ucg,ucgk->uck", p, x)
        gradient = np.einsum("ucg,ucgk->k", chosen - p, x) - ridge @ w
        curve = np.einsum("ucg,ucgk,ucgl->kl", p, x, x) - np.einsum("uck,ucl->kl", mean, mean)
        step = np.linalg.solve(curve + ridge, gradient)
        w = w + step * min(1.0, 1.0 / np.abs(step).max())
        if np.abs(step).max() < 1e-9:
            break
    return w


def _best_possible(taste: Floats, so_far: Floats, mood: float) -> Floats:
    """P(next genre | taste, today's clicks so far), by Bayes over the hidden mood."""
    # A click on g has chance mood + (1 - mood) taste_g if g is the mood, else (1 - mood) taste_g.
    odds = np.log1p(mood / ((1 - mood) * taste))[:, None, :]  # (users, 1, genres)
    belief = _softmax(np.log(taste)[:, None, :] + so_far * odds)
    return mood * belief + (1 - mood) * taste[:, None, :]


def _score(
    world: int, feed: str, p: Floats, on_paper: Floats, today: NDArray[Any], weight: float
) -> pd.DataFrame:
    served, offline = (
        -np.log(np.take_along_axis(q, today[..., None], -1)[..., 0]).mean(0) for q in (p, on_paper)
    )
    return pd.DataFrame(
        {
            "world": world,
            "feed": feed,
            "click": np.arange(1, today.shape[1] + 1),
            "hit": (p.argmax(-1) == today).mean(0),
            "surprise": served,
            "offline": offline,
            "today": weight,
        }
    )
