"""Figures that everybody can read: one palette, one style, and a text instead of the image."""

from __future__ import annotations

import base64
import html
import io
import warnings
from collections.abc import Iterable
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.figure import Figure

from recsys_tutorial.training.progress import in_notebook

PALETTE = {
    "blue": "#0072B2", "orange": "#E69F00", "green": "#009E73", "vermilion": "#D55E00",
    "sky": "#56B4E9", "purple": "#CC79A7", "black": "#000000", "yellow": "#F0E442",
}  # fmt: skip
"""Colours that people with any common colour blindness can distinguish, in the order of use.

Okabe and Ito 2002, "Color universal design". Yellow is for areas: a yellow line on white vanishes.
"""

SEQUENTIAL = "cividis"
"""Colour map for amounts: dark to light, blue to yellow, the same for all eyes."""

DIVERGING = "PuOr"
"""Colour map for amounts around a middle."""

SHORTEST_ALT = 20  # characters; less cannot say what a figure shows

_STYLE: dict[str, Any] = {
    "axes.prop_cycle": cycler(color=[c for n, c in PALETTE.items() if n != "yellow"]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 14,
    "axes.labelsize": 13,
    "figure.constrained_layout.use": True,
    "figure.figsize": (8.0, 4.5),
    "font.size": 12,
    "image.cmap": SEQUENTIAL,
    "legend.frameon": False,
    "lines.linewidth": 2.2,
}


def use_style() -> None:
    """Use the series' style for all later figures: letters that can be read from the last row."""
    settings: Any = matplotlib.rcParams
    settings.update(_STYLE)


def show(fig: Figure, *, alt: str) -> None:
    """Display a figure with its alternative text, and close it.

    alt : what somebody who cannot see it should know: what is drawn, and what it shows. Screen
          readers read it, and it is printed if no image can be displayed.

    Warns of axes without labels. Raises ValueError for an alt text that is too short to be useful.
    """
    text = " ".join(alt.split())
    if len(text) < SHORTEST_ALT:
        raise ValueError(f"alt={alt!r} says too little: what is drawn, and what does it show?")
    for problem in unlabelled(fig):
        warnings.warn(problem, stacklevel=2)
    if not in_notebook():
        print(f"[Figure: {text}]")
        plt.close(fig)
        return
    from IPython.display import display

    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=150, bbox_inches="tight", facecolor="white")
    plt.close(fig)
    image = base64.b64encode(buffer.getvalue()).decode()
    width = round(fig.get_figwidth() * 100)
    # JupyterLab ignores the metadata's alt, so the HTML carries it; other readers take the PNG.
    tag = (
        f'<img src="data:image/png;base64,{image}" alt="{html.escape(text)}" '
        f'style="max-width: 100%; width: {width}px; background: white">'
    )
    bundle = {"text/html": tag, "image/png": image, "text/plain": f"[Figure: {text}]"}
    display(bundle, raw=True, metadata={"image/png": {"alt": text}})


def unlabelled(fig: Figure) -> list[str]:
    """One line for each missing label on the axes of a figure.

    Axes that are switched off, and sides without numbers (of a picture), need no label.
    """
    found = []
    for number, ax in enumerate(fig.axes, start=1):
        if not ax.axison or not ax.get_visible():
            continue
        for side, axis, shared in (
            ("x", ax.xaxis, fig.get_supxlabel()),
            ("y", ax.yaxis, fig.get_supylabel()),
        ):
            texts: Iterable[Any] = axis.get_ticklabels()
            has_numbers = any(t.get_visible() and t.get_text() for t in texts)
            if has_numbers and not (axis.get_label_text() or shared):
                found.append(f"axes {number} of the figure have no {side} label")
    return found
