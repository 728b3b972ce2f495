"""From a fitted model to predictions, and from predictions to the numbers in a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from recsys_tutorial import metrics as formulas
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset, concat
from recsys_tutorial.losses import score_of
from recsys_tutorial.models.base import Model
from recsys_tutorial.ranking import ranking_statistics, top_k

ROWS = 64 * 1024  # rows scored at once by predict
_ON_ROWS = ("rmse", "mae", "auc", "conditional_auc")  # the first two of ratings only
_STATISTICS = {  # as in the result, and in ranking_statistics
    "recall@{k}": "recall",
    "precision@{k}": "precision",
    "ndcg@{k}": "ndcg",
    "map@{k}": "average_precision",
    "mrr": "reciprocal_rank",
    "ranking_auc": "auc",
}
CELLS = 16 * 1024 * 1024  # scores held at once by evaluate: 64 MB


@torch.no_grad()
def predict(model: Model, dataset: Dataset, *, clip: bool = True) -> np.ndarray:
    """One prediction a row of `dataset`: float32 (n,), in rating units.

    clip : keep predicted ratings inside the scale of the data (scores of ranking models have no
           unit and are never clipped)

    Raises ValueError when the model was built for another vocabulary.
    """
    model.check_vocabulary(dataset)
    model.eval()
    columns = [c for c in model.columns if c != "rating"]
    device = model.mean.device
    parts = [
        score_of(model(batch)) for batch in dataset.batches(columns, batch_size=ROWS, device=device)
    ]
    scores = torch.cat(parts) if parts else torch.empty(0)
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
    """Every number of the series' tables, for one model on one test part.

    train    : the Dataset (or several: train and valid for the test table) whose items are taken
               out of each user's ranking
    relevant : ratings from here on are relevant; None means 4 on a scale that ends at 5, and
               every pair where the data has no ratings
    metrics  : names of those wanted, None for all below. What nobody asks for is not computed:
               in a large catalogue `mrr` and `ranking_auc` cost as much as all others together

    rmse, mae              : in stars, predictions clipped to the scale; absent for ranking models
    auc                    : over the rated test rows of all users together, relevant or not
    conditional_auc        : the same within each user's rows, mean over users who have both kinds
    recall@k ... mrr       : each user's test items among the whole catalogue less the items of
                             `train`; means over the `n_users` with a relevant one
    ranking_auc            : of that ranking: the share of not relevant items below a relevant one
    coverage               : share of the catalogue that is in anybody's top k
    n_users, n_cold        : users ranked; test rows whose user or item the model never saw
    Ties count as all their orders averaged. Formulas: `rt.metrics`.

    Raises ValueError for another vocabulary, an empty test part, an unclear `relevant`, or a
    metric that is unknown, or has no meaning for this model.
    """
    if len(test) == 0:
        raise ValueError("the test part is empty: there is nothing to evaluate on")
    seen = [train] if isinstance(train, Dataset) else list(train)
    for part in [test, *seen]:
        model.check_vocabulary(part)
    wanted = _wanted(model, metrics, k)
    of_ratings = wanted <= {"rmse", "mae", "n_cold"}
    is_relevant = np.empty(0) if of_ratings else relevant_rows(test, relevant)
    result: dict[str, float] = {}
    if not wanted.isdisjoint(_ON_ROWS):
        scores = predict(model, test, clip=False)
        stars = scores.clip(*model.scale.tolist())
        rows: dict[str, Callable[[], float]] = {
            "rmse": lambda: formulas.rmse(test.rating, stars),
            "mae": lambda: formulas.mae(test.rating, stars),
            "auc": lambda: formulas.auc(is_relevant, scores),
            "conditional_auc": lambda: formulas.conditional_auc(is_relevant, scores, test.user),
        }
        result.update((name, compute()) for name, compute in rows.items() if name in wanted)
    if not wanted <= {*_ON_ROWS, "n_cold"}:
        taken = concat(*seen) if len(seen) > 1 else next(iter(seen), None)
        result.update(_ranking(model, test, taken, is_relevant, k, wanted))
    if "n_cold" in wanted:
        cold_user = (model.user_count == 0).cpu().numpy()[test.user]
        cold_item = (model.item_count == 0).cpu().numpy()[test.item]
        result["n_cold"] = int((cold_user | cold_item).sum())
    return result


def _wanted(model: Model, metrics: Iterable[str] | None, k: int) -> set[str]:
    """The names asked for, all of them known."""
    rows = _ON_ROWS if model.predicts == "rating" else _ON_ROWS[2:]
    known = [*rows, *(name.format(k=k) for name in _STATISTICS), "coverage", "n_users", "n_cold"]
    wanted = known if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(
            f"metrics={unknown}: for a {type(model).__name__} and k={k}, evaluate knows "
            + ", ".join(known)
        )
    return set(wanted)


def next_group(test: Dataset, train: Dataset | Sequence[Dataset]) -> Dataset:
    """What came next: of each user's rows in `test` the first after all of `train`.

    "First" is the earliest time that is later than the user's last one in `train`: one row, or all
    rows of that second, each of them a right answer. Rows of the very second in which `train` ends
    are left out, since nobody can tell which of them was first. Without timestamps the order of
    rows is the order in time.
    """
    seen = [train] if isinstance(train, Dataset) else train
    never = np.iinfo(np.int64)
    end = np.full(test.n_users, never.min)
    for part in seen:
        np.maximum.at(end, part.user, _moment(part))
    later = test.take(_moment(test) > end[test.user])
    first = np.full(test.n_users, never.max)
    np.minimum.at(first, later.user, _moment(later))
    return later.take(_moment(later) == first[later.user])


def _moment(data: Dataset) -> np.ndarray:
    return data.row if data.timestamp is None else data.timestamp


def relevant_rows(test: Dataset, threshold: float | None) -> np.ndarray:
    """Which rows are relevant, bool (n,). Raises ValueError where that has to be said."""
    if threshold is None:
        if test.implicit:
            return np.ones(len(test), dtype=bool)
        if test.scale[1] != 5:
            low, high = test.scale
            raise ValueError(
                f"which ratings are relevant? This scale runs from {low:g} to {high:g}: pass "
                f"relevant=..., {low + 0.75 * (high - low):g} say"
            )
        threshold = 4.0
    return test.rating >= threshold


@torch.no_grad()
def _ranking(
    model: Model,
    test: Dataset,
    train: Dataset | None,
    is_relevant: np.ndarray,
    k: int,
    wanted: set[str],
) -> dict[str, float]:
    """Exhaustive ranking, one block of users after the other."""
    device = model.mean.device
    positive = test.take(is_relevant)
    users = np.unique(positive.user)
    if len(users) == 0:
        raise ValueError(
            "no test row is relevant: pass a lower relevant=... (ratings from there on count)"
        )
    relevant, taken = _Rows(positive), None if train is None else _Rows(train)
    whole = not wanted.isdisjoint({"mrr", "ranking_auc"})
    history_end = None if train is None else train.last_times()
    block = max(1, CELLS // test.n_items)
    per_user: dict[str, Tensor] = {}  # made once: small pieces between blocks would pin memory
    shown = torch.zeros(test.n_items, dtype=torch.bool)
    for start in range(0, len(users), block):
        some = users[start : start + block]
        time = None if history_end is None else torch.from_numpy(history_end[some])
        batch = Batch(user=torch.from_numpy(some), time=time).to(device)
        scores = model.score_items(batch).to("cpu", torch.float32)
        scores = scores.clone() if scores.stride(0) == 0 or scores.stride(1) == 0 else scores
        none = torch.empty(0, dtype=torch.int64)
        masked = (none, none) if taken is None else taken.of(some)
        statistics = ranking_statistics(scores, *relevant.of(some), *masked, k=k, whole=whole)
        for name, values in statistics.items():
            if name not in per_user:
                per_user[name] = torch.empty(len(users), dtype=torch.float64)
            per_user[name][start : start + block] = values
        if "coverage" in wanted:
            _, best = top_k(scores, k)  # masked cells are -inf by now
            shown[best[best >= 0]] = True  # -1 where a user has fewer than k candidates
    mean = {name: float(values.nanmean()) for name, values in per_user.items()}
    result = {
        key: mean[name]
        for template, name in _STATISTICS.items()
        if (key := template.format(k=k)) in wanted
    }
    if "coverage" in wanted:
        result["coverage"] = float(shown.double().mean())
    if "n_users" in wanted:
        result["n_users"] = len(users)
    return result


class _Rows:
    """The items of each user, without a search: rows sorted by user, and where each begins."""

    def __init__(self, data: Dataset) -> None:
        small = data.n_users <= np.iinfo(np.uint16).max  # 16-bit keys are sorted in linear time
        key = data.user.astype(np.uint16) if small else data.user
        order = np.argsort(key, kind="stable")
        self.item = data.item[order]
        self.start = np.concatenate([[0], np.cumsum(data.counts("user"))])

    def of(self, users: np.ndarray) -> tuple[Tensor, Tensor]:
        """(row in the block, item) of every rating of these users."""
        first, many = self.start[users], self.start[users + 1] - self.start[users]
        rows = np.repeat(np.arange(len(users)), many)
        offset = np.arange(len(rows)) - np.repeat(np.cumsum(many) - many, many)
        items = self.item[np.repeat(first, many) + offset]
        return torch.from_numpy(rows), torch.from_numpy(items)
