"""Checks of the primer."""

from typing import Any

import torch
from ignite.engine import Engine

from recsys_tutorial.datasets import planted
from recsys_workshop.checks.registry import compare, register
from recsys_workshop.pages import Page


@register("primer.safe_error", asks="function")
def safe_error(answer: Any, page: Page) -> str | None:
    """A function: mean squared error that refuses two different shapes."""
    rating, prediction = torch.tensor([4.0, 1.0, 3.0]), torch.tensor([3.0, 3.0, 3.0])
    found = answer(prediction, rating)
    slips = {"that is the sum of the squares; return their mean.": 5.0}
    other = f"predictions 3, 3, 3 for ratings 4, 1, 3 give {found}, and should give 5/3."
    if off := compare(found, 5.0 / 3.0, slips, other, tolerance=1e-5):
        return off
    for wide in (prediction.reshape(3, 1), prediction.reshape(1, 3), prediction[:1]):
        try:
            answer(wide, rating)
        except ValueError:
            continue
        except Exception as error:
            return f"two shapes that differ should raise a ValueError, not {type(error).__name__}."
        return f"shapes {tuple(wide.shape)} and {tuple(rating.shape)} should raise a ValueError."
    return None


@register("primer.slope")
def slope(answer: Any, page: Page) -> str | None:
    """Slope of the mean of (r - g)^2 at g = 3 for the ratings 4, 5, 3, 4."""
    slips = {
        "the size is right, the sign is not: a larger guess makes this loss smaller.": 2.0,
        "that is the slope of the sum; or backward() was called several times without clearing.": (
            -8.0
        ),
        "a factor 2 is missing: the slope of (r - g)^2 has one.": -1.0,
    }
    other = "take the four slopes -2 (r - 3), then their mean."
    return compare(answer, -2.0, slips, other, tolerance=1e-4)


@register("primer.count_steps", asks="function")
def count_steps(answer: Any, page: Page) -> str | None:
    """A function that attaches a handler, which notes the number of each iteration."""
    noted: list[int] = []  # how many it has noted while an iteration runs
    seen: Any = None
    trainer = Engine(lambda engine, batch: noted.append(len(seen)))
    seen = answer(trainer)
    if not isinstance(seen, list):
        return f"the function should return a list, and it returns a {type(seen).__name__}."
    if seen:
        return "before the engine runs the list should be empty."
    trainer.run([0, 0, 0], max_epochs=2)
    if not seen:
        return (
            "after a run the list is still empty: is the handler attached with @trainer.on(...), "
            "and do you return the list that it fills?"
        )
    if len(seen) == 2:
        return "the handler was called once per epoch; use the event for iterations."
    if noted[0] > 0:
        return "the handler runs before the iteration; use the event that comes after it."
    if seen != [1, 2, 3, 4, 5, 6]:
        return (
            f"after 2 epochs of 3 batches the list holds {seen}, not the number of each iteration."
        )
    return None


@register("primer.learn", asks="function")
def learn(answer: Any, page: Page) -> str | None:
    """A function that trains a small model, better than the mean on the given ratings."""
    data = planted(n_users=60, n_items=40, n_ratings=1200, dim=2, seed=2)
    user, item = torch.from_numpy(data.user), torch.from_numpy(data.item)
    rating = torch.from_numpy(data.rating).to(torch.float32)
    model = answer(user, item, rating)
    if not isinstance(model, torch.nn.Module):
        return f"the function should return a model, and it returns a {type(model).__name__}."
    with torch.no_grad():
        predicted = model(user, item)
    if predicted.shape != rating.shape:
        return (
            f"predictions have the shape {tuple(predicted.shape)}, ratings {tuple(rating.shape)}."
        )
    error = float((predicted - rating).square().mean())
    mean = float((rating - rating.mean()).square().mean())
    if error > 0.6 * mean:  # 0.46 after 30 steps, 0.72 without clearing
        return (
            f"its error is {error:.2f} stars², and should be at most {0.6 * mean:.2f}, 0.6 times "
            "that of the mean: does every step clear, go backward and step?"
        )
    return None
