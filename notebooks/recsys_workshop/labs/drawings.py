"""Drawings that are pictures rather than plots of data."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from recsys_workshop.figures import PALETTE

_NODES = {
    "user": (0.0, 2.0, "blue"),
    "item": (8.0, 2.0, "vermilion"),
    "text": (7.2, -2.0, "purple"),
    "time": (0.8, -2.0, "green"),
    "context": (4.0, 4.4, "orange"),
}
"""Name to place (x, y) and colour."""

_EDGES = (
    ("user", "item", "rates, buys, skips", 0.5),
    ("user", "context", "where, on what,\nwith whom", 0.5),
    ("context", "item", "fits the occasion", 0.5),
    ("user", "time", "tastes drift", 0.5),
    ("item", "text", "title, plot,\ndescription", 0.5),
    ("user", "text", "reviews,\nsearches", 0.3),
    ("time", "item", "new, in season,\nforgotten", 0.7),
    ("time", "text", "news, fashions in words", 0.5),
)
"""Ends, what relates them, and how far along the line the words stand."""

RELATIONS = (*((a, b) for a, b, _, _ in _EDGES), ("user", "user"), ("item", "item"))
"""The pairs that `relationships` draws."""


def relationships() -> Figure:
    """What a recommender can see: user, item, context, time and text, and what relates them."""
    fig, ax = plt.subplots(figsize=(10, 7))
    for first, second, words, along in _EDGES:
        (x0, y0, _), (x1, y1, _) = _NODES[first], _NODES[second]
        main = {first, second} == {"user", "item"}
        colour = PALETTE["black"] if main else "0.55"
        ax.plot([x0, x1], [y0, y1], color=colour, linewidth=5 if main else 2, zorder=1)
        place = (x0 + along * (x1 - x0), y0 + along * (y1 - y0))
        ax.text(*place, words, ha="center", va="center", fontsize=14, zorder=2, bbox=_PAPER)
    for name, (x, y, colour) in _NODES.items():
        round_box = {"boxstyle": "round,pad=0.5", "facecolor": "white", "linewidth": 4}
        ax.text(
            x, y, name, ha="center", va="center", fontsize=19, fontweight="bold", zorder=3,
            bbox={**round_box, "edgecolor": PALETTE[colour]},
        )  # fmt: skip
    for x, words in ((-0.55, "friends,\npeople alike"), (8.55, "sequels, often\ntaken together")):
        ax.add_patch(Circle((x, 2.65), 0.6, fill=False, edgecolor="0.55", linewidth=2, zorder=0))
        ax.text(x, 3.75, words, ha="center", va="center", fontsize=14)
    ax.set(xlim=(-1.9, 10.1), ylim=(-2.9, 5.2))
    ax.set_aspect("equal")
    ax.set_axis_off()
    return fig


_PAPER = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": "none"}
