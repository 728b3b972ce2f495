"""What every model shares: how it is built from data, its penalty, and how it scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.state import ModelState, checked_settings, counted


class FoldedUser(NamedTuple):
    """A new user's row (d,), computed from n ratings while the items stay fixed.

    `parts` (n, d) holds the contribution of each rating; they sum to `row`. `covariance` (d, d) is
    that of the row, from a model that knows how certain it is.
    """

    row: Tensor
    parts: Tensor
    covariance: Tensor | None = None


class Model(ModelState):
    """A recommender: `forward(batch)` returns one score per (user, item) of the batch.

    Its tables are the parameters that have one row per user or item and a name that starts with
    `user_` or `item_`. Rows of users and items without training ratings stay zero. A parameter or
    buffer whose length depends on the data is empty until a Dataset is read or a state is loaded.

    Attributes:
        columns: Fields of Batch that `forward` and the loss use.
        ranks: Whether the model can only rank; others only rank after a ranking loss.
        default_loss: The loss that `fit` minimises by default.
        fit_defaults: epochs, lr and batch_size that suit the model.
        least: The smallest value of a hyperparameter, where that is not 0.
        progress: Share of the training steps already made, kept by `fit`; 1 outside of it.
        mean: The mean training rating, in stars; 0 for models that rank.
        unit: Stars per unit of the parameters: 1 on a scale from 1 to 5, 20 from 0 to 100. So
            learning rates and penalties mean the same on every scale.
        scale: Lowest and highest rating, in stars.
        user_count, item_count: Training rows of each user and item; 0 for cold ones.
        user_weight, item_weight: The same as sums of the rows' weights.
    """

    columns: ClassVar[tuple[str, ...]] = ("user", "item", "rating")
    fit_defaults: ClassVar[dict[str, Any]] = {"epochs": 12, "lr": 0.01, "batch_size": 1024}
    least: ClassVar[Mapping[str, float]] = {}

    progress: float = 1.0

    def __init__(self, n_users: int, n_items: int, *, seed: int = 0) -> None:
        super().__init__()
        self.n_users, self.n_items, self.seed = n_users, n_items, seed
        self.generator = torch.Generator().manual_seed(seed)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("unit", torch.ones(()))
        self.register_buffer("scale", torch.tensor([-torch.inf, torch.inf]))
        for side, n in (("user", n_users), ("item", n_items)):
            self.register_buffer(f"{side}_count", torch.ones(n, dtype=torch.int64))
            self.register_buffer(f"{side}_weight", torch.ones(n))

    # ---- building -------------------------------------------------------------------------

    @classmethod
    def for_dataset(cls, train: Dataset, **hyperparameters: Any) -> Self:
        """An unfitted model for this training part; everything estimated comes from it.

        Raises ValueError for a part without ratings or weights and for a hyperparameter that is too
        low; TypeError for an unknown hyperparameter, one of the wrong type, or no Dataset.
        """
        if not isinstance(train, Dataset):
            raise TypeError(
                f"got a {type(train).__name__} instead of a Dataset: turn a frame into a Dataset "
                "with rt.datasets.from_frame(frame)"
            )
        if len(train) == 0:
            raise ValueError("cannot build a model for an empty Dataset: it has no ratings")
        train, settings = counted(train), checked_settings(cls, hyperparameters)
        model = cls(train.n_users, train.n_items, **settings)
        model.read(train)
        model.reset_cold()
        model._as_built = model._versions()
        return model

    @torch.no_grad()
    def read(self, train: Dataset) -> None:
        """Take mean, unit, scale, counts and vocabularies from the training part."""
        self.user_vocab, self.item_vocab = train.user_vocab, train.item_vocab
        self.scale.copy_(torch.tensor(train.scale))
        self.read_unit(train)
        for side, rows in (("user", train.user), ("item", train.item)):
            count = train.counts(side)
            self.get_buffer(f"{side}_count").copy_(torch.from_numpy(count))
            weight = np.bincount(rows, train.weight, len(count))
            self.get_buffer(f"{side}_weight").copy_(torch.from_numpy(weight))

    @torch.no_grad()
    def reset_cold(self) -> None:
        """Zero the rows of users and items that have no training rating."""
        for name, table in self.tables():
            table[getattr(self, f"{name[:4]}_count") == 0] = 0

    def tables(self) -> Iterator[tuple[str, nn.Parameter]]:
        """The parameters with one row per user or item."""
        for name, parameter in self.named_parameters(recurse=False):
            n = {"user": self.n_users, "item": self.n_items}.get(name.split("_")[0])
            if n is not None and parameter.shape[:1] == (n,):
                yield name, parameter

    def random_table(self, *shape: int, sd: float = 0.1) -> nn.Parameter:
        """A table of normally distributed numbers from the model's own generator."""
        return nn.Parameter(torch.randn(shape, generator=self.generator) * sd)

    # ---- looking up -----------------------------------------------------------------------

    def rows(self, table: Tensor, index: Tensor) -> Tensor:
        """`table[index]`, by index_select: the backward pass of embeddings is slow on a CPU."""
        flat = index.reshape(-1)
        if getattr(table, "sparse_rows", False) and torch.is_grad_enabled():
            picked = _SparseRows.apply(table, flat)
        else:
            picked = table.index_select(0, flat)
        return picked.view(index.shape + table.shape[1:])

    # ---- penalties ------------------------------------------------------------------------

    def penalty(self, batch: Batch) -> Tensor:
        """What `fit` adds to the loss, a mean over the batch's rows; 0 by default."""
        return self.mean.new_zeros(())

    def paid(self, batch: Batch, once: bool = False, **l2: float) -> Tensor:
        """L2 penalty: sum over tables of the strength times the mean over the batch of |row|^2.

        Of pairs only the rated item counts, so that l2 means the same for any number of negatives.

        Args:
            batch: Rows, or pairs whose first column is rated.
            once: Divide the penalty of a row by its n training ratings, so that an epoch adds up to
                one penalty per table row, divided by the number of training ratings.
            **l2: The strength for each table, as in user_factors=0.1.
        """
        index = dict(zip(("user", "item"), rated(batch).need("user", "item"), strict=True))
        total = self.mean.new_zeros(())
        for name, strength in l2.items():
            side = name[:4]
            row = self.rows(getattr(self, name), index[side])
            share = self.share(side, index[side]) if once else None
            total = total + strength * mean_square(row, batch.weight, share)
        return total

    def share(self, side: str, index: Tensor) -> Tensor:
        """1 / n (*S,) for users or items with n training ratings."""
        return self.rows(getattr(self, f"{side}_weight"), index).clamp_min(1e-6).reciprocal()

    def paid_by_all(self, total: Tensor) -> Tensor:
        """A penalty on whole tables, divided by the number of training ratings."""
        return total / self.user_weight.sum().clamp_min(1)

    # ---- the whole catalogue --------------------------------------------------------------

    def score_items(self, batch: Batch) -> Tensor:
        """Scores (B, n_items) of the whole catalogue for the B users of the batch."""
        (user,) = batch.need("user")
        time = None if batch.time is None else batch.time.reshape(-1, 1)
        catalogue = torch.arange(self.n_items, device=user.device).unsqueeze(0)
        wide = Batch(user=user.reshape(-1, 1), item=catalogue, time=time)
        return losses.score_of(self(wide)).expand(user.numel(), self.n_items)

    @torch.no_grad()
    def list_scores(self, batch: Batch) -> Tensor:
        """`score_items` for lists, (B, n_items): where all scores of a cold user are equal, the
        items' numbers of ratings, divided by the largest of them, are added."""
        scores = self.score_items(batch)
        cold = self.is_cold(*batch.need("user")).reshape(-1)
        if not cold.any():
            return scores
        equal = cold & (scores.amax(1) == scores.amin(1))
        popularity = self.item_weight / self.item_weight.max()
        return torch.where(equal.unsqueeze(1), scores + popularity, scores)


def rated(batch: Batch) -> Batch:
    """The rated (user, item) of each row, (B,): in pairs those of the first column."""
    user, item = batch.need("user", "item")
    if item.ndim == 1:
        return batch
    weight = None if batch.weight is None else batch.weight.reshape(len(item))
    time = None if batch.time is None else batch.time[..., 0]
    return replace(batch, user=user[..., 0], item=item[..., 0], weight=weight, time=time)


def mean_square(row: Tensor, weight: Tensor | None, share: Tensor | None = None) -> Tensor:
    """Weighted mean over rows (B, ...) of |x|^2 times its share, (B,)."""
    if weight is None and share is None:
        return losses.l2(row.reshape(len(row), -1))
    square = row.square().reshape(len(row), -1).sum(-1)
    square = square if share is None else square * share
    return losses.weighted_mean(square, None if weight is None else weight.reshape(-1))


def runs(first: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """Indices of B runs of consecutive rows, concatenated, and where each run begins there: (B,).

    `first` (B,) and `length` (B,) are the first row and the length of each run.
    """
    begins = length.cumsum(0) - length
    within = torch.arange(int(length.sum()), device=length.device)
    return within + (first - begins).repeat_interleave(length), begins


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
