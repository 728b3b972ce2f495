"""Checks of page 02."""

from typing import Any

import numpy as np
import pandas as pd
import torch

from recsys_tutorial import metrics, models
from recsys_tutorial.batch import Batch
from recsys_tutorial.datasets import Dataset, concat
from recsys_workshop.checks.registry import NOTHING_YET, near, number, numbers, register
from recsys_workshop.pages import Page


@register("02.choose")
def choose(answer: Any, page: Page) -> str | None:
    """Runs of the sweep for two jobs: ({"stars": name, "window": name}, the sweep's table)."""
    choice, table = answer
    if choice is None:
        return NOTHING_YET
    if not isinstance(choice, dict) or set(choice) != {"stars", "window"}:
        return 'it should be a dictionary with the keys "stars" and "window".'
    for job, name in choice.items():
        if not isinstance(name, str) or name not in table.index:
            said = repr(name) if isinstance(name, str) else f"a {type(name).__name__}"
            return f"for {job!r} you give {said}: give the name of a run, from the table's index."
    rmse, recall = table["rmse"], table["recall@10"]
    if pd.isna(rmse[choice["stars"]]):
        return "the run for the stars was never trained on stars: its scores have no unit."
    if rmse[choice["stars"]] > rmse.min():
        return "there is a run that is closer to the stars, on average."
    if recall[choice["window"]] < recall.max():
        return "there is a run whose ten films hold more of what people liked."
    return None


@register("02.shrunk", asks="function")
def shrunk(answer: Any, page: Page) -> str | None:
    """The minimum over p of n (d - p)^2 + l2 p^2, as a function of n, d, l2."""
    for n, d, l2 in ((1, 1.0, 1.0), (10, 1.0, 1.0), (3, -2.0, 5.0), (4, 0.5, 0.0), (2, 1.0, 6.0)):
        p = number(answer(n, d, l2))
        cost = [n * (d - x) ** 2 + l2 * x**2 for x in (p, p - 1e-3, p + 1e-3)]
        if not cost[0] <= min(cost[1:]):
            return f"for n={n}, d={d:g}, l2={l2:g} another p than {p:.4g} costs less."
    return None


@register("02.fool_auc")
def fool_auc(answer: Any, page: Page) -> str | None:
    """Scores of the validation rows that know the user only: each user's mean in train."""
    scores = numbers(answer)
    valid, train = page.valid, page.train
    if scores.shape != (len(valid),):
        return f"its shape is {scores.shape}; expected one score for each of the {len(valid)} rows."
    if not np.isfinite(scores).all():
        return "some scores are not numbers: what about users without a rating in train?"
    of_user = pd.Series(scores).groupby(valid.user)
    if (of_user.max() - of_user.min()).max() > 1e-9:
        return "some user has different scores for different films: it knows more than the user."
    pooled = metrics.auc(valid.rating >= page.data.scale[1] - 1, scores)
    if pooled < 0.55:
        return f"its pooled AUC is {pooled:.3f}: it does not know who is kind."
    leaky = concat(train, valid)
    means, leaked = (
        pd.Series(part.rating).groupby(part.user).mean().reindex(valid.user)
        for part in (train, leaky)
    )
    if near(scores, leaked, 0.001):
        return "these are means of train and valid together: use the ratings of train alone."
    known = means.notna().to_numpy()  # a user without a rating in train may have any score
    mine, its = (pd.Series(x[known]).round(9).rank() for x in (scores, means.to_numpy()))
    if not near(mine, its, 0.1):
        return "these scores do not put the users in the order of their mean ratings in train."
    return None


@register("02.forward")
def forward(answer: Any, page: Page) -> str | None:
    """A class made from BiasedMF whose forward is mean + b_u + b_i + p . q, for any shapes."""
    if not (isinstance(answer, type) and issubclass(answer, models.BiasedMF)):
        return "it should be the class itself, made from rt.models.BiasedMF."
    model, right = (cls.for_dataset(page.train, dim=3, seed=1) for cls in (answer, models.BiasedMF))
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for mine, its in zip(model.parameters(), right.parameters(), strict=True):
            its.copy_(torch.randn(its.shape, generator=draw))
            mine.copy_(its)
    user, item = torch.tensor([0, 1, 1, 2]), torch.tensor([3, 3, 0, 1])
    batches = {
        "rows": Batch(user=user, item=item),
        "a single row": Batch(user=user[:1], item=item[:1]),
        "ranking": Batch(user=user[:, None], item=torch.arange(5)[None]),
    }
    for said, batch in batches.items():
        got, wanted = model(batch), right(batch)
        if not isinstance(got, torch.Tensor):
            return f"forward should return a tensor of scores, not a {type(got).__name__}."
        if got.shape != wanted.shape:
            users, films = (tuple(ids.shape) for ids in batch.need("user", "item"))
            return (
                f"for {said}, users {users} against films {films}, the scores should have the "
                f"shape {tuple(wanted.shape)}, not {tuple(got.shape)}."
            )
        if not near(got, wanted, 1e-4):
            return _missing(got, right, batch)
        if not got.requires_grad:
            return "right, but no gradient gets through, so it cannot learn: leave out `detach`."
    return None


def _missing(got: torch.Tensor, right: models.BiasedMF, batch: Batch) -> str:
    """Name the part that was forgotten, if it is just one."""
    user, item = batch.need("user", "item")
    parts = {
        "the mean": right.mean,
        "the user's bias": right.user_bias[user],
        "the film's bias": right.item_bias[item],
        "the product of the rows": (right.user_factors[user] * right.item_factors[item]).sum(-1),
    }
    wanted = right(batch)
    for name, part in parts.items():
        if near(got, wanted - part, 1e-4):
            return f"the shapes are right, and {name} is missing."
    product = parts["the product of the rows"]
    if near(got, wanted - product + product.sum(), 1e-3):
        return "this `.sum()` adds up the whole batch: sum over the last axis only."
    if near(got, wanted.clamp(got.min(), got.max()), 1e-4):
        return "right, but cut off: return the plain sum; rt.predict cuts it to the scale."
    return "the shapes are right, the scores are not: mean + user's bias + film's bias + product."


@register("02.own_csv")
def own_csv(answer: Any, page: Page) -> str | None:
    """The reading club's file as a Dataset."""
    if isinstance(answer, pd.DataFrame):
        return "this is still a frame: rt.datasets.from_frame makes a Dataset of it."
    if not isinstance(answer, Dataset):
        return f"it should be a Dataset; this is a {type(answer).__name__}."
    if answer.implicit:
        return "it has no ratings: which column holds the stars?"
    users = set(answer.user_vocab.ids.tolist())
    if users != {"Ada", "Ben", "Cleo", "Dan"}:
        return f"its users are {sorted(map(str, users))[:3]}...: the members should be the users."
    if len(answer) != 12 or answer.scale != (1.0, 5.0):
        return (
            f"it has {len(answer)} ratings from {answer.scale[0]:g} to {answer.scale[1]:g}; "
            "the file has 12, from 1 to 5."
        )
    ada = answer.ratings[answer.ratings["user"] == "Ada"].set_index("item")["rating"].to_dict()
    if ada != {"Emma": 5, "Dracula": 2, "Persuasion": 5}:
        return f"Ada's ratings became {ada}, which is not what the file says."
    return None
