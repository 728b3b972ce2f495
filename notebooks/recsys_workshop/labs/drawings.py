"""Drawings that are pictures rather than plots of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

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
"""Ends, what relates them, and the place of the words along the line."""

RELATIONS = (*((a, b) for a, b, _, _ in _EDGES), ("user", "user"), ("item", "item"))
"""The pairs that `relationships` draws."""


def relationships() -> Figure:
    """What a recommender can see: user, item, context, time and text, and their relations."""
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


def flow(
    boxes: Mapping[str, tuple[float, float, str, str]],
    arrows: Sequence[str],
    figsize: tuple[float, float] = (11, 4.5),
) -> Figure:
    """Boxes with words, and arrows between them: a model as a picture.

    Args:
        boxes: name to x, y, words and colour of `PALETTE`.
        arrows: "from to" by the names of two boxes.
        figsize: inches.
    """
    fig, ax = plt.subplots(figsize=figsize)
    texts = {}
    for name, (x, y, words, colour) in boxes.items():
        edge = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": PALETTE[colour]}
        texts[name] = ax.text(
            x, y, words, ha="center", va="center", fontsize=14, zorder=3, bbox={**edge, "lw": 2.5}
        )
    xs, ys = zip(*((x, y) for x, y, _, _ in boxes.values()), strict=True)
    ax.set(xlim=(min(xs) - 1.2, max(xs) + 1.2), ylim=(min(ys) - 0.6, max(ys) + 0.6))
    ax.set_axis_off()
    fig.canvas.draw()  # now the boxes know their sizes, and arrows can end at their edges
    for start, end in ((texts[name] for name in arrow.split()) for arrow in arrows):
        arrow = {
            "arrowstyle": "-|>", "lw": 2.2, "color": "0.35", "mutation_scale": 20,
            "patchA": start.get_bbox_patch(), "patchB": end.get_bbox_patch(),
            "shrinkA": 2, "shrinkB": 4,
        }  # fmt: skip
        ax.annotate("", end.get_position(), start.get_position(), arrowprops=arrow, zorder=2)
    return fig


_PAPER = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": "none"}


def filling(names: Sequence[str], values: np.ndarray, taken: Sequence[int]) -> Figure:
    """How a list fills up: a table with the value of each candidate at each step (n, steps).

    The film taken at a step has a frame, and no values in later steps.
    """
    fig, ax = plt.subplots(figsize=(1.1 * values.shape[1] + 5.2, 0.42 * len(names) + 1.3))
    open_ = values.astype(float).copy()
    for step, row in enumerate(taken):
        open_[row, step + 1 :] = np.nan
    image = ax.imshow(open_, aspect="auto", vmin=np.nanmin(open_), vmax=np.nanmax(open_))
    dark = np.nanmean([np.nanmin(open_), np.nanmax(open_)])
    for (row, step), value in np.ndenumerate(open_):
        text = "taken" if np.isnan(value) else f"{value:.2f}"
        colour = "0.6" if np.isnan(value) else "white" if value < dark else "black"
        ax.text(step, row, text, ha="center", va="center", color=colour, fontsize=11)
    for step, row in enumerate(taken):
        corner = (step - 0.47, row - 0.46)
        edge = PALETTE["vermilion"]
        ax.add_patch(Rectangle(corner, 0.94, 0.92, fill=False, edgecolor=edge, linewidth=3.5))
    ax.set_xticks(range(values.shape[1]), [str(k + 1) for k in range(values.shape[1])])
    ax.set_yticks(range(len(names)), names)
    ax.set(
        xlabel="step", ylabel="candidate", title="Once a film is taken, films like it lose value"
    )
    fig.colorbar(image, label="value of the formula")
    return fig


def maps(
    views: Mapping[str, np.ndarray],
    names: Sequence[str],
    chosen: Sequence[int],
    axis_numbers: Sequence[int],
) -> Figure:
    """Maps of the same films (n, 2) beside each other.

    The chosen films are named, and rings in the last map show where the first one has them.
    """
    first = next(iter(views.values()))
    fig, axes = plt.subplots(1, len(views), figsize=(13, 5.2), sharex=True, sharey=True)
    colours = [c for name, c in PALETTE.items() if name not in ("yellow", "black")]
    for ax, (title, view) in zip(axes, views.items(), strict=True):
        ax.scatter(*view.T, s=10, color="0.8")
        for i, colour, marker in zip(chosen, colours, "os^DvP", strict=False):
            ax.plot(*view[i], marker, color=colour, markersize=10, label=names[i], linestyle="")
        ax.axhline(0, color="0.7", linewidth=0.8, zorder=0)
        ax.axvline(0, color="0.7", linewidth=0.8, zorder=0)
        ax.set(title=title, xlabel=f"axis {axis_numbers[0]} (stars)")
    axes[0].set_ylabel(f"axis {axis_numbers[1]} (stars)")
    ring = {"s": 280, "facecolor": "none", "edgecolor": "black", "linewidth": 1.5}
    axes[-1].scatter(*first[list(chosen)].T, **ring, label="the place in map A")
    handles, labels = axes[-1].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=11)
    return fig
