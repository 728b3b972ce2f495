"""Base of the models that read a user's films in order and predict the next one."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import FoldedUser, Model

PADDING = -1  # fills a history behind its last item
NEVER = torch.iinfo(torch.int64).max  # the time of padding: later than every row
AT_ONCE = 128  # users whose states are computed together: a network needs much memory per place


def in_order(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Positions (n,) that sort the rows by user, then time; and the time of each sorted row.

    Rows of equal time keep their order; without timestamps the order of rows is the order in time.
    """
    moment = data.row if data.timestamp is None else data.timestamp
    order = np.lexsort((data.row, moment, data.user))
    return order, moment[order]


def windows(data: Dataset, length: int) -> Batch:
    """Each user's rows as `in_order` has them, cut into windows of at most `length` from the end.

    All tensors of the Batch are (n_windows, length), except `user` (n_windows,), which is sorted.
    The last window of a user is the one that scoring reads. `history` has the items, and PADDING
    behind the last one; `rating`, `time` and `weight` (0 for padding) belong to the same rows.
    """
    order, moment = in_order(data)
    n = data.counts("user")
    many, stop = -(-n // length), np.cumsum(n)
    user = np.repeat(np.arange(data.n_users), many)
    from_end = np.cumsum(many)[user] - 1 - np.arange(len(user))  # 0 for a user's last window
    end = stop[user] - from_end * length
    start = np.maximum(end - length, (stop - n)[user])
    place = start[:, None] + np.arange(length)
    real = place < end[:, None]
    weight = np.ones(len(data)) if data.weight is None else data.weight

    def table(column: np.ndarray, empty: int = 0) -> Tensor:
        return torch.from_numpy(np.where(real, column[np.where(real, place, 0)], empty))

    return Batch(
        user=torch.from_numpy(user),
        history=table(data.item[order], PADDING).long(),
        rating=table(data.rating[order]).float(),
        time=table(moment.astype(np.int64), NEVER),
        weight=table(weight[order]).float(),
    )


class SequenceScores(NamedTuple):
    """What a sequence model says of items, all of one shape S.

    Attributes:
        score: How likely the item comes next; only the order within a user means something.
        rating: The stars it would get; None for a model of the order alone.
        total: ln sum exp of the whole catalogue's scores in the same place; for training only.
    """

    score: Tensor
    rating: Tensor | None = None
    total: Tensor | None = None


class SequenceModel(Model):
    r"""What both models share: a state $h$ made of the films so far, and $s_i = h \cdot q_i + b_i$.

    Attributes:
        item_factors: q, (n_items, dim), used for reading an item and for predicting it.
        item_bias: b, (n_items,); without any history h = 0, so this is the whole score.
        history: (n_users, length), each user's last training items; PADDING behind the last.
        history_rating: (n_users, length), what the user gave them, in stars.

    Trained with `losses.next_item` on windows of `length` rows: each row is predicted from all rows
    of its window that are *strictly* earlier in time, since rows of one second have no order. So
    if a user rates several films in a second, each of them is a right answer.
    Items without training ratings score 0, and get the probability that belongs to it.
    """

    columns: ClassVar[tuple[str, ...]] = ("user", "item")
    ranks = True
    default_loss = staticmethod(losses.next_item)

    least: ClassVar = {"dim": 1, "length": 1}

    def __init__(
        self, n_users: int, n_items: int, dim: int, length: int, dropout: float, seed: int
    ) -> None:
        super().__init__(n_users, n_items, seed=seed)
        if not dropout < 1:
            raise ValueError(f"dropout={dropout} must be a share below 1")
        self.dim, self.length, self.dropout = dim, length, dropout
        self.item_factors = self.random_table(n_items, dim)
        self.item_bias = nn.Parameter(torch.zeros(n_items))
        self.register_buffer("history", torch.full((n_users, length), PADDING))
        self.register_buffer("history_rating", torch.zeros(n_users, length))

    @torch.no_grad()
    def read(self, train: Dataset) -> None:
        super().read(train)
        user, history, rating = windows(train, self.length).need("user", "history", "rating")
        last = user.diff(append=user.new_full((1,), self.n_users)) > 0
        self.history[user[last]] = history[last]
        self.history_rating[user[last]] = rating[last]

    def states(self, history: Tensor, rating: Tensor) -> Tensor:
        """The state after each item: history, rating (B, L) -> (B, L, dim), of the past alone."""
        raise NotImplementedError

    def states_from_none(self, history: Tensor, rating: Tensor) -> Tensor:
        """The states after 0, 1, ... L items: (B, L + 1, dim); the first is zero."""
        nothing = self.item_factors.new_zeros(len(history), 1, self.dim)
        if not history.shape[1]:
            return nothing
        return torch.cat([nothing, self.states(history, rating)], dim=1)

    def warm(self) -> tuple[Tensor, Tensor]:
        """q (n_items, dim) and b (n_items,), zero for cold items, in training as afterwards."""
        seen = (self.item_count > 0).to(self.item_bias.dtype)
        return self.item_factors * seen.unsqueeze(1), self.item_bias * seen

    def score_sequence(self, batch: Batch) -> SequenceScores:
        """Scores (B, L) of the rows in windows, as `windows` makes them."""
        history, rating, time, weight = batch.need("history", "rating", "time", "weight")
        known = (time.unsqueeze(1) < time.unsqueeze(2)).sum(-1)  # (B, L) strictly earlier rows
        known = known * (weight > 0)
        longest = int(known.max())
        states = self.states_from_none(history[:, :longest], rating[:, :longest])
        # Rows of one second share a state, so that a state meets the catalogue once.
        start = torch.arange(len(history), device=known.device).unsqueeze(1) * (longest + 1)
        used, place = torch.unique(start + known, return_inverse=True)  # (n,), (B, L)
        h = states.reshape(-1, self.dim).index_select(0, used)  # (n, dim)
        q, b = self.warm()
        total = torch.logsumexp(torch.addmm(b, h, q.T), dim=-1)  # (n,)
        mine = self.rows(h, place)  # (B, L, dim)
        output = self.judge(mine, history.clamp(min=0), q, b)
        return output._replace(total=self.rows(total, place))

    def judge(self, h: Tensor, item: Tensor, q: Tensor, b: Tensor) -> SequenceScores:
        """Items of shape S in states (*S, dim), or in shapes that broadcast to these."""
        return SequenceScores((h * self.rows(q, item)).sum(-1) + self.rows(b, item))

    def state(self, batch: Batch) -> Tensor:
        """The state (*S, dim) of each user, or after `batch.history` (*S, L) where it is given.

        Only the last `length` items of a history count. Its ratings are unknown, so the mean
        rating is used.
        """
        if batch.history is None:
            users, place = torch.unique(*batch.need("user"), return_inverse=True)
            history, rating = self.history[users], self.history_rating[users]
        else:
            history = batch.history.flatten(0, -2)
            rating = self.mean.expand(history.shape)
            place = torch.arange(len(history)).view(batch.history.shape[:-1])
        parts = zip(history.split(AT_ONCE), rating.split(AT_ONCE), strict=True)
        return torch.cat([self._last(*part) for part in parts])[place]

    def _last(self, history: Tensor, rating: Tensor) -> Tensor:
        """(B, L) -> (B, dim), the state after the last item."""
        n = (history != PADDING).sum(1, keepdim=True)  # (B, 1)
        width = min(int(n.max()), self.length)
        column = (n - width).clamp(min=0) + torch.arange(width, device=n.device)  # (B, width)
        states = self.states_from_none(history.gather(1, column), rating.gather(1, column))
        return states[torch.arange(len(n), device=n.device), n.squeeze(1).clamp(max=width)]

    def forward(self, batch: Batch) -> SequenceScores:
        (item,) = batch.need("item")
        return self.judge(self.state(batch), item, *self.warm())

    def score_items(self, batch: Batch) -> Tensor:
        q, b = self.warm()
        return torch.addmm(b, self.state(batch).reshape(-1, self.dim), q.T)

    def drop(self, x: Tensor) -> Tensor:
        """Dropout that draws from the model's own generator, so that a resumed run is the same."""
        if not self.training or self.dropout == 0:
            return x
        keep = torch.rand(x.shape, generator=self.generator) >= self.dropout
        return x * keep.to(x.device) / (1 - self.dropout)

    # ---- a new user -----------------------------------------------------------------------

    def item_rows(self) -> tuple[Tensor, Tensor]:
        """q (n_items, dim) and b (n_items,): a folded-in user's scores are q @ row + b."""
        q, b = self.warm()
        return q.detach(), b.detach()

    @torch.no_grad()
    def fold_in(self, items: Tensor, ratings: Tensor) -> FoldedUser:
        """The state after n items (n,), rated with (n,) stars, in this order.

        A part is by how much its item changed the state. The parts sum to the state; those of
        items before the last `length` are zero.
        """
        self.eval()
        parts = self.item_factors.new_zeros(len(items), self.dim)
        items, ratings = items[-self.length :], ratings[-self.length :]
        states = self.states_from_none(items.unsqueeze(0), ratings.float().unsqueeze(0))[0]
        if len(items):
            parts[-len(items) :] = states.diff(dim=0)
        return FoldedUser(states[-1], parts)
