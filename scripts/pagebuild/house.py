"""docs/house.svg: the two packages as rooms with their lines of code, and imports as arrows.

It is drawn from the code: `python scripts/pagebuild/house.py` writes it again.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pagebuild import svg

ROOT = Path(__file__).resolve().parents[2]
LIBRARY, WORKSHOP = ROOT / "recsys_tutorial", ROOT / "notebooks" / "recsys_workshop"

# (column, row) of each room; a room is to the right of, or below, the rooms that it imports
PLACES = {
    "batch": (0, 0), "losses": (0, 1), "files": (0, 2), "metrics": (0, 3),
    "datasets": (1, 0), "titles": (1, 3),
    "models": (2, 0), "arguments": (2, 1), "scale": (2, 2),
    "training": (3, 0), "recommending": (3, 2),
    "evaluation": (4, 0), "serving": (4, 2),
    "interpret": (5, 1),
    "recsys_workshop": (6, 1),
}  # fmt: skip
WIDE, HIGH, ACROSS, DOWN = 138, 46, 182, 74
ALT = (
    "The rooms of the two packages from left to right: batch, losses, files and metrics; datasets; "
    "models; training and recommending; evaluation and serving; interpret; recsys_workshop. Each "
    "shows its lines of code, and arrows lead from a room to the rooms that it imports."
)


def rooms() -> dict[str, list[Path]]:
    """The files of each room: a module or a package of the library, and the workshop as one."""
    found: dict[str, list[Path]] = {"recsys_workshop": sorted(WORKSHOP.rglob("*.py"))}
    for path in sorted(LIBRARY.rglob("*.py")):
        name = path.relative_to(LIBRARY).parts[0].removesuffix(".py")
        if name != "__init__":
            found.setdefault(name, []).append(path)
    return found


def imports(paths: list[Path], names: set[str]) -> set[str]:
    """The rooms that some files import."""
    found = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                asked = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                asked = [alias.name for alias in node.names]
            else:
                continue
            parts = [a.split(".") for a in asked if a.startswith("recsys_tutorial.")]
            found |= {part[1] for part in parts} & names
    return found


def house_svg() -> str:
    """The picture as SVG. KeyError for a room without a place: add it to PLACES."""
    files = rooms()
    lines = {n: sum(len(p.read_text("utf-8").splitlines()) for p in f) for n, f in files.items()}
    hundreds = {name: round(n, -2) or 50 for name, n in lines.items()}  # steady while code moves
    width = 40 + max(c for c, _ in PLACES.values()) * ACROSS + WIDE
    height = 60 + max(r for _, r in PLACES.values()) * DOWN + HIGH
    said = "Read it from left to right. An arrow leads from a room to what it imports; the numbers "
    made = svg.head(width, height, ALT, said + "are lines.", 22)
    for name in sorted(files):
        for other in sorted(imports(files[name], set(files)) - {name}):
            made.append(svg.arrow(_corner(name), _corner(other), WIDE, HIGH, "#999"))
    for name in sorted(files):
        lines_ = f"about {hundreds[name]:,}"
        made.append(svg.box(_corner(name), WIDE, HIGH, name, lines_, "#eef4f8"))
    return "\n".join([*made, "</svg>"]) + "\n"


def _corner(name: str) -> svg.Corner:
    column, row = PLACES[name]
    return 20 + column * ACROSS, 40 + row * DOWN


if __name__ == "__main__":
    (ROOT / "docs" / "house.svg").write_text(house_svg(), encoding="utf-8")
