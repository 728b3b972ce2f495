"""What each check must accept and refuse, one module a page. See docs/contributing.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recsys_workshop.pages import Page

Answer = Callable[[Page], Any]


@dataclass(frozen=True)
class Case:
    """Answers to one check, made from the page: right, as in the stub, and plausibly wrong.

    also : right as well, written another way
    says : wrong as well, each under words that its message must have
    """

    right: Answer
    stub: Answer
    wrong: Sequence[Answer]
    also: Sequence[Answer] = ()
    says: Mapping[str, Answer] = field(default_factory=dict)
