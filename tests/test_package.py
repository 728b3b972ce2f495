"""The package as a whole: quick to import, layered, in short files."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import recsys_tutorial as rt
from pagebuild.house import house_svg

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(rt.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
LAYERS = [  # lower ones come first; nobody imports from a later layer
    {"files"},  # knows the standard library alone
    {"batch", "datasets"},
    {"losses", "models"},
    {"metrics", "arguments", "scale"},
    {"training"},
    {"evaluation", "recommending"},
]


def test_import_loads_nothing_heavy():
    code = (
        "import sys, recsys_tutorial; "
        "print(sorted({'torch', 'pandas', 'matplotlib', 'ignite', 'sklearn'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_public_name_is_there_and_described():
    for name in rt.__all__:
        assert getattr(rt, name).__doc__, name
    assert set(rt.__all__) <= set(dir(rt))
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        _ = rt.fitt


def imports(path: Path) -> set[str]:
    """The library's own top-level modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            module = node.module
            names = (
                [f"{module}.{a.name}" for a in node.names] if module == PACKAGE.name else [module]
            )
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        found |= {n.split(".")[1] for n in names if n.startswith(f"{PACKAGE.name}.")}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_lower_imports_anything_higher(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    level = next((n for n, layer in enumerate(LAYERS) if own in layer), None)
    if level is None:
        return  # the front, and what uses the whole library
    allowed = set().union(*LAYERS[: level + 1])
    if own in ("datasets", "training"):  # when somebody saves columns, or runs several processes
        allowed |= {"scale"}
    assert imports(path) <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_library_never_imports_the_classroom(path):
    assert "recsys_workshop" not in path.read_text(encoding="utf-8")


def test_metrics_know_no_models():
    for path in (PACKAGE / "metrics").rglob("*.py"):
        assert not imports(path) & {"models", "training", "evaluation"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_say_what_lives_there_and_stay_short(path):
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "the first lines say what lives here"
    assert text.count("\n") <= 300


# Most lines of each part, docstrings included. They only ever go down: the aim for the library is
# 7,400, for the classroom 5,300, for scripts 2,800, for benchmarks 2,300 and for tests 17,000.
MOST = {
    "recsys_tutorial": 9_965,
    "notebooks/recsys_workshop": 6_370,
    "scripts": 3_625,
    "benchmarks": 2_615,
    "tests": 22_305,
}


@pytest.mark.parametrize("part", MOST)
def test_the_house_does_not_grow(part):
    lines = sum(len(p.read_text("utf-8").splitlines()) for p in (ROOT / part).rglob("*.py"))
    print(f"{part}: {lines:,} lines, at most {MOST[part]:,}")
    assert lines <= MOST[part], "what is in the way of less? See docs/contributing.md"


def test_the_picture_of_the_house_is_current():
    drawn = (ROOT / "docs" / "house.svg").read_text("utf-8")
    assert drawn == house_svg(), "draw it again: python scripts/pagebuild/house.py"
