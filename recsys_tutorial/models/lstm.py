"""A recurrent network over a user's films in order."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.models.sequences import PADDING, SequenceModel, SequenceScores


class SequenceLSTM(SequenceModel):
    r"""A recurrent network over (film, rating), which predicts the next film *and its rating*:

    $e_t = r_t - \mu - d_{i_t}$ and $\bar e_t = \sum_{s \le t} e_s / (t + a)$, in units;
    $h_t = [\bar e_t,\ LSTM(h_{t-1},\ [q_{i_t},\ e_t\, q_{i_t},\ e_t,\ \bar e_t])]$;
    $s_i = h_t \cdot q_i + b_i$,
    $\hat r_i = \mu + d_i + c \cdot h_t + (W h_t) \cdot q_i$ stars.

    At first c = (1, 0, ...) and W = 0, so ratings are a film's level plus a user's mean. All other
    effects are learned.

    `model(batch)` has both: `.score`, and `.rating` in stars. `predicts` is "score": what
    `rt.predict`, `rt.evaluate` and `rt.recommend` use is the order of the next films.

    Args:
        shrink: a, in ratings: with so many, a user's mean counts half.
        l2: Penalty on d and on W.

    Attributes:
        item_level: d, (n_items,).
        level: c, (dim,).
        taste: W, (dim, dim).

    Hochreiter and Schmidhuber 1997; as a recommender Hidasi et al. 2016, "Session-based
    recommendations with recurrent neural networks".
    """

    default_loss = staticmethod(losses.next_item_and_rating)
    fit_defaults: ClassVar[dict[str, Any]] = {"epochs": 10, "lr": 0.01, "batch_size": 2048}
    least: ClassVar = {"dim": 2, "length": 1}  # a state is a mean and the network's

    def __init__(
        self,
        n_users: int,
        n_items: int,
        dim: int = 64,
        length: int = 100,
        dropout: float = 0.4,
        shrink: float = 5.0,
        l2: float = 0.1,
        seed: int = 0,
    ) -> None:
        super().__init__(n_users, n_items, dim, length, dropout, seed)
        self.shrink, self.l2 = shrink, l2
        # Made without numbers first: torch would draw them from the global random state.
        empty = nn.LSTM(2 * dim + 2, dim - 1, batch_first=True, device="meta")
        self.lstm = empty.to_empty(device="cpu")
        self.item_level = nn.Parameter(torch.zeros(n_items))
        self.level = nn.Parameter(torch.eye(dim)[0])
        self.taste = nn.Parameter(torch.zeros(dim, dim))
        with torch.no_grad():
            for parameter in self.lstm.parameters():
                spread = 1 / math.sqrt(dim)
                parameter.uniform_(-spread, spread, generator=self.generator)
            forget = slice(dim - 1, 2 * (dim - 1))  # forget gates start open, so the past is kept
            dict(self.lstm.named_parameters())["bias_hh_l0"][forget] += 1

    def states(self, history: Tensor, rating: Tensor) -> Tensor:
        real = (history != PADDING).unsqueeze(-1)  # (B, L, 1)
        item = history.clamp(min=0)
        q = self.rows(self.item_factors, item)  # (B, L, dim)
        level = self.rows(self.item_level, item)  # (B, L)
        e = ((rating - self.mean) / self.unit - level).unsqueeze(-1) * real  # (B, L, 1)
        mean = e.cumsum(1) / (real.cumsum(1) + self.shrink)
        x = torch.cat([q, e * q, e, mean], dim=-1) * real
        return torch.cat([mean, self.drop(self.lstm(self.drop(x))[0])], dim=-1)

    def judge(self, h: Tensor, item: Tensor, q: Tensor, b: Tensor) -> SequenceScores:
        score = super().judge(h, item, q, b).score
        q_i, d = self.rows(q, item), self.rows(self.item_level, item)
        above = d + h @ self.level + ((h @ self.taste) * q_i).sum(-1)
        return SequenceScores(score, self.mean + self.unit * above)

    def penalty(self, batch: Batch) -> Tensor:
        (history,) = batch.need("history")
        d = self.item_level.index_select(0, history[history != PADDING])
        return self.l2 * (losses.l2(d.unsqueeze(-1)) + self.taste.square().sum())
