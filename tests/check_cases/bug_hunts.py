"""Answers to the checks of the bug hunts: the pages' own two versions, and repairs that miss."""

import re
from pathlib import Path

import numpy as np
import torch

from check_cases import Case

SOURCES = Path(__file__).parents[2] / "notebooks" / "source" / "bug_hunts"


def version(hunt: str, tag: str):
    """The function `mended` as the page's cell with that tag defines it."""
    (path,) = SOURCES.glob(f"{hunt}_*.py")
    cells = re.split(r"^# %%", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (cell,) = [c for c in cells if c.startswith(f' tags=["{tag}"]')]
    scope = {"np": np, "torch": torch}
    exec(cell.split("\n", 1)[1], scope)
    return scope["mended"]


def _case(hunt: str, *wrong, says=()) -> Case:
    return Case(
        right=lambda page: version(hunt, "solution"),
        stub=lambda page: version(hunt, "stub"),
        wrong=[lambda page, w=w: w for w in wrong],
        says={words: lambda page, w=w: w for words, w in dict(says).items()},
    )


def _says(tastes, film):
    return (tastes * film.unsqueeze(1)).sum(-1)


def _softmax_of_says(tastes, attention, film):
    return (_says(tastes, film).softmax(-1) * _says(tastes, film)).sum(-1)


def _softmax_over_the_vector(tastes, attention, film):
    weight = (attention * film.unsqueeze(1)).softmax(-1)
    return (weight * tastes * film.unsqueeze(1)).sum((-1, -2))


def _rows_dropped(guess, rating, batch_size):
    n = len(rating) // batch_size * batch_size
    return float(np.sqrt(np.mean((guess[:n] - rating[:n]) ** 2)))


def _first_row_twice(guess, rating, batch_size):
    error = np.append(guess - rating, (guess - rating)[:1])
    return float(np.sqrt(np.mean(error**2)))


def _all_but_one(guess, rating, batch_size):
    stop = 0
    for start in range(0, len(rating) - 1, batch_size):
        stop = start + batch_size
    return float(np.sqrt(np.mean((guess - rating)[:stop] ** 2)))


CASES = {
    "bug_hunts.softmax": _case(
        "01",
        _softmax_of_says,
        _softmax_over_the_vector,
        lambda tastes, attention, film: _says(tastes, film).mean(-1),
        lambda tastes, attention, film: _says(tastes, film),
        0.5,
    ),
    "bug_hunts.broadcast": _case(
        "02",
        lambda p, q, rating: ((p * q).sum() - rating).square().mean(),
        lambda p, q, rating: ((p * q).sum(1) - rating).square(),
        lambda p, q, rating: ((p * q).sum(1) - rating).square().sum(),
        lambda p, q, rating: ((p * q).sum(1) - rating).abs().mean(),
    ),
    "bug_hunts.variation": _case(
        "03",
        lambda drift: (drift - drift.mean(1, keepdim=True)).square().sum() / len(drift),
        lambda drift: (drift[:, 1:] - drift[:, :-1]).sum() / len(drift),
        lambda drift: drift.square().sum(),
    ),
    "bug_hunts.last_batch": _case(
        "04",
        _rows_dropped,
        _first_row_twice,
        lambda g, r, b: None,
        says={"batches of 59": _all_but_one},
    ),
    "bug_hunts.seen": _case(
        "05",
        lambda scores, seen, k=10: scores.masked_fill(seen, -1.0).topk(k, dim=1).indices,
        lambda scores, seen, k=10: scores.masked_fill(seen, -100.0).topk(k, dim=1).indices,
        lambda scores, seen, k=10: scores.masked_fill(~seen, -torch.inf).topk(k, dim=1).indices,
        lambda scores, seen, k=10: scores.topk(k, dim=1).indices,
        lambda scores, seen, k=10: scores.masked_fill(seen, torch.inf).topk(k, largest=False)[1],
    ),
    "bug_hunts.choosing": _case(
        "06",
        lambda valid, test: (int(np.argmin(valid + test)), float(test.min())),
        lambda valid, test: (int(np.argmin(valid)), float(valid.min())),
        lambda valid, test: (int(np.argmax(valid)), float(test[np.argmax(valid)])),
        says={"comes first": lambda valid, test: (test[valid.argmin()], valid.argmin())},
    ),
    "bug_hunts.mean_of_means": _case(
        "07",
        lambda batches: float(np.sqrt(np.mean([(e**2).mean() for e in batches]))),
        lambda batches: float(np.mean(np.abs(np.concatenate(batches)))),
        lambda batches: float(np.sqrt((np.concatenate(batches) ** 2).sum())),
    ),
    "bug_hunts.divergence": _case(
        "08",
        lambda misfit, mean, log_var, n: (
            misfit.mean() + 0.5 * (mean**2 + log_var.exp() - 1 - log_var).mean()
        ),
        lambda misfit, mean, log_var, n: misfit.mean(),
        lambda misfit, mean, log_var, n: (
            misfit.sum() + 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum() / n
        ),
        lambda misfit, mean, log_var, n: misfit.mean() + 0.5 * (mean**2).sum() / n,
    ),
}
