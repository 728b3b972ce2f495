"""Sphinx's settings for the site. Nothing is loaded from the network: no fonts, no scripts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pagebuild.publishing import github
from pagebuild.reference import on_docstring, on_skip
from pagebuild.source import repository

project = "Recsys Tutorial"
author = "the authors of Recsys Tutorial"
copyright = author
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
exclude_patterns = ["jupyter_execute"]
html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # would be fetched, which browsers forbid for files on a disk
html_logo = html_favicon = "_static/logo.svg"
html_context = {"default_mode": "auto"}  # light or dark by the system, and a button for it
html_sidebars = {"**": ["navbar-logo.html", "search-button-field.html", "sbt-sidebar-nav.html"]}
address = repository(Path(os.environ["RECSYS_TUTORIAL_ROOT"]))
html_theme_options: dict[str, Any] = {
    "navbar_persistent": [],
    "show_navbar_depth": 1,
    "navigation_with_keys": False,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
if github(address):  # without an address there is no button
    html_theme_options |= {
        "repository_url": address, "use_repository_button": True, "use_issues_button": True,
    }  # fmt: skip
mathjax_path = "mathjax.js"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # executed before, and kept
nb_ipywidgets_js: dict[str, Any] = {}
nb_merge_streams = True
add_module_names = False
autodoc_inherit_docstrings = False  # what PyTorch says of its own methods is not about ours
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_use_ivar = True
napoleon_use_rtype = False
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
# Types in signatures are PyTorch's, NumPy's and pandas', whose documentation is on the web, or
# private to a module: there is no document here to link to. All other links are errors.
nitpick_ignore_regex = [(r"py:.*", r".*")]
# Words "text" and "none" of highlighting: a terminal's lines are not a language.
suppress_warnings = ["misc.highlighting_failure"]


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", on_docstring, priority=400)  # before napoleon's
    app.connect("autodoc-skip-member", on_skip)
