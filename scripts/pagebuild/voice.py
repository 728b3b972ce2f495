"""Turns of phrase that readers stumbled over, with their plain form; `docs/voice.md` has the rules.

The list grows: what makes a reader read a sentence twice is added here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TURNS = {
    r"\bby lot\b": "at random",
    r"\bdrawn by lot\b": "drawn at random",
    r"\b(is|as|a|too|more) dear(er|est)?\b": "expensive, slow",
    r"\bshall\b": "will, must, should",
    r"\bwhoever\b": "who; anybody who",
    r"\bof the moment\b": "current",
    r"\bfrom afar\b": "from elsewhere",
    r"\bhold (the |these |them |it |both )?\w* ?against (each other|one another)\b": "compare",
    r"\b(is|are|was|were) told as\b": "is predicted as",
    r"\b[Tt]wo cares\b|\b[Oo]ne care:": "things to watch",
    r"\bwould stand there\b": "belongs there",
    r"\bstands? beside\b": "is beside",
    r"\bbear to be\b": "can be",
    r"\bnobody's to\b": "no formula says",
    r"\bthe more so\b": "even more",
    r"\bthe better the more\b": "better with more",
    r"\bwill be killed in the middle\b": "will be killed half-way through",
    r"\bhave to do for\b": "have to serve",
    r"\bof which the machine works\b": "computing",
    r"\b(a|one) (column|line|row|panel|number) a (genre|film|user|person|run|rating)\b": "per",
    r"\b\d+ (stars|ratings|lines|rows|seconds|s) a (fold|film|user|person|run|epoch|step)\b": "per",
    r"\bpenalty a (film|user)\b": "penalty per",
    r"\bgo without saying\b": "are clear",
    r"\bnot to be had\b": "not available",
    r"\bmay be had\b": "is available",
    r"\bwhich are no\b": "which are not",
    r"\bis like nothing\b": "has no similarity to anything",
    r"\blies askew\b": "is rotated",
    r"\bothers draw others\b": "each draws its own",
    r"\bthe id comes again\b": "Python reuses the id",
    r"\bas quick as can be\b": "as quickly as possible",
    r"\bso that we may\b": "so that we",
    r"\bhas to be paid for\b": "costs",
    r"\bthe worse for\b": "worse for",
    r"\bbrings? along\b": "loads, comes with",
    r"\bcomes? along\b": "is loaded, joins",
    r"\b(is|are) asked[,.;:]": "return ...; the answer should be ...",
    r"\b(rows|numbers|table|counts|vectors|log|weights) of our own\b": "that we tried",
}
"""A pattern and its plain form."""

_FOUND = [(re.compile(pattern), plain) for pattern, plain in TURNS.items()]


def problems(text: str) -> list[str]:
    """What is wrong with a piece of prose: the words found and what to write."""
    flat = " ".join(re.sub(r"(?m)^\s*#+ ?", "", text).split())
    return [
        f"{match[0]!r} in '...{flat[max(match.start() - 30, 0) : match.end() + 30]}...': {plain}"
        for pattern, plain in _FOUND
        for match in pattern.finditer(flat)
    ]


def python_texts(path: Path) -> Iterator[str]:
    """Docstrings, messages (string constants with a space) and comments of a Python file."""
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (p.value for p in node.values if isinstance(p, ast.Constant))
            yield " ".join(str(p) for p in parts)
    yield from re.findall(r"(?m)(?:^|\s)#\s(.*)$", source)
