"""A curve that grows during training, or lines of text where no picture can be shown.

The picture is a hand-written SVG of a few kilobytes: drawing takes a millisecond, so neither the
training nor other cells wait for it.
"""

from __future__ import annotations

import base64
import html
import math
import threading
from contextlib import suppress
from typing import Any, NamedTuple

from recsys_tutorial.training.progress import in_notebook, somebody_watches

EVERY = 0.5  # seconds between two pictures
START = "the first epoch is running"


class Line(NamedTuple):
    """Points (x, y); style "now" (this run on validation data), "train" or "past"."""

    points: list[tuple[float, float]]
    style: str


class Panel(NamedTuple):
    """One pair of axes: loss against epoch; `last` is the right end of the axis."""

    title: str
    lines: list[Line]
    last: int


def watch(handle: Any) -> None:
    """Draw the curves of a background run (or a sweep) until it ends; returns at once.

    A notebook shows a picture in the cell's output, updated about twice a second; a terminal shows
    a line of text every few seconds, a pipe nothing.
    """
    if in_notebook():
        from IPython.display import display

        # Updates go to this picture, whatever cell runs by then.
        place: Any = display(bundle(handle), raw=True, display_id=True)
        pause, show = EVERY, lambda: place.update(bundle(handle), raw=True)
    elif somebody_watches():
        pause, show = 4 * EVERY, lambda: print(handle.status(), flush=True)
    else:
        return

    def follow() -> None:
        said, ended = None, False
        with suppress(RuntimeError, OSError):  # the kernel shuts down
            while not ended:
                ended = handle._finished.wait(pause)
                if handle.status() != said:
                    said = handle.status()
                    show()

    threading.Thread(target=follow, name="recsys-tutorial-watch", daemon=True).start()


def bundle(handle: Any) -> dict[str, str]:
    """The state as a notebook's output: a picture with its legend, and a line of plain text."""
    panels, status = handle.panels(), handle.status()
    image = base64.b64encode(svg(panels).encode()).decode()
    drawn = {line.style for panel in panels for line in panel.lines if line.points}
    key = "; ".join(said for style, said in KEY.items() if style in drawn)
    picture = (
        f'<img src="data:image/svg+xml;base64,{image}" alt="{html.escape(alt(panels))}" '
        'style="max-width: 100%; background: white">'
        f"<div>{html.escape(status)}</div><div><small>{key}</small></div>"
    )
    return {"text/html": picture, "text/plain": status}


def alt(panels: list[Panel]) -> str:
    """What the picture shows, for readers who cannot see it."""
    said = []
    for panel in panels:
        lines = [line.points for line in panel.lines if line.style != "train"]
        lowest = min((y for points in lines for _, y in points), default=None)
        text = "no epoch yet" if lowest is None else f"lowest validation loss {lowest:.4g}"
        said.append(f"{panel.title}: {text}")
    return f"Loss against epoch, one panel per loss function. {'; '.join(said) or START}."


# ---------------------------------------------------------------------------- the picture

WIDTH, HEIGHT = 320, 230  # pixels of a panel
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 30, 42
STYLES = {
    "past": 'stroke="#767676" stroke-width="1.5" opacity="0.8"',
    "train": 'stroke="#0072B2" stroke-width="2" stroke-dasharray="5 4"',
    "now": 'stroke="#D55E00" stroke-width="3"',
}

KEY = {
    "now": "orange: this run, on validation data",
    "train": "dashed: on its training data",
    "past": "grey: finished runs",
}


def svg(panels: list[Panel]) -> str:
    """The panels side by side, three in a row."""
    columns = min(3, max(1, len(panels)))
    rows = max(1, math.ceil(len(panels) / columns))
    width, height = columns * WIDTH, rows * HEIGHT
    if not panels:
        panels = [Panel(START, [], 1)]
    drawn = [
        f'<g transform="translate({i % columns * WIDTH} {i // columns * HEIGHT})">{_panel(p)}</g>'
        for i, p in enumerate(panels)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">'
        f'<rect width="{width}" height="{height}" fill="white"/>{"".join(drawn)}</svg>'
    )


def _panel(panel: Panel) -> str:
    values = [y for line in panel.lines for _, y in line.points if math.isfinite(y)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 0.5
    low, high = low - margin, high + margin

    def place(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (WIDTH - LEFT - RIGHT) * (x - 1) / max(1, panel.last - 1)
        return across, TOP + (HEIGHT - TOP - BOTTOM) * (high - y) / (high - low)

    bottom = HEIGHT - BOTTOM
    parts = [f'<text x="{LEFT}" y="18" font-weight="bold">{html.escape(panel.title)}</text>']
    for tick in ticks(low, high):
        _, y = place(1, tick)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e0e0e0"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in sorted({1, *(t for t in ticks(1, panel.last) if t >= 1 and t == int(t))}):
        x, _ = place(tick, low)
        parts.append(f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{tick:g}</text>')
    centre = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{centre}" y="{HEIGHT - 8}" text-anchor="middle">epoch</text>')
    parts.append(f'<path d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}" fill="none" stroke="black"/>')
    order = list(STYLES)
    for line in sorted(panel.lines, key=lambda line: order.index(line.style)):
        points = [place(x, y) for x, y in line.points if math.isfinite(y)]
        if len(points) == 1:  # a line of one point would be invisible
            points.append((points[0][0] + 3, points[0][1]))
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        if path:
            parts.append(f'<polyline points="{path}" fill="none" {STYLES[line.style]}/>')
    return "".join(parts)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most `most` round numbers (1, 2 or 5 times a power of 10) between low and high."""
    if not high > low:
        return [low]
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    step *= next(f for f in (1, 2, 5, 10, 20) if (high - low) / (step * f) <= most - 1)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 10) for n in range(first, math.floor(high / step + 1e-9) + 1)]
