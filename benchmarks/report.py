"""docs/benchmarks.md and its plots, made from the ledger by `python -m benchmarks.report`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import ledger, report_plots

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEAD = """# Measured numbers

The commands in `benchmarks/` wrote every number here into `benchmarks/results.json`, and this page
is made from that file. `python -m benchmarks --help` shows how to measure on your own machine; with
`--write` your numbers replace ours. "0.61 (0.53 to 0.67)" is a median with the smallest and the
largest result; "0.911 ± 0.008" is a mean with its standard deviation.
"""


@dataclass(frozen=True)
class Table:
    """Rows of a section: where they are, what a row is, and {place in the row: heading}."""

    rows: str
    head: str
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Section:
    """How a section of the ledger is shown; the numbers named in `flat` follow its tables."""

    title: str
    about: str
    tables: tuple[Table, ...] = ()
    flat: tuple[str, ...] = ()
    plot: Callable[[Mapping[str, Any], Path], str] | None = None  # returns the alt text


_LISTS = {"ndcg@10": "NDCG@10", "recall@10": "recall@10", "ranking_auc": "ranking AUC",
          "coverage": "share of films shown", "seconds": "training (CPU s)"}  # fmt: skip
_STARS = {
    "rmse": "RMSE (stars)",
    "gain": "better than biases by",
    "fit_seconds": "training (CPU s)",
}
_GROWN = {"n_users": "users", "n_items": "items", "ratings_a_cpu_second": "ratings per CPU second",
          "ratings_a_wall_second": "ratings per second", "peak_gib": "peak (GiB)",
          "floor": "noise (stars)", "planted_rmse": "RMSE (stars)",
          "above_floor": "above the noise by"}  # fmt: skip
_EVALUATED = {"users": "users", "items": "items", "ndcg_seconds": "NDCG@10 (CPU s)",
              "auc_seconds": "ranking AUC (CPU s)", "loop_seconds": "both, user by user (CPU s)",
              "peak_gib": "peak (GiB)"}  # fmt: skip
_TRAINED = {"to_target.seconds": "CPU s to the target", "to_target.epochs": "epochs",
            "best.rmse": "best RMSE", "best.seconds": "CPU s to the best RMSE",
            "samples_per_second": "samples per CPU second", "mib": "memory added (MiB)",
            "peak_mib": "peak of the process (MiB)", "versions": "versions"}  # fmt: skip
_PAGES = {"seconds": "seconds", "peak_mib": "peak (MiB)"}
SECTIONS = {
    "accuracy": Section(
        "Stars: how far off",
        "Models that predict stars. First on the five official folds: mean and standard deviation "
        "over folds (some are harder, for all models). Then on random 90/10 splits with seeds 0 to "
        "9. The models have seed 0.",
        (Table("folds", "five folds", _STARS), Table("random_90_10", "ten splits", _STARS)),
        plot=report_plots.accuracy,
    ),
    "bayesian": Section(
        "Stars: draws of the posterior",
        "BayesianFM on the five official folds. It reads ids; or ids and side tables; or also "
        "histories; or also days. `inside` is the share of test ratings in their 90 % intervals. "
        "`myfm`: that library on u1, with the same rank, draws and features; `times`: our CPU time "
        "divided by its. Seed 0.",
        (Table("levels", "what it reads", {"rmse": "RMSE (stars)", "inside": "inside",
                                           "ndcg@10": "NDCG@10", "seconds": "training (CPU s)"}),),
        ("myfm",),
    ),
    "peers": Section(
        "Lists: which films come first",
        "Rankings of the whole catalogue, compared with the library `implicit`. Eight settings of "
        "each model were tried on u1. The table shows the mean and the standard deviation over u2 "
        "to u5 of the best setting. Seed 0.",
        (Table("folds", "model", _LISTS),),
        ("als_seconds", "als_times", "sweeps"),
    ),
    "lists": Section(
        "Lists: what a reader sees",
        "Models with their defaults on the five official folds, means; and how many of ten titles "
        "two lists share at most, for different tastes. Seed 0.",
        (Table("folds", "model", {**_LISTS, "precision@10": "precision@10"}),),
        ("answers",),
    ),
    "sequences": Section(
        "What comes next",
        "The networks of page 15, and rules that count which film follows which. Of six settings "
        "of each, the one with the best MRR on the validation part is shown, on the test part, "
        "with seeds 0, 1 and 2.",
        (Table("models", "model", {"recall@10": "recall@10", "MRR": "MRR",
                                   "seconds": "training (CPU s)"}),),
    ),
    "training": Section(
        "How fast a model reaches a target error",
        "CPU seconds until a model reaches the target RMSE on validation rows (split with seed "
        "42, models with seed 0). Each round runs in its own process, and the libraries take "
        "turns. `implicit` does not predict stars, so it is not here. An empty cell: the target "
        "was never reached.",
        (Table("ways", "way", _TRAINED),),
        ("target", "rounds"),
        report_plots.training,
    ),
    "speed": Section(
        "How fast a model trains, and what limits it",
        "Samples per second of `rt.fit` (`ours`), of the loop of earlier tutorials (`earlier`), "
        "and of plain PyTorch (tables read by `index_select`, a fused optimiser, nothing else). "
        "Medians of rounds that take turns, with seed 0. `share` is the speed of `fit` divided by "
        "that of plain PyTorch; `operations` is each operation's share of the time.",
        (),
        ("samples_per_second", "times_at_1024", "times_at_best", "overhead",
         "plain_torch", "rounds"),
    ),
    "ranking": Section(
        "How fast a ranking is measured",
        "`rt.evaluate`, and a loop over users with scikit-learn that computes the same numbers: "
        "medians of rounds in which the two take turns, split with seed 42, model with seed 0.",
        flat=("evaluate_seconds", "sklearn_seconds", "times"),
    ),
    "serving": Section(
        "How fast the service answers",
        "The service of page 17 under load on the same machine: medians of the runs.",
        flat=("per_second", "p50_ms", "p99_ms", "server_cpu_ms_per_request", "memory_mb",
              "memory_growth_mb", "errors", "runs", "connections", "requests"),
    ),
    "pages": Section(
        "Every page",
        "Seconds that a page takes on real data, and the peak memory of its kernel: one run each. "
        "The import: the median of five new processes.",
        (Table("pages", "page", _PAGES),),
        ("series_seconds", "import_seconds"),
        report_plots.pages,
    ),
    "reproduce": Section(
        "Is it reproducible?",
        "Every model was fitted again from seed 0, also in the background and with a break. `same "
        "bits` means that all numbers are identical. After training on 1, 2 and 4 threads, a "
        "prediction may differ by the tolerance, relative to the largest (last column).",
        (Table("models", "model", {"again": "again", "background": "in the background",
                                   "resumed": "after a break", "threads": "change by threads"}),),
        ("tolerance",),
    ),
    "planted_scale": Section(
        "Growth",
        "One model with 16 factors on planted ratings (seed 0), on one thread. Each size has its "
        "own process, which reads columns on disk. Time grows like the number of ratings to the "
        "power of `exponent`; `times a rating`: time per rating at the largest size, divided by "
        "that at the second. The RMSE on validation rows is that of a model with as many factors "
        "as were planted. The noise is the error of the planted truth on these rows.",
        (Table("sizes", "training ratings", _GROWN),),
        ("exponent", "times_a_rating"),
        report_plots.growth,
    ),
    "planted_evaluation": Section(
        "Evaluation of large catalogues",
        "The exact ranking of every item for every user, on planted ratings (seed 0). The loop "
        "over users was timed for 100 users, and the seconds for all are computed from that. "
        "Seconds without a range come from one run.",
        (Table("lines", "ratings", _EVALUATED),),
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
    section = SECTIONS[name]
    parts = [f"\n## {section.title}\n\n{section.about}\n\n{_how(name, record)}\n\n"]
    if section.plot and folder:
        alt = section.plot(record, folder / f"{name}.svg")
        parts.append(f"![{alt}]({folder.name}/{name}.svg)\n\n")
    parts += [_table(table, record) for table in section.tables if table.rows in record]
    if flat := list(_flat({key: record[key] for key in section.flat if key in record}, record)):
        rows = "".join(f"| {label} | {value} |\n" for label, value in flat)
        parts.append(f"| what | measured |\n|---|---:|\n{rows}\n")
    return "".join(parts).rstrip("\n") + "\n"


def _how(name: str, record: Mapping[str, Any]) -> str:
    machine = record["machine"]
    versions = ", ".join(f"{n} {v}" for n, v in machine["versions"].items() if v[0].isdigit())
    return (
        f"Data: {record['data']}. Measured on {machine['date']}: {machine['cpu']}, "
        f"{machine['cores']} cores, torch threads: {machine['torch_threads']}; "
        f"{machine['system']}, Python {machine['python']}, {versions}. Settings and more: `{name}` "
        f"in the file. `python -m benchmarks {name.removeprefix('planted_')}` measures it."
    )


def _table(table: Table, record: Mapping[str, Any]) -> str:
    found = record[table.rows]
    if isinstance(found, Mapping):
        rows = {name: row for name, row in found.items() if isinstance(row, Mapping)}
    else:
        rows = {f"{row.get('rows', row.get('ratings')):,}": row for row in found}
    columns = [c for c in table.columns if any(_at(row, c) is not None for row in rows.values())]
    if "rmse" in columns and isinstance(found, Mapping):
        rows = dict(sorted(rows.items(), key=lambda pair: pair[1]["rmse"]))
    if "ndcg@10" in columns:
        rows = dict(sorted(rows.items(), key=lambda pair: -pair[1]["ndcg@10"]))
    lines = [f"| {table.head} | {' | '.join(table.columns[c] for c in columns)} |"]
    lines.append("|---|" + "---:|" * len(columns))
    lines += [f"| {n} | {' | '.join(_cell(row, c) for c in columns)} |" for n, row in rows.items()]
    return "\n".join(lines) + "\n\n"


def _at(row: Mapping[str, Any], place: str) -> Any:
    """The value at "a.b" in nested mappings; None if there is none."""
    first, _, rest = place.partition(".")
    inner = row.get(first)
    return _at(inner or {}, rest) if rest else inner


def _cell(row: Mapping[str, Any], place: str) -> str:
    """A value, with its spread if that was measured."""
    value, parent = _at(row, place), place.rpartition(".")[0]
    if value is None or isinstance(value, (str, Mapping, list)):
        words = ", ".join(map(" ".join, value.items())) if isinstance(value, Mapping) else value
        return "same bits" if words == [] else str(words or "")
    spread = _at(row, f"{place}_range") or (parent and _at(row, f"{parent}.range"))
    if spread and (not parent or place.endswith(".seconds")):
        return f"{number(value)} ({number(spread[0])} to {number(spread[1])})"
    deviation = _at(row, f"{place}_sd")
    return number(value) + (f" ± {number(deviation)}" if deviation is not None else "")


def _flat(
    some: Mapping[str, Any], record: Mapping[str, Any], before: str = ""
) -> Iterator[tuple[str, str]]:
    """(label, value) of all single numbers in nested tables."""
    for key, value in some.items():
        words = key if "::" in key else key.replace("_", " ")  # aten::add_ is not aten::add
        label = f"{before}{words}"
        if isinstance(value, Mapping):
            yield from _flat(value, value, f"{label}: ")
        elif isinstance(value, (int, float)):
            one = {"value": value, "value_range": record.get(f"{key}_range")}
            yield label, _cell(one, "value")


def number(value: float) -> str:
    """A number with three or four digits that mean something."""
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 1:
        return f"{value:.2f}"
    return f"{value:.4f}" if abs(value) >= 0.001 or value == 0 else f"{value:.1e}"


if __name__ == "__main__":
    write(ledger.read())
