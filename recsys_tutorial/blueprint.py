"""How a fitted model is told apart from its weights: its class and its settings."""

from __future__ import annotations

import inspect
import json
from typing import Any

from recsys_tutorial import models
from recsys_tutorial.models.base import Model


def blueprint(model: Model) -> tuple[str, dict[str, Any]]:
    """Name of the class in `rt.models` that can hold the model, and its constructor's arguments.

    Raises ValueError where there is none, or where an argument cannot be told.
    """
    kind = type(model)
    for cls in kind.__mro__:
        if cls.__name__ in models.__all__ and getattr(models, cls.__name__) is cls and cls != Model:
            wanted = list(inspect.signature(cls).parameters)
            missing = [name for name in wanted if not hasattr(model, name)]
            if missing:
                raise ValueError(
                    f"{kind.__name__} does not keep its argument {missing[0]!r} as an attribute: "
                    "it could not be built again"
                )
            settings = {name: getattr(model, name) for name in wanted}
            try:
                plain = json.loads(json.dumps(settings, allow_nan=False))
            except (TypeError, ValueError) as error:
                raise ValueError(f"{kind.__name__}: a setting is not plain: {error}") from None
            return cls.__name__, plain
    raise ValueError(
        f"{kind.__name__} is not made from a class of rt.models: write it as "
        "class Mine(rt.models.BiasedMF), say"
    )
