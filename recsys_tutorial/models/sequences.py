"""What models share that read a user's films in order and say which comes next."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import FoldedUser, Model

PADDING = -1  # in a history, where there is no item; always behind the last item
AT_ONCE = 128  # users whose states are computed together: a network holds much for each place
NEVER = torch.iinfo(torch.int64).max  # its time: earlier than nothing


def in_order(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Positions (n,) that sort the rows by user, then time; and the time of each sorted row.

    Rows of equal time keep their order; without timestamps the order of rows is the order in time.
    """
    moment = data.row if data.timestamp is None else data.timestamp
    order = np.lexsort((data.row, moment, data.user))
    return order, moment[order]


def windows(data: Dataset, length: int) -> Batch:
    """Each user's rows as `in_order` has them, cut into windows of at most `length` from the end.

    The tensors of the Batch are all (n_windows, length), but for `user` (n_windows,), sorted, and
    a user's windows in order: the last one is what scoring looks at. `history` has the items,
    PADDING behind the last; `rating`, `time` and `weight` (0 for padding) are those of these rows.
    """
    order, moment = in_order(data)
    user, n = data.user[order], data.counts("user")
    rank = np.arange(len(user)) - (np.cumsum(n) - n)[user]  # 0 for a user's first row
    from_end = (n[user] - 1 - rank) // length  # 0 for the rows of a user's last window
    slot = rank - (n[user] - (from_end + 1) * length).clip(min=0)
    many = -(-n // length)
    window = np.cumsum(many)[user] - 1 - from_end
    shape = (int(many.sum()), length)

    def table(column: np.ndarray, dtype: torch.dtype, empty: float) -> Tensor:
        filled = torch.full(shape, empty, dtype=dtype)
        filled[window, slot] = torch.from_numpy(column).to(dtype)
        return filled

    weight = np.ones(len(user)) if data.weight is None else data.weight[order]
    return Batch(
        user=torch.from_numpy(np.repeat(np.arange(data.n_users), many)),
        history=table(data.item[order], torch.int64, PADDING),
        rating=table(data.rating[order], torch.float32, 0),
        time=table(moment, torch.int64, NEVER),
        weight=table(weight, torch.float32, 0),
    )


class SequenceScores(NamedTuple):
    """What a sequence model says of items, all of one shape S.

    Attributes:
        score: How likely the item comes next; only the order within a user means something.
        rating: The stars it would get; None for a model of order alone.
        total: ln sum exp of the scores of the whole catalogue in the same place; for training only.
    """

    score: Tensor
    rating: Tensor | None = None
    total: Tensor | None = None


class SequenceModel(Model):
    r"""What both models share: a state $h$ made of the films so far, and $s_i = h \cdot q_i + b_i$.

    Attributes:
        item_factors: q, (n_items, dim): how an item is read, and how it is recognised as the next.
        item_bias: b, (n_items,); with nothing known h = 0, and this alone is left.
        history: (n_users, length), each user's last training items; PADDING behind the last.
        history_rating: (n_users, length), what the user gave them, in stars.

    Trained with `losses.next_item` on windows of `length` rows: each row is predicted from all rows
    of its window that are *strictly* earlier in time, since rows of one second have no order. So
    when a second brings several films each of them is a right answer.
    Items without training ratings score 0, and have the share of probability that goes with it.
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
        """Besides what every model takes: each user's last items and their ratings."""
        super().read(train)
        cut = windows(train, self.length)
        user, history, rating = cut.need("user", "history", "rating")
        last = torch.ones(len(user), dtype=torch.bool)
        last[:-1] = user[1:] != user[:-1]
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

        Only the last `length` items of a history count; its ratings are unknown, so average.
        """
        if batch.history is None:
            (user,) = batch.need("user")
            users, place = torch.unique(user, return_inverse=True)
            read = self.history, self.history_rating
            parts = [self._last(*(table[u] for table in read)) for u in users.split(AT_ONCE)]
            return torch.cat(parts)[place]
        history = batch.history.reshape(-1, batch.history.shape[-1])
        state = self._last(history, self.mean.expand(history.shape))
        return state.view(*batch.history.shape[:-1], self.dim)

    def _last(self, history: Tensor, rating: Tensor) -> Tensor:
        """(B, L) -> (B, dim), the state after the last item."""
        known = history != PADDING
        if bool((known[:, 1:] & ~known[:, :-1]).any()):
            raise ValueError(f"a history has an item behind {PADDING}: padding comes last")
        n = known.sum(1, keepdim=True)  # (B, 1)
        width = min(int(n.max()), self.length) if len(n) else 0
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

    # A new user is no more than a history: the state after the ratings, in the order given.

    def item_rows(self) -> tuple[Tensor, Tensor]:
        """(n_items, dim) and (n_items,) such that a folded-in user scores rows @ row + offset."""
        q, b = self.warm()
        return q.detach(), b.detach()

    @torch.no_grad()
    def fold_in(self, items: Tensor, ratings: Tensor) -> FoldedUser:
        """The state after n items (n,), rated with (n,) stars, in this order.

        Shares are what each item changed in the state when it came. They sum to it; those before
        the last `length` items are zero.
        """
        self.eval()
        parts = self.item_factors.new_zeros(len(items), self.dim)
        items, ratings = items[-self.length :], ratings[-self.length :]
        states = self.states_from_none(items.unsqueeze(0), ratings.float().unsqueeze(0))[0]
        if len(items):
            parts[-len(items) :] = states.diff(dim=0)
        return FoldedUser(states[-1], parts)
