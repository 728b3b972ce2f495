"""docs/benchmarks.md and its plots, made from the ledger by `python -m benchmarks.report`.

The docstring of a benchmark is the title and the text of its section.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import ledger, report_plots
from benchmarks.measuring import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """# Measured numbers

The commands in `benchmarks/` wrote every number here into `benchmarks/results.json`, and this page
is made from that file. `python -m benchmarks --help` shows how to measure on your own machine; with
`--write` your numbers replace ours. "0.61 (0.53 to 0.67)" is a median with the smallest and the
largest result; "0.911 ± 0.008" is a mean with its standard deviation.
"""


class Table(NamedTuple):
    """Rows of a section: where they are, what a row is, and {place in the row: heading}."""

    rows: str
    head: str
    columns: Mapping[str, str]


class Section(NamedTuple):
    """How a section of the ledger is shown; the numbers named in `flat` follow its tables."""

    tables: tuple[Table, ...] = ()
    flat: tuple[str, ...] = ()
    plot: Callable[[Mapping[str, Any], Path], str] | None = None  # returns the alt text


_STARS = {"rmse": "RMSE (stars)", "gain": "better than biases by",
          "fit_seconds": "training (CPU s)"}  # fmt: skip
_SECONDS = {"seconds": "training (CPU s)"}
_LISTS = {"ndcg@10": "NDCG@10", "recall@10": "recall@10", "ranking_auc": "ranking AUC",
          "coverage": "share of films shown", **_SECONDS}  # fmt: skip
SECTIONS = {
    "accuracy": Section(
        (Table("folds", "five folds", _STARS), Table("random_90_10", "ten splits", _STARS)),
        plot=report_plots.accuracy,
    ),
    "bayesian": Section(
        (Table("levels", "what it reads", {"rmse": "RMSE (stars)", "inside": "inside",
                                           "ndcg@10": "NDCG@10", **_SECONDS}),),
        ("myfm",),
    ),
    "peers": Section((Table("folds", "model", _LISTS),), ("als_seconds", "als_times", "sweeps")),
    "lists": Section(
        (Table("folds", "model", {**_LISTS, "precision@10": "precision@10"}),), ("answers",)
    ),
    "sequences": Section(
        (Table("models", "model", {"recall@10": "recall@10", "MRR": "MRR", **_SECONDS}),)
    ),
    "training": Section(
        (Table("ways", "way", {
            "to_target: seconds": "CPU s to the target", "to_target: epochs": "epochs",
            "best: rmse": "best RMSE", "best: seconds": "CPU s to the best RMSE",
            "samples_per_second": "samples per CPU second", "mib": "memory added (MiB)",
            "peak_mib": "peak of the process (MiB)", "versions": "versions",
        }),),
        ("target", "rounds"),
        report_plots.training,
    ),
    "speed": Section(
        flat=("samples_per_second", "times_at_1024", "times_at_best", "overhead", "plain_torch",
              "rounds"),
    ),
    "ranking": Section(flat=("evaluate_seconds", "sklearn_seconds", "times")),
    "serving": Section(
        flat=("per_second", "p50_ms", "p99_ms", "server_cpu_ms_per_request", "memory_mb",
              "memory_growth_mb", "errors", "settings"),
    ),
    "pages": Section(
        (Table("pages", "page", {"seconds": "seconds", "peak_mib": "peak (MiB)"}),),
        ("series_seconds", "import_seconds"),
        report_plots.pages,
    ),
    "reproduce": Section(
        (Table("models", "model", {"again": "again", "background": "in the background",
                                   "resumed": "after a break", "threads": "change by threads"}),),
        ("tolerance",),
    ),
    "planted_scale": Section(
        (Table("sizes", "training ratings", {
            "n_users": "users", "n_items": "items",
            "ratings_a_cpu_second": "ratings per CPU second",
            "ratings_a_wall_second": "ratings per second", "peak_gib": "peak (GiB)",
            "floor": "noise (stars)", "planted_rmse": "RMSE (stars)",
            "above_floor": "above the noise by",
        }),),
        ("exponent", "times_a_rating"),
        report_plots.growth,
    ),
    "planted_evaluation": Section(
        (Table("lines", "ratings", {
            "users": "users", "items": "items", "ndcg_seconds": "NDCG@10 (CPU s)",
            "auc_seconds": "ranking AUC (CPU s)", "loop_seconds": "both, user by user (CPU s)",
            "peak_gib": "peak (GiB)",
        }),),
        ("rounds",),
        report_plots.evaluation,
    ),
}  # fmt: skip


def write(content: Mapping[str, Any], page: Path = PAGE) -> None:
    """Write the page, and the plots into the folder of its name beside it."""
    folder = page.with_suffix("")
    folder.mkdir(exist_ok=True)
    ledger = content["benchmarks"]
    texts = [text(name, ledger[name], folder) for name in SECTIONS if name in ledger]
    page.write_text(HEAD + "".join(texts), encoding="utf-8")


def text(name: str, record: Mapping[str, Any], folder: Path | None = None) -> str:
    """A section of the page; with a folder its plot goes there."""
    section, command = SECTIONS[name], name.removeprefix("planted_")
    about = inspect.getdoc(importlib.import_module(f"benchmarks.{command}")) or ""
    title, _, about = about.partition("\n\n")
    machine = record["machine"]
    versions = ", ".join(f"{n} {v}" for n, v in machine["versions"].items() if v[0].isdigit())
    parts = [
        f"\n## {title.rstrip('.')}\n\n{about}\n\n"
        f"Data: {record['data']}. Measured on {machine['date']}: {machine['cpu']}, "
        f"{machine['cores']} cores, torch threads: {machine['torch_threads']}; "
        f"{machine['system']}, Python {machine['python']}, {versions}. Settings and more: `{name}` "
        f"in the file. `python -m benchmarks {command}` measures it.\n\n"
    ]
    if section.plot and folder:
        alt = section.plot(record, folder / f"{name}.svg")
        parts.append(f"![{alt}]({folder.name}/{name}.svg)\n\n")
    parts += [_table(table, record) for table in section.tables if table.rows in record]
    every = flattened(record)
    rows = [
        f"| {_label(place)} | {_cell(every, place)} |\n"
        for key in section.flat
        for place in every
        if place.partition(": ")[0] == key and not place.endswith("_range")
    ]
    if rows:
        parts.append("| what | measured |\n|---|---:|\n" + "".join(rows))
    return "".join(parts).rstrip("\n") + "\n"


def _label(place: str) -> str:
    words = place.split(": ")
    return ": ".join(w if "::" in w else w.replace("_", " ") for w in words)  # as in aten::add_


def _table(table: Table, record: Mapping[str, Any]) -> str:
    found = record[table.rows]
    if not isinstance(found, Mapping):
        found = {f"{row.get('rows', row.get('ratings')):,}": row for row in found}
    rows = {n: flattened(row) for n, row in found.items() if isinstance(row, Mapping)}
    columns = [c for c in table.columns if any(c in row for row in rows.values())]
    for metric, sign in (("rmse", 1), ("ndcg@10", -1)):  # the best row first
        if metric in columns:
            rows = dict(sorted(rows.items(), key=lambda pair: sign * pair[1][metric]))
    lines = [f"| {table.head} | {' | '.join(table.columns[c] for c in columns)} |"]
    lines.append("|---|" + "---:|" * len(columns))
    lines += [f"| {n} | {' | '.join(_cell(row, c) for c in columns)} |" for n, row in rows.items()]
    return "\n".join(lines) + "\n\n"


def flattened(some: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings as one, in which "a: b" leads to a value."""
    found = {}
    for key, value in some.items():
        if key == "versions":
            found[key] = ", ".join(map(" ".join, value.items()))
        elif isinstance(value, Mapping):
            found |= {f"{key}: {inner}": v for inner, v in flattened(value).items()}
        else:
            found[key] = value
    return found


def _cell(row: Mapping[str, Any], place: str) -> str:
    """A value of a flattened row, with its spread if that was measured."""
    value = row.get(place)
    if not isinstance(value, (int, float)):
        return "same bits" if value == [] else str(value or "")
    of_parent = place.replace(": seconds", ": range")
    if spread := row.get(f"{place}_range") or (of_parent != place and row.get(of_parent)):
        return f"{number(value)} ({number(spread[0])} to {number(spread[1])})"
    deviation = row.get(f"{place}_sd")
    return number(value) + (f" ± {number(deviation)}" if deviation is not None else "")


def number(value: float) -> str:
    """A number with three or four digits that mean something."""
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 1:
        return f"{value:.2f}"
    return f"{value:.4f}" if abs(value) >= 0.001 or value == 0 else f"{value:.1e}"


if __name__ == "__main__":
    write(ledger.read())
