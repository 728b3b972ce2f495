"""What every model shares: how it is built from data, what it pays, and how it scores."""

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
    """A new user's row, found from ratings alone while the items stay as they are.

    Attributes:
        row: (d,), the user's numbers.
        parts: (n, d), what each of the n ratings contributed; they sum to `row`.
    """

    row: Tensor
    parts: Tensor


class Model(ModelState):
    """A recommender: `forward(batch)` gives one score for each (user, item) of the batch.

    Parameters whose names start with `user_` or `item_` and that have one row per user or item are
    its tables: the rows of ids without training ratings are kept at zero. Tables that are as long
    as the data has ratings or features are empty until a Dataset is read, or a state is loaded.

    Attributes:
        columns: Fields of Batch that `forward` and the loss use.
        ranks: Whether only the order of its scores means something, before a loss says more.
        default_loss: The loss that `fit` minimises unless told otherwise.
        fit_defaults: epochs, lr and batch_size that suit the model.
        least: The least value of a hyperparameter, where that is not 0.
        progress: Share of the training steps already made, kept by `fit`; 1 outside of it.
        mean: The mean training rating, in stars; 0 for scores.
        unit: Stars in one unit of what is learned: 1 on a scale from 1 to 5, 20 from 0 to 100. So
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

        Raises:
            ValueError: the part is empty, or its weights are all 0; a hyperparameter is too low.
            TypeError: an unknown hyperparameter or one of the wrong type, or no Dataset.
        """
        if not isinstance(train, Dataset):
            raise TypeError(
                f"for_dataset takes a Dataset, and got a {type(train).__name__}: make one from a "
                "frame by rt.datasets.from_frame(frame)"
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
            getattr(self, f"{side}_count").copy_(torch.from_numpy(train.counts(side)))
            weight = np.bincount(rows, train.weight, len(getattr(self, f"{side}_count")))
            getattr(self, f"{side}_weight").copy_(torch.from_numpy(weight))

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

    # ---- penalties ------------------------------------------------------------------------

    def penalty(self, batch: Batch) -> Tensor:
        """What `fit` adds to the loss: a mean over the batch's rows; nothing by default."""
        return self.mean.new_zeros(())

    def paid(self, batch: Batch, once: bool = False, **l2: float) -> Tensor:
        """Sum over tables of l2 times the mean over the batch of |row|^2: a table by its name.

        In pairs the rated item pays, whatever was drawn beside it: l2 means the same beside 1
        and 16 negatives.

        Args:
            batch: Rows, or pairs whose first column is rated.
            once: A row that turns up n times an epoch pays its n-th part each time, so that an
                epoch pays for the whole table once, divided by the number of training ratings.
            **l2: The strength for each table, as in user_factors=0.1.
        """
        user, item = rated(batch).need("user", "item")
        who = {"user": user, "item": item}
        total = self.mean.new_zeros(())
        for name, strength in l2.items():
            side = name.split("_")[0]
            row = self.rows(getattr(self, name), who[side])
            share = self.share(side, who[side]) if once else None
            total = total + strength * mean_square(row, batch.weight, share)
        return total

    def share(self, side: str, who: Tensor) -> Tensor:
        """1 / n, the part (*S,) that each row pays of what users or items pay once."""
        return self.rows(getattr(self, f"{side}_weight"), who).clamp_min(1e-6).reciprocal()

    def paid_by_all(self, total: Tensor) -> Tensor:
        """What each row pays of a total that all training ratings pay once."""
        return total / self.user_weight.sum().clamp_min(1)

    # ---- the whole catalogue --------------------------------------------------------------

    def score_items(self, batch: Batch) -> Tensor:
        """Scores (B, n_items) of the whole catalogue for the B users of the batch."""
        (user,) = batch.need("user")
        time = None if batch.time is None else batch.time.reshape(-1, 1)
        history = None if batch.history is None else batch.history.unsqueeze(1)
        catalogue = torch.arange(self.n_items, device=user.device).unsqueeze(0)
        wide = Batch(user=user.reshape(-1, 1), item=catalogue, time=time, history=history)
        return losses.score_of(self(wide)).expand(user.numel(), self.n_items)

    @torch.no_grad()
    def list_scores(self, batch: Batch) -> Tensor:
        """`score_items` as a list needs it: (B, n_items), for cold users by popularity.

        What is never said of an average user cannot be put in order; so where all scores of a cold
        user are equal, each item gets its share of the most popular one's ratings on top.
        """
        scores = self.score_items(batch)
        (user,) = batch.need("user")
        cold = self.is_cold(user.reshape(-1)).nonzero().squeeze(-1)
        silent = cold[scores[cold].amax(1) == scores[cold].amin(1)]
        if len(silent):
            scores = scores.clone()
            scores[silent] += self.item_weight / self.item_weight.max()
        return scores


def rated(batch: Batch) -> Batch:
    """The rated (user, item) of each row, (B,): in pairs those of the first column."""
    user, item = batch.need("user", "item")
    if item.ndim == 1:
        return batch
    weight = None if batch.weight is None else batch.weight.reshape(len(item))
    time = None if batch.time is None else batch.time[..., 0]
    return replace(batch, user=user[..., 0], item=item[..., 0], weight=weight, time=time)


def mean_square(row: Tensor, weight: Tensor | None = None, share: Tensor | None = None) -> Tensor:
    """Mean over rows of |x|^2 times its share; rows (B, ...) count as their weights say."""
    if weight is None and share is None:
        return losses.l2(row.reshape(len(row), -1))
    square = row.square().reshape(len(row), -1).sum(-1)
    square = square if share is None else square * share
    return losses.weighted_mean(square, None if weight is None else weight.reshape(-1))


def runs(first: Tensor, many: Tensor) -> tuple[Tensor, Tensor]:
    """Places of B runs of consecutive rows, one run after the other, and where each begins: (B,).

    Args:
        first: (B,), the first row of each run.
        many: (B,), its length.
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
