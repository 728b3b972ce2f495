"""The ledger: measured numbers that pages quote, with how they were measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "results.json"


class Measured(float):
    """A measured number: a float that also knows its `unit`, `data` and whole `record`."""

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
    """A number of `benchmarks/results.json`: `ws.ledger("16", "rmse_svdpp")`.

    Raises:
        KeyError: names what there is.
        FileNotFoundError: outside of a checkout.
    """
    source = path or PATH
    if not source.is_file():
        raise FileNotFoundError(
            f"no ledger at {source}: it belongs to the checkout of the project, not to the package"
        )
    pages = json.loads(source.read_text(encoding="utf-8"))["pages"]
    if page not in pages:
        raise KeyError(f"the ledger has nothing for page {page!r}; it has {sorted(pages)}")
    if key not in pages[page]:
        raise KeyError(f"page {page} has no {key!r} in the ledger; it has {sorted(pages[page])}")
    return Measured(pages[page][key])
