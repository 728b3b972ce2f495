"""From a fitted model to predictions, and from predictions to metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array

from recsys_tutorial import metrics as formulas
from recsys_tutorial.arguments import check_model
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset, concat
from recsys_tutorial.losses import score_of
from recsys_tutorial.metrics import ties
from recsys_tutorial.metrics.checks import whole
from recsys_tutorial.models.base import Model

ROWS = 64 * 1024  # rows scored at once by predict
CELLS = 8 * 1024 * 1024  # scores held at once by evaluate: 32 MB
_OF_RATINGS = ("rmse", "mae")
_OF_ROWS = ("auc", "conditional_auc")
_OF_LISTS: dict[str, Callable[[ties.Ties, int], np.ndarray]] = {
    "recall@{k}": ties.recall,
    "precision@{k}": ties.precision,
    "ndcg@{k}": ties.ndcg,
    "map@{k}": ties.average_precision,
    "mrr": lambda t, k: ties.reciprocal_rank(t),
    "ranking_auc": lambda t, k: ties.ranking_auc(t),
}


@torch.no_grad()
def predict(model: Model, dataset: Dataset, *, clip: bool = True) -> np.ndarray:
    """One prediction per row of `dataset`: float32 (n,), in rating units.

    Args:
        model: A fitted model.
        dataset: The rows, of the model's own vocabulary.
        clip: Keep predicted ratings inside the scale of the data (scores of ranking models have
            no unit and are never clipped).

    Raises:
        TypeError, ValueError: no model, no Dataset, or one of another vocabulary; a closed form
            that was never fitted, or predictions that are not finite.
    """
    check_model(model, dataset)
    if hasattr(model, "fit"):  # a closed form; other models may predict before training
        model.check_fitted()
    model.eval()
    columns = [c for c in model.columns if c != "rating"]
    device = model.mean.device
    parts = [
        score_of(model(batch)) for batch in dataset.batches(columns, batch_size=ROWS, device=device)
    ]
    scores = torch.cat(parts) if parts else torch.empty(0)
    if not scores.isfinite().all():
        model.check_fitted()
    if clip and model.predicts == "rating":
        scores = scores.clamp(*model.scale)
    return scores.cpu().numpy()


def evaluate(
    model: Model,
    test: Dataset,
    *,
    train: Dataset | Sequence[Dataset],
    relevant: float | None = None,
    k: int = 10,
    metrics: Iterable[str] | None = None,
) -> dict[str, float]:
    """All metrics of one model on one test part.

    Ties are averaged over all their orders, and every test row counts once, whatever its weight.
    Formulas: `rt.metrics`.

    Args:
        model: A fitted model.
        test: The test rows.
        train: The Dataset (or a list, for the test part train and valid) whose items are left out
            of each user's ranking.
        relevant: Ratings from here on are relevant; None means 4 on a scale that ends at 5, and
            every pair where the data has no ratings.
        k: Length of the lists.
        metrics: Names of the metrics to compute; None for all.

    Returns:
        A dict with these keys, in this order:

        - rmse, mae: in stars, predictions clipped to the scale; absent for ranking models and for
          pairs without ratings.
        - auc: over the test rows of all users together, relevant or not; conditional_auc: the same
          within each user's rows, mean over users who have both kinds. Both are absent for pairs
          without ratings.
        - recall@k, precision@k, ndcg@k, map@k, mrr: each user's relevant test items in the ranking
          of the catalogue without the items of `train`; means over the `n_users` who have one.
        - ranking_auc: in that ranking, the share of irrelevant items below a relevant one.
        - coverage: share of the catalogue in at least one top k.
        - n_users, n_cold: users ranked; test rows whose user or item has no training rating.

    Raises:
        TypeError: no model, no Dataset, or a setting of the wrong type.
        ValueError: another vocabulary, a model that was never fitted, an empty test part, a test
            row that is also in `train`, an unclear `relevant`, or a metric that is unknown or
            meaningless here.
    """
    parts = training_parts(model, test, train)
    model.check_fitted()
    k = whole("k", k)
    wanted = wanted_metrics(model, test, metrics, k)
    result: dict[str, float] = {}
    if wanted & {*_OF_RATINGS, *_OF_ROWS}:
        scores = predict(model, test, clip=False)
        stars = scores.clip(*model.scale.tolist())
        if wanted & {*_OF_ROWS}:
            good = relevant_rows(test, relevant)
        rows: dict[str, Callable[[], float]] = {
            "rmse": lambda: formulas.rmse(test.rating, stars),
            "mae": lambda: formulas.mae(test.rating, stars),
            "auc": lambda: formulas.auc(good, scores),
            "conditional_auc": lambda: formulas.conditional_auc(good, scores, test.user),
        }
        result.update((name, compute()) for name, compute in rows.items() if name in wanted)
    lists = [name for name in _OF_LISTS if name.format(k=k) in wanted]
    if lists or wanted & {"coverage", "n_users"}:
        shown = np.zeros(test.n_items, dtype=bool) if "coverage" in wanted else None
        users, values = rank_users(model, test, parts, relevant, k, lists, shown)
        result.update((name, float(np.nanmean(value))) for name, value in values.items())
        if shown is not None:
            result["coverage"] = float(shown.mean())
        if "n_users" in wanted:
            result["n_users"] = len(users)
    if "n_cold" in wanted:
        cold_user = (model.user_count == 0).cpu().numpy()[test.user]
        cold_item = (model.item_count == 0).cpu().numpy()[test.item]
        result["n_cold"] = int((cold_user | cold_item).sum())
    return result


def training_parts(
    model: Model, test: Dataset, train: Dataset | Sequence[Dataset]
) -> list[Dataset]:
    """The training parts as a list, after checks of all arguments."""
    if train is None:
        raise TypeError(
            "train=None: pass the part that the model was fitted on, whose items are left out of "
            "the ranking, or train=[] to leave none out"
        )
    parts: list[Any] = list(train) if isinstance(train, (list, tuple)) else [train]
    check_model(model, test, *parts)
    if len(test) == 0:
        raise ValueError("the test part is empty: there is nothing to evaluate on")
    return parts


def wanted_metrics(model: Model, test: Dataset, metrics: Iterable[str] | None, k: int) -> set[str]:
    """The names of the metrics to compute; ValueError for an unknown one."""
    of_ratings = _OF_RATINGS if model.predicts == "rating" and not test.implicit else ()
    of_rows = () if test.implicit else _OF_ROWS
    lists = [name.format(k=k) for name in _OF_LISTS]
    known = [*of_ratings, *of_rows, *lists, "coverage", "n_users", "n_cold"]
    wanted = known if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        of = "pairs without ratings" if test.implicit else "ratings"
        raise ValueError(
            f"metrics={unknown}: for a {type(model).__name__} on {of} and k={k}, evaluate knows "
            + ", ".join(known)
        )
    return set(wanted)


def relevant_rows(test: Dataset, threshold: float | None) -> np.ndarray:
    """Which rows are relevant, bool (n,); ValueError where the scale has no usual threshold."""
    if threshold is not None:
        if not isinstance(threshold, Real):
            raise TypeError(f"relevant={threshold!r} must be a number")
        return test.rating >= threshold
    if test.implicit:
        return np.ones(len(test), dtype=bool)
    if test.scale[1] != 5:
        low, high = test.scale
        raise ValueError(
            f"which ratings are relevant? This scale runs from {low:g} to {high:g}: pass "
            f"relevant=..., for example {np.quantile(test.rating, 0.75):g}, where the upper "
            "quarter of these ratings begins"
        )
    return test.rating >= 4


@torch.no_grad()
def rank_users(
    model: Model,
    test: Dataset,
    parts: Sequence[Dataset],
    relevant: float | None,
    k: int,
    names: Iterable[str],
    shown: np.ndarray | None = None,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Rank the catalogue without the items of `parts`, one block of users after the other.

    Returns the positions of the users with a relevant row, and for each of `names` (keys of
    `_OF_LISTS`) one value per user. `shown` (n_items,) becomes True for every item in a top k.
    """
    model.eval()
    positive = _by_user(test, relevant_rows(test, relevant))
    users = np.flatnonzero(np.diff(positive.indptr))
    if len(users) == 0:
        raise ValueError(
            "no test row is relevant: pass a lower relevant=... (ratings from there on count)"
        )
    train = concat(*parts) if parts else None
    taken = None if train is None else _by_user(train)
    if taken is not None and (both := (positive * taken).nonzero())[0].size:
        user, item = test.user_vocab.id_at(both[0][0]), test.item_vocab.id_at(both[1][0])
        raise ValueError(
            f"user {user!r} has item {item!r} in train and in test, so the metrics would measure "
            "memory: pass the parts of one split"
        )
    ends = None if train is None else train.last_times()
    block = max(1, CELLS // test.n_items)
    values = {name: np.empty(len(users)) for name in names}
    for start in range(0, len(users), block):
        here = slice(start, start + block)
        time = None if ends is None else torch.from_numpy(ends[users[here]])
        batch = Batch(user=torch.from_numpy(users[here]), time=time).to(model.mean.device)
        scores = model.list_scores(batch).to("cpu", torch.float32).numpy().copy()
        if taken is not None:
            scores[taken[users[here]].nonzero()] = -np.inf
        row, item = positive[users[here]].nonzero()
        found = ties.find_ties(row, item, scores)
        for name, each in values.items():
            each[here] = _OF_LISTS[name](found, k)
        if shown is not None:
            shown |= ties.in_top(scores, k).any(axis=0)
    return users, {name.format(k=k): each for name, each in values.items()}


def _by_user(data: Dataset, rows: np.ndarray | slice = slice(None)) -> csr_array:
    """A sparse table (n_users, n_items) with 1 for each row of the data."""
    user, item = data.user[rows], data.item[rows]
    ones = np.ones(len(user), dtype=np.int8)
    return csr_array((ones, (user, item)), shape=(data.n_users, data.n_items))


def next_group(test: Dataset, train: Dataset | Sequence[Dataset]) -> Dataset:
    """Each user's next rows: those of `test` at the first time after the user's last in `train`.

    One row, or all rows of that second, each of them a right answer. Rows of the second in which
    `train` ends are left out, since their order is unknown. Without timestamps the order of rows
    counts as time.
    """
    never = np.iinfo(np.int64)
    end = np.full(test.n_users, never.min)
    for part in [train] if isinstance(train, Dataset) else train:
        np.maximum.at(end, part.user, _moment(part))
    later = test.take(_moment(test) > end[test.user])
    first = np.full(test.n_users, never.max)
    np.minimum.at(first, later.user, _moment(later))
    return later.take(_moment(later) == first[later.user])


def _moment(data: Dataset) -> np.ndarray:
    return data.row if data.timestamp is None else data.timestamp
