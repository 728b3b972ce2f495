"""`rt.interpret`: what a fitted model has learned, in stars and in titles.

Everything works on any Dataset and on any model with user and item factors; a model without
them is refused by name.
"""

from recsys_tutorial.interpret.axes import Axes, matches, neighbours_kept, pca, place
from recsys_tutorial.interpret.factors import Factors, factors
from recsys_tutorial.interpret.intervals import (
    Comparison,
    Interval,
    auc_interval,
    compare,
    conditional_auc_interval,
    mean_interval,
)
from recsys_tutorial.interpret.items import biases, neighbours, polarizability
from recsys_tutorial.interpret.naming import attributes, correlations, describe
from recsys_tutorial.interpret.procrustes import Alignment, procrustes
from recsys_tutorial.interpret.stability import halves, permutation_baseline, refit
from recsys_tutorial.titles import find

__all__ = [
    "Alignment",
    "Axes",
    "Comparison",
    "Factors",
    "Interval",
    "attributes",
    "auc_interval",
    "biases",
    "compare",
    "conditional_auc_interval",
    "correlations",
    "describe",
    "factors",
    "find",
    "halves",
    "matches",
    "mean_interval",
    "neighbours",
    "neighbours_kept",
    "pca",
    "permutation_baseline",
    "place",
    "polarizability",
    "procrustes",
    "refit",
]
