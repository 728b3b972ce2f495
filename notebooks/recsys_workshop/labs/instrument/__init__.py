"""`instrument`: the curves of a sweep to explore, with the list of each run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from recsys_tutorial.models.base import Model
from recsys_workshop.figures import PALETTE
from recsys_workshop.labs.framed import Framed, framed, png
from recsys_workshop.sweeping import Sweep, _text
from recsys_workshop.waiting import steps

PANEL, COLOUR, LINE = "loss", "l2", "dim"  # settings: a panel, a colour, a dash for each value
UNITS = {"squared_error": "stars²"}  # of the validation loss; the others are in nats
MEASURES = ("recall@10", "auc", "rmse")  # shown beside the list of a run
COLOURS = ("black", "sky", "orange", "purple", "green", "vermilion")
DASHES: dict[str, Any] = {"6 4": "--", "": "-"}  # SVG's and matplotlib's; dashed: the smaller dim


def instrument(runs: Sweep, ten: Callable[[Model], Sequence[str]]) -> Framed:
    """Validation curves of all runs. Hovering names a run, a click or an arrow key shows its list.

    runs : a sweep over loss, l2 and dim, finished or not
    ten  : a function that gives the titles of a model's list, called once per fitted run
    """
    colours = dict(zip(_values(runs, COLOUR), map(PALETTE.get, COLOURS), strict=False))
    dashes = dict(zip(_values(runs, LINE), DASHES, strict=False))
    shown: list[dict[str, Any]] = []
    for run in steps(runs, "list"):
        if run.history is None:
            continue
        found = run.metrics
        shown.append(
            {
                "name": run.name,
                "panel": str(_text(run.settings[PANEL])),
                "loss": [
                    round(v, 5) if math.isfinite(v) else None
                    for _, v in run.history.line("valid_loss", "now").points
                ],
                "colour": colours[run.settings[COLOUR]],
                "dash": dashes[run.settings[LINE]],
                "measures": [f"{m}: {found[m]:.3f}" for m in MEASURES if m in found],
                "ten": list(ten(run.model)) if run.model is not None else [],
            }
        )
    panels = [
        {"name": name, "unit": UNITS.get(name, "nats")}
        for name in map(str, map(_text, _values(runs, PANEL)))
    ]
    keys = [{"name": f"{COLOUR} {v:g}", "colour": c, "dash": ""} for v, c in colours.items()]
    styles = [{"name": f"{LINE} {v}", "colour": "#555", "dash": d} for v, d in dashes.items()]
    best = [_best(shown, p["name"]) for p in panels]
    curves = f"{len(shown)} runs in {len(panels)} panels"
    alt = f"Validation loss against epoch, {curves}. {' '.join(best)}"
    picture = _picture(shown, panels, [*keys, *styles])
    data = {"runs": shown, "panels": panels, "colours": keys, "dashes": styles}
    return framed(__name__, "instrument", data, picture, alt, "The runs of the sweep", 480)


def _values(runs: Sweep, setting: str) -> list[Any]:
    """The values of one setting, each once, in their order."""
    return list(dict.fromkeys(run.settings[setting] for run in runs))


def _best(shown: list[dict[str, Any]], panel: str) -> str:
    lowest = {
        run["name"]: min((v for v in run["loss"] if v is not None), default=math.inf)
        for run in shown
        if run["panel"] == panel
    }
    if not lowest:
        return f"No run of {panel} yet."
    name = min(lowest, key=lambda name: lowest[name])
    return f"Lowest for {panel}: {lowest[name]:.3g}, by {name}."


def _picture(
    shown: list[dict[str, Any]], panels: list[dict[str, str]], keys: list[dict[str, str]]
) -> bytes:
    fig, axes = plt.subplots(1, len(panels), figsize=(4.4 * len(panels), 4.2), squeeze=False)
    for ax, panel in zip(axes[0], panels, strict=True):
        for run in (run for run in shown if run["panel"] == panel["name"]):
            values = np.array([np.nan if v is None else v for v in run["loss"]])
            look: dict[str, Any] = {"color": run["colour"], "linestyle": DASHES[run["dash"]]}
            ax.plot(np.arange(1, len(values) + 1), values, **look)
        ax.set(xlabel="epoch", ylabel=f"validation loss ({panel['unit']})", title=panel["name"])
    lines = [plt.Line2D([], [], color=key["colour"], linestyle=DASHES[key["dash"]]) for key in keys]
    fig.legend(lines, [key["name"] for key in keys], loc="outside lower center", ncols=len(keys))
    return png(fig)
