"""Give the project its public address: in pyproject.toml, and in all files made from it.

    python scripts/publish.py https://github.com/you/recsys-tutorial
    python scripts/publish.py off

The setup cells then fetch the project where it is missing. README, docs/online.md and the site
link to Binder, and on GitHub to Colab, the tests and each page's source.
"""

from __future__ import annotations

import argparse
import re
import sys

import build

ROOT = build.ROOT
LINE = re.compile(r"^(?:# )?Repository = .*$", re.MULTILINE)
UNKNOWN = '# Repository = "https://..."  # written by scripts/publish.py'


def with_address(project: str, address: str) -> str:
    """The text of pyproject.toml with this address, or with none; ValueError for what is no URL."""
    if address and not re.fullmatch(r"https://[\w.-]+\.[a-z]+(?:/[\w.~-]+)+/?", address):
        raise ValueError(f"{address!r} is no address like https://github.com/you/recsys-tutorial")
    line = f'Repository = "{address.rstrip("/")}"' if address else UNKNOWN
    made, found = LINE.subn(lambda _: line, project)
    if found != 1:
        raise ValueError("pyproject.toml has no line `Repository = ` below [project.urls]")
    return made


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address", metavar="URL", help="where it is published, or off")
    address = parser.parse_args(arguments).address
    path = ROOT / "pyproject.toml"
    try:
        made = with_address(path.read_text(encoding="utf-8"), "" if address == "off" else address)
    except ValueError as error:
        print(f"publish: {error}", file=sys.stderr)
        return 1
    path.write_text(made, encoding="utf-8", newline="\n")
    return build.pages()


if __name__ == "__main__":
    sys.exit(main())
