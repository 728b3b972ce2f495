"""A factorisation machine that keeps many draws from its posterior instead of one best answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F
from scipy import sparse
from torch import Tensor

from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import FoldedUser
from recsys_tutorial.models.features import feature_table
from recsys_tutorial.models.gibbs import Block, Field, Sampler
from recsys_tutorial.models.mf import Factorised
from recsys_tutorial.models.state import counted
from recsys_tutorial.models.temporal import day_key, need_times
from recsys_tutorial.models.variational import RatingBelief


class BayesianFM(Factorised):
    r"""The mean of many machines $s_{ui} = \mu + w_0 + b_u + b_i + p_u \cdot q_i$.

    Each of them is a draw from the posterior given the ratings.

    The numbers of a user are the user's own plus those of the user's features and of the items that
    the user rated (each times $1 / \sqrt{|N(u)|}$); for an item alike, with the users who rated it.
    With `days` each (user, day) has numbers of its own, which meet both. Ids, histories and each
    column of a side table are groups; how near a group's numbers stay to their mean is drawn as
    well (see `models.gibbs`), so there is no penalty to tune. Ids without training ratings are
    drawn from their prior: the model is least certain about them.

    Args:
        samples, burn, thin: How many draws are made, one after the other; the first `burn` still
            depend on the start and are left out; of the others every thin-th is kept.
        features: Whether side tables are read.
        histories: Whether the numbers of an id contain those of what it was rated with.
        days: Whether each (user, day) has numbers. They help between known ratings of that day and
            say nothing about a later one.

    Attributes:
        user_draws, item_draws, day_draws: (n_kept, n, dim + 1), the bias first, in units; the last
            row of day_draws is an unknown day.
        rated_draws: (n_kept, n_items, dim + 1), what it adds to a user to have rated the item.
        level, noise: (n_kept,), w_0, and the variance of a rating in units^2.
        newcomer, tightness: (n_kept, dim + 1), mean and precision of an unknown user's numbers.

    Freudenthaler, Schmidt-Thieme, Rendle 2011, "Bayesian factorization machines"; without features
    and histories it is Salakhutdinov and Mnih 2008, "Bayesian probabilistic matrix factorization",
    with independent factors.
    """

    least: ClassVar = {"thin": 1}

    DRAWN: ClassVar = (
        "user_draws", "item_draws", "day_draws", "rated_draws", "newcomer", "tightness", "level",
        "noise",
    )  # fmt: skip

    def __init__(
        self,
        n_users: int,
        n_items: int,
        dim: int = 10,
        samples: int = 300,
        burn: int = 5,
        thin: int = 2,
        features: bool = True,
        histories: bool = True,
        days: bool = False,
        seed: int = 0,
    ) -> None:
        if samples - burn < thin:
            raise ValueError(f"samples={samples} keeps no draw: burn={burn}, thin={thin}")
        super().__init__(n_users, n_items, seed=seed)
        self.dim, self.samples, self.burn, self.thin = dim, samples, burn, thin
        self.features, self.histories, self.days = features, histories, days
        self.columns = ("user", "item", "rating", "time")[: 4 if days else 3]  # type: ignore[misc]
        self.n_kept = (samples - burn) // thin
        for name in self.DRAWN:  # filled by `fit`
            self.register_buffer(name, torch.zeros(0))
        self.register_buffer("day_keys", torch.zeros(0, dtype=torch.int64))

    @torch.no_grad()
    def read(self, train: Dataset) -> None:
        """Besides what every model takes: the (user, day) pairs."""
        super().read(train)
        if self.days:
            need_times(self, train)
            self.day_keys = days_of(train).unique()

    # ---- sampling -------------------------------------------------------------------------

    @torch.no_grad()
    def fit(self, train: Dataset, told: Callable[[int, float], None] | None = None) -> Self:
        """Draw `samples` times; an interrupt keeps what was drawn until then.

        `told` is called after each draw with its number and the mean squared error, in units^2.
        """
        train = counted(train)
        if train.implicit:
            raise ValueError(
                "BayesianFM needs ratings, and these pairs have none: take ImplicitALS"
            )
        self.read(train)
        sampler, kept = self.sampler(train), []
        try:
            for n in range(1, self.samples + 1):
                sampler.step()
                if told is not None:
                    told(n, float(np.mean(sampler.error**2)))
                if n > self.burn and (n - self.burn) % self.thin == 0:
                    kept.append(self.drawn(sampler))
        except KeyboardInterrupt:
            print(f"interrupted in draw {n} of {self.samples}: the model keeps those made so far")
            kept = kept or [self.drawn(sampler)]
        for name in kept[0]:  # after an interrupt, those made so far again and again
            tables = [kept[k % len(kept)][name] for k in range(self.n_kept)]
            setattr(self, name, torch.from_numpy(np.stack(tables)).float().to(self.mean.device))
        return self

    def sampler(self, train: Dataset) -> Sampler:
        """The chain for this training part, before its first step."""
        g, d = np.random.default_rng(self.seed), self.dim
        user, item = train.user.astype(np.int64), train.item.astype(np.int64)
        sides = []
        for code, other, n, m, frame, side in (
            (user, item, self.n_users, self.n_items, train.users, "user"),
            (item, user, self.n_items, self.n_users, train.items, "item"),
        ):
            blocks = []
            for column in frame.columns if self.features else ():
                x = feature_table(frame[[column]], train.counts(side)).values.numpy()
                blocks += [Block(sparse.csc_matrix(x), d)] if x.shape[1] else []
            if self.histories:
                x = 1 / np.sqrt(np.bincount(code, minlength=n))[code]
                blocks.append(Block(sparse.csc_matrix((x, (code, other)), (n, m)), d))
            sides.append(Field(code, n, d, g, blocks))
        if self.days:
            code = torch.searchsorted(self.day_keys, days_of(train)).numpy()
            sides.append(Field(code, len(self.day_keys) + 1, d, g, []))
        y = (train.rating - float(self.mean)) / float(self.unit)
        return Sampler(y, train.weight, sides, g)

    def drawn(self, sampler: Sampler) -> dict[str, np.ndarray]:
        """A copy of the current draw, by the names of the model's tables."""
        users = sampler.fields[0]
        tables = {
            f"{name}_draws": field.full.T
            for name, field in zip(("user", "item", "day"), sampler.fields, strict=False)
        }
        typical = users.full
        if self.histories:
            history = users.blocks[-1]
            tables["rated_draws"] = history.z.T
            typical = typical - (history.table @ history.z.T).T
        tables["newcomer"] = typical[:, self.user_count.cpu().numpy() > 0].mean(1)
        tables["tightness"] = users.precision
        tables |= {"level": np.array(sampler.w0), "noise": np.array(1 / sampler.alpha)}
        return {name: table.astype(np.float32, order="C") for name, table in tables.items()}

    # ---- scoring --------------------------------------------------------------------------

    def day(self, batch: Batch) -> Tensor | None:
        """Positions (*S,) of the (user, day) in `day_draws`; None for a model without days."""
        if not self.days:
            return None
        key = day_key(*batch.need("user", "time"))
        place = torch.searchsorted(self.day_keys, key)
        known = F.pad(self.day_keys, (0, 1), value=-1)[place] == key
        return torch.where(known, place, len(self.day_keys))

    def of_people(self, k: Any, user: Tensor, day: Tensor | None) -> Tensor:
        """The numbers of users on these days in draw k, or in a slice k: (..., *S, dim + 1)."""
        p = self.user_draws[k][..., user, :]
        if day is None:
            return p
        t = self.day_draws[k][..., day, :]
        bias = p[..., 0] + t[..., 0] + (p[..., 1:] * t[..., 1:]).sum(-1)
        return torch.cat([bias.unsqueeze(-1), p[..., 1:] + t[..., 1:]], dim=-1)

    def draws(self, batch: Batch) -> Tensor:
        """The expected ratings by each kept draw, (n_kept, *S), in stars."""
        (user, item), day, scores = batch.need("user", "item"), self.day(batch), []
        for k in range(self.n_kept):
            p, q = self.of_people(k, user, day), self.item_draws[k][item]
            product = (p[..., 1:] * q[..., 1:]).sum(-1)
            scores.append(self.level[k] + p[..., 0] + q[..., 0] + product)
        return self.mean + self.unit * torch.stack(scores)

    def forward(self, batch: Batch) -> Any:  # a RatingBelief
        """Mean of the draws, and the variance of a rating: what is unknown, and its noise."""
        draws = self.draws(batch)
        unknown = draws.var(0, correction=0)
        return RatingBelief(draws.mean(0), unknown + self.unit.square() * self.noise.mean())

    def of_users(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """All draws side by side over their number, (*S, n_kept * dim), and mean biases, (*S,)."""
        (user,) = batch.need("user")
        p = self.of_people(slice(None), user, self.day(batch))
        return side_by_side(p[..., 1:]) / self.n_kept, self.level.mean() + p[..., 0].mean(0)

    def of_items(self, item: Tensor) -> tuple[Tensor, Tensor]:
        q = self.item_draws[:, item]
        return side_by_side(q[..., 1:]), q[..., 0].mean(0)

    # ---- a new user -----------------------------------------------------------------------

    def item_rows(self) -> tuple[Tensor, Tensor]:
        """(n_items, n_kept * (dim + 1)) and (n_items,): a row is how far a user is from average."""
        z = self._beside(torch.arange(self.n_items, device=self.mean.device))
        of_newcomer = (z @ self.newcomer.unsqueeze(-1))[..., 0]  # (n_kept, n_items)
        start = self.level[:, None] + self.item_draws[..., 0] + of_newcomer
        return self.unit * side_by_side(z) / self.n_kept, self.mean + self.unit * start.mean(0)

    def fold_in(self, items: Tensor, ratings: Tensor) -> FoldedUser:
        """The mean row of a new user with n ratings, by Bayes' rule in each draw of the items."""
        mean, _, parts = self._bayes(items, ratings)
        return FoldedUser(mean.flatten().float(), parts.transpose(0, 1).flatten(1).float())

    def draws_from(self, items: Tensor, ratings: Tensor, seed: int = 0) -> Tensor:
        """Expected ratings (n_kept, n_items) of a new user, whose row is drawn for each draw."""
        mean, root, _ = self._bayes(items, ratings)
        g = torch.Generator().manual_seed(seed)
        noise = torch.randn(mean.shape, generator=g, dtype=mean.dtype).unsqueeze(-1)
        drawn = (mean + (root @ noise).squeeze(-1) + self.newcomer).float()
        z = self._beside(torch.arange(self.n_items))
        score = self.level[:, None] + self.item_draws[..., 0] + (z @ drawn.unsqueeze(-1))[..., 0]
        return self.mean + self.unit * score

    @torch.no_grad()
    def _bayes(self, items: Tensor, ratings: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean (n_kept, d), root of covariance (n_kept, d, d), parts (n_kept, n, d)."""
        z = self._beside(items).double()
        rated = z.new_zeros(z.shape)
        if self.histories:
            rated = self.rated_draws[:, items].double() / max(len(items), 1) ** 0.5
        y = (ratings.double() - self.mean) / self.unit - self.level[:, None]
        row = (self.newcomer + rated.sum(1)).double().unsqueeze(-1)
        error = y - self.item_draws[:, items, 0] - (z @ row)[..., 0]  # (n_kept, n)
        alpha = (1 / self.noise.double()).view(-1, 1, 1)
        precision = alpha * z.mT @ z + self.tightness.double().diag_embed()
        root = torch.linalg.inv(torch.linalg.cholesky(precision)).mT
        parts = alpha * (z * error.unsqueeze(-1)) @ (root @ root.mT) + rated
        return parts.sum(1), root, parts

    def _beside(self, items: Tensor) -> Tensor:
        """By what a user's numbers are multiplied, (n_kept, n, dim + 1): 1 for the bias, and q."""
        z = self.item_draws[:, items].clone()
        z[..., 0] = 1
        return z


def days_of(data: Dataset) -> Tensor:
    """The `day_key` of each row, (n,)."""
    assert data.timestamp is not None
    return day_key(*(torch.from_numpy(c).long() for c in (data.user, data.timestamp)))


def side_by_side(draws: Tensor) -> Tensor:
    """(n_kept, *S, d) -> (*S, n_kept * d)."""
    return draws.movedim(0, -2).flatten(-2)
