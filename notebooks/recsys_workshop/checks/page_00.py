"""Checks of page 00."""

from typing import Any

from recsys_workshop.checks.registry import register
from recsys_workshop.pages import Page


@register("00.most_rated")
def most_rated(answer: Any, page: Page) -> str | None:
    """The title of the film with the most ratings."""
    titles = page.data.items["title"]
    if not isinstance(answer, str):
        return f"it should be one title, in quotes; yours is of type {type(answer).__name__}."
    if answer not in set(titles):
        return f"there is no film {answer!r} in this data: titles look like {titles.iloc[0]!r}."
    counts = page.data.counts("item")
    mine = int(counts[(titles == answer).to_numpy()].max())
    if mine < counts.max():
        return f"another film has more ratings than {answer}, which has {mine}."
    return None
