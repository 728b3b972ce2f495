"""Registering checks, running one against an answer, and the record of those passed.

The checks of a page stand in a module beside this one: "00.count" in `page_00.py`, "primer.mean"
in `primer.py`. It is imported when one of its checks is asked for.
"""

from __future__ import annotations

import importlib
import pkgutil
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from recsys_tutorial import local, pages

Check = Callable[[Any, pages.Page], str | None]
"""A check of an answer: None if it is right, else a sentence that says what is off."""

PROGRESS = "progress.json"
NOTHING_YET = "fill in the cell above, then run both cells."

_NO_MODULES = ("registry",)
_PACKAGE = str(Path(__file__).resolve().parents[1])
_checks: dict[str, Check] = {}


class Off(Exception):
    """What is off with an answer, said from the depth of a check."""


def register(name: str, asks: str = "value") -> Callable[[Check], Check]:
    """Decorator that makes a function `(answer, page) -> None or what is off` the check `name`.

    asks : "function" for an exercise whose answer is one: anything else, and a function that
           returns nothing, is told so, and the check sees neither

    Raises ValueError for a name that is taken, or that lacks its page: "00.count".
    """
    if len(name.split(".")) != 2 or not all(name.split(".")):
        raise ValueError(f'check name {name!r}: it is page, dot, word, like "00.count"')
    if name in _checks:
        raise ValueError(f"there is a check {name!r} already")

    def keep(function: Check) -> Check:
        _checks[name] = _of_function(function) if asks == "function" else function
        return function

    return keep


def _of_function(inner: Check) -> Check:
    def outer(answer: Any, page: pages.Page) -> str | None:
        if not callable(answer):
            return f"a function is asked, and this is a {type(answer).__name__}."

        def called(*arguments: Any, **named: Any) -> Any:
            found = answer(*arguments, **named)
            if found is None:
                raise Off("the function returns nothing yet.")
            return found

        return inner(called, page)

    return outer


def modules() -> list[str]:
    """The modules of checks, sorted."""
    package = importlib.import_module("recsys_tutorial.checks")
    found = [m.name for m in pkgutil.iter_modules(package.__path__)]
    return sorted(m for m in found if m not in _NO_MODULES)


def names(page: str | None = None) -> list[str]:
    """Names of all checks, or of those of one page ("00")."""
    for module in modules():
        importlib.import_module(f"recsys_tutorial.checks.{module}")
    return [n for n in sorted(_checks) if page is None or n.split(".")[0] == page]


def find(name: str) -> Check:
    """The check of that name; ValueError that lists those there are."""
    page = name.split(".")[0]
    module = f"page_{page}" if page.isdigit() else page
    if name not in _checks and module in modules():
        importlib.import_module(f"recsys_tutorial.checks.{module}")
    if name not in _checks:
        known = names(page) or names()
        raise ValueError(f"there is no check {name!r}; choose one of {', '.join(known)}")
    return _checks[name]


def check(name: str, answer: Any) -> bool:
    """Say whether an answer is right; what is off if not. It never raises for a wrong answer.

    True is remembered in `progress.json` beside the data, for `rt.progress`.

    Raises ValueError for an unknown name.
    """
    function = find(name)
    try:
        page = pages.current()
        off = NOTHING_YET if answer is None else function(answer, page)
    except Off as error:
        off = str(error)
    except Exception as error:  # the reader's code, or an answer of an unexpected kind
        off = _one_line(error)
    if off is None:
        print(f"✓ {name} passed.")
    else:
        print(f"✗ {name} not yet: {off}")
    _remember(name, passed=off is None)
    return off is None


def progress() -> pd.DataFrame:
    """How far you are: exercises passed of each page, and the next to do."""
    passed = _record()["passed"]
    rows: dict[str, dict[str, Any]] = {}
    for name in names():
        row = rows.setdefault(name.split(".")[0], {"exercises": 0, "passed": 0, "next": "all done"})
        row["exercises"] += 1
        row["passed"] += name in passed
        if name not in passed and row["next"] == "all done":
            row["next"] = name
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["exercises", "passed", "next"])
    return frame.rename_axis("page")


def _one_line(error: Exception) -> str:
    """The error, and the line of the reader's own code that raised it."""
    where = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if not frame.filename.startswith(_PACKAGE) and frame.line:
            where = f", at `{frame.line.strip()}`"
    message = str(error).splitlines()[0] if str(error) else ""
    return f"it raised {type(error).__name__}{f': {message}' if message else ''}{where}"


def _record() -> dict[str, dict[str, Any]]:
    empty: dict[str, dict[str, Any]] = {"passed": {}, "tries": {}}
    return local.read_json(PROGRESS, _is_record) or empty


def _is_record(content: Any) -> bool:
    return isinstance(content, dict) and all(
        isinstance(content.get(part), dict) for part in ("passed", "tries")
    )


def _remember(name: str, passed: bool) -> None:
    with local.alone(local.directory()):  # another page may be checking as well
        record = _record()
        tries = record["tries"].get(name, 0)
        record["tries"][name] = tries + 1 if isinstance(tries, int) else 1
        if passed:
            record["passed"].setdefault(name, time.strftime("%Y-%m-%d"))
        local.write_json(PROGRESS, record)
