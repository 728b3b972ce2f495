"""The JavaScript of slides and site, out of installed packages: nothing comes over the network.

mathjax() is one file that sets maths as SVG, with every extension inside; reveal() is the folder
with `dist/` and `plugin/`. Both come with the extra `docs`, at the versions of constraints-dev.txt.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path


class VendorMissing(RuntimeError):
    """A package that brings JavaScript is not installed; the message says what to install."""


def mathjax() -> Path:
    """MathJax 3 as one file (`tex-svg-full.js`)."""
    return _part("mathjax", "django-static-mathjax", "static/mathjax/es5/tex-svg-full.js")


def reveal() -> Path:
    """The folder of reveal.js 5: `dist/reveal.js`, `dist/reveal.css`, `plugin/notes/notes.js`."""
    return _part("sphinx_revealjs", "sphinx-revealjs", "_static/revealjs")


def _part(module: str, package: str, inside: str) -> Path:
    """A path inside an installed package, found without importing it."""
    remedy = "install the extra docs: pip install -c constraints-dev.txt -c constraints.txt .[docs]"
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise VendorMissing(f"the package {package} is not installed: {remedy}")
    path = Path(spec.origin).parent / inside
    if not path.exists():
        raise VendorMissing(f"the installed {package} has no {inside}: {remedy}")
    return path
