"""The page as a directory of files: the item table in the browser, no server behind it."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from recsys_tutorial.atomic import alone, replacing
from recsys_tutorial.serving.engine import MOST_RATINGS, Engine
from recsys_tutorial.serving.exporting import Exported, load
from recsys_tutorial.serving.page_files import page_files, page_html

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

_KNOWN_BY = (1, 50, 56, 98, 100, 121, 181, 258, 286, 288, 294, 300)
_ML_100K = "5c42a2835d4798af92eeb271b1e3419841dbfd2f6cb6873fe37b77431124c037"
"""sha256 of the titles that MovieLens-100K has under these ids: it is told by them, whatever the
data is called."""


class MustNotBePublished(ValueError):
    """The data's terms forbid putting it on the web."""


def build_site(export: str | Path | Exported, out: str | Path) -> Path:
    """Write the page with the model's item table into the directory `out`.

    It holds what the browser needs to fold in a new user: a row, an offset, a title and the number
    of ratings for each item. No user and no rating of the training data is in it.

    Works from a web host as from a directory on disk (index.html opens in any browser).

    Raises MustNotBePublished for data whose terms forbid it (MovieLens-100K, also under another
    name), TypeError for a model that has no closed form for new users.
    """
    exported = export if isinstance(export, Exported) else load(export)
    _check_terms(exported.card)
    engine = Engine(exported)
    if not engine.folds_in or not engine.closed_form:
        raise TypeError(
            f"{exported.card['model']['class']} cannot place new users in the browser: export a "
            "model whose fold_in is a ridge regression, MF or BiasedMF"
        )
    folder = Path(out)
    files = page_files()
    table = json.dumps(_table(engine), ensure_ascii=True, separators=(",", ":"))
    written = {name: files[name] for name in (*SCRIPTS[1:], "style.css")}
    # As text with its checksum: the browser would show a flipped number as if it were right.
    known = f"window.TABLE={json.dumps(table)};\nwindow.TABLE_CRC32={zlib.crc32(table.encode())};\n"
    written["table.js"] = known.encode()
    written["index.html"] = page_html(files["index.html"], SCRIPTS, folder="")
    with alone(folder):
        for name, content in written.items():  # index.html last: a page that is there is whole
            with replacing(folder / name) as temporary:
                temporary.write_bytes(content)
    return folder


def titles_hash(card: dict[str, Any]) -> str:
    """sha256 of the titles under a dozen ids, by which a catalogue is told."""
    titles = dict(zip(map(str, card["items"]["ids"]), card["items"]["title"], strict=True))
    some = [titles.get(str(one)) for one in _KNOWN_BY]
    return hashlib.sha256(json.dumps(some).encode()).hexdigest()


def _check_terms(card: dict[str, Any]) -> None:
    name = card["data"]["name"]
    is_100k = titles_hash(card) == _ML_100K
    if not is_100k and (name in FREE or not name.startswith("ml-")):
        return
    called = f"{name} (which is MovieLens-100K)" if is_100k and name != "ml-100k" else name
    raise MustNotBePublished(
        f"{called} must not be put on the web: its terms forbid passing it on. Build the site from "
        "ml-latest-small, from planted data or from data of your own"
    )


def _table(engine: Engine) -> dict[str, Any]:
    card = engine.card
    listed = card["items"]
    n = len(listed["ids"])
    kinds, kind = _ridges(engine)
    return {
        "name": card["data"]["name"],
        "planted": card["data"]["planted"],
        "text": (
            f"{card['model']['class']}, trained on {card['data']['ratings']:,} ratings of {n:,} "
            f"films ({card['data']['name']}). All of it runs in your browser."
            + _TERMS.get(card["data"]["name"], "")
        ),
        "scale": list(engine.scale),
        "predicts": card["model"]["predicts"],
        "dim": engine.rows.shape[1],
        "ridge": kinds,
        "ridge_of": kind,
        "rows": _base64(engine.rows),
        "offset": _base64(engine.offset),
        "item": listed["ids"],
        "title": listed["title"],
        "year": listed["year"] or [None] * n,
        "genres": listed["genres"] or [[]] * n,
        "count": engine.counts.tolist(),
    }


def _ridges(engine: Engine) -> tuple[list[list[float]], list[int]]:
    """Penalties by number of ratings, one list for all columns that have the same: (kinds, which
    kind each column of a row is of)."""
    table = np.stack([engine.ridge(n) for n in range(MOST_RATINGS + 1)], axis=1)  # (d, 501)
    kinds, kind = np.unique(table, axis=0, return_inverse=True)
    return kinds.tolist(), kind.reshape(-1).tolist()


def _base64(numbers: np.ndarray) -> str:
    return base64.b64encode(numbers.astype("<f4").tobytes()).decode()
