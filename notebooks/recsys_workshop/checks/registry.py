"""Registering checks, running one against an answer, and the record of those passed.

The checks of a page are in a module of this folder: "00.count" in `page_00.py`, "primer.mean" in
`primer.py`. The module is imported when one of its checks is used.
"""

from __future__ import annotations

import importlib.util
import pkgutil
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from recsys_workshop import local, pages

Check = Callable[[Any, pages.Page], str | None]
"""A check of an answer: None if it is right, else a sentence that says what is wrong."""

PROGRESS = "progress.json"
NOTHING_YET = "fill in the cell above, then run both cells."

_PACKAGE = str(Path(__file__).resolve().parents[1])
_checks: dict[str, Check] = {}
_solutions: dict[str, Any] = {}


ONE_NUMBER = "one number is expected; this has the shape {shape}."


class Off(Exception):
    """Raised inside a check, with the sentence that says what is wrong with an answer."""


def register(name: str, asks: str = "value", solution: Any = None) -> Callable[[Check], Check]:
    """Decorator that makes a function `(answer, page) -> None or what is off` the check `name`.

    asks : "function" if the answer must be a function. For anything else, or for a function that
           returns nothing, the reader gets a message and the check is not called
    solution : a right answer, for `use`

    Raises ValueError for a name that is taken, or that has no page: it is like "00.count".
    """
    if len(name.split(".")) != 2 or not all(name.split(".")):
        raise ValueError(f'check name {name!r}: it is page, dot, word, like "00.count"')
    if name in _checks:
        raise ValueError(f"there is a check {name!r} already")

    def keep(function: Check) -> Check:
        _checks[name] = _of_function(function) if asks == "function" else function
        if solution is not None:
            _solutions[name] = solution
        return function

    return keep


def _of_function(inner: Check) -> Check:
    def outer(answer: Any, page: pages.Page) -> str | None:
        if not callable(answer):
            return f"the answer should be a function, and this is a {type(answer).__name__}."

        given = False  # True once it has returned something

        def called(*arguments: Any, **named: Any) -> Any:
            nonlocal given
            found = answer(*arguments, **named)
            if found is None and given:
                raise Off("it returns None for some of the arguments that we tried.")
            if found is None:
                raise Off("the function returns nothing yet.")
            given = True
            return found

        return inner(called, page)

    return outer


def near(found: Any, expected: Any, tolerance: float = 1e-4) -> bool:
    """Whether numbers, arrays or tensors have one shape and differ by no more; nan equals nan."""
    found, expected = numbers(found), numbers(expected)
    return found.shape == expected.shape and np.allclose(
        found, expected, rtol=0, atol=tolerance, equal_nan=True
    )


def compare(
    found: Any,
    right: Any,
    slips: Mapping[str, Any],
    otherwise: str,
    *,
    shape: str = ONE_NUMBER,
    tolerance: float = 1e-6,
) -> str | None:
    """What is wrong with an answer of numbers, or None: its shape, a known slip, something else.

    right : numbers, an array or a tensor; the answer must have its shape
    slips : {sentence that names a mistake: result of the mistake}. If the answer equals one of the
            results, its sentence is returned, before the answer is compared with `right`
    otherwise : the sentence for any other wrong answer
    shape : the sentence for a wrong shape, in which `{shape}` is replaced
    tolerance : how far apart two equal numbers may be, absolute
    """
    if np.shape(found) != np.shape(right):
        return shape.format(shape=tuple(np.shape(found)))
    for text, slip in slips.items():
        if near(found, slip, tolerance):
            return text
    return None if near(found, right, tolerance) else otherwise


def no_gradient(found: Any) -> str | None:
    """What is wrong with an answer without a gradient, or None."""
    if isinstance(found, torch.Tensor) and found.requires_grad:
        return None
    return (
        "right, but no gradient passes through it, so training could not use it. Stay within "
        "tensors: no .detach(), .item() or numpy."
    )


def pick(answer: Any, choices: Sequence[str], right: Mapping[str, str]) -> str | None:
    """What is wrong with a list of names out of `choices`, one per question; None if nothing.

    right : {hint to a question: right name}
    """
    if isinstance(answer, str | set | dict) or np.shape(answer) != (len(right),):
        return "a list of three names is expected, in the order of the questions."
    if unknown := [a for a in answer if a not in choices]:
        return f"{unknown[0]!r} is none of {', '.join(choices)}."
    wrong = [hint for a, (hint, name) in zip(answer, right.items(), strict=True) if a != name]
    return wrong[0] if wrong else None


def cosines(rows: np.ndarray) -> np.ndarray:
    """Cosine of each row with each, (n, n)."""
    return unit(rows) @ unit(rows).T


def unit(vectors: np.ndarray) -> np.ndarray:
    """The same vectors (..., d), scaled to length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def number(answer: Any) -> float:
    """An answer that should be one number; `Off` if it is several numbers, or text."""
    if np.shape(answer) != ():
        raise Off(ONE_NUMBER.format(shape=np.shape(answer)))
    return float(numbers(answer))


def numbers(answer: Any) -> np.ndarray:
    """An answer of numbers as an array; `Off` if it is text."""
    array = np.asarray(answer.detach() if isinstance(answer, torch.Tensor) else answer)
    if array.dtype.kind in "US":
        raise Off("numbers are expected, and this is text: leave out the quotes.")
    return array.astype(float)


def names(page: str | None = None) -> list[str]:
    """Names of all checks, or of those of one page ("00")."""
    package = importlib.import_module("recsys_workshop.checks")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"recsys_workshop.checks.{module.name}")
    return [n for n in sorted(_checks) if page is None or n.split(".")[0] == page]


def find(name: str) -> Check:
    """The check of that name; the ValueError for an unknown one lists those that exist."""
    page = name.split(".")[0]
    module = f"recsys_workshop.checks.{f'page_{page}' if page.isdigit() else page}"
    if name not in _checks and importlib.util.find_spec(module):
        importlib.import_module(module)
    if name not in _checks:
        known = names(page) or names()
        raise ValueError(f"there is no check {name!r}; choose one of {', '.join(known)}")
    return _checks[name]


def check(name: str, answer: Any) -> bool:
    """Print whether an answer is right, and what is wrong if not. A wrong answer raises no error.

    Passed checks are kept in `progress.json`, for `ws.progress`.

    Raises ValueError for an unknown name.
    """
    off = _what_is_off(name, answer)
    print(f"✓ {name} passed." if off is None else f"✗ {name} not yet: {off}")
    if off is None:
        today = {name: time.strftime("%Y-%m-%d")}
        local.update_json(
            PROGRESS, _is_record, lambda kept: {"passed": {**today, **kept.get("passed", {})}}
        )
    return off is None


def use(name: str, answer: Any) -> Any:
    """The reader's answer if it is right, else the solution, for the rest of the page.

    A printed line says which of the two it is.

    Raises ValueError for a check without a solution.
    """
    find(name)
    if name not in _solutions:
        raise ValueError(f"check {name!r} is registered without a solution")
    yours = _what_is_off(name, answer) is None
    print(f"The page goes on with {'your' if yours else 'the solution to'} {name}.")
    return answer if yours else _solutions[name]


def _what_is_off(name: str, answer: Any) -> str | None:
    function = find(name)
    try:
        page = pages.current()
        return NOTHING_YET if answer is None else function(answer, page)
    except Off as error:
        return str(error)
    except Exception as error:  # the reader's code, or an answer of an unexpected kind
        return _one_line(error)


def progress() -> pd.DataFrame:
    """How far you are: for each page the exercises that you have passed, and the next one to do."""
    passed = _passed()
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


def _passed() -> dict[str, str]:
    """Names of passed checks, with the dates."""
    return dict((local.read_json(PROGRESS, _is_record) or {"passed": {}})["passed"])


def _is_record(content: Any) -> bool:
    return isinstance(content["passed"], dict)
