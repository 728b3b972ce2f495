"""Metrics on plain arrays: they know no model and no Dataset.

Arguments may be numpy arrays, lists, pandas Series or torch tensors. Three conventions hold
everywhere:

* Ties are resolved by expectation over random orders of the tied entries, in closed form. A model
  that gives everything the same score therefore gets what a shuffled list gets on average, and
  never profits from the order of the catalogue.
* A value that does not exist is NaN, never 0: the AUC of one class, the recall of a user without
  relevant items. Use ``numpy.nanmean`` and report how many values there were.
* Wrong input (different shapes, nothing at all, NaN, labels other than 0 and 1, k below 1) is a
  ``ValueError`` that shows the offending value.
"""

from recsys_tutorial.metrics.lists import coverage, intra_list_diversity, novelty
from recsys_tutorial.metrics.pairs import auc, conditional_auc, group_auc
from recsys_tutorial.metrics.pointwise import calibration_error, mae, rmse
from recsys_tutorial.metrics.ranking import (
    average_precision_at_k,
    mrr,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
)

__all__ = [
    "auc", "average_precision_at_k", "calibration_error", "conditional_auc", "coverage",
    "group_auc", "intra_list_diversity", "mae", "mrr", "ndcg_at_k", "novelty",
    "precision_at_k", "recall_at_k", "rmse",
]  # fmt: skip
