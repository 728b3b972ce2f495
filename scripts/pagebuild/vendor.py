"""The JavaScript of slides and site, from installed packages, so that no network is needed."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def mathjax() -> Path:
    """MathJax 3 as one file, which sets maths as SVG with every extension inside."""
    return _inside("mathjax", "static/mathjax/es5/tex-svg-full.js")


def reveal() -> Path:
    """The folder of reveal.js 5: `dist/reveal.js`, `dist/reveal.css`, `plugin/notes/notes.js`."""
    return _inside("sphinx_revealjs", "_static/revealjs")


def _inside(module: str, path: str) -> Path:
    """A path inside an installed package, found without importing it.

    Raises:
        ModuleNotFoundError: it is not installed; both come with the extra `docs`.
    """
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name=module)
    return Path(spec.origin).parent / path
