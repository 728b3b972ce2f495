"""A factorisation machine that keeps many answers: draws of its posterior in place of one best."""

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
    r"""The mean of many machines $s_{ui} = \mu + w_0 + b_u + b_i + p_u \cdot q_i$, each one drawn
    from the posterior given the ratings.

    A user's numbers are its own plus those of its features and of the items it rated (each
    $1 / \sqrt{|N(u)|}$); an item's alike, with its raters. With `days` each (user, day) has numbers
    of its own and meets both. The columns of a side table are groups, as ids and histories are, and
    how near a group's numbers are held to their mean is drawn as well (see `models.gibbs`), so that
    there is no penalty to tune. Ids without training ratings are drawn from their prior: nobody is
    less certain.

    Args:
        samples, burn, thin: Draws made, one after the other; the first `burn` still depend on the
            start and are left out; each thin-th one after that is kept.
        features: Whether side tables are read.
        histories: Whether an id's numbers contain those of what it was rated with.
        days: Whether each (user, day) has numbers. That interpolates between known ratings of the
            day, and knows nothing of a later one.

    Attributes:
        user_draws, item_draws, day_draws: (n_kept, n, dim + 1), the bias first, in units; the last
            day is an unknown one.
        rated_draws: (n_kept, n_items, dim + 1), what it adds to a user to have rated the item.
        level, noise: (n_kept,), w_0, and the variance of a rating in units^2.
        newcomer, tightness: (n_kept, dim + 1), mean and precision of an unknown user's numbers.

    Freudenthaler, Schmidt-Thieme, Rendle 2011, "Bayesian factorization machines"; without features
    and histories it is Salakhutdinov and Mnih 2008, "Bayesian probabilistic matrix factorization",
    with independent factors.
    """

    least: ClassVar = {"thin": 1}

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
        self.n_kept = kept = (samples - burn) // thin
        row = (dim + 1,)
        self.of_draws: dict[str, tuple[int, ...]] = {
            "user_draws": (n_users, *row), "item_draws": (n_items, *row),
            "day_draws": (0, *row),
            "rated_draws": (n_items if histories else 0, *row),
            "newcomer": row, "tightness": row, "level": (), "noise": (),
        }  # fmt: skip
        for name, shape in self.of_draws.items():
            self.register_buffer(name, torch.zeros(kept, *shape))
        self.register_buffer("day_keys", torch.zeros(0, dtype=torch.int64))

    @torch.no_grad()
    def read(self, train: Dataset) -> None:
        """Besides what every model takes: the (user, day) pairs."""
        super().read(train)
        if self.days:
            need_times(self, train)
            self.day_keys = days_of(train).unique()
            self.day_draws = torch.zeros(self.n_kept, len(self.day_keys) + 1, self.dim + 1)

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
        sampler = self.sampler(train)
        kept = 0
        try:
            for n in range(1, self.samples + 1):
                sampler.step()
                if told is not None:
                    told(n, float(np.mean(sampler.error**2)))
                if n > self.burn and (n - self.burn) % self.thin == 0:
                    self.keep(sampler, kept)
                    kept += 1
        except KeyboardInterrupt:
            print(f"interrupted in draw {n} of {self.samples}: the model keeps those made so far")
        if kept == 0:
            self.keep(sampler, 0)
        for table in map(self.get_buffer, self.of_draws):
            table.copy_(table[torch.arange(self.n_kept) % max(kept, 1)])
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

    def keep(self, sampler: Sampler, k: int) -> None:
        """Put the present draw into place k."""
        users = sampler.fields[0]
        for name, field in zip(("user", "item", "day"), sampler.fields, strict=False):
            getattr(self, f"{name}_draws")[k] = torch.from_numpy(field.full.T)
        typical = users.full
        if self.histories:
            history = users.blocks[-1]
            self.rated_draws[k] = torch.from_numpy(history.z.T)
            typical = typical - (history.table @ history.z.T).T
        warm = self.user_count.numpy() > 0
        self.newcomer[k] = torch.from_numpy(typical[:, warm].mean(1))
        self.tightness[k] = torch.from_numpy(users.precision)
        self.level[k], self.noise[k] = sampler.w0, 1 / sampler.alpha

    # ---- scoring --------------------------------------------------------------------------

    def day(self, batch: Batch) -> Tensor:
        """Places (*S,) of the (user, day) in `day_draws`."""
        key = day_key(*batch.need("user", "time"))
        place = torch.searchsorted(self.day_keys, key)
        known = F.pad(self.day_keys, (0, 1), value=-1)[place] == key
        return torch.where(known, place, len(self.day_keys))

    def draws(self, batch: Batch) -> Tensor:
        """What each kept draw expects, (n_kept, *S), in stars."""
        user, item = batch.need("user", "item")
        day = self.day(batch) if self.days else None
        return torch.stack([self._one(k, user, item, day) for k in range(self.n_kept)])

    def _one(self, k: int, user: Tensor, item: Tensor, day: Tensor | None) -> Tensor:
        p, q = self.rows(self.user_draws[k], user), self.rows(self.item_draws[k], item)
        score = self.level[k] + p[..., 0] + q[..., 0]
        if day is not None:
            t = self.rows(self.day_draws[k], day)
            score = score + t[..., 0] + (p[..., 1:] * t[..., 1:]).sum(-1)
            p = p + t
        return self.mean + self.unit * (score + (p[..., 1:] * q[..., 1:]).sum(-1))

    def forward(self, batch: Batch) -> Any:  # a RatingBelief
        """Mean of the draws, and the variance of a rating: what is unknown, and its noise."""
        draws = self.draws(batch)
        unknown = draws.var(0, correction=0)
        return RatingBelief(draws.mean(0), unknown + self.unit.square() * self.noise.mean())

    def of_users(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """All draws side by side over their number, (*S, n_kept * dim), and mean biases, (*S,)."""
        (user,) = batch.need("user")
        p = self.user_draws[:, user]
        b = self.level.view(-1, *[1] * user.ndim) + p[..., 0]
        if self.days:
            t = self.day_draws[:, self.day(batch)]
            b = b + t[..., 0] + (p[..., 1:] * t[..., 1:]).sum(-1)
            p = p + t
        return side_by_side(p[..., 1:]) / self.n_kept, b.mean(0)

    def of_items(self, item: Tensor) -> tuple[Tensor, Tensor]:
        q = self.item_draws[:, item]
        return side_by_side(q[..., 1:]), q[..., 0].mean(0)

    # ---- a new user -----------------------------------------------------------------------

    def item_rows(self) -> tuple[Tensor, Tensor]:
        """(n_items, n_kept * (dim + 1)) and (n_items,): a row is how far a user is from average."""
        z = self._beside(torch.arange(self.n_items, device=self.mean.device))
        start = self.level + self.item_draws[..., 0].T + (z * self.newcomer).sum(-1)
        rows = self.unit * z.flatten(1) / self.n_kept
        return rows, self.mean + self.unit * start.mean(1)

    def fold_in(self, items: Tensor, ratings: Tensor) -> FoldedUser:
        """The mean row of a user known by n ratings alone, given each draw of the items.

        That is Bayes' rule in each draw: nothing has to be drawn for a mean.
        """
        mean, _, parts = self._bayes(items, ratings)
        return FoldedUser(mean.flatten().float(), parts.transpose(0, 1).flatten(1).float())

    def draws_from(self, items: Tensor, ratings: Tensor, seed: int = 0) -> Tensor:
        """Expected ratings (n_kept, n_items) of a new user, whose row is drawn for each draw."""
        mean, root, _ = self._bayes(items, ratings)
        g = torch.Generator().manual_seed(seed)
        noise = torch.randn(mean.shape, generator=g, dtype=mean.dtype).unsqueeze(-1)
        drawn = (mean + (root @ noise).squeeze(-1) + self.newcomer).float()
        z = self._beside(torch.arange(self.n_items)).transpose(0, 1)  # (n_kept, n_items, dim + 1)
        score = self.level[:, None] + self.item_draws[..., 0] + (z @ drawn.unsqueeze(-1))[..., 0]
        return self.mean + self.unit * score

    @torch.no_grad()
    def _bayes(self, items: Tensor, ratings: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean (n_kept, d), root of covariance (n_kept, d, d), parts (n_kept, n, d)."""
        z = self._beside(items).transpose(0, 1).double()  # (n_kept, n, d)
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
        """What a user's row is multiplied by, (n, n_kept, dim + 1): 1 for the bias, and q."""
        z = self.item_draws[:, items].transpose(0, 1).clone()
        z[..., 0] = 1
        return z


def days_of(data: Dataset) -> Tensor:
    """The `day_key` of each row, (n,)."""
    assert data.timestamp is not None
    return day_key(*(torch.from_numpy(c).long() for c in (data.user, data.timestamp)))


def side_by_side(draws: Tensor) -> Tensor:
    """(n_kept, *S, d) -> (*S, n_kept * d)."""
    return draws.movedim(0, -2).flatten(-2)
