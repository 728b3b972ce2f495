"""`steps`: a loop that says how far it is."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from recsys_tutorial.training.progress import in_notebook


def steps(things: Iterable[Any], what: str = "step") -> Iterator[Any]:
    """The same things, one after the other; in a notebook a line says which one is being worked on.

    what : the name of one, as in "seed 2 of 3, about 4 s left"
    """
    todo, start, place, shown = list(things), time.monotonic(), None, -1.0
    for done, one in enumerate(todo):
        spent = time.monotonic() - start
        if spent - shown > 0.5:
            left = f", about {spent / done * (len(todo) - done):.0f} s left" if done else ""
            place, shown = _say(f"{what} {done + 1} of {len(todo)}{left}", place), spent
        yield one
    _say(f"{what} {len(todo)} of {len(todo)}: done.", place)


def _say(text: str, place: Any) -> Any:
    """Show a line, in the place of the line before it if there is one."""
    if not in_notebook():
        return None
    from IPython.display import display

    if place is None:
        return display({"text/plain": text}, raw=True, display_id=True)
    place.update({"text/plain": text}, raw=True)
    return place
