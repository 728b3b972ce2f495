"""The page as a directory of files: the item tables in the browser, no server behind it."""

from __future__ import annotations

import base64
import json
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recsys_tutorial.files import replacing
from recsys_tutorial.models.als import ImplicitALS
from recsys_tutorial.models.mf import Factorised
from recsys_tutorial.serving.engine import MOST_RATINGS, Engine, Side
from recsys_tutorial.serving.exporting import Exported, load

SCRIPTS = ("table.js", "engine.js", "static.js", "app.js")
FREE = ("ml-latest-small", "planted")
"""Data sets of this library whose titles may be put on the web. MovieLens-100K and 1M may not:
their terms ask for permission before anything of them is passed on."""

_TERMS = {
    "ml-latest-small": " Ratings: MovieLens, by GroupLens, University of Minnesota, who do "
    "not endorse this page; not for commercial use, and passed on only under the same terms. "
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
    "ACM Transactions on Interactive Intelligent Systems 5, 4."
}
"""What the page has to say where it uses this data."""


class MustNotBePublished(ValueError):
    """The data's terms forbid putting it on the web."""


def build_site(export: str | Path | Exported, out: str | Path) -> Path:
    """Write the page with the models' item tables into the directory `out`.

    It holds what the browser needs to fold in a new user: a row, an offset, a title and the number
    of ratings for each item. No user and no rating of the training data is in it.

    Works from a web host as from a directory on disk (index.html opens in any browser).

    Raises:
        MustNotBePublished: data whose terms forbid it, such as MovieLens-100K.
        TypeError: a model that has no closed form for new users.
    """
    exported = export if isinstance(export, Exported) else load(export)
    name = exported.card["data"]["name"]
    if name not in FREE and name.startswith("ml-"):
        raise MustNotBePublished(
            f"{name} must not be put on the web: its terms forbid passing it on. Build the site "
            "from ml-latest-small, from planted data or from data of your own"
        )
    engine = Engine(exported)
    table = json.dumps(_table(engine), ensure_ascii=True, separators=(",", ":"))
    files = page_files()
    written = {one: files[one] for one in (*SCRIPTS[1:], "style.css")}
    written["table.js"] = f"window.TABLE={table};\n".encode()
    written["index.html"] = page_html(files["index.html"], SCRIPTS, folder="")
    folder = Path(out)
    for one, content in written.items():  # index.html last: a page that is there is whole
        with replacing(folder / one) as temporary:
            temporary.write_bytes(content)
    return folder


# ---- the page, for the service as well ---------------------------------------------------------


def page_files() -> dict[str, bytes]:
    """Each file's content by its name."""
    folder = resources.files("recsys_tutorial.serving") / "page"
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}


def page_html(html: bytes, scripts: tuple[str, ...], folder: str = "page/") -> bytes:
    """The page with its style and these scripts, all from beside it."""
    tags = [f'<link rel="stylesheet" href="{folder}style.css">']
    tags += [f'<script src="{folder}{name}" defer></script>' for name in scripts]
    return html.replace(b"<!-- head -->", "\n".join(tags).encode())


def about(engine: Engine) -> dict[str, Any]:
    """What the page says of the data and the models behind it."""
    card, kinds = engine.card, [engine.card["model"]]
    if engine.stars is not None:
        kinds.append(card["stars"])
    models = ", ".join(f"{kind['class']} for {kind['for']}" for kind in kinds)
    return {
        "name": card["data"]["name"],
        "planted": card["data"]["planted"],
        "scale": list(engine.scale),
        "last_year": max((i["year"] for i in engine.items if i["year"] is not None), default=None),
        "text": f"{models}; trained on {card['data']['ratings']:,} ratings of "
        f"{len(engine.items):,} films ({card['data']['name']}).",
    }


# ---- the tables ---------------------------------------------------------------------------------


def _table(engine: Engine) -> dict[str, Any]:
    known = about(engine)
    known["text"] += " All of it runs in your browser." + _TERMS.get(known["name"], "")
    return {
        **known,
        "lists": _side(engine.lists),
        "stars": None if engine.stars is None else _side(engine.stars),
        "item": [one["item"] for one in engine.items],
        "title": [one["title"] for one in engine.items],
        "year": [one["year"] for one in engine.items],
        "genres": [one["genres"] for one in engine.items],
        "count": engine.counts.tolist(),
    }


def _side(side: Side) -> dict[str, Any]:
    """What the browser needs of one model: rows, offsets, and the least squares of a new row."""
    model: Any = side.model
    if isinstance(model, ImplicitALS):
        form: dict[str, Any] = {"ridge": [[model.l2]], "ridge_of": [0] * model.dim}
        form["zeros"] = True
        form["confidence"], form["target"] = _by_rating(model)
    elif (
        isinstance(model, Factorised)
        and type(model).fold_in is Factorised.fold_in
        and model.predicts == "rating"
    ):
        ridges = np.stack([model.ridge(n).numpy() for n in range(MOST_RATINGS + 1)], axis=1)
        kinds, kind = np.unique(ridges.astype(float), axis=0, return_inverse=True)
        kinds = np.maximum(kinds, 1e-9) * float(model.unit) ** 2  # rows are in stars
        form = {"ridge": kinds.tolist(), "ridge_of": kind.reshape(-1).tolist(), "zeros": False}
    else:
        raise TypeError(
            f"{type(model).__name__} cannot place new users in the browser: export ImplicitALS, or "
            "a model of stars whose fold_in is a ridge regression, MF or BiasedMF"
        )
    return {
        "predicts": model.predicts,
        "dim": side.rows.shape[1],
        "rows": _base64(side.rows),
        "offset": _base64(side.offset),
        **form,
    }


def _by_rating(model: ImplicitALS) -> tuple[list[float], list[float]]:
    """Confidence above 1 and target as straight lines in the rating: [at 0, per star]."""
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    lines = model.alpha * model.strength(ends), model.target(ends)
    more, target = ([float(line[0]), float(line[1] - line[0])] for line in lines)
    return more, target


def _base64(numbers: np.ndarray) -> str:
    return base64.b64encode(numbers.astype("<f4").tobytes()).decode()
