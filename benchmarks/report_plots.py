"""The plots of docs/benchmarks.md: each writes one SVG and returns its alt text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recsys_workshop.figures import PALETTE

STYLE = {"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.size": 11}
COLOURS = tuple(PALETTE.values())
MARKERS = "osD^vPX*"


def _axes(n: int = 1, height: float = 4.0) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(9, height), layout="constrained")
    return figure, figure.subplots(1, n, squeeze=False)[0]


def _save(figure: Figure, path: Path) -> None:
    with mpl.rc_context(STYLE):
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def _bars(
    values: Mapping[str, float], spread: Sequence[float] | None, label: str, path: Path
) -> None:
    """One bar per row, the first at the top."""
    figure, (axes,) = _axes(height=0.9 + 0.27 * len(values))
    axes.barh(list(values), list(values.values()), xerr=spread, color=COLOURS[0], capsize=2)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    _save(figure, path)


def accuracy(record: Mapping[str, Any], path: Path) -> str:
    folds = dict(sorted(record["folds"].items(), key=lambda pair: -pair[1]["gain"]))
    spread = [row["gain_sd"] for row in folds.values()]
    gains = {name: row["gain"] for name, row in folds.items()}
    _bars(gains, spread, "RMSE better than biases only (stars; line: ± 1 standard deviation)", path)
    return f"Bars: how much better each model is than biases only; {next(iter(gains))} is best"


def training(record: Mapping[str, Any], path: Path) -> str:
    figure, (axes,) = _axes()
    for k, (name, way) in enumerate(record["ways"].items()):
        seconds, rmse = zip(*((run["seconds"], run["rmse"]) for run in way["curve"]), strict=True)
        low, high = zip(*(run["range"] for run in way["curve"]), strict=True)
        axes.plot(seconds, rmse, color=COLOURS[k % len(COLOURS)], marker=MARKERS[k], label=name)
        axes.hlines(rmse, low, high, color=COLOURS[k % len(COLOURS)], alpha=0.5)
    axes.axhline(record["target"], color="black", linestyle=":", label="the target")
    axes.set(xscale="log", xlabel="CPU seconds of training (median; line: range)")
    axes.set(ylabel="RMSE on validation rows (stars)", ylim=(0.9, 1.1))
    axes.legend(fontsize=9)
    _save(figure, path)
    return "Curves of error against CPU seconds of training, one per library, and the target"


def pages(record: Mapping[str, Any], path: Path) -> str:
    seconds = {name: page["seconds"] for name, page in record["pages"].items()}
    _bars(seconds, None, "seconds (budget: 120)", path)
    slowest = max(seconds, key=lambda name: seconds[name])
    return f"Bars: the seconds of each page; the slowest is {slowest}"


def growth(record: Mapping[str, Any], path: Path) -> str:
    figure, (left, right) = _axes(2)
    rows = [size["rows"] for size in record["sizes"]]
    epoch = [size["cpu_seconds"] / size["epochs"] for size in record["sizes"]]
    left.loglog(rows, epoch, color=COLOURS[0], marker="o")
    left.set(xlabel="training ratings", ylabel="CPU seconds per epoch")
    right.semilogx(
        rows, [size["peak_gib"] for size in record["sizes"]], color=COLOURS[1], marker="s"
    )
    right.set(xlabel="training ratings", ylabel="peak memory (GiB)", ylim=(0, None))
    _save(figure, path)
    return "Two curves against the number of ratings: seconds per epoch, and peak memory"


def evaluation(record: Mapping[str, Any], path: Path) -> str:
    figure, (axes,) = _axes()
    lines = record["lines"]
    cells = [line["ranked_users"] * line["items"] for line in lines]
    names = {"loop_seconds": "both, user by user", "auc_seconds": "ranking AUC",
             "ndcg_seconds": "NDCG@10"}  # fmt: skip
    for k, (key, name) in enumerate(names.items()):
        axes.loglog(
            cells, [one[key] for one in lines], color=COLOURS[k], marker=MARKERS[k], label=name
        )
    axes.set(xlabel="ranked users x items", ylabel="CPU seconds")
    axes.legend()
    _save(figure, path)
    return "Curves of CPU seconds against the size of the ranking: AUC, NDCG, and a loop over users"
