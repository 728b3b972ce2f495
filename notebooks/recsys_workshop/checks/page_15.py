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
            return f"return a list of films; this returns {found!r}."
        if other := [one for one in found if one not in films]:
            return f"return a list of films; {other[0]!r} is not one of {films}."
        if set(found) == right and len(found) == len(right):
            continue
        where = f"with the times {times}, after position {t},"
        if any(times[films.index(film)] <= times[t] for film in found if film in films):
            return f"{where} your list has a film that does not come later."
        if not right:
            return f"{where} nothing comes later, so the list must be empty."
        if len(found) < len(right):
            return f"{where} {len(right)} films share the next time: all of them are right answers."
        return f"{where} your list has films from beyond the next time."
    return None


@register("15.rules", asks="function", solution=_rules)
def rules(answer: Any, page: Page) -> str | None:
    """A function (last, follows, decay): the weighted mean of the last films' rows."""
    generator = torch.Generator().manual_seed(5)
    follows, last = torch.rand(5, 5, generator=generator), torch.tensor([3, 0, 4])
    rows, weight = follows[last], torch.tensor([1.0, 0.4, 0.16])
    slips = {
        "the weights are right; a mean divides by their sum.": weight @ rows,
        "the newest film is first in `last` and weighs 1.": weight.flip(0) @ rows / weight.sum(),
        "all films weigh the same here: where is `decay`?": rows.mean(0),
        "only the newest film counts here: use all films in `last`.": rows[0],
        "the weight of the film in place k is decay to the power k, not k times decay.": (
            torch.tensor([0.0, 0.4, 0.8]) @ rows / 1.2
        ),
        "the weights fall as 1, 1/2, 1/3: each should be `decay` times the one before.": (
            torch.tensor([1.0, 1 / 2, 1 / 3]) @ rows / (11 / 6)
        ),
        "the newest film weighs 1, not `decay`; and a mean divides by the sum of the weights.": (
            0.4 * weight @ rows
        ),
        "divide by the sum of the weights, not by the number of films.": weight @ rows / 3,
        "row j of `follows` is what comes after j; this takes its columns.": (
            weight @ follows.T[last] / weight.sum()
        ),
    }
    other = "your scores differ from ours for the films and the table that we tried."
    found, right = answer(last.clone(), follows.clone(), 0.4), _rules(last, follows, 0.4)
    shape = "return one score per film, here the shape (5,); this has {shape}."
    return compare(found, right, slips, other, shape=shape, tolerance=1e-5)


@register("15.weights", asks="function", solution=_weights)
def weights(answer: Any, page: Page) -> str | None:
    """A function (query, key): weights of causal attention."""
    generator = torch.Generator().manual_seed(6)
    query, key = (torch.randn(4, 9, generator=generator) for _ in range(2))
    found = answer(query.clone(), key.clone())
    if not torch.is_tensor(found):
        return f"return a tensor; this is a {type(found).__name__}."
    if found.shape != (4, 4):
        return f"w must have the shape (L, L), here (4, 4); this has {tuple(found.shape)}."
    if bool((found.triu(1) != 0).any()):
        return "a place looks into the future: above the diagonal there must be zeros."
    if not near(found.sum(1), torch.ones(4), 1e-5):
        return "the weights of a place do not sum to 1."
    products = (query @ key.T).masked_fill(torch.ones(4, 4).triu(1) > 0, -torch.inf)
    slips = {
        "divide the products by the root of d.": products.softmax(-1),
        "divide the products by the root of d, not by d.": (products / 9).softmax(-1),
        "d is the length of a query, not the number of places.": (products / 2).softmax(-1),
        "query and key are exchanged: row t needs the products of query t.": _weights(key, query),
        "take e to the power of each product first: this takes shares of the products.": (
            (query @ key.T).tril() / (query @ key.T).tril().sum(1, keepdim=True)
        ),
    }
    other = "rows sum to 1 and the future is hidden, but w is wrong for our queries."
    return compare(found, _weights(query, key), slips, other, tolerance=1e-5)
