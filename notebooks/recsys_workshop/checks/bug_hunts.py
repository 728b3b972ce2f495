"""Checks of the bug hunts: each calls the mended function on data of its own.

What is asked for is known here in its right form; the answer must agree with it where the bug shows
and where it does not.
"""

from typing import Any

import numpy as np
import torch

from recsys_workshop.checks.registry import near, register
from recsys_workshop.pages import Page

WRONG = "on our own data the result is still wrong."


@register("bug_hunts.softmax", asks="function")
def softmax(answer: Any, page: Page) -> str | None:
    """Scores (B,) of a mixture of three tastes."""
    draw = torch.Generator().manual_seed(11)
    tastes, attention = torch.randn(2, 5, 3, 4, generator=draw)
    film = torch.randn(5, 4, generator=draw)
    found = answer(tastes, attention, film)
    if np.shape(found) != (5,):
        return f"five pairs give five scores; this gives {tuple(np.shape(found))}."
    alone = torch.cat(
        [answer(tastes[i : i + 1], attention[i : i + 1], film[i : i + 1]) for i in range(5)]
    )
    if not near(found, alone):
        return "a pair still gets one score alone and another one among others."
    looks = torch.einsum("bmk,bk->bm", attention, film)
    expected = (looks.softmax(1) * torch.einsum("bmk,bk->bm", tastes, film)).sum(1)
    return None if near(found, expected) else WRONG


@register("bug_hunts.broadcast", asks="function")
def broadcast(answer: Any, page: Page) -> str | None:
    """The loss of a batch: mean squared error of products."""
    draw = torch.Generator().manual_seed(12)
    p, q = torch.randn(2, 6, 3, generator=draw)
    rating = torch.randn(6, generator=draw)
    found = answer(p, q, rating)
    if torch.as_tensor(found).ndim != 0:
        return "a loss is one number."
    score = (p * q).sum(1)
    if near(found, (score.unsqueeze(1) - rating).square().mean()):
        return "every prediction is still compared with every rating."
    return None if near(found, (score - rating).square().mean()) else WRONG


@register("bug_hunts.variation", asks="function")
def variation(answer: Any, page: Page) -> str | None:
    """Squared steps along time, mean over films."""
    constant = torch.tensor([[1.0] * 5, [-2.0] * 5, [0.5] * 5])
    alike = torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.0]] * 3)
    if float(answer(constant)) > 1e-6:
        return "films that never change, but differ from each other, are still punished."
    if float(answer(alike)) < 1e-6:
        return "films that jump up and down together are not punished at all."
    drift = torch.randn(3, 5, generator=torch.Generator().manual_seed(13))
    expected = (drift[:, 1:] - drift[:, :-1]).square().sum() / 3
    return None if near(answer(drift), expected) else WRONG


@register("bug_hunts.last_batch", asks="function")
def last_batch(answer: Any, page: Page) -> str | None:
    """RMSE in stars, whatever the size of the batches."""
    rng = np.random.default_rng(14)
    guess, rating = rng.normal(size=(2, 60))
    expected = float(np.sqrt(np.mean((guess - rating) ** 2)))
    for size, what in (
        (7, "a smaller last batch"), (20, "a full last batch"), (59, "one row in the last batch"),
        (60, "one batch"),
    ):  # fmt: skip
        if near(answer(guess, rating, size), expected**2, 1e-9):
            return "every row counts, but this is the mean of the squares: the root is missing."
        if not near(answer(guess, rating, size), expected, 1e-9):
            return f"60 rows in batches of {size} ({what}): not every row counts exactly once."
    return None if near(answer(guess, rating, 100), expected, 1e-9) else WRONG


@register("bug_hunts.seen", asks="function")
def seen(answer: Any, page: Page) -> str | None:
    """The best unseen items (B, k)."""
    draw = torch.Generator().manual_seed(15)
    rated = torch.rand(4, 12, generator=draw) < 0.4
    for low, what in ((0, "positive"), (-9, "negative"), (-4.5, "both"), (-9e4, "far below zero")):
        scores = low + 9 * torch.rand(4, 12, generator=draw)
        found = answer(scores, rated, k=3)
        if np.shape(found) != (4, 3):
            return f"it must give three films for each of four users, not {tuple(np.shape(found))}."
        if bool(rated.gather(1, found).any()):
            return f"if scores are {what}, films that were seen are still in the list."
        best = scores.masked_fill(rated, -torch.inf).topk(3, dim=1).indices
        if not torch.equal(found, best):
            return f"if scores are {what}, the list does not hold the best of the unseen films."
    return None


@register("bug_hunts.choosing", asks="function")
def choosing(answer: Any, page: Page) -> str | None:
    """Which setting is taken, and what is reported of it."""
    valid, test = np.array([0.93, 0.91, 0.95, 0.92]), np.array([0.90, 0.94, 0.92, 0.91])
    found = answer(valid.copy(), test.copy())
    if np.shape(found) != (2,):
        return "return two things: the position of the setting, and the error to report."
    best, reported = found
    if best not in range(4):
        return "the position of the setting comes first, then the error to report."
    if int(best) == 0:
        return "the choice still depends on the rows that the report is about."
    if int(best) != 1:
        return "this is not the setting with the smallest error on the rows for choosing."
    if not near(reported, test[1], 1e-9):
        return "the report must give the chosen setting's error on rows that had no say."
    return None


@register("bug_hunts.mean_of_means", asks="function")
def mean_of_means(answer: Any, page: Page) -> str | None:
    """RMSE of all rows in all batches."""
    by_hand = answer([np.array([0.0, 0.0]), np.array([3.0])])
    if not near(by_hand, 3**0.5, 1e-6):
        return "the errors 0, 0 and 3 have the RMSE 1.732, in whatever batches."
    rng = np.random.default_rng(16)
    parts = [rng.normal(size=n) for n in (5, 1, 9)]
    expected = float(np.sqrt(np.mean(np.concatenate(parts) ** 2)))
    return None if near(answer(parts), expected, 1e-6) else WRONG


@register("bug_hunts.divergence", asks="function")
def divergence(answer: Any, page: Page) -> str | None:
    """The objective per rating: mean misfit, and divergence by the number of ratings."""
    draw = torch.Generator().manual_seed(17)
    misfit, mean, log_var = torch.rand(8, generator=draw), *torch.randn(2, 5, generator=draw)
    moved = float((0.5 * (mean**2 + log_var.exp() - 1 - log_var)).sum())
    found = [float(answer(misfit, mean, log_var, n)) - float(misfit.mean()) for n in (100, 1000)]
    if near(found[0], moved) or near(found[0], found[1]):
        return "with ten times the ratings, each should carry a tenth of the divergence."
    if not near(found[0], moved / 100) or not near(found[1], moved / 1000):
        return "the two terms still have different units: both should be per rating."
    return None
