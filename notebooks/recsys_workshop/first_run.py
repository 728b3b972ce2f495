"""The first minute: data, two trained models compared with their baselines, and ten titles.

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
from recsys_tutorial.evaluation import evaluate, predict
from recsys_tutorial.metrics import rmse
from recsys_tutorial.models import BiasedMF, ImplicitALS, Model, Popularity
from recsys_tutorial.recommending import recommend
from recsys_tutorial.training import fit
from recsys_workshop.tables import draw_stars, films

SEED = 42


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; exit code 1 and one line when there is no data."""
    parser = argparse.ArgumentParser(prog="recsys_workshop.first_run", description=__doc__)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--offline", action="store_true", help="use no network")
    options = parser.parse_args(arguments)
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
    train = concat(train, valid)  # the settings are chosen: train on validation data too
    of_stars, ranker = _compare(train, test)
    _show_recommendations(of_stars, ranker, train)
    return 0


def _compare(train: Dataset, test: Dataset) -> tuple[Model, Model]:
    """Print both recommenders with their baselines; return the ones for stars and for lists."""
    biases = BiasedMF.for_dataset(train, dim=0)
    of_stars, ranker = BiasedMF.for_dataset(train), ImplicitALS.for_dataset(train)
    heads = Popularity.for_dataset(train)
    print(f"\nTraining two models on {len(train):,} ratings ...")
    start = time.perf_counter()
    fit(of_stars, train, progress=False)
    fit(ranker, train, progress=False)
    seconds = time.perf_counter() - start
    fit(biases, train, progress=False)
    fit(heads, train, progress=False)
    print(f"Trained in {seconds:.1f} s. Tested on the other {len(test):,} (random, seed {SEED}).\n")
    lazy = float(np.sqrt(np.mean((test.rating - train.rating.mean()) ** 2)))
    errors = [rmse(test.rating, predict(model, test)) for model in (biases, of_stars)]
    print("How many stars? A typical miss (RMSE), in stars:")
    for name, error in zip(
        ("the mean for everybody", "biases only", "matrix factorisation"),
        (lazy, *errors),
        strict=True,
    ):
        print(f"  {name:26}{error:.3f}")
    print("\nWhich ten films? The share of the films they liked that is among the ten (recall@10):")
    lists = [evaluate(m, test, train=train) for m in (heads, ranker)]
    for name, found in zip(("most rated films", "model trained for lists"), lists, strict=True):
        print(f"  {name:26}{found['recall@10']:.3f}")
    hits = [10 * found["precision@10"] for found in lists]
    print(
        f"Of the ten films on its list, a person went on to like {hits[1]:.1f} on average; of the "
        f"ten most rated films {hits[0]:.1f}."
    )
    return of_stars, ranker


def _show_recommendations(of_stars: Model, ranker: Model, train: Dataset) -> None:
    """Ten films for a user with a typical number of ratings, and films that this user loved."""
    counts = train.counts("user")
    active = np.flatnonzero(counts)
    position = int(active[np.argsort(counts[active], kind="stable")[len(active) // 2]])
    user = train.user_vocab.id_at(position)
    mine = train.ratings[train.user == position].nlargest(3, "rating")
    titles = train.items["title"]
    print(f"\nOne person rated {counts[position]} films. Three that they loved:")
    for item, stars in zip(mine["item"], mine["rating"], strict=True):
        print(f"  {draw_stars(stars)}  {titles.iloc[train.item_vocab.position(item)]}")
    print("\nTen recommendations for them, with the stars that we expect:")
    print(films(recommend(ranker, train, user, stars=of_stars), ["stars", "title", "genres"]))


if __name__ == "__main__":
    sys.exit(main())
