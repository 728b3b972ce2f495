"""The page of measured numbers, out of the ledger: none is typed by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

TITLES = {
    "accuracy": ("Stars: how far off", "Models that predict stars, on the five folds of the data."),
    "peers": (
        "Lists: what stands on top",
        "Rankings of the whole catalogue, beside other libraries.",
    ),
    "ranking": ("How fast a ranking is measured", "`rt.evaluate` beside a loop over scikit-learn."),
    "serving": ("How fast the service answers", "The service of page 17 under load."),
    "speed": (
        "How fast a model trains",
        "`rt.fit` beside a bare loop in PyTorch and earlier code.",
    ),
    "training": ("How fast to a stated error", "CPU seconds, beside other libraries."),
}
WORDS = {
    "rmse": "RMSE (stars)",
    "rmse_sd": "its spread over folds",
    "gain": "better than biases by",
    "gain_sd": "spread of that",
    "fit_seconds": "training (s)",
    "seconds": "training (s)",
    "ndcg@10": "NDCG@10",
    "ndcg@10_sd": "its spread over folds",
    "recall@10": "recall@10",
    "ranking_auc": "ranking AUC",
    "coverage": "share of films shown",
}
NOT_NUMBERS = {"machine", "settings", "chosen", "curves", "folds", "trials", "seeds", "seed"}
HEAD = """# Measured numbers

Every number here was written by a command in `benchmarks/` into `benchmarks/results.json`, with the
machine and the settings, and this page was made of that file. To measure on your own machine:
`python -m benchmarks` says how. A spread is the standard deviation over folds: folds differ in how
hard they are, and all models meet the same ones.
"""


def results_page(root: Path) -> str:
    """Markdown of `benchmarks/results.json`."""
    text = (root / "benchmarks" / "results.json").read_text(encoding="utf-8")
    ledger = json.loads(text)["benchmarks"]
    return HEAD + "".join(_section(name, ledger[name]) for name in sorted(ledger))


def _section(name: str, record: Mapping[str, Any]) -> str:
    title, about = TITLES.get(name, (name.replace("_", " ").capitalize(), ""))
    parts = [f"\n## {title}\n", f"{about}\n" if about else "", f"{_how(name, record)}\n"]
    folds = record.get("folds")
    if isinstance(folds, Mapping):
        parts.append(_table(folds))
    rest = list(_flat({k: v for k, v in record.items() if k not in NOT_NUMBERS}))
    if rest:
        rows = "".join(f"| {label} | {_number(value)} |\n" for label, value in rest)
        parts.append(f"| what | measured |\n|---|---:|\n{rows}")
    return "\n".join(parts)


def _how(name: str, record: Mapping[str, Any]) -> str:
    machine = record.get("machine", {})
    said = [f"Data: {record['data']}" if "data" in record else ""]
    if machine:
        said.append(
            f"measured on {machine.get('date')} with {machine.get('cores')} cores "
            f"({machine.get('cpu')}), Python {machine.get('python')}, "
            f"PyTorch {machine.get('versions', {}).get('torch', 'not noted')}"
        )
    return "; ".join(filter(None, [*said, f"settings and more under `{name}` in the file"])) + ".\n"


def _table(folds: Mapping[str, Mapping[str, Any]]) -> str:
    """One row a model, the best first."""
    columns = [
        c for c in WORDS if any(isinstance(row.get(c), (int, float)) for row in folds.values())
    ]
    by = "ndcg@10" if "ndcg@10" in columns else columns[0]
    order = sorted(folds, key=lambda m: folds[m].get(by, 0.0), reverse=by == "ndcg@10")
    lines = [f"| model | {' | '.join(WORDS[c] for c in columns)} |"]
    lines.append("|---|" + "---:|" * len(columns))
    for model in order:
        cells = [_number(folds[model][c]) if c in folds[model] else "" for c in columns]
        lines.append(f"| {model} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _flat(record: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, float]]:
    """(words, number) of all single numbers in nested tables."""
    for key, value in record.items():
        label = f"{before}{key.replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from _flat({k: v for k, v in value.items() if k not in NOT_NUMBERS}, f"{label}: ")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield label, value


def _number(value: float) -> str:
    """Three or four figures that mean something."""
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.4f}"
