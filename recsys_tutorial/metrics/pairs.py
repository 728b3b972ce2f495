"""AUC: the share of (positive, negative) pairs in the right order, over all rows or within groups.

Pooled AUC also compares a positive of one user with a negative of another, so a model that only
knows who rates generously does well. Conditional AUC compares rows of one user only, as a list of
recommendations does.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys_tutorial.metrics.checks import Floats, labels_and_scores


class GroupAUC(NamedTuple):
    """AUC of each group, in ascending order, with the counts that say how far to trust it.

    Attributes:
        group: The groups.
        auc: (n_groups,), NaN where a group has one class only.
        n_positive, n_negative: (n_groups,) rows of each class.
    """

    group: NDArray[Any]
    auc: Floats
    n_positive: NDArray[Any]
    n_negative: NDArray[Any]


def auc(labels: Any, scores: ArrayLike) -> float:
    """Area under the ROC curve: P(positive scores higher) + 1/2 P(tie), over all pairs of rows.

    Equal to ``(sum of the ranks of positives - P (P + 1) / 2) / (P N)`` with average ranks for
    ties, for P positives and N negatives. 1 is perfect, 0.5 is chance, NaN for one class only.

    Args:
        labels: (n,), 0 or 1 (for ratings: whether the rating is at least the relevant value).
        scores: (n,), higher means more likely positive; may be infinite.

    Source: Hanley and McNeil, Radiology 1982 (the Mann-Whitney statistic).

    Example:
        >>> auc([1, 0, 1, 0], [0.9, 0.5, 0.5, 0.1])  # 3 pairs right, 1 tied
        0.875
    """
    return float(group_auc(labels, scores, np.zeros(len(labels))).auc[0])


def group_auc(labels: ArrayLike, scores: ArrayLike, groups: ArrayLike) -> GroupAUC:
    """AUC within each group; NaN for groups with one class only.

    Args:
        labels, scores: (n,), as for :func:`auc`.
        groups: (n,) numbers or text: the user of each row, or the item.

    Example:
        >>> group_auc([1, 0, 1], [2.0, 1.0, 3.0], ["ann", "ann", "bob"]).auc.tolist()
        [1.0, nan]
    """
    y, s = labels_and_scores(labels, scores)
    of = np.asarray(groups)
    if of.shape != y.shape:
        raise ValueError(f"groups and labels differ in shape: {of.shape} and {y.shape}")
    names, codes = np.unique(of, return_inverse=True)
    order = np.lexsort((s, codes))
    y, s, codes = y[order], s[order], codes[order]
    positives, negatives = np.bincount(codes, weights=y), np.bincount(codes, weights=1 - y)
    # A tie is a set of rows of one group with one score.
    starts = np.ones(y.size, dtype=bool)
    starts[1:] = (s[1:] != s[:-1]) | (codes[1:] != codes[:-1])
    tie, group = np.cumsum(starts) - 1, codes[starts]
    tie_positives, tie_negatives = np.bincount(tie, weights=y), np.bincount(tie, weights=1 - y)
    before_group = np.cumsum(negatives) - negatives
    below = np.cumsum(tie_negatives) - tie_negatives - before_group[group]
    right = np.bincount(group, weights=tie_positives * (below + tie_negatives / 2))
    pairs = positives * negatives
    each = np.divide(right, pairs, out=np.full_like(right, np.nan), where=pairs > 0)
    return GroupAUC(names, each, positives, negatives)


def conditional_auc(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike,
    average: Literal["macro", "pairs"] = "macro",
) -> float:
    """AUC conditional on the group: pairs are compared within a group only.

    What is constant in a group cancels: grouped by user, a model of user biases alone has exactly
    0.5; grouped by item, the quality of the items cancels. The name and this definition are ours.
    The "grouped AUC" (GAUC) of the advertising literature weights users by impressions or clicks.

    Args:
        labels, scores: (n,), as for :func:`auc`.
        groups: (n,) numbers or text, usually the user of each row. Groups with one class are left
            out; NaN if none is left.
        average: ``"macro"``: mean over groups, each counts the same. ``"pairs"``: groups weighted
            by their P * N, which is the share of all within-group pairs in the right order.

    Example:
        >>> labels, scores = [1, 0, 1, 0], [4.0, 3.0, 2.0, 1.0]
        >>> auc(labels, scores), conditional_auc(labels, scores, ["a", "a", "b", "b"])
        (0.75, 1.0)
    """
    if average not in ("macro", "pairs"):
        raise ValueError(f'average must be "macro" or "pairs", got {average!r}')
    each = group_auc(labels, scores, groups)
    both = ~np.isnan(each.auc)
    if not both.any():
        return float("nan")
    pairs = (each.n_positive * each.n_negative)[both]
    return float(np.average(each.auc[both], weights=pairs if average == "pairs" else None))
