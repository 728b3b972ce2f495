"""What a model is beside its equation: sizes, vocabularies, units, and what it was fitted to."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar

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
        mean: The mean training rating, in stars; 0 for scores.
        unit: Stars in one unit of what is learned: 1 on a scale from 1 to 5, 20 from 0 to 100. So
            learning rates and penalties mean the same on every scale.
        scale: Lowest and highest rating, in stars.
        user_count, item_count: Training rows of each user and item; 0 for cold ones.
        user_weight, item_weight: The same as sums of the rows' weights.
    """

    ranks: ClassVar[bool] = False
    default_loss: Callable[..., Tensor] = staticmethod(losses.squared_error)

    in_stars: Tensor
    fitted_to: Tensor
    mean: Tensor
    unit: Tensor
    scale: Tensor
    user_count: Tensor
    item_count: Tensor
    user_weight: Tensor
    item_weight: Tensor

    def __init__(self, n_users: int, n_items: int, *, seed: int = 0) -> None:
        super().__init__()
        self.n_users, self.n_items, self.seed = n_users, n_items, seed
        self.generator = torch.Generator().manual_seed(seed)
        self.user_vocab: Vocabulary | None = None
        self.item_vocab: Vocabulary | None = None
        self._as_built: list[int] | None = None
        self.register_buffer("in_stars", torch.tensor(not self.ranks))
        self.register_buffer("fitted_to", torch.zeros(2, dtype=torch.int64))
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("unit", torch.ones(()))
        self.register_buffer("scale", torch.tensor([-torch.inf, torch.inf]))
        for side, n in (("user", n_users), ("item", n_items)):
            self.register_buffer(f"{side}_count", torch.ones(n, dtype=torch.int64))
            self.register_buffer(f"{side}_weight", torch.ones(n))

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
        """The arguments with which the constructor of its `library_class` makes it again.

        Raises:
            ValueError: an argument is not kept as an attribute, or cannot be written as JSON.
        """
        arguments = _arguments(self.library_class())
        missing = [name for name in arguments if not hasattr(self, name)]
        if missing:
            raise ValueError(
                f"{type(self).__name__} does not keep its argument {missing[0]!r} as an attribute: "
                "it could not be built again"
            )
        settings = {name: getattr(self, name) for name in arguments}
        try:
            return dict(json.loads(json.dumps(settings, allow_nan=False)))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{type(self).__name__}: a setting is not plain: {error}") from None

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


def _arguments(cls: type) -> list[str]:
    """Names of what the constructor takes, also of what it passes on as **rest."""
    names: list[str] = []
    for parent in cls.__mro__:
        if "__init__" in vars(parent):
            parameters = list(inspect.signature(parent).parameters.values())
            names += [p.name for p in parameters if p.kind != p.VAR_KEYWORD and p.name not in names]
            if not any(p.kind == p.VAR_KEYWORD for p in parameters):
                break
    return names


def checked_settings(cls: type, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings, those annotated `int` as whole numbers; TypeError for what is no number."""
    checked = dict(settings)
    for parent in cls.__mro__:
        for name, kind in getattr(vars(parent).get("__init__"), "__annotations__", {}).items():
            if name not in settings or kind not in ("int", int, "float", float):
                continue
            value, is_int = settings[name], kind in ("int", int)
            plain = isinstance(value, Integral if is_int else Real) and not isinstance(value, bool)
            if not plain or value != value:
                raise TypeError(
                    f"{name}={value!r} of a {cls.__name__} must be a "
                    f"{'whole number' if is_int else 'number'}"
                )
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
