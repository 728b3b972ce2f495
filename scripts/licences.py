"""Write docs/licences.md: every pinned package, and the licence that it states itself.

`.venv/bin/python scripts/licences.py` in an environment with all extras.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "licences.md"
HEAD = """# Licences of what the project stands on

Nothing of these packages is in this repository: pip fetches them on your machine. The table is
written by `scripts/licences.py` from what each package states in its own metadata.

| package | version | its licence | used by |
|---|---|---|---|
"""


def pins(name: str) -> dict[str, str]:
    """{package: version} of a constraints file."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", text, re.MULTILINE))


def licence(package: str) -> str:
    """In words, at most a line; plain advice where the package is not installed here."""
    try:
        about = metadata(package)
    except PackageNotFoundError:
        return "not installed here (another system); see the package"
    kinds = [c.split("::")[-1].strip() for c in about.get_all("Classifier") or [] if "License" in c]
    stated = _one(about, "License-Expression") or ", ".join(kinds) or _one(about, "License")
    first = next(iter(stated.strip().splitlines()), "")
    return first[:80].replace("|", "/") or "not stated in its metadata; see the package"


def _one(about: PackageMetadata, field: str) -> str:
    return next(iter(about.get_all(field) or []), "")


def main() -> int:
    core, rest = pins("constraints.txt"), pins("constraints-dev.txt")
    used = dict.fromkeys(core, "readers") | {n: "tests, extras" for n in rest if n not in core}
    rows = [
        f"| {name} | {({**rest, **core})[name]} | {licence(name)} | {who} |"
        for name, who in sorted(used.items(), key=lambda pair: pair[0].lower())
    ]
    PAGE.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(rows)} packages in {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
