"""What every model shares: how it is built from data, and how its rows are looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    predicts     : "rating" (scores are in stars) or "score" (only their order means something)
    default_loss : the loss that `fit` minimises unless told otherwise
    fit_defaults : epochs, lr and batch_size that suit the model
    progress     : share of the training steps already made, kept by `fit`; 1 outside of it

    Parameters whose names start with `user_` or `item_` and that have one row per user or item are
    its tables: the rows of ids without training ratings are kept at zero.
    """

    columns: ClassVar[tuple[str, ...]] = ("user", "item", "rating")
    predicts: str = "rating"
    default_loss: Callable[..., Tensor] = staticmethod(losses.squared_error)
    fit_defaults: ClassVar[dict[str, Any]] = {"epochs": 12, "lr": 0.01, "batch_size": 1024}

    progress: float = 1.0

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
        self._step_rows: dict[tuple[int, int], tuple[Tensor, Tensor, Tensor]] | None = None
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

        index_select, since the backward pass of plain embeddings is slow on a CPU. Within one
        training step the penalty gets the very rows that `forward` looked up.
        """
        if self._step_rows is None:
            return _gather(table, index)
        key = (id(table), id(index))
        if key not in self._step_rows:  # both are kept: of one that is freed the id comes again
            self._step_rows[key] = table, index, _gather(table, index)
        return self._step_rows[key][2]

    @contextmanager
    def one_step(self) -> Iterator[None]:
        """Within it `rows` looks each row up once; opened by `fit` around each step."""
        self._step_rows = {}
        try:
            yield
        finally:
            self._step_rows = None

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


def _gather(table: Tensor, index: Tensor) -> Tensor:
    flat = index.reshape(-1)
    if getattr(table, "sparse_rows", False) and torch.is_grad_enabled():
        picked = _SparseRows.apply(table, flat)
    else:
        picked = table.index_select(0, flat)
    return picked.view(index.shape + table.shape[1:])


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
