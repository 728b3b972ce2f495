"""Checks of page 17."""

import builtins
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from recsys_tutorial import serving
from recsys_tutorial.datasets import planted
from recsys_tutorial.models import Popularity
from recsys_workshop.checks.registry import register
from recsys_workshop.pages import Page


@register("17.parts", asks="function")
def parts(answer: Any, page: Page) -> str | None:
    """A fold-in by ratings: rows (n, d) that sum to the person, each of one rating alone."""
    rng = np.random.default_rng(3)
    z, y, penalty = rng.normal(size=(6, 4)), rng.normal(size=6), rng.uniform(0.5, 2, 4)
    given = np.asarray(answer(z.copy(), y.copy(), penalty.copy()))
    if given.shape != (6, 4):
        return f"six ratings in four dimensions should give (6, 4); yours is {given.shape}."
    gram = z.T @ z + np.diag(penalty)
    if not np.allclose(given.sum(0), np.linalg.solve(gram, z.T @ y)):
        return "the rows do not sum to the person that the fold-in finds."
    if not np.allclose(given, np.linalg.solve(gram, z.T * y).T):
        return "the rows sum to the person, but a row is not what its own rating contributes."
    return None


@register("17.group")
def group(answer: Any, page: Page) -> str | None:
    """A draw into A or B by person and experiment: stable, even, independent."""
    if not callable(answer):
        return f"give a function of person and experiment, not a {type(answer).__name__}."
    people = range(4000)
    first = [answer(person, "titles") for person in people]
    if other := [one for one in first if not isinstance(one, str) or one not in ("A", "B")]:
        return f'it returns {other[0]!r}, and must return "A" or "B".'
    if first != [answer(person, "titles") for person in people]:
        return "when you call it again, it puts the same person into another group."
    if _asks_for_the_hash_of_a_text(answer):
        return "Python's hash of a text changes when Python is restarted: use hashlib."
    share = first.count("A") / len(first)
    if abs(share - 0.5) > 0.04:  # five standard deviations
        return f"{share:.0%} of 4,000 people are in A: half of them should be."
    second = [answer(person, "covers") for person in people]
    both = sum(a == b for a, b in zip(first, second, strict=True)) / len(first)
    if abs(both - 0.5) > 0.04:
        return f"{both:.0%} are in the same group in another experiment: half of them should be."
    halves = [answer(person, "titles") for person in people if person % 2]
    if abs(halves.count("A") / len(halves) - 0.5) > 0.06:
        return "people with odd numbers are mostly in one group: the draw follows the ids."
    return None


def _asks_for_the_hash_of_a_text(answer: Any) -> bool:
    """Whether `hash` was called, by the answer or by what it calls, with more than a number."""
    of: list[Any] = []
    plain = builtins.hash
    builtins.hash = lambda one: of.append(one) or plain(one)  # type: ignore[func-returns-value]
    try:
        answer(1, "titles")
    finally:
        builtins.hash = plain
    return any(not isinstance(one, int) for one in of)


def _roll_back(live: Path, previous: Path) -> None:
    for weights in previous.glob("weights-*"):
        shutil.copy(weights, live)
    shutil.copy(previous / "card.json", live / "card.new")
    os.replace(live / "card.new", live / "card.json")


@register("17.roll_back", solution=_roll_back)
def roll_back(answer: Any, page: Page) -> str | None:
    """Put an earlier export back, whole at every moment."""
    if not callable(answer):
        return f"give a function of two directories, not a {type(answer).__name__}."
    data = planted(n_users=40, n_items=30, n_ratings=900, dim=2, seed=5)
    with tempfile.TemporaryDirectory() as scratch:
        live, previous = Path(scratch) / "live", Path(scratch) / "previous"
        for folder, seed in ((live, 1), (previous, 2)):
            model = Popularity.for_dataset(data).fit(data)
            model.score.mul_(seed)
            serving.export(model, data, folder)
        wanted = serving.load(previous).card["weights"]["sha256"]
        served = live / serving.load(live).card["weights"]["file"]  # a reader may be about to load
        whole = True

        def look(frame: Any, event: str, argument: Any) -> None:
            """After each call that the answer makes: could somebody load what is live now?"""
            nonlocal whole
            whole = whole and (event not in ("return", "c_return") or _is_whole(live))

        before = sys.getprofile()
        sys.setprofile(look)
        try:
            answer(live, previous)
        finally:
            sys.setprofile(before)
        try:
            found = serving.load(live).card["weights"]["sha256"]
        except serving.ExportError as error:
            return f"what is live cannot be loaded: {str(error).split(': ', 1)[1]}."
        if found != wanted:
            return "live does not hold the model of previous."
        try:
            if serving.load(previous).card["weights"]["sha256"] != wanted:
                return "the previous export was changed: it may be needed again."
        except serving.ExportError:
            return "the previous export is gone: it may be needed again."
        if not whole:
            return (
                "for a moment, live could not be loaded: copy the weights first, then replace the "
                "card in one step."
            )
        if not served.is_file():
            return "a program that has already read the old card finds no weights: keep them."
    return None


def _is_whole(folder: Path) -> bool:
    """Whether there is a card, and the weights that it names."""
    try:
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        return bool((folder / card["weights"]["file"]).is_file())
    except (OSError, ValueError):
        return False
