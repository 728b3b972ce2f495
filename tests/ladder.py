"""Rungs of the test ladder that every trained model climbs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import recsys_tutorial as rt
from recsys_tutorial import Batch, losses
from recsys_tutorial.datasets import Dataset
from recsys_tutorial.models import Model


def batch_of(users: Any, items: Any, ratings: Any = None) -> Batch:
    """A batch of these codes, of any shape."""
    stars = None if ratings is None else torch.as_tensor(ratings, dtype=torch.float32)
    return Batch(user=torch.as_tensor(users), item=torch.as_tensor(items), rating=stars)


def scrambled(model: Any, sd: float = 1.0) -> Any:
    """The model with random numbers everywhere: what is wrong cannot hide behind a zero."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(sd * torch.randn(parameter.shape, generator=model.generator))
    return model


def fitted(cls: type[Model], data: Dataset, fit: Any = None, **settings: Any) -> Any:
    """A model built with these settings and fitted, with the arguments of `fit` in a dict."""
    model = cls.for_dataset(data, **settings)
    rt.fit(model, data, **{"progress": False, **(fit or {})})
    return model


def rmse_of(model: Model, test: Dataset) -> float:
    """In stars."""
    return rt.metrics.rmse(test.rating, rt.predict(model, test))


def whole_and_resumed(
    make: Callable[[], Model], data: Dataset, directory: Path, **settings: Any
) -> tuple[Model, Model]:
    """Two models of four epochs: one trained in one go, one that fell over in its third epoch and
    was resumed by a third model that had never seen a step."""
    settings = {"epochs": 4, "progress": False, **settings}
    whole, broken, resumed = (make() for _ in range(3))
    steps, paid = [], whole.penalty

    def counted(batch: Batch) -> torch.Tensor:
        steps.append(1)
        return paid(batch)

    whole.penalty = counted  # type: ignore[method-assign]
    rt.fit(whole, data, **settings)
    whole.penalty = paid  # type: ignore[method-assign]
    last, penalty, calls = int(2.5 * len(steps) / 4), broken.penalty, []

    def fall_over(batch: Batch) -> torch.Tensor:
        calls.append(1)
        if len(calls) > last:
            raise RuntimeError("power cut")
        return penalty(batch)

    broken.penalty = fall_over  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="power cut"):
        rt.fit(broken, data, **settings, checkpoint_dir=directory)
    saved = torch.load(directory / "last.pt", weights_only=True)
    assert saved["epoch"] == 2  # something is left to do, and something is done
    rt.fit(resumed, data, **settings, checkpoint_dir=directory, resume=True)
    return whole, resumed


def gradients_are_right(
    model: Model, batch: Batch, loss: Callable[..., torch.Tensor] = losses.squared_error
) -> bool:
    """Loss and penalty of a float64 model against differences, in every parameter."""
    names = [f"model.{name}" for name, _ in model.named_parameters()]

    class Objective(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, batch: Batch) -> torch.Tensor:
            model.generator.manual_seed(3)  # the same draws for every evaluation
            return loss(self.model(batch), batch) + self.model.penalty(batch)

    def objective(*values: torch.Tensor) -> torch.Tensor:
        parameters = dict(zip(names, values, strict=True))
        return torch.func.functional_call(Objective(), parameters, (batch,))

    values = tuple(p.detach().clone().requires_grad_() for p in model.parameters())
    return torch.autograd.gradcheck(objective, values)
