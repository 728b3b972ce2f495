"""Build what is generated: the notebooks from their sources, and the table of their minutes.

python scripts/build.py pages             write the notebooks and the README's table of them
python scripts/build.py pages --check     write nothing; exit 1 and list what is out of sync
python scripts/build.py measure [NAME]    run pages on real data, write notebooks/minutes.json
python scripts/build.py slides [NAME ...] write decks to build/slides; they need no network
python scripts/build.py site [NAME ...]   write the site to build/site; it needs no network
python scripts/build.py instructor        write notebooks/instructor: pages with notes, run sheets

Needs the development tools: run it with the .venv's Python.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

ROOT = Path(__file__).resolve().parents[1]


def pages(check: bool = False) -> int:
    from pagebuild.source import SourceError
    from pagebuild.write import generate, out_of_sync, write

    try:
        files = generate(ROOT)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    stale = out_of_sync(ROOT, files)
    if check:
        for line in stale:
            print(line)
        print("out of sync: run python scripts/build.py pages" if stale else "in sync")
        return 1 if stale else 0
    write(ROOT, files)
    print(f"{len(files)} files, {len(stale)} of them changed: {', '.join(stale) or 'none'}")
    return 0


def measure(names: list[str]) -> int:
    from pagebuild.measure import measure_all

    return measure_all(ROOT, names) or pages()


def shown(what: str, names: Sequence[str], mode: str, folder: Path) -> int:
    """Decks or the site, which show executed pages."""
    try:
        if what == "slides":
            from pagebuild.deck import build_slides as build
        else:
            from pagebuild.site import build_site as build
        return build(ROOT, names, mode, folder)
    except ModuleNotFoundError as error:
        advice = "run python3 scripts/test.py once, or pip install -e '.[dev,docs]'"
        print(f"{error.name} is not installed: {advice}", file=sys.stderr)
        return 1


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    given = {}
    for name in ("pages", "measure", "slides", "site", "instructor"):
        given[name] = commands.add_parser(name)
        if name not in ("pages", "instructor"):
            given[name].add_argument("names", nargs="*", help="pages; all if none is named")
    given["pages"].add_argument("--check", action="store_true", help="only say what is out of sync")
    for name in ("slides", "site"):
        said = "full: real data; fast: planted data"
        given[name].add_argument("--mode", choices=("full", "fast"), default="full", help=said)
        given[name].add_argument("--out", type=Path, default=ROOT / "build" / name, metavar="DIR")
    chosen = parser.parse_args(arguments)
    if chosen.command == "pages":
        return pages(chosen.check)
    if chosen.command == "measure":
        return measure(chosen.names)
    if chosen.command == "instructor":
        from pagebuild.write import teaching

        made = teaching(ROOT, ROOT / "notebooks" / "instructor")
        print(f"{len(made)} files in {made[0].parent}: open them in JupyterLab; print the .html")
        return 0
    return shown(chosen.command, chosen.names, chosen.mode, chosen.out)


if __name__ == "__main__":
    sys.exit(main())
