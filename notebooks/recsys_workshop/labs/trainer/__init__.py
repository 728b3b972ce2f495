"""`trainer`: a recommender that the reader's own browser trains, in a frame or on the site."""

from __future__ import annotations

import base64
from importlib import resources

import numpy as np

from recsys_tutorial.datasets import Dataset, concat
from recsys_tutorial.recommending import FEW
from recsys_workshop.labs.framed import Framed, framed

SHOWN, OFFERED = 150, 8  # films on the map, films to rate
WHAT = "A recommender to train in the browser"
ALT = (
    "Two drawings beside each other. Left: the error on the held-out ratings falls from epoch to "
    "epoch and then stays level. Right: a map on which the best known films have drifted apart "
    "into a cloud, with the reader as a diamond among them."
)


def trainer(dataset: Dataset, *, following: str = "") -> Framed:
    """A page that trains BiasedMF, or the same tables with BPR, on the training part of seed 42.

    The error is that on the validation part of the split; the page does not hold the test part.

    dataset   : ratings with titles
    following : HTML at the end of the last of the three explanations, for example a link
    """
    train, valid, _ = dataset.split("random", seed=42)
    rows, counts = concat(train, valid), train.counts("item")
    low, high = dataset.scale
    best_known = np.argsort(-counts, kind="stable")
    whole = np.uint16 if max(dataset.n_users, dataset.n_items) < 2**16 else np.uint32
    arrays = {
        "user": rows.user.astype(whole),
        "item": rows.item.astype(whole),
        "rating": rows.rating.astype(np.float32),
        "heldOut": np.repeat(np.array([0, 1], dtype=np.uint8), [len(train), len(valid)]),
        "counts": counts.astype(np.uint32),
    }
    data = {
        "arrays": {name: _packed(one) for name, one in arrays.items()},
        "titles": dataset.items["title"].tolist(),
        "users": dataset.n_users,
        "items": dataset.n_items,
        "mean": float(train.rating.mean()),
        "unit": (high - low) / 4,
        "low": low,
        "high": int(high),
        "liked": low + 0.75 * (high - low),
        "least": FEW,
        "epochs": 12,
        "shown": best_known[:SHOWN].tolist(),
        "offered": _unlike(dataset, best_known),
    }
    page = resources.files(__package__) / "page"
    words = {
        "WORKER": (page / "worker.js").read_text(encoding="utf-8"),
        "ROWS": f"{len(train):,}",
        "USERS": f"{dataset.n_users:,}",
        "ITEMS": f"{dataset.n_items:,}",
        "NEXT": following,
    }
    picture = (page / "still.png").read_bytes()
    return framed(__package__, "trainer", data, picture, ALT, WHAT, 1040, **words)


def _packed(column: np.ndarray) -> dict[str, str]:
    kinds = {"uint8": "Uint8", "uint16": "Uint16", "uint32": "Uint32", "float32": "Float32"}
    code = base64.b64encode(column.tobytes()).decode()  # little-endian, as browsers have it
    return {"kind": f"{kinds[column.dtype.name]}Array", "base64": code}


def _unlike(dataset: Dataset, best_known: np.ndarray) -> list[int]:
    """Well-known films to rate, with as many different first genres as possible."""
    genres = dataset.items["genres"].tolist() if "genres" in dataset.items else []
    first = {i: (genres[i] or ("",))[0] if genres else "" for i in best_known[:60].tolist()}
    of_genre = {genre: i for i, genre in reversed(first.items())}
    chosen = sorted(of_genre.values(), key=list(first).index)[:OFFERED]
    return (chosen + [i for i in first if i not in chosen])[:OFFERED]
