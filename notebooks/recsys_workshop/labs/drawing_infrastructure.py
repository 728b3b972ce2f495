"""The machinery around a recommender as a picture: boxes, and what flows between them."""

from __future__ import annotations

from typing import NamedTuple

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text

from recsys_workshop.figures import PALETTE
from recsys_workshop.labs.drawings import connect


class _Box(NamedTuple):
    x: float
    y: float
    words: str
    lane: str


_LANES = {
    "request": ("while somebody waits: milliseconds", "vermilion", 5.6),
    "stream": ("all day: seconds to minutes", "green", 3.3),
    "night": ("every night: hours", "blue", 1.0),
}
"""Name to words, colour, and the height at which the lane runs."""

_BOXES = {
    "person": _Box(0.6, 5.6, "somebody\nopens the shop", "request"),
    "candidates": _Box(3.5, 5.6, "candidates\nmillions → 500", "request"),
    "ranking": _Box(7.0, 5.6, "ranking\n500 → 10", "request"),
    "shown": _Box(10.1, 5.6, "shown,\nwith reasons", "request"),
    "features today": _Box(7.0, 3.3, "today's features\n(last clicks)", "stream"),
    "log": _Box(
        10.1, 3.3, "log: what was shown,\nwith which features,\nand what was clicked", "stream"
    ),
    "table": _Box(10.1, 1.0, "training table", "night"),
    "training": _Box(7.0, 1.0, "training,\nevaluation", "night"),
    "features night": _Box(3.5, 1.0, "features,\nvectors, model", "night"),
}

FLOWS = (
    ("person", "candidates"), ("candidates", "ranking"), ("ranking", "shown"), ("shown", "log"),
    ("log", "features today"), ("features today", "candidates"), ("features today", "ranking"),
    ("log", "table"), ("table", "training"), ("training", "features night"),
    ("features night", "candidates"), ("features night", "ranking"),
)  # fmt: skip
"""What flows where: the arrows of `infrastructure`."""


def infrastructure() -> Figure:
    """An example of an infrastructure: the request, the day's stream, the night, and the loop."""
    fig, ax = plt.subplots(figsize=(12, 7))
    for words, colour, y in _LANES.values():
        band = FancyBboxPatch(
            (-0.9, y - 0.95), 12.6, 1.9, boxstyle="round,pad=0.02,rounding_size=0.2",
            facecolor=PALETTE[colour], alpha=0.10, edgecolor="none",
        )  # fmt: skip
        ax.add_patch(band)
        ax.text(-0.8, y + 0.72, words, fontsize=13, style="italic", color="0.25", va="center")
    texts: dict[str, Text] = {}
    for name, box in _BOXES.items():
        edge = PALETTE[_LANES[box.lane][1]]
        texts[name] = ax.text(
            box.x, box.y - 0.12, box.words, ha="center", va="center", fontsize=14, zorder=3,
            fontweight="bold" if name == "log" else "normal",
            bbox={"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": edge, "lw": 2.5},
        )  # fmt: skip
    ax.set(xlim=(-1.1, 12.0), ylim=(-0.1, 6.8))
    ax.set_axis_off()
    fig.canvas.draw()  # now the boxes know their sizes, and arrows can end at their edges
    for start, end in FLOWS:
        connect(ax, texts[start], texts[end])
    return fig
