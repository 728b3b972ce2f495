"""The reference of the library: one document a module, out of the docstrings.

A docstring here is plain text: paragraphs, lists that begin with `*`, and lines `name : what it is`
that are set under one another. `as_rst` makes of it what Sphinx reads.
"""

from __future__ import annotations

import inspect
import re
from types import ModuleType
from typing import Any

import recsys_tutorial as rt

ENTRY = re.compile(r"^(\*{0,2}[\w.@]+(?:, [\w.@*]+)*)\s* : (.*)$")
ITEM = re.compile(r"^(?:[*-]|\d+\.) ")
MATHS = re.compile(r"\$\$?([^$]+)\$\$?")


def modules() -> list[str]:
    """Public modules in the order of the alphabet."""
    return sorted(n for n in rt.__all__ if inspect.ismodule(getattr(rt, n)))


def names(module: ModuleType) -> list[str]:
    """What a module offers: `__all__`, or what it defines itself and does not hide."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (
            getattr(value, "__module__", None) == module.__name__
            or (name.isupper() and not inspect.ismodule(value))
        )
    ]
    return sorted(own)


def reference() -> dict[str, str]:
    """{document: reStructuredText} of the whole public library."""
    listed = modules()
    top = [n for n in rt.__all__ if n not in listed]
    pages = {"reference/index": _index(listed)}
    pages["reference/recsys_tutorial"] = _page("recsys_tutorial", rt, top)
    for name in listed:
        module = getattr(rt, name)
        pages[f"reference/{name}"] = _page(f"recsys_tutorial.{name}", module, names(module))
    return pages


def _index(listed: list[str]) -> str:
    lines = [
        *_title("The library"),
        "Everything public of ``import recsys_tutorial as rt``, out of the code's own "
        "documentation. Data flows one way: datasets, models and losses, fit, and then what "
        "predicts, evaluates and recommends.\n",
        ".. toctree::\n   :maxdepth: 1\n",
        "   recsys_tutorial",
        *(f"   {name}" for name in listed),
    ]
    return "\n".join(lines) + "\n"


def _page(full: str, module: ModuleType, public: list[str]) -> str:
    short = "rt" if module is rt else f"rt.{full.split('.')[-1]}"
    lines = [*_title(short)]
    lines += as_rst((module.__doc__ or "").splitlines() if module is not rt else [])
    if module is rt:
        lines += ["What stands at the top of the library. Its modules have pages of their own.", ""]
    lines += [f".. py:currentmodule:: {full}", ""]
    for name in public:
        lines += [_directive(getattr(module, name), f"{full}.{name}"), ""]
    return "\n".join(lines) + "\n"


def _title(text: str) -> list[str]:
    return [text, "=" * len(text), ""]


def _directive(value: Any, path: str) -> str:
    if inspect.isclass(value):
        options = ["members", "show-inheritance"]
        return f".. autoclass:: {path}\n" + "\n".join(f"   :{o}:" for o in options)
    if callable(value):
        return f".. autofunction:: {path}"
    return f".. autodata:: {path}\n   :no-value:"


def as_rst(lines: list[str]) -> list[str]:
    """A plain docstring, without its indentation, as reStructuredText."""
    made: list[str] = []
    for block in _blocks(inspect.cleandoc("\n".join(lines)).splitlines()):
        if any(line.startswith(">>>") for line in block):
            made += block
        elif all(line.startswith("    ") for line in block):
            made += ["::", "", *block]
        elif any(ENTRY.match(line) for line in block):
            made += _entries(block)
        elif ITEM.match(block[0]):
            made += _items(block)
        elif block[0].startswith("$$") and block[-1].endswith("$$"):
            formula = " ".join(line.strip() for line in block).strip("$ ")
            made += [".. math::", "", f"   {formula}"]
        else:
            made += [_inline(" ".join(line.strip() for line in block))]
        made.append("")
    return made


def _blocks(lines: list[str]) -> list[list[str]]:
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            blocks[-1].append(line.rstrip())
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


def _entries(block: list[str]) -> list[str]:
    """Lines `name : text`, each with those that are indented below it; a line without is prose."""
    made: list[str] = []
    for line in block:
        entry = ENTRY.match(line)
        if entry:
            made += ["", f"``{entry[1].strip()}``", f"   {_inline(entry[2])}"]
        elif line.startswith(" ") and made:
            made[-1] += " " + _inline(line.strip())
        elif made and made[-1] and not made[-1].startswith(" "):
            made[-1] += " " + _inline(line)
        else:
            made += ["", _inline(line)]
    return made


def _items(block: list[str]) -> list[str]:
    made: list[str] = []
    for line in block:
        if ITEM.match(line):
            made.append("* " + _inline(ITEM.sub("", line)))
        else:
            made[-1] += " " + _inline(line.strip())
    return made


def _inline(text: str) -> str:
    """Code and maths marked up; what else reStructuredText would take for a mark stays as it is."""
    parts = re.split(r"(`+[^`]+`+|\$\$?[^$]+\$\$?)", text)
    made = ""
    for part in parts:
        if part.startswith("`"):
            role = f"``{part.strip('`')}``"
        elif formula := MATHS.fullmatch(part):
            role = f":math:`{formula[1].strip()}`"
        else:
            made += re.sub(r"([\\*_|`])", r"\\\1", part)
            continue
        # a mark begins and ends at a gap, or at an invisible one
        made += ("" if not made or made[-1].isspace() else "\\ ") + role + "\\ "
    return made.replace("\\  ", " ").removesuffix("\\ ")


def on_docstring(
    app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """Sphinx asks for each docstring before it reads it."""
    if what in ("class", "exception") and "\n".join(lines).startswith(f"{value.__name__}("):
        lines[:] = []  # what dataclasses and named tuples say of themselves: the signature again
    lines[:] = as_rst(list(lines))


def on_skip(app: Any, what: str, name: str, value: Any, skip: bool, options: Any) -> bool | None:
    """Members come with their own documentation or not at all."""
    if isinstance(value, property) or inspect.isroutine(value):
        return skip or not (value.__doc__ or "").strip()
    return True if not inspect.isclass(value) else None
