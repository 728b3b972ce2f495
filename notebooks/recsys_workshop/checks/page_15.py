"""Checks of page 15."""

from typing import Any

import torch

from recsys_workshop.checks.registry import compare, near, register
from recsys_workshop.pages import Page


def _rules(last: torch.Tensor, follows: torch.Tensor, decay: float) -> torch.Tensor:
    weight = decay ** torch.arange(len(last), dtype=follows.dtype)
    return weight @ follows[last] / weight.sum()


def _weights(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    s = query @ key.T / query.shape[1] ** 0.5
    return s.masked_fill(torch.ones(s.shape).triu(1) > 0, -torch.inf).softmax(-1)


@register("15.answers", asks="function")
def answers(answer: Any, page: Page) -> str | None:
    """A function (times, films, t): the films at the next distinct time."""
    times, films = [3, 5, 5, 5, 8, 9, 9], ["a", "b", "c", "d", "e", "f", "g"]
    expected = [set("bcd"), {"e"}, {"e"}, {"e"}, set("fg"), set(), set()]
    for t, right in enumerate(expected):
        found = answer(list(times), list(films), t)
        if isinstance(found, str) or not hasattr(found, "__len__"):
            return f"a list of films is asked; this returns {found!r}."
        if set(found) == right and len(found) == len(right):
            continue
        where = f"with the times {times}, after position {t},"
        if any(times[films.index(film)] <= times[t] for film in found if film in films):
            return f"{where} it names a film that does not come later."
        if not right:
            return f"{where} nothing comes, so the list is empty."
        if len(found) < len(right):
            return f"{where} {len(right)} films share the next time: all are right answers."
        return f"{where} it names films beyond the next time."
    return None


@register("15.rules", asks="function", solution=_rules)
def rules(answer: Any, page: Page) -> str | None:
    """A function (last, follows, decay): the weighted mean of the last films' rows."""
    generator = torch.Generator().manual_seed(5)
    follows, last = torch.rand(5, 5, generator=generator), torch.tensor([3, 0, 4])
    rows, weight = follows[last], torch.tensor([1.0, 0.5, 0.25])
    slips = {
        "the weights are right; a mean divides by their sum.": weight @ rows,
        "the newest film is first in `last` and weighs 1.": weight.flip(0) @ rows / weight.sum(),
        "all films weigh the same here: where is `decay`?": rows.mean(0),
        "only the newest film speaks.": rows[0],
        "divide by the sum of the weights, not by the number of films.": weight @ rows / 3,
        "row j of `follows` is what comes after j; this takes its columns.": (
            weight @ follows.T[last] / weight.sum()
        ),
    }
    other = "with films and a table of our own the scores are different."
    found, right = answer(last.clone(), follows.clone(), 0.5), _rules(last, follows, 0.5)
    return compare(found, right, slips, other, tolerance=1e-5)


@register("15.weights", asks="function", solution=_weights)
def weights(answer: Any, page: Page) -> str | None:
    """A function (query, key): weights of causal attention."""
    generator = torch.Generator().manual_seed(6)
    query, key = (torch.randn(4, 9, generator=generator) for _ in range(2))
    found = answer(query.clone(), key.clone())
    if not torch.is_tensor(found) or found.shape != (4, 4):
        return f"a tensor of the shape (4, 4) is asked, not {tuple(getattr(found, 'shape', ()))}."
    if bool((found.triu(1) != 0).any()):
        return "a place looks into the future: above the diagonal there must be zeros."
    if not near(found.sum(1), torch.ones(4), 1e-5):
        return "the weights of a place do not sum to 1."
    products = (query @ key.T).masked_fill(torch.ones(4, 4).triu(1) > 0, -torch.inf)
    slips = {"the products are to be divided by the root of d.": products.softmax(-1)}
    other = "rows sum to 1 and the future is hidden, but on queries of our own w is another."
    return compare(found, _weights(query, key), slips, other, tolerance=1e-5)
