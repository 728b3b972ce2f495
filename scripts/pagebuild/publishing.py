"""Everything that shows the project's public address: badges, and links to Binder and Colab."""

from __future__ import annotations

import re
from urllib.parse import quote

MARKS = re.compile(r"(<!-- published: [^\n]*-->\n).*?(<!-- end of published -->)", re.DOTALL)
WAITING = """\
The project has no public address yet, so there is no link here. `python scripts/publish.py URL`
puts one here and everywhere else.
"""


def github(address: str) -> str:
    """`owner/name` of an address on GitHub, else an empty text."""
    found = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?", address)
    return found[1] if found else ""


def binder(address: str, path: str = "notebooks/index.ipynb") -> str:
    """The link that opens a file in JupyterLab on Binder."""
    place = f"gh/{github(address)}" if github(address) else f"git/{quote(address, safe='')}"
    return f"https://mybinder.org/v2/{place}/main?urlpath={quote(f'lab/tree/{path}', safe='')}"


def colab(address: str, path: str) -> str:
    """The link that opens a notebook on Colab, which reads GitHub alone; else an empty text."""
    name = github(address)
    return f"https://colab.research.google.com/github/{name}/blob/main/{path}" if name else ""


def of_page(address: str, name: str) -> str:
    """Markdown links of a page on the site: its source, Binder, Colab; empty without an address."""
    if not address:
        return ""
    links = [f"[Open on Binder]({binder(address, f'notebooks/{name}.ipynb')})"]
    if github(address):
        source = f"https://github.com/{github(address)}"
        links += [
            f"[Open on Colab]({colab(address, f'notebooks/{name}.ipynb')})",
            f"[Edit this page]({source}/edit/main/notebooks/source/{name}.py)",
            f"[Report a problem]({source}/issues/new/choose)",
        ]
    return " · ".join(links)


def published(text: str, name: str, address: str) -> str:
    """A document, with the text between its marks written for this address."""
    block = _badges(address) if name == "README.md" else _links(address)
    return MARKS.sub(lambda marks: f"{marks[1]}{block}{marks[2]}", text)


def _badges(address: str) -> str:
    if not address:
        return ""
    badges = [f"[![Open on Binder](https://mybinder.org/badge_logo.svg)]({binder(address)})"]
    if name := github(address):
        ci = f"https://github.com/{name}/actions/workflows/ci.yml"
        badges.insert(0, f"[![Tests]({ci}/badge.svg)]({ci})")
    return " ".join(badges) + f"\n\n    git clone {address}\n"


def _links(address: str) -> str:
    return f"<{binder(address)}>\n" if address else WAITING
