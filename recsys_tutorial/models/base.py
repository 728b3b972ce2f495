"""What every model shares: how it is built from data, and how its rows are looked up."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.datasets.vocabulary import Vocabulary


class FoldedUser(NamedTuple):
    """A new user's row, found from ratings alone while the items stay as they are.

    row   : (d,), the user's numbers
    parts : (n, d), what each of the n ratings contributed; they sum to `row`
    """

    row: Tensor
    parts: Tensor


class Model(nn.Module):
    """A recommender: `forward(batch)` gives one score for each (user, item) of the batch.

    columns      : fields of Batch that `forward` and the loss use
    ranks        : whether only the order of its scores means something, before a loss says more
    default_loss : the loss that `fit` minimises unless told otherwise
    fit_defaults : epochs, lr and batch_size that suit the model
    progress     : share of the training steps already made, kept by `fit`; 1 outside of it

    Parameters whose names start with `user_` or `item_` and that have one row per user or item are
    its tables: the rows of ids without training ratings are kept at zero.
    """

    columns: ClassVar[tuple[str, ...]] = ("user", "item", "rating")
    ranks: ClassVar[bool] = False
    default_loss: Callable[..., Tensor] = staticmethod(losses.squared_error)
    fit_defaults: ClassVar[dict[str, Any]] = {"epochs": 12, "lr": 0.01, "batch_size": 1024}

    progress: float = 1.0

    in_stars: Tensor
    mean: Tensor
    scale: Tensor
    user_count: Tensor
    item_count: Tensor

    def __init__(self, n_users: int, n_items: int, *, seed: int = 0) -> None:
        super().__init__()
        self.n_users, self.n_items, self.seed = n_users, n_items, seed
        self.generator = torch.Generator().manual_seed(seed)
        self.user_vocab: Vocabulary | None = None
        self.item_vocab: Vocabulary | None = None
        self._as_built: list[int] | None = None
        self.register_buffer("in_stars", torch.tensor(not self.ranks))
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("scale", torch.tensor([-torch.inf, torch.inf]))
        self.register_buffer("user_count", torch.ones(n_users, dtype=torch.int64))
        self.register_buffer("item_count", torch.ones(n_items, dtype=torch.int64))

    # ---- building -------------------------------------------------------------------------

    @classmethod
    def for_dataset(cls, train: Dataset, **hyperparameters: Any) -> Self:
        """An unfitted model for this training part; everything estimated comes from it.

        Raises ValueError for an empty part or one whose weights are all 0, TypeError for an unknown
        hyperparameter.
        """
        if len(train) == 0:
            raise ValueError("cannot build a model for an empty Dataset: it has no ratings")
        model = cls(train.n_users, train.n_items, **hyperparameters)
        model.read(train)
        model.reset_cold()
        model._as_built = model._versions()
        return model

    @torch.no_grad()
    def read(self, train: Dataset) -> None:
        """Take mean, scale, counts and vocabularies from the training part."""
        if train.weight is not None and not train.weight.any():
            raise ValueError(
                "every weight of this part is 0, so that no row counts: give it others"
            )
        self.user_vocab, self.item_vocab = train.user_vocab, train.item_vocab
        self.mean.fill_(float(np.average(train.rating, weights=train.weight)))
        self.scale.copy_(torch.tensor(train.scale))
        self.user_count.copy_(torch.from_numpy(train.counts("user")))
        self.item_count.copy_(torch.from_numpy(train.counts("item")))

    @torch.no_grad()
    def reset_cold(self) -> None:
        """Zero the rows of users and items that have no training rating."""
        for name, table in self.tables():
            count = self.user_count if name.startswith("user_") else self.item_count
            if bool((count == 0).any()):
                table[count == 0] = 0

    def tables(self) -> Iterator[tuple[str, nn.Parameter]]:
        """The parameters with one row per user or item."""
        for name, parameter in self.named_parameters(recurse=False):
            n = {"user": self.n_users, "item": self.n_items}.get(name.split("_")[0])
            if n is not None and parameter.ndim and parameter.shape[0] == n:
                yield name, parameter

    def random_table(self, n: int, dim: int, sd: float = 0.1) -> nn.Parameter:
        """A table (n, dim) of normal numbers, drawn from the model's own generator."""
        return nn.Parameter(torch.randn(n, dim, generator=self.generator) * sd)

    # ---- looking up -----------------------------------------------------------------------

    def rows(self, table: Tensor, index: Tensor) -> Tensor:
        """`table[index]`: shape of the index, then the table's own trailing axes.

        index_select, since the backward pass of plain embeddings is slow on a CPU.
        """
        flat = index.reshape(-1)
        if getattr(table, "sparse_rows", False) and torch.is_grad_enabled():
            picked = _SparseRows.apply(table, flat)
        else:
            picked = table.index_select(0, flat)
        return picked.view(index.shape + table.shape[1:])

    # ---- what it is -----------------------------------------------------------------------

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

    @classmethod
    def library_class(cls) -> type[Model]:
        """The class of `rt.models` that it is or is made from; ValueError where there is none."""
        from recsys_tutorial import models

        for parent in cls.__mro__:
            if parent is not Model and parent is getattr(models, parent.__name__, None):
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
        arguments = list(inspect.signature(self.library_class()).parameters)
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

    # ---- the contract ---------------------------------------------------------------------

    def penalty(self, batch: Batch) -> Tensor:
        """What `fit` adds to the loss: a mean over the batch's rows; nothing by default."""
        return self.mean.new_zeros(())

    def score_items(self, batch: Batch) -> Tensor:
        """Scores (B, n_items) of the whole catalogue for the B users of the batch."""
        (user,) = batch.need("user")
        time = None if batch.time is None else batch.time.reshape(-1, 1)
        history = None if batch.history is None else batch.history.unsqueeze(1)
        catalogue = torch.arange(self.n_items, device=user.device).unsqueeze(0)
        wide = Batch(user=user.reshape(-1, 1), item=catalogue, time=time, history=history)
        return losses.score_of(self(wide)).expand(user.numel(), self.n_items)

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


def runs(first: Tensor, many: Tensor) -> tuple[Tensor, Tensor]:
    """Positions of several stretches, one after the other, and where each stretch begins in them.

    first, many : (B,), stretch b is first[b], first[b] + 1, ... of length many[b]
    """
    begins = many.cumsum(0) - many
    within = torch.arange(int(many.sum()), device=many.device)
    return within + (first - begins).repeat_interleave(many), begins


class _SparseRows(torch.autograd.Function):
    """index_select whose gradient holds only the rows that were looked up."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        ctx.shape = table.shape
        return table.index_select(0, index)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        return torch.sparse_coo_tensor(
            index.unsqueeze(0), gradients[0], ctx.shape, check_invariants=False
        ), None
