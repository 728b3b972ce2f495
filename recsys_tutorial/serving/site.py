"""The page as a directory of files, with the item tables in the browser and no server."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recsys_tutorial.models.als import ImplicitALS
from recsys_tutorial.models.mf import Factorised
from recsys_tutorial.serving.engine import MOST_RATINGS, Engine, Side
from recsys_tutorial.serving.exporting import Exported, load

PAGE = Path(__file__).with_name("page")
SCRIPTS = ("table.js", "engine.js", "static.js")  # in place of the service
TERMS = {
    "ml-latest-small": " Ratings: MovieLens, by GroupLens, University of Minnesota, who do "
    "not endorse this page; not for commercial use, and passed on only under the same terms. "
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
    "ACM Transactions on Interactive Intelligent Systems 5, 4."
}
"""What the page must say about MovieLens data that may be put on the web. The other sets may not:
their terms require permission before any part is passed on."""


def build_site(export: str | Path | Exported, out: str | Path) -> Path:
    """Write the page with the models' item tables into the directory `out`.

    It holds what the browser needs to fold in a new user: a row, an offset, a title and the number
    of ratings for each item, but no user and no rating of the training data. It works from a web
    host or from disk (index.html opens in any browser).

    Raises:
        ValueError: data that must not be published, such as MovieLens-100K.
        TypeError: a model without a closed form for new users.
    """
    exported = export if isinstance(export, Exported) else load(export)
    name = exported.card["data"]["name"]
    if name.startswith("ml-") and name not in TERMS:
        raise ValueError(
            f"{name} must not be put on the web: its terms forbid passing it on. Build the site "
            "from ml-latest-small, from planted data or from data of your own"
        )
    table = json.dumps(_table(Engine(exported)), separators=(",", ":"))
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.js").write_text(f"window.TABLE={table};\n", encoding="utf-8")
    for script in (*SCRIPTS[1:], "app.js", "style.css"):
        shutil.copy(PAGE / script, folder)
    html = (PAGE / "index.html").read_text(encoding="utf-8").replace("page/", "")
    tags = "\n".join(f'<script src="{script}" defer></script>' for script in SCRIPTS)
    html = html.replace('<script src="server.js" defer></script>', tags)
    (folder / "index.html").write_text(html, encoding="utf-8")
    return folder


def _table(engine: Engine) -> dict[str, Any]:
    about = engine.about()
    about["text"] += " All of it runs in your browser." + TERMS.get(about["name"], "")
    columns = {k: [one[k] for one in engine.items] for k in ("item", "title", "year", "genres")}
    return {
        **about,
        **columns,
        "count": engine.counts.tolist(),
        "lists": _side(engine.lists),
        "stars": None if engine.stars is None else _side(engine.stars),
    }


def _side(side: Side) -> dict[str, Any]:
    """One model for the browser: rows, offsets, and the least squares of a new row.

    `confidence` (above 1) and `target` are linear in the rating: [at 0, per star].
    """
    model: Any = side.model
    if isinstance(model, ImplicitALS):
        form: dict[str, Any] = {"ridge": [[model.l2]], "ridge_of": [0] * model.dim, "zeros": True}
        ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
        lines = {"confidence": model.alpha * model.strength(ends), "target": model.target(ends)}
        form |= {name: [float(at[0]), float(at[1] - at[0])] for name, at in lines.items()}
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


def _base64(numbers: np.ndarray) -> str:
    return base64.b64encode(numbers.astype("<f4").tobytes()).decode()
