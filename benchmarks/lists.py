"""The lists that a reader sees, on the official folds u1 to u5: beside counting heads and EASE."""

from __future__ import annotations

from typing import Any

import numpy as np

import recsys_tutorial as rt
from recsys_tutorial.datasets import Dataset

CONTENDERS = ("Popularity", "EASE", "BiasedMF", "ImplicitALS")
SHOWN = "ImplicitALS"  # `page.ranker`, with its defaults
METRICS = ("ndcg@10", "recall@10", "precision@10", "coverage")
TIMES = 1.9  # at least so many times Popularity
SHARE = 0.95  # at least so much of EASE
GENRES = ("Sci-Fi", "Children's", "Horror", "Romance", "War")
MOST_SHARED = 4  # of ten titles


def compare(data: Dataset) -> dict[str, Any]:
    """Metrics by model, means of the folds; how the lists answer to likes and dislikes."""
    rows: dict[str, dict[str, list[float]]] = {}
    for train, test in data.folds(5):
        for name in CONTENDERS:
            model = getattr(rt.models, name).for_dataset(train)
            rt.fit(model, train, progress=False)
            found = rt.evaluate(model, test, train=train)
            row = rows.setdefault(name, {})
            for metric in METRICS:
                row.setdefault(metric, []).append(round(float(found[metric]), 4))
            shown = [
                rt.recommend(model, train, user)["item"] for user in train.user_vocab.ids[:200]
            ]
            often = train.counts("item")[train.item_vocab.index(np.concatenate(shown))]
            row.setdefault("ratings of a film", []).append(float(np.mean(often)))
    model = getattr(rt.models, SHOWN).for_dataset(data)
    rt.fit(model, data, progress=False)
    mean = {n: {m: float(np.mean(v)) for m, v in row.items()} for n, row in rows.items()}
    return {"folds": mean, "answers": answers(model, data)}


def answers(model: rt.models.Model, data: Dataset) -> dict[str, int]:
    """Titles in common, of ten: the largest number over genres."""
    often = np.argsort(-data.counts("item"), kind="stable")
    ids, genres = data.item_vocab.ids[often], data.items["genres"].iloc[often]
    ten = {g: [i for i, of in zip(ids, genres, strict=True) if g in of][:10] for g in GENRES}
    low, high = data.scale

    def titles(rated: list[int], stars: float) -> set[str]:
        return set(rt.recommend(model, data, ratings=dict.fromkeys(rated, stars))["title"])

    nobody = titles([], high)
    loved = {g: titles(rated, high) for g, rated in ten.items()}
    pairs = [(a, b) for n, a in enumerate(GENRES) for b in GENRES[:n]]
    return {
        "five stars and nobody's list": max(len(nobody & loved[g]) for g in GENRES),
        "two genres": max(len(loved[a] & loved[b]) for a, b in pairs),
        "five stars and one star": max(len(loved[g] & titles(ten[g], low)) for g in GENRES),
    }


def gates(result: dict[str, Any]) -> list[tuple[str, bool]]:
    """What is promised of the lists, and whether it holds."""
    mean = result["folds"]
    checks = []
    for metric in ("ndcg@10", "recall@10"):
        times = mean[SHOWN][metric] / mean["Popularity"][metric]
        text = f"lists: {metric} {mean[SHOWN][metric]:.3f}, {times:.2f} times counting heads"
        checks.append((f"{text} (at least {TIMES})", times >= TIMES))
    share = mean[SHOWN]["ndcg@10"] / mean["EASE"]["ndcg@10"]
    checks.append((f"lists: {share:.3f} of EASE's NDCG@10 (at least {SHARE})", share >= SHARE))
    for what, shared in result["answers"].items():
        text = f"lists: {what} share {shared} of ten titles at most (at most {MOST_SHARED})"
        checks.append((text, shared <= MOST_SHARED))
    return checks
