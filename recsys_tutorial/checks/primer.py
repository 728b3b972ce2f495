"""Checks of the primer."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from ignite.engine import Engine

from recsys_tutorial.checks.registry import register
from recsys_tutorial.datasets import planted
from recsys_tutorial.pages import Page


@register("primer.safe_error")
def safe_error(answer: Any, page: Page) -> str | None:
    """A function: mean squared error that refuses two different shapes."""
    rating = torch.tensor([4.0, 1.0, 3.0])
    prediction = torch.tensor([3.0, 3.0, 3.0])
    value = answer(prediction, rating)
    if value is None:
        return "the function returns nothing yet."
    if np.ndim(value) != 0:
        return f"one number is asked; this returns the shape {tuple(np.shape(value))}."
    if abs(float(value) - 5.0) < 1e-5:
        return "that is the sum of the squares; the mean is asked."
    if abs(float(value) - 5.0 / 3.0) > 1e-5:
        return f"predictions 3, 3, 3 for ratings 4, 1, 3 give {float(value):.4f}: mean of squares?"
    for wide in (prediction.reshape(3, 1), prediction.reshape(1, 3), prediction[:1]):
        try:
            answer(wide, rating)
        except ValueError:
            continue
        return f"shapes {tuple(wide.shape)} and {tuple(rating.shape)} should raise a ValueError."
    return None


@register("primer.slope")
def slope(answer: Any, page: Page) -> str | None:
    """Slope of the mean of (r - g)^2 at g = 3 for the ratings 4, 5, 3, 4."""
    value, right = float(answer), -2.0
    if abs(value + right) < 1e-4:
        return "the size is right, the sign is not: a larger guess makes this loss smaller."
    if abs(value - 4 * right) < 1e-4:
        return (
            "that is the slope of the sum; or backward() was called several times without clearing."
        )
    if abs(value - right / 2) < 1e-4:
        return "the square brings a factor 2 down."
    if abs(value - right) > 1e-4:
        return "take the four slopes -2 (r - 3), then their mean."
    return None


@register("primer.count_steps")
def count_steps(answer: Any, page: Page) -> str | None:
    """A function that attaches a handler, which notes the number of each iteration."""
    noted: list[int] = []  # how many it has noted while an iteration runs
    seen: Any = None
    trainer = Engine(lambda engine, batch: noted.append(len(seen)))
    seen = answer(trainer)
    if seen is None:
        return "the function returns nothing yet: it should return the list."
    if not isinstance(seen, list):
        return f"a list is asked, and this returns a {type(seen).__name__}."
    if seen:
        return "before the engine runs the list should be empty."
    trainer.run([0, 0, 0], max_epochs=2)
    if not seen:
        return "after a run the list is still empty: is the handler attached with @trainer.on(...)?"
    if len(seen) == 2:
        return "it was called once an epoch; there is an event for iterations, too."
    if noted[0] > 0:
        return "it notes an iteration before it runs: after it is asked."
    if seen != [1, 2, 3, 4, 5, 6]:
        return (
            f"after 2 epochs of 3 batches the list holds {seen}, not the number of each iteration."
        )
    return None


@register("primer.learn")
def learn(answer: Any, page: Page) -> str | None:
    """A function that trains a small model, better than the mean on the given ratings."""
    data = planted(n_users=60, n_items=40, n_ratings=1200, dim=2, seed=2)
    user, item = torch.from_numpy(data.user), torch.from_numpy(data.item)
    rating = torch.from_numpy(data.rating).to(torch.float32)
    model = answer(user, item, rating)
    if model is None:
        return "the function returns nothing yet: it should return the model."
    if not isinstance(model, torch.nn.Module):
        return f"a model is asked, and this returns a {type(model).__name__}."
    with torch.no_grad():
        predicted = model(user, item)
    if predicted.shape != rating.shape:
        return (
            f"predictions have the shape {tuple(predicted.shape)}, ratings {tuple(rating.shape)}."
        )
    error = float((predicted - rating).square().mean())
    mean = float((rating - rating.mean()).square().mean())
    if error > 0.9 * mean:
        return (
            f"its error is {error:.2f} stars², the mean alone has {mean:.2f}: does every step "
            "clear, go backward and step?"
        )
    return None
