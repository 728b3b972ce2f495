"""The reference of the library: one document per module, made from the docstrings.

Sphinx's napoleon reads their sections (Args, Returns, Raises). `as_rst` marks up code and maths
before it does, and keeps the rest plain text.
"""

from __future__ import annotations

import inspect
import re
from types import ModuleType
from typing import Any

import recsys_tutorial as rt

TOP = "The names at the top of the library. Its modules have pages of their own."
INDEX = """The library
===========

All public names of ``import recsys_tutorial as rt``, documented by their docstrings. Data flows one
way: datasets, models and losses, fit, and then predicting, evaluating and recommending.

.. toctree::
   :maxdepth: 1

   recsys_tutorial"""
MARKED = re.compile(r"(`+[^`]+`+|\$\$?[^$]+\$\$?)")  # code, and maths


def modules() -> list[str]:
    """Public modules in the order of the alphabet."""
    return sorted(n for n in rt.__all__ if inspect.ismodule(getattr(rt, n)))


def names(module: ModuleType) -> list[str]:
    """The public names of a module: `__all__`, or those that it defines itself without `_`."""
    own = [
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__
        or (name.isupper() and not inspect.ismodule(value))
    ]
    return sorted(getattr(module, "__all__", [n for n in own if not n.startswith("_")]))


def reference() -> dict[str, str]:
    """{document: reStructuredText} of the whole public library."""
    listed = modules()
    pages = {"reference/index": "\n".join([INDEX, *(f"   {name}" for name in listed), ""])}
    top = [name for name in rt.__all__ if name not in listed]
    pages["reference/recsys_tutorial"] = _page("rt", rt, [TOP], top)
    for name in listed:
        module = getattr(rt, name)
        said = as_rst((module.__doc__ or "").splitlines())
        pages[f"reference/{name}"] = _page(f"rt.{name}", module, said, names(module))
    return pages


def _page(title: str, module: ModuleType, said: list[str], public: list[str]) -> str:
    lines = [title, "=" * len(title), "", *said, "", f".. py:currentmodule:: {module.__name__}", ""]
    for name in public:
        value = getattr(module, name)
        if inspect.isclass(value):
            kind, options = "autoclass", ["   :members:", "   :show-inheritance:"]
        elif callable(value):
            kind, options = "autofunction", []
        else:
            kind, options = "autodata", ["   :no-value:"]
        lines += [f".. {kind}:: {module.__name__}.{name}", *options, ""]
    return "\n".join(lines) + "\n"


def as_rst(lines: list[str]) -> list[str]:
    """Lines of a docstring with `code` and $maths$ as reStructuredText, and other marks escaped."""
    made = []
    for line in _whole(lines):
        indent = line[: len(line) - len(line.lstrip())]
        if line.strip().startswith("$$"):
            made += ["", f"{indent}.. math:: {line.strip().strip('$').strip()}", ""]
        elif line.lstrip().startswith(">>>"):
            made.append(line)
        else:
            made.append(indent + _inline(line[len(indent) :]))
    return made


def _whole(lines: list[str]) -> list[str]:
    """Each formula and each piece of code on one line."""
    text = MARKED.sub(lambda m: re.sub(r"\s+", " ", m[0]), "\n".join(lines))
    return text.split("\n")


def _inline(text: str) -> str:
    item = re.match(r"[*-] ", text)
    made = item[0] if item else ""
    for part in MARKED.split(text[len(made) :]):
        if part.startswith("`"):
            role = f"``{part.strip('`')}``"
        elif part.startswith("$"):
            role = f":math:`{part.strip('$ ')}`"
        else:
            made += re.sub(r"([*|\\]|_(?!\w))", r"\\\1", part)
            continue
        # reStructuredText wants a space around a role; an escaped one is invisible
        made += ("" if not made or made[-1].isspace() else "\\ ") + role + "\\ "
    return made.replace("\\  ", " ").removesuffix("\\ ")


def on_docstring(
    app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """Sphinx calls this for each docstring before it reads it."""
    if what in ("class", "exception") and "\n".join(lines).startswith(f"{value.__name__}("):
        lines[:] = []  # the docstring of a dataclass without its own: only its signature
    lines[:] = as_rst(list(lines))


def on_skip(app: Any, what: str, name: str, value: Any, skip: bool, options: Any) -> bool | None:
    """Leave out members without a docstring of their own."""
    if isinstance(value, property) or inspect.isroutine(value):
        return skip or not (value.__doc__ or "").strip()
    return True if not inspect.isclass(value) else None
