"""The ledger: measured numbers that pages quote, with how they were measured."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "results.json"


class Measured(float):
    """A measured number: a float that also knows its `unit`, `data` and other `record`."""

    record: dict[str, Any]

    def __new__(cls, record: dict[str, Any]) -> Measured:
        number = super().__new__(cls, record["value"])
        number.record = record
        return number

    @property
    def unit(self) -> str:
        return str(self.record.get("unit", ""))

    @property
    def data(self) -> str:
        return str(self.record.get("data", ""))


def ledger(page: str, key: str, *, path: Path | None = None) -> Measured:
    """A number of `benchmarks/results.json`: `ws.ledger("02", "rmse_biased_mf")`.

    page, key : the entry is content["pages"][page][key]: an object with at least `value` (a
                number) and `unit`

    Raises KeyError that names what there is, FileNotFoundError outside of a checkout,
    ValueError for a damaged file.
    """
    source = path or PATH
    if not source.is_file():
        raise FileNotFoundError(
            f"no ledger at {source}: it belongs to the checkout of the project, not to the package"
        )
    pages = read(source).get("pages", {})
    if page not in pages:
        raise KeyError(f"the ledger has nothing for page {page!r}; it has {sorted(pages)}")
    if key not in pages[page]:
        raise KeyError(f"page {page} has no {key!r} in the ledger; it has {sorted(pages[page])}")
    return Measured(pages[page][key])


def read(path: Path) -> dict[str, Any]:
    """The whole ledger: measured sections under `benchmarks`, what pages quote under `pages`.

    Raises ValueError for a damaged file: it carries the sha256 of its content. One without it,
    written by hand, is taken as it is.
    """
    try:
        content = dict(json.loads(path.read_text(encoding="utf-8")))
        stated = content.pop("sha256", None)
        if unknown := content.keys() - {"benchmarks", "pages"}:
            raise ValueError(f"unknown parts {sorted(unknown)}")
        if stated is not None and stated != _sum(content):
            raise ValueError("its checksum differs")
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{path} cannot be read ({error}): get it back with git checkout -- {path.name}"
        ) from None
    return content


def sealed(content: dict[str, Any]) -> str:
    """The text of a ledger file with its checksum in it."""
    return json.dumps({**content, "sha256": _sum(content)}, indent=1, sort_keys=True) + "\n"


def _sum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
