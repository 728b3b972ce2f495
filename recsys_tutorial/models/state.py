"""What a model is beside its equation: sizes, vocabularies, units, and what it was fitted to."""

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
    """The part of `Model` that an export and a checkpoint carry, and the questions asked of it.

    Attributes:
        in_stars: Whether scores are in stars, a bool: see `predicts`.
        fitted_to: The loss it was fitted to, and the number of negatives: see `set_objective`.
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
        """Take mean and unit in stars from the training part."""
        self.mean.fill_(float(np.average(train.rating, weights=train.weight)))
        low, high = train.scale
        # A fifth of the largest rating is 1 for half a star to five, too, where a quarter is not.
        unit = min((high - low) / 4, max(abs(low), abs(high)) / 5)
        self.unit.fill_(unit or 1.0)

    # ---- what it predicts -----------------------------------------------------------------

    @property
    def predicts(self) -> str:
        """ "rating" (scores are in stars) or "score" (only their order means something).

        Part of the state, since a ranking loss turns a model of ratings into one of scores.
        """
        return "rating" if self.in_stars else "score"

    @predicts.setter
    def predicts(self, kind: str) -> None:
        if kind not in ("rating", "score"):
            raise ValueError(f"a model predicts 'rating' or 'score', not {kind!r}")
        self.in_stars.fill_(kind == "rating")

    @torch.no_grad()
    def set_objective(
        self, loss: Callable[..., Tensor], negatives: int | str, train: Dataset
    ) -> None:
        """Take note of what `fit` is about to minimise; a new user is folded in by the same.

        The mean and the unit in stars say nothing on a scale of scores, and would lift what is cold
        (all zeros otherwise) above everything that was learned. Ratings get them back.
        """
        kinds = {losses.logistic: 1, losses.bpr: 2, losses.sampled_softmax: 3}
        wanted = losses.needs(loss).predicts
        own = getattr(self.default_loss, "__name__", "") == getattr(loss, "__name__", "")
        kind = 0 if wanted == "rating" or own else kinds.get(loss, 4)
        self.fitted_to.copy_(torch.tensor([kind, -1 if negatives == "all" else int(negatives)]))
        if wanted == "score" and self.predicts == "rating":
            self.predicts = "score"
            self.mean.zero_()
            self.unit.fill_(1.0)
        elif wanted == "rating" and not self.in_stars and not self.ranks and not self.mean.any():
            self.predicts = "rating"
            self.read_unit(counted(train))

    def in_units(self, output: Any, batch: Batch) -> tuple[Any, Batch]:
        """Output and batch as the loss gets them: stars divided by `unit`, variances by its square.

        So a loss and its gradients are the same numbers on every scale.
        """
        if not self.in_stars or self.unit == 1 or batch.rating is None:
            return output, batch
        power = {"score": 1, "rating": 1, "variance": 2}
        if isinstance(output, tuple):
            fields = output._asdict()  # type: ignore[attr-defined]
            stars = {k: v / self.unit ** power[k] for k, v in fields.items() if k in power}
            output = output._replace(**stars)  # type: ignore[attr-defined]
        else:
            output = output / self.unit
        return output, replace(batch, rating=batch.rating / self.unit)

    # ---- what it was made from, and of what ------------------------------------------------

    @classmethod
    def library_class(cls) -> type[ModelState]:
        """The class of `rt.models` that it is or is made from; ValueError where there is none."""
        from recsys_tutorial import models

        for parent in cls.__mro__:
            known = getattr(models, parent.__name__, None) is parent
            if known and parent is not models.Model:
                return parent
        raise ValueError(
            f"{cls.__name__} is not made from a class of rt.models: write it as "
            "class Mine(rt.models.BiasedMF), say"
        )

    def settings(self) -> dict[str, Any]:
        """The arguments with which the constructor of its `library_class` makes it again."""
        return {name: getattr(self, name) for name in _arguments(self.library_class())}

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        """Before the numbers: what is still empty becomes as large as what is loaded."""
        tables = (*self.named_parameters(recurse=False), *self.named_buffers(recurse=False))
        for name, table in tables:
            if not table.numel() and prefix + name in state_dict:
                table.data = table.new_empty(state_dict[prefix + name].shape)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def is_cold(self, user: Tensor) -> Tensor:
        """Which of these users (*S,) have no training rating: their lists are everybody's."""
        return self.user_count[user] == 0

    def check_fitted(self) -> None:
        """ValueError for a model as `for_dataset` made it, or one with a number that is not finite.

        Called by whatever shows what a model has learned: lists, evaluation, export, its axes.
        """
        state = self.state_dict()
        learns = hasattr(self, "fit") or any(True for _ in self.parameters())
        if learns and self._as_built == self._versions():
            raise ValueError(
                f"this {type(self).__name__} has not been fitted: call rt.fit(model, train) first"
            )
        for name, table in state.items():
            if name != "scale" and table.is_floating_point() and not table.isfinite().all():
                raise ValueError(
                    f"{name} of this {type(self).__name__} holds numbers that are not finite: its "
                    "training diverged. Build it anew with for_dataset, and fit with a smaller lr"
                )

    def _versions(self) -> list[int]:
        """How often each table was written to: training, loading or filling by hand all count."""
        return [table._version for table in self.state_dict(keep_vars=True).values()]

    def check_vocabulary(self, dataset: Dataset) -> None:
        """ValueError unless model and Dataset number their users and items alike."""
        if self.user_vocab is None or self.item_vocab is None:
            raise ValueError(
                f"this {type(self).__name__} was not built for a Dataset: make it with "
                f"{type(self).__name__}.for_dataset(train)"
            )
        for mine, theirs in (
            (self.user_vocab, dataset.user_vocab),
            (self.item_vocab, dataset.item_vocab),
        ):
            if mine != theirs:
                raise ValueError(
                    f"the {mine.kind}s of this model ({len(mine):,}) are not those of Dataset "
                    f"{dataset.name!r} ({len(theirs):,}): use parts of the Dataset that it was "
                    "built for, or build and fit a new model with for_dataset"
                )


def _arguments(cls: type) -> dict[str, Any]:
    """What the constructor takes, also what it passes on as **rest, and how it is annotated."""
    names: dict[str, Any] = {}
    for parent in cls.__mro__:
        if "__init__" in vars(parent):
            parameters = list(inspect.signature(parent).parameters.values())
            own = {p.name: p.annotation for p in parameters if p.kind != p.VAR_KEYWORD}
            names = {**own, **names}
            if len(own) == len(parameters):
                break
    return names


def checked_settings(cls: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings as plain numbers; TypeError for what is none, ValueError for too low a one."""
    checked = dict(settings)
    for name, kind in _arguments(cls).items():
        if name not in settings or kind not in ("int", int, "float", float):
            continue
        value, is_int = settings[name], kind in ("int", int)
        plain = isinstance(value, Integral if is_int else Real) and not isinstance(value, bool)
        if not plain or value != value:
            raise TypeError(
                f"{name}={value!r} of a {cls.__name__} must be a "
                f"{'whole number' if is_int else 'number'}"
            )
        if value < (least := cls.least.get(name, 0)):
            raise ValueError(f"{name}={value} must be at least {least}")
        checked[name] = int(value) if is_int else float(value)
    return checked


def counted(train: Dataset) -> Dataset:
    """The rows that count, that is without those of weight 0, with weights whose median is 1.

    So a row of weight 0 is not there, for any model, one of weight 4 is four copies of a usual one,
    and all weights times ten are the same weights.
    """
    if train.weight is None:
        return train
    if not train.weight.any():
        raise ValueError("every weight of this part is 0, so that no row counts: give it others")
    if not train.weight.all():
        train = train.take(train.weight > 0)
    assert train.weight is not None
    usual = np.median(train.weight)
    return train if usual == 1 else replace(train, weight=train.weight / usual)
