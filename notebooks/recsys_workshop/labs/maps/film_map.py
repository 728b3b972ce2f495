"""A map of items with a search box: one piece of HTML that needs no network."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from recsys_tutorial.datasets.dataset import Dataset
from recsys_workshop.figures import PALETTE
from recsys_workshop.labs.framed import Framed, framed, png

TITLE = "Map of films"
_NEAREST = 6  # films in the list of each film


def film_map(
    dataset: Dataset,
    xy: np.ndarray,
    *,
    labels: Sequence[str],
    places: np.ndarray,
    mine: Mapping[Hashable, float] | None = None,
    you: np.ndarray | None = None,
    most: int = 300,
) -> Framed:
    """A map of the most rated items, to explore by mouse, by search or with the arrow keys.

    xy     : (n_items, 2); items with nan are left out
    labels : names of the two axes, with units
    places : (n_items, d), vectors for the list of nearest items, by cosine
    mine   : item id to stars, shown as diamonds
    you    : (2,), direction of an arrow from the origin; None for no arrow
    most   : how many items to show, those with most ratings in `dataset` (and all of `mine`)

    Raises KeyError for an unknown id in `mine`.
    """
    mine = mine or {}
    own = dict(zip(dataset.item_vocab.index(list(mine)).tolist(), mine.values(), strict=True))
    counts = dataset.counts("item")
    order = np.argsort(-counts, kind="stable")
    order = order[np.isfinite(xy[order]).all(1) & (counts[order] > 0)]
    chosen = dict.fromkeys([*order[:most].tolist(), *(i for i in order.tolist() if i in own)])
    rows = np.array(list(chosen), dtype=np.int64)
    films = _films(dataset, xy, rows, own, _nearest(places[rows]))
    alt = (
        f"{TITLE}: {len(films)} films, across {labels[0]}, upwards {labels[1]}. "
        f"Far right {_end(films, 'x', max)}, far left {_end(films, 'x', min)}, "
        f"on top {_end(films, 'y', max)}, at the bottom {_end(films, 'y', min)}."
    )
    picture = _picture(films, labels, you)
    arrow = None if you is None else [round(float(v), 4) for v in you]
    data = {"films": films, "labels": list(labels), "you": arrow}
    here = "recsys_workshop.labs.maps"
    return framed(here, "map", data, picture, alt, "Map with search", 690, TITLE=TITLE)


def _films(
    dataset: Dataset,
    xy: np.ndarray,
    rows: np.ndarray,
    own: Mapping[int, float],
    near: Sequence[Sequence[int]],
) -> list[dict[str, Any]]:
    items = dataset.items.iloc[rows]
    several = items["genres"] if "genres" in items else [()] * len(rows)
    counts = dataset.counts("item")
    return [
        {
            "title": str(title),
            "genres": ", ".join(genres) if isinstance(genres, tuple) else "",
            "ratings": int(counts[i]),
            "x": round(float(xy[i, 0]), 4),
            "y": round(float(xy[i, 1]), 4),
            **({"mine": float(own[i])} if i in own else {}),
            "near": close,
        }
        for i, title, genres, close in zip(rows, items["title"], several, near, strict=True)
    ]


def _nearest(where: np.ndarray) -> list[list[int]]:
    """For each row the numbers of its nearest rows, by cosine."""
    x = np.asarray(where, dtype=np.float64)
    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-300)
    close = unit @ unit.T
    np.fill_diagonal(close, -np.inf)
    return np.argsort(-close, axis=1, kind="stable")[:, : min(_NEAREST, len(x) - 1)].tolist()


def _end(films: list[dict[str, Any]], side: str, which: Any) -> str:
    return str(which(films, key=lambda f: f[side])["title"])


def _picture(films: list[dict[str, Any]], labels: Sequence[str], you: np.ndarray | None) -> bytes:
    """The plain map: all items, and titles where there is room, from the outside to the centre."""
    fig, ax = plt.subplots(figsize=(9, 6.5))
    x, y = (np.array([f[side] for f in films]) for side in ("x", "y"))
    own = np.array(["mine" in f for f in films])
    ax.scatter(x[~own], y[~own], s=22, color=PALETTE["sky"], edgecolor="white", linewidth=0.4)
    if own.any():
        look: dict[str, Any] = {"color": PALETTE["vermilion"], "edgecolor": "black"}
        ax.scatter(x[own], y[own], s=48, marker="D", label="rated by you", **look)
        ax.legend(loc="best")
    if you is not None:
        tip = you / max(np.linalg.norm(you), 1e-12) * 0.8 * np.hypot(x, y).max()
        ax.annotate("you", tip, fontsize=14, ha="center", va="center")
        ax.annotate("", tip * 0.92, (0, 0), arrowprops={"arrowstyle": "-|>", "linewidth": 2.5})
    wide = (x - x.mean()) / max(x.std(), 1e-12)
    high = (y - y.mean()) / max(y.std(), 1e-12)
    taken: list[tuple[float, float]] = []
    for i in np.argsort(-(wide**2 + high**2), kind="stable"):
        if all(abs(wide[i] - a) > 1.5 or abs(high[i] - b) > 0.28 for a, b in taken):
            taken.append((wide[i], high[i]))
            side, shift = ("left", 5) if wide[i] < 0 else ("right", -5)
            ax.annotate(
                films[i]["title"], (x[i], y[i]), xytext=(shift, 3), textcoords="offset points",
                ha=side, fontsize=9, parse_math=False,  # a title may contain a dollar sign
            )  # fmt: skip
        if len(taken) == 24:
            break
    ax.set(xlabel=labels[0], ylabel=labels[1], title=TITLE)
    return png(fig)
