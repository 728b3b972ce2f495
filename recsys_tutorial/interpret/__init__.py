"""`rt.interpret`: what a fitted model has learned, in stars and in titles.

Everything works with any model that has user and item factors; others are refused by name.
"""

from recsys_tutorial.interpret.axes import Axes, matches, pca, place
from recsys_tutorial.interpret.factors import Factors, factors
from recsys_tutorial.interpret.intervals import (
    Comparison,
    Interval,
    auc_interval,
    compare,
    mean_interval,
)
from recsys_tutorial.interpret.items import biases, neighbours, polarizability
from recsys_tutorial.interpret.procrustes import Alignment, procrustes
from recsys_tutorial.titles import find

__all__ = [
    "Alignment", "Axes", "Comparison", "Factors", "Interval", "auc_interval", "biases", "compare",
    "factors", "find", "matches", "mean_interval", "neighbours", "pca", "place", "polarizability",
    "procrustes",
]  # fmt: skip
