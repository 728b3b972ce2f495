"""Lists: what a reader sees.

Models with their defaults on the five official folds, means; and how many of ten titles two lists
share at most, for different tastes. Seed 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import recsys_tutorial as rt
from benchmarks.measuring import Gate, at_least, at_most, fitted, over_folds
from recsys_tutorial.datasets import Dataset

CONTENDERS = ("Popularity", "EASE", "BiasedMF", "ImplicitALS")
SHOWN = "ImplicitALS"  # `page.ranker`, with its defaults
METRICS = ("ndcg@10", "recall@10", "precision@10", "coverage")
TIMES = 1.9  # at least so many times the value of Popularity
SHARE = 0.95  # at least this part of EASE's value
GENRES = ("Sci-Fi", "Children's", "Horror", "Romance", "War")
MOST_SHARED = 4  # of ten titles


def compare(data: Dataset) -> dict[str, Any]:
    """Metrics by model, means of the folds; and how the lists react to likes and dislikes."""
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    for train, test in data.folds(5):
        for name in CONTENDERS:
            model, _ = fitted(name, train)
            shown = [rt.recommend(model, train, u)["item"] for u in train.user_vocab.ids[:200]]
            often = train.counts("item")[train.item_vocab.index(np.concatenate(shown))]
            found = rt.evaluate(model, test, train=train)
            row = {metric: round(float(found[metric]), 4) for metric in METRICS}
            rows[name].append({**row, "ratings of a film": float(np.mean(often))})
    folds = {name: over_folds(each) for name, each in rows.items()}
    return {"folds": folds, "answers": answers(fitted(SHOWN, data)[0], data)}


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


def gates(result: dict[str, Any]) -> list[Gate]:
    """What is promised of the lists, and whether it holds."""
    shown, popular, ease = (result["folds"][name] for name in (SHOWN, "Popularity", "EASE"))
    checks = []
    for metric in ("ndcg@10", "recall@10"):
        times = shown[metric] / popular[metric]
        text = f"lists: {metric} {shown[metric]:.3f}, {times:.2f} times that of Popularity"
        checks.append(at_least(text, times, TIMES))
    share = shown["ndcg@10"] / ease["ndcg@10"]
    checks.append(at_least(f"lists: {share:.3f} of EASE's NDCG@10", share, SHARE))
    for what, shared in result["answers"].items():
        checks.append(at_most(f"lists: {what} share {shared} of ten titles", shared, MOST_SHARED))
    return checks
