"""The systems around a recommender as a picture: boxes, and what flows between them."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from recsys_workshop.figures import PALETTE
from recsys_workshop.labs.drawings import flow

_LANES = (
    ("while somebody waits: milliseconds", "vermilion", 5.6),
    ("all day: seconds to minutes", "green", 3.3),
    ("every night: hours", "blue", 1.0),
)
"""Words, colour, and the height of the lane."""

_BOXES = {
    "person": (0.6, 5.5, "somebody\nopens the shop", "vermilion"),
    "candidates": (3.5, 5.5, "candidates\nmillions → 500", "vermilion"),
    "ranking": (7.0, 5.5, "ranking\n500 → 10", "vermilion"),
    "shown": (10.1, 5.5, "shown,\nwith reasons", "vermilion"),
    "today": (7.0, 3.2, "today's features\n(last clicks)", "green"),
    "log": (10.1, 3.2, "log: what was shown,\nwith which features,\nand what was clicked", "green"),
    "table": (10.1, 0.9, "training table", "blue"),
    "training": (7.0, 0.9, "training,\nevaluation", "blue"),
    "night": (3.5, 0.9, "features,\nvectors, model", "blue"),
}

FLOWS = (
    "person candidates", "candidates ranking", "ranking shown", "shown log", "log today",
    "today candidates", "today ranking", "log table", "table training", "training night",
    "night candidates", "night ranking",
)  # fmt: skip
"""The arrows of `infrastructure`: from which box to which."""


def infrastructure() -> Figure:
    """An example of an infrastructure: the request, the day's stream, the night, and the loop."""
    fig = flow(_BOXES, FLOWS, figsize=(12, 7))
    (ax,) = fig.axes
    for words, colour, y in _LANES:
        band = FancyBboxPatch(
            (-0.9, y - 0.95), 12.6, 1.9, boxstyle="round,pad=0.02,rounding_size=0.2",
            facecolor=PALETTE[colour], alpha=0.10, edgecolor="none",
        )  # fmt: skip
        ax.add_patch(band)
        ax.text(-0.8, y + 0.72, words, fontsize=13, style="italic", color="0.25", va="center")
    (log,) = (text for text in ax.texts if text.get_text().startswith("log"))
    log.set_fontweight("bold")
    ax.set(xlim=(-1.1, 12.0), ylim=(-0.1, 6.8))
    fig.canvas.draw()  # the boxes have moved, and the arrows end at their edges
    return fig
