"""The first minute: data, a trained recommender beside its baselines, and ten titles.

Run by the start command: `python -m recsys_workshop.first_run --dataset ml-100k`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

from recsys_tutorial import datasets
from recsys_tutorial.datasets import Dataset, concat
from recsys_tutorial.evaluation import evaluate
from recsys_tutorial.models import BiasedMF, Model, Popularity
from recsys_tutorial.recommending import recommend
from recsys_tutorial.training import fit

SEED = 42


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; exit code 1 and one line when there is no data."""
    options = _parser().parse_args(arguments)
    try:
        data = datasets.load(
            options.dataset, data_dir=options.data_dir, offline=options.offline, fallback="planted"
        )
    except (OSError, ValueError) as error:
        print(f"Cannot load {options.dataset}: {error}", file=sys.stderr)
        return 1
    print(
        f"Data: {data.name} from {data.source}: {len(data):,} ratings of {data.n_items:,} films by "
        f"{data.n_users:,} users, {data.scale[0]:g} to {data.scale[1]:g} stars."
    )
    train, valid, test = data.split("random", seed=SEED)
    train = concat(train, valid)  # the settings were chosen before: validation data can be learned
    model = _compare(train, test)
    _show_recommendations(model, train)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="recsys_workshop.first_run", description=__doc__)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--offline", action="store_true", help="use no network")
    return parser


def _compare(train: Dataset, test: Dataset) -> Model:
    """Print the recommender beside its baselines; return the recommender."""
    rows: list[tuple[str, Model]] = [
        ("global mean", BiasedMF.for_dataset(train, dim=0)),  # not fitted: all biases are zero
        ("biases only", BiasedMF.for_dataset(train, dim=0)),
        ("popularity", Popularity.for_dataset(train)),
        ("matrix factorisation", BiasedMF.for_dataset(train)),
    ]
    print(f"\nTraining on {len(train):,} ratings ...")
    start = time.perf_counter()
    for _, model in rows[1:]:
        fit(model, train, progress=False)
    seconds = time.perf_counter() - start
    print(f"Trained in {seconds:.1f} s. Judged on the other {len(test):,} (random, seed {SEED}):\n")
    print(f"{'':22}{'RMSE (stars)':>14}{'AUC':>8}{'conditional AUC':>18}")
    for name, model in rows:
        result = evaluate(model, test, train=train)
        rmse = f"{result['rmse']:.3f}" if "rmse" in result else "-"
        auc, conditional = result["auc"], result["conditional_auc"]
        print(f"{name:22}{rmse:>14}{auc:>8.3f}{conditional:>18.3f}")
    print(
        "\nRMSE: how far predictions are off, in stars. AUC: how often a liked film (4 stars or\n"
        "more) scores above one that was not liked; conditional AUC: the same within one user."
    )
    return rows[-1][1]


def _show_recommendations(model: Model, train: Dataset) -> None:
    """Ten films for a user of middling activity, beside what that user loved."""
    counts = train.counts("user")
    active = np.flatnonzero(counts)
    position = int(active[np.argsort(counts[active], kind="stable")[len(active) // 2]])
    user = train.user_vocab.id_at(position)
    mine = train.ratings[train.user == position].nlargest(3, "rating")
    titles = train.items["title"]
    print(f"\nUser {user} rated {counts[position]} films. Three that they loved:")
    for item, stars in zip(mine["item"], mine["rating"], strict=True):
        print(f"  {titles.iloc[train.item_vocab.position(item)]} ({stars:g} stars)")
    print(f"\nTen recommendations for user {user}:")
    table = recommend(model, train, user)
    for rank, film in enumerate(table.to_dict("records"), start=1):
        genres = f"  [{', '.join(film['genres'])}]" if film.get("genres") else ""
        print(f"  {rank:>2}. {film['title']}{genres}  {film['score']:.1f} stars")


if __name__ == "__main__":
    sys.exit(main())
