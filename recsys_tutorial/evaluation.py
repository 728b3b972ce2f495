"""From a fitted model to predictions, and from predictions to metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array

from recsys_tutorial import metrics
from recsys_tutorial.arguments import check_model
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset, concat
from recsys_tutorial.losses import score_of
from recsys_tutorial.metrics import ranking
from recsys_tutorial.metrics.checks import whole
from recsys_tutorial.models.base import Model

ROWS = 64 * 1024  # rows scored at once by predict
CELLS = 8 * 1024 * 1024  # scores held at once by evaluate: 32 MB


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
        TypeError: no model, no Dataset.
        ValueError: another vocabulary, a model that was never fitted, an empty test part, a test
            row that is also in `train`, or an unclear `relevant`.
    """
    parts = training_parts(model, test, train)
    good, k = relevant_rows(test, relevant), whole("k", k)
    result: dict[str, float] = {}
    if not test.implicit:
        scores = predict(model, test, clip=False)
        if model.predicts == "rating":
            stars = scores.clip(*model.scale.tolist())
            result["rmse"] = metrics.rmse(test.rating, stars)
            result["mae"] = metrics.mae(test.rating, stars)
        result["auc"] = metrics.auc(good, scores)
        result["conditional_auc"] = metrics.conditional_auc(good, scores, test.user)
    shown = np.zeros(test.n_items, dtype=bool)
    users, values = rank_users(model, test, parts, good, k, list_metrics(k), shown)
    result |= {name: float(np.nanmean(value)) for name, value in values.items()}
    cold_user = (model.user_count == 0).cpu().numpy()[test.user]
    cold_item = (model.item_count == 0).cpu().numpy()[test.item]
    result["coverage"], result["n_users"] = float(shown.mean()), len(users)
    return result | {"n_cold": int((cold_user | cold_item).sum())}


def list_metrics(k: int) -> dict[str, Callable[[ranking.Ties], np.ndarray]]:
    """The metrics of ranked lists by the names that `evaluate` gives them."""
    return {
        f"recall@{k}": partial(ranking.recall, k=k),
        f"precision@{k}": partial(ranking.precision, k=k),
        f"ndcg@{k}": partial(ranking.ndcg, k=k),
        f"map@{k}": partial(ranking.average_precision, k=k),
        "mrr": ranking.reciprocal_rank,
        "ranking_auc": ranking.ranking_auc,
    }


def training_parts(
    model: Model, test: Dataset, train: Dataset | Sequence[Dataset]
) -> list[Dataset]:
    """The training parts as a list, after checks of all arguments."""
    parts: list[Any] = list(train) if isinstance(train, (list, tuple)) else [train]
    check_model(model, test, *parts)
    model.check_fitted()
    if len(test) == 0:
        raise ValueError("the test part is empty: there is nothing to evaluate on")
    return parts


def relevant_rows(test: Dataset, threshold: float | None) -> np.ndarray:
    """Which rows are relevant, bool (n,); ValueError where the scale has no usual threshold."""
    if test.implicit and threshold is None:
        return np.ones(len(test), dtype=bool)
    low, high = test.scale
    if threshold is None and high != 5:
        raise ValueError(
            f"which ratings are relevant? This scale runs from {low:g} to {high:g}: pass "
            f"relevant=..., for example {np.quantile(test.rating, 0.75):g}, where the upper "
            "quarter of these ratings begins"
        )
    return test.rating >= (4 if threshold is None else threshold)


@torch.no_grad()
def rank_users(
    model: Model,
    test: Dataset,
    parts: Sequence[Dataset],
    relevant: np.ndarray,
    k: int,
    names: Iterable[str],
    shown: np.ndarray | None = None,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Rank the catalogue without the items of `parts`, one block of users after the other.

    Returns the positions of the users with a row of `test` that is `relevant`, and for each of
    `names` (keys of `list_metrics`) one value per user. `shown` (n_items,) becomes True for every
    item in a top k.
    """
    model.eval()
    positive = _by_user(test, relevant)
    users = np.flatnonzero(np.diff(positive.indptr))
    if len(users) == 0:
        raise ValueError(
            "no test row is relevant: pass a lower relevant=... (ratings from there on count)"
        )
    train = concat(*parts) if parts else test.take(slice(0))
    taken, ends = _by_user(train), train.last_times()
    if (both := (_by_user(test) * taken).nonzero())[0].size:
        user, item = test.user_vocab.id_at(both[0][0]), test.item_vocab.id_at(both[1][0])
        raise ValueError(
            f"user {user!r} has item {item!r} in more than one part: it is in train and in test, "
            "so the metrics would measure memory; pass the parts of one split"
        )
    block = max(1, CELLS // test.n_items)
    measures, values = list_metrics(k), {name: np.empty(len(users)) for name in names}
    for start in range(0, len(users), block):
        here = slice(start, start + block)
        time = None if ends is None else torch.from_numpy(ends[users[here]])
        batch = Batch(user=torch.from_numpy(users[here]), time=time).to(model.mean.device)
        scores = model.list_scores(batch).to("cpu", torch.float32).numpy().copy()
        scores[taken[users[here]].nonzero()] = -np.inf
        row, item = positive[users[here]].nonzero()
        ties = ranking.find_ties(row, item, scores)
        for name, each in values.items():
            each[here] = measures[name](ties)
        if shown is not None:
            shown |= ranking.in_top(scores, k).any(axis=0)
    return users, values


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
