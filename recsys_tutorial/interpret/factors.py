"""The two tables whose product is the personal part of a score."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from recsys_tutorial import models
from recsys_tutorial.arguments import check_model
from recsys_tutorial.models.base import Model


class Factors(NamedTuple):
    """What a model knows of users and items, as float64 arrays.

    Attributes:
        user: P (n_users, d).
        item: Q (n_items, d); `P @ Q.T` is the personal part.
        bias: b_i (n_items,), zeros for a model without item biases.
        seen_user: bool, which rows have training ratings (the others are zero).
        seen_item: the same of the items.
    """

    user: np.ndarray
    item: np.ndarray
    bias: np.ndarray
    seen_user: np.ndarray
    seen_item: np.ndarray


def factors(model: Model) -> Factors:
    """User and item factors of a fitted model.

    They are `model.factors()`, a pair of tensors, where a model has that method (one whose users
    are more than a row of a table), else its tables `user_factors` and `item_factors`.

    Raises:
        TypeError: a model without factors.
        ValueError: one of width 0 (biases only), or one that was never fitted.
    """
    check_model(model)
    own: Any = getattr(model, "factors", None)
    pair: Any = (
        own() if own else [getattr(model, f"{side}_factors", None) for side in ("user", "item")]
    )
    if not all(isinstance(table, Tensor) and table.ndim == 2 for table in pair):
        able = [n for n in models.__all__ if n.endswith(("MF", "Machine", "SVD", "ALS", "SVDpp"))]
        raise TypeError(
            f"{type(model).__name__} has no user and item factors to look into: choose a model "
            f"that has, {' or '.join(able)} say"
        )
    user, item = (_array(table) for table in pair)
    if user.shape[1] == 0:
        raise ValueError(
            f"this {type(model).__name__} has dim=0: it knows biases only, and nothing personal"
        )
    model.check_fitted()
    bias: Any = getattr(model, "item_bias", torch.zeros(len(item)))
    seen_user, seen_item = ((t > 0).cpu().numpy() for t in (model.user_count, model.item_count))
    return Factors(
        user=user * seen_user[:, None],
        item=item * seen_item[:, None],
        bias=_array(bias) * seen_item,
        seen_user=seen_user,
        seen_item=seen_item,
    )


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().to("cpu", torch.float64).numpy()
