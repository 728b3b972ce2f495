"""Write docs/licences.md: every pinned package with the licence in its metadata.

`.venv/bin/python scripts/licences.py` in an environment with all extras.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "licences.md"
HEAD = """# Licences of the packages that we use

This repository contains none of these packages: pip fetches them to your machine. The table is
written by `scripts/licences.py` from what each package states in its own metadata.

| package | version | its licence | used by |
|---|---|---|---|
"""


def licence(package: str) -> str:
    """The licence in at most one line; advice if the package is not installed here."""
    try:
        about = metadata(package)
    except PackageNotFoundError:
        return "not installed here (another system); see the package"
    listed = about.get_all("Classifier") or []
    kinds = ", ".join(c.split("::")[-1].strip() for c in listed if "License" in c)
    fields = [(about.get_all(n) or [""])[0] for n in ("License-Expression", "License")]
    stated = next(filter(None, [fields[0], kinds, fields[1]]), "").strip()
    first = next(iter(stated.splitlines()), "")
    return first[:80].replace("|", "/") or "not stated in its metadata; see the package"


def main() -> int:
    rows = {}
    for name, who in (("constraints-dev.txt", "tests, extras"), ("constraints.txt", "readers")):
        text = (ROOT / name).read_text(encoding="utf-8")
        for package, version in re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", text, re.MULTILINE):
            rows[package] = f"| {package} | {version} | {licence(package)} | {who} |"
    lines = [rows[package] for package in sorted(rows, key=str.lower)]
    PAGE.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
