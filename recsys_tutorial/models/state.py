"""What a model has besides its equation: its settings, its objective, and checks of its state."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.vocabulary import Vocabulary


class ModelState(nn.Module):
    """The part of `Model` that concerns exports, checkpoints and `fit`.

    Attributes:
        in_stars: Whether scores are in stars, a bool; a ranking loss sets it to False.
        fitted_to: (2,), a code for the loss of training, and its negatives: see `set_objective`.
    """

    ranks: ClassVar[bool] = False
    default_loss: Callable[..., Tensor] = staticmethod(losses.squared_error)

    if TYPE_CHECKING:  # the buffers

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self) -> None:
        super().__init__()
        self.user_vocab: Vocabulary | None = None
        self.item_vocab: Vocabulary | None = None
        self._as_built: list[int] | None = None
        self.register_buffer("in_stars", torch.tensor(not self.ranks))
        self.register_buffer("fitted_to", torch.zeros(2, dtype=torch.int64))

    @torch.no_grad()
    def read_unit(self, train: Dataset) -> None:
        """Set mean and unit, in stars, from the training part."""
        self.mean.fill_(float(np.average(train.rating, weights=train.weight)))
        low, high = train.scale
        # 1 on scales from 1 to 5 and from 0.5 to 5
        self.unit.fill_(min((high - low) / 4, max(abs(low), abs(high)) / 5) or 1.0)

    # ---- what it predicts -----------------------------------------------------------------

    @property
    def predicts(self) -> str:
        """ "rating" (scores are in stars) or "score" (only their order means something)."""
        return "rating" if self.in_stars else "score"

    @torch.no_grad()
    def set_objective(
        self, loss: Callable[..., Tensor], negatives: int | str, train: Dataset
    ) -> None:
        """Record what `fit` is about to minimise; new users are folded in by the same objective.

        A ranking loss sets the mean to 0 and the unit to 1: with a mean in stars, cold items would
        score higher than all that was learned. A loss on ratings restores them.
        """
        kinds = {losses.logistic: 1, losses.bpr: 2, losses.sampled_softmax: 3}
        predicts = losses.needs(loss).predicts
        kind = 0 if predicts == "rating" else kinds.get(loss, 4)
        self.fitted_to.copy_(torch.tensor([kind, -1 if negatives == "all" else int(negatives)]))
        if predicts == "score" and self.in_stars:
            self.in_stars.fill_(False)
            self.mean.zero_()
            self.unit.fill_(1.0)
        elif predicts == "rating" and not (self.in_stars or self.ranks or self.mean.any()):
            self.in_stars.fill_(True)
            self.read_unit(counted(train))

    def in_units(self, output: Any, batch: Batch) -> tuple[Any, Batch]:
        """Output and batch for the loss: stars divided by `unit`, variances by its square, so that
        losses and gradients are the same on every scale."""
        if not self.in_stars or self.unit == 1 or batch.rating is None:
            return output, batch
        batch = replace(batch, rating=batch.rating / self.unit)
        if not isinstance(output, tuple):
            return output / self.unit, batch
        units = {"score": self.unit, "rating": self.unit, "variance": self.unit**2}
        fields: Any = output
        return fields._replace(
            **{k: v / units[k] for k, v in fields._asdict().items() if k in units}
        ), batch

    # ---- settings and checks ---------------------------------------------------------------

    @classmethod
    def library_class(cls) -> type[ModelState]:
        """Its class in `rt.models`, or the nearest parent there; ValueError if there is none."""
        from recsys_tutorial import models

        for parent in cls.__mro__:
            if parent is not models.Model and getattr(models, parent.__name__, None) is parent:
                return parent
        raise ValueError(
            f"{cls.__name__} has no parent in rt.models: derive it from one, such as "
            "rt.models.BiasedMF"
        )

    def settings(self) -> dict[str, Any]:
        """The arguments for the constructor of `library_class`, with this model's values."""
        return {name: getattr(self, name) for name in _arguments(self.library_class())}

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        """Give tables that are still empty the shape of the loaded ones, then load."""
        tables = (*self.named_parameters(recurse=False), *self.named_buffers(recurse=False))
        for name, table in tables:
            if not table.numel() and prefix + name in state_dict:
                table.data = table.new_empty(state_dict[prefix + name].shape)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def is_cold(self, user: Tensor) -> Tensor:
        """Which of these users (*S,) have no training rating."""
        return self.user_count[user] == 0

    def check_fitted(self) -> None:
        """ValueError for a model that was never fitted or that has numbers that are not finite."""
        learns = hasattr(self, "fit") or any(True for _ in self.parameters())
        if learns and self._as_built == self._versions():
            raise ValueError(
                f"this {type(self).__name__} has not been fitted: call rt.fit(model, train) first"
            )
        for name, table in self.state_dict().items():
            if name != "scale" and table.is_floating_point() and not table.isfinite().all():
                raise ValueError(
                    f"{name} of this {type(self).__name__} holds numbers that are not finite: its "
                    "training diverged. Build a new one with for_dataset, and fit with a smaller lr"
                )

    def _versions(self) -> list[int]:
        """How often each table was written to, by training, loading or hand."""
        return [table._version for table in self.state_dict(keep_vars=True).values()]

    def check_vocabulary(self, dataset: Dataset) -> None:
        """ValueError unless model and Dataset have the same users and items in the same order."""
        kind = type(self).__name__
        for side in ("user", "item"):
            own, other = getattr(self, f"{side}_vocab"), getattr(dataset, f"{side}_vocab")
            if own is None:
                raise ValueError(
                    f"this {kind} was not built for a Dataset: make it with "
                    f"{kind}.for_dataset(train)"
                )
            if own != other:
                raise ValueError(
                    f"the {side}s of this model ({len(own):,}) are not those of Dataset "
                    f"{dataset.name!r} ({len(other):,}): use parts of the Dataset that it was "
                    "built for, or build and fit a new model with for_dataset"
                )


def _arguments(cls: type) -> dict[str, Any]:
    """Annotations of the constructor's arguments, those that it passes on as **rest included."""
    names: dict[str, Any] = {}
    for parent in cls.__mro__:
        if "__init__" in vars(parent):
            parameters = inspect.signature(parent).parameters.values()
            own = {p.name: p.annotation for p in parameters if p.kind != p.VAR_KEYWORD}
            names = own | names
            if len(own) == len(parameters):
                break
    return names


def checked_settings(cls: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """Numeric settings as int or float; TypeError for other types, ValueError if too low."""
    checked = dict(settings)
    kinds = {"int": (int, Integral, "whole number"), "float": (float, Real, "number")}
    for name, annotation in _arguments(cls).items():
        annotation = getattr(annotation, "__name__", annotation)
        if name in settings and annotation in kinds:
            convert, kind, words = kinds[annotation]
            value, least = settings[name], cls.least.get(name, 0)
            if not isinstance(value, kind) or isinstance(value, bool) or value != value:
                raise TypeError(f"{name}={value!r} of a {cls.__name__} must be a {words}")
            if value < least:
                raise ValueError(f"{name}={value} must be at least {least}")
            checked[name] = convert(value)
    return checked


def counted(train: Dataset) -> Dataset:
    """The rows without those of weight 0, weights divided by their median.

    So for every model a row of weight 4 counts as four typical ones, and the scale of the weights
    does not matter.
    """
    if train.weight is None:
        return train
    if not train.weight.any():
        raise ValueError("every weight of this part is 0, so no row counts: give it other weights")
    if not train.weight.all():
        train = train.take(train.weight > 0)
    assert train.weight is not None
    median = np.median(train.weight)
    return train if median == 1 else replace(train, weight=train.weight / median)
