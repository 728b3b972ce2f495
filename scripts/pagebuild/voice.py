"""Style checks of prose, by the turns of phrase in turns.toml; `docs/voice.md` has the rules."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

TURNS: dict[str, str] = tomllib.loads(Path(__file__).with_name("turns.toml").read_text("utf-8"))

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
    yield from re.findall(r"(?m)(?:^|\s)#\s(.*)$", source)
