"""What comes next.

The networks of page 15, and rules that count which film follows which. We tried six settings of
each, and chose the one with the best MRR on the validation part. The table shows how it does on the
test part, the networks with seeds 0, 1 and 2. The networks learn by the softmax over the whole
catalogue, which needs no negatives.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import recsys_tutorial as rt
from benchmarks.measuring import Gate, fitted, middle
from recsys_tutorial.datasets import Dataset, concat
from recsys_tutorial.interpret import compare as paired

_SHORT, _LONG = {"length": 50}, {"length": 100}
TRIALS: dict[str, list[dict[str, Any]]] = {
    "SequentialRules": [
        {"window": w, "decay": d}
        for w, d in ((5, 0.8), (10, 0.8), (20, 0.8), (40, 0.8), (40, 0.85), (40, 0.9))
    ],
    "SequenceLSTM": [
        {"dropout": 0.4, "epochs": 10, **_LONG},
        {"dropout": 0.6, "epochs": 15, **_LONG},
        {"dropout": 0.5, "epochs": 15, **_SHORT},
        {"dropout": 0.5, "epochs": 10, "dim": 96, **_LONG},
        {"dropout": 0.5, "epochs": 10, "length": 200},
        {"dropout": 0.5, "epochs": 15, "lr": 0.005, **_LONG},
    ],
    "SequenceTransformer": [
        {"dropout": 0.3, "epochs": 12, "layers": 2, **_SHORT},
        {"dropout": 0.3, "epochs": 15, "layers": 1, **_SHORT},
        {"dropout": 0.5, "epochs": 15, "layers": 2, **_SHORT},
        {"dropout": 0.5, "epochs": 15, "layers": 1, "lr": 0.01, **_SHORT},
        {"dropout": 0.4, "epochs": 12, "layers": 2, "lr": 0.003, **_LONG},
        {"dropout": 0.4, "epochs": 10, "layers": 3, **_SHORT},
    ],
}
SEEDS = (0, 1, 2)


def compare(data: Dataset) -> dict[str, Any]:
    models: dict[str, Any] = {}
    for name in TRIALS:  # the rules come first
        models[name] = one(data, name, models.get("SequentialRules", {}).get("chosen"))
    return {"models": models, "settings": settings()}


def one(data: Dataset, name: str, rules: dict[str, Any] | None) -> dict[str, Any]:
    """A model's trials, and its chosen setting on the test part, with the lead of the rules.

    rules : the setting that was chosen for the rules; None while they are tried themselves
    """
    early, later, last = data.split("last", valid=0.1, test=0.1)
    coming = rt.next_group(later, early)
    tried = [rank(fitted(name, early, **s)[0], early, coming)["MRR"] for s in TRIALS[name]]
    chosen = TRIALS[name][int(np.argmax(tried))]
    print(name, [f"{mrr:.4f}" for mrr in tried], "->", chosen, flush=True)
    past = concat(early, later)
    following = rt.next_group(last, past)
    counting, _ = fitted("SequentialRules", past, **(chosen if rules is None else rules))
    each: dict[str, list[float]] = {"recall@10": [], "MRR": [], "seconds": []}
    leads = []
    for seed in SEEDS if rules is not None else SEEDS[:1]:
        model, seconds = fitted(name, past, seed=seed, **chosen)
        for key, value in {**rank(model, past, following), "seconds": round(seconds, 1)}.items():
            each[key].append(value)
        lead = paired(counting, model, following, train=past, metric="recall@10", relevant=1)
        leads.append([lead.difference, lead.low, lead.high])
        print(f"seed {seed}: recall@10 {each['recall@10'][-1]:.3f}, {lead}", flush=True)
    seeds = {f"{key}_seeds": values for key, values in each.items()}
    return {"tried": tried, "chosen": chosen, "rules_lead": leads, **middle(each), **seeds}


def rank(model: rt.models.Model, seen: Dataset, following: Dataset) -> dict[str, float]:
    report = rt.evaluate(model, following, train=seen, relevant=1)
    return {"recall@10": report["recall@10"], "MRR": report["mrr"]}


def settings() -> dict[str, Any]:
    """What the figures belong to; a test compares the ledger with them."""
    return {"trials": TRIALS, "seeds": SEEDS}


def gates(result: dict[str, Any]) -> list[Gate]:
    """Rules that count beat both networks, with each seed and beyond the noise."""
    found = []
    for name in ("SequenceLSTM", "SequenceTransformer"):
        least = min(low for _, low, _ in result["models"][name]["rules_lead"])
        found.append((f"rules lead {name} in recall@10 by at least {least:+.3f}", least > 0))
    return found


def page_entries(sections: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What page 15 reads from the ledger."""
    result = sections["sequences"]
    how = {"seeds": SEEDS, "settings": result["settings"]}
    return {"networks": {"value": len(SEEDS), "unit": "seeds", "rows": result["models"], **how}}
