"""docs/benchmarks.md and its plots, made of the ledger: `python -m benchmarks.report`.

No number is typed by hand: each section of `benchmarks/results.json` becomes tables, and a plot
where there is something to see. `--write` of any benchmark makes them anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import ledger, report_plots

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEAD = """# Measured numbers

Every number here was written by a command in `benchmarks/` into `benchmarks/results.json`, with the
machine and the settings, and this page was made of that file. To measure on your own machine:
`python -m benchmarks --help`; with `--write` it comes in here. "0.61 (0.53 to 0.67)" is a median
with the least and the most of the rounds; "0.911 ± 0.008" a mean with its standard deviation.
"""


@dataclass(frozen=True)
class Table:
    """Rows of a section: where they are, what a row is, and {place in the row: words}."""

    rows: str
    head: str
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Section:
    """How a section of the ledger is shown; what `flat` names stands below its tables."""

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
_GROWN = {"n_users": "users", "n_items": "items", "ratings_a_cpu_second": "ratings a CPU second",
          "ratings_a_wall_second": "a second on the wall", "peak_gib": "peak (GiB)",
          "floor": "noise (stars)", "planted_rmse": "RMSE (stars)",
          "above_floor": "above the noise by"}  # fmt: skip
_EVALUATED = {"users": "users", "items": "items", "ndcg_seconds": "NDCG@10 (CPU s)",
              "auc_seconds": "ranking AUC (CPU s)", "loop_seconds": "both, user by user (CPU s)",
              "peak_gib": "peak (GiB)"}  # fmt: skip
_TRAINED = {"to_target.seconds": "CPU s to the target", "to_target.epochs": "epochs",
            "best.rmse": "best RMSE", "best.seconds": "CPU s to that",
            "samples_per_second": "samples a CPU second", "mib": "memory added (MiB)",
            "peak_mib": "peak of the process (MiB)", "versions": "versions"}  # fmt: skip
_PAGES = {"seconds": "seconds", "peak_mib": "peak (MiB)"}
SECTIONS = {
    "accuracy": Section(
        "Stars: how far off",
        "Models that predict stars, on the five official folds: the mean, and the standard "
        "deviation over folds (they differ in how hard they are; all models meet the same ones). "
        "Then random 90/10 splits. Models start from seed 0; splits from seeds 0 to 9.",
        (Table("folds", "five folds", _STARS), Table("random_90_10", "ten splits", _STARS)),
        plot=report_plots.accuracy,
    ),
    "bayesian": Section(
        "Stars: draws of the posterior",
        "BayesianFM on the five official folds, each level with what the one above it has; "
        "`inside`: share of test ratings in their 90 % intervals. `myfm`: that library on u1, at "
        "equal rank, draws and features. Seed 0.",
        (Table("levels", "what it reads", {"rmse": "RMSE (stars)", "inside": "inside",
                                           "ndcg@10": "NDCG@10", "seconds": "training (CPU s)"}),),
        ("myfm",),
    ),
    "peers": Section(
        "Lists: what stands on top",
        "Rankings of the whole catalogue beside `implicit`. Each model had eight trials on u1; "
        "the table is the mean over u2 to u5 and its standard deviation. Seed 0.",
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
        "Page 15's networks, and rules that count: six settings each, chosen by MRR on what comes "
        "next in the validation part, then the test part with seeds 0, 1 and 2.",
        (Table("models", "model", {"recall@10": "recall@10", "MRR": "MRR",
                                   "seconds": "training (CPU s)"}),),
    ),
    "training": Section(
        "How fast to a stated error",
        "CPU seconds until the target RMSE on validation rows (split of seed 42, models of seed 0)."
        " The rounds of all are interleaved, each in a process of its own. `implicit` predicts no "
        "stars: see the lists above. An empty cell: the target was never reached.",
        (Table("ways", "way", _TRAINED),),
        ("target", "rounds"),
        report_plots.training,
    ),
    "speed": Section(
        "How fast a model trains, and what bounds it",
        "`rt.fit`, the earlier tutorials' loop, and plain PyTorch (tables read by `index_select`, "
        "a fused optimiser, nothing else): samples a second, medians of interleaved rounds, seed 0."
        " `share`: how near `fit` comes to plain PyTorch; `operations`: what its time goes to.",
        (),
        ("samples_per_second", "times_at_1024", "times_at_best", "overhead",
         "plain_torch", "rounds"),
    ),
    "ranking": Section(
        "How fast a ranking is measured",
        "`rt.evaluate` beside a loop over users with scikit-learn, which says the same: medians of "
        "interleaved rounds, split of seed 42, model of seed 0.",
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
        "Seconds of running a page from top to bottom on the real data, and the peak memory of its "
        "kernel: one run each. The import: median of five fresh processes.",
        (Table("pages", "page", _PAGES),),
        ("series_seconds", "import_seconds"),
        report_plots.pages,
    ),
    "reproduce": Section(
        "The same again",
        "Every model fitted twice from seed 0, in the background, and with a break from which it "
        "resumes: bit by bit. Predictions after training on 1, 2 and 4 threads must be within the "
        "tolerance, relative to the largest; where that was measured, a column says how far apart.",
        (Table("models", "model", {"again": "again", "background": "in the background",
                                   "resumed": "after a break", "threads": "threads: apart by"}),),
        ("tolerance",),
    ),
    "planted_scale": Section(
        "Growth",
        "One model on planted ratings (seed 0), each size trained by a process of its own that "
        "maps the columns. CPU seconds of one thread, with 16 axes; `exponent`: of time in "
        "ratings. RMSE on validation rows: of a model with as many axes as are planted, trained "
        "long enough to compare it with the noise, which is the truth's own error on these rows.",
        (Table("sizes", "training ratings", _GROWN),),
        ("exponent", "times_a_rating"),
        report_plots.growth,
    ),
    "planted_evaluation": Section(
        "Evaluation of large catalogues",
        "Every user's ranking of every item, exactly; planted ratings (seed 0). The loop over "
        "users is timed on 100 of them, and the seconds of all are computed from that. "
        "Seconds without a range: one run.",
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
        f"in the file, `python -m benchmarks {name.removeprefix('planted_')}` measures it."
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
    """What stands at "a.b" in nested mappings; None for nothing."""
    first, _, rest = place.partition(".")
    inner = row.get(first)
    return _at(inner or {}, rest) if rest else inner


def _cell(row: Mapping[str, Any], place: str) -> str:
    """A value with its spread, if there is one beside it."""
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
    """(words, value) of all single numbers in nested tables."""
    for key, value in some.items():
        words = key if "::" in key else key.replace("_", " ")  # aten::add_ is not aten::add
        label = f"{before}{words}"
        if isinstance(value, Mapping):
            yield from _flat(value, value, f"{label}: ")
        elif isinstance(value, (int, float)):
            one = {"value": value, "value_range": record.get(f"{key}_range")}
            yield label, _cell(one, "value")


def number(value: float) -> str:
    """Three or four figures that mean something."""
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 1:
        return f"{value:.2f}"
    return f"{value:.4f}" if abs(value) >= 0.001 or value == 0 else f"{value:.1e}"


if __name__ == "__main__":
    write(ledger.read())
