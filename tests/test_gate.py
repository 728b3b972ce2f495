"""An unsuitable Python is refused in one line, also by Pythons that cannot read the rest."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import gate

ROOT = Path(__file__).resolve().parent.parent
OLD_SYNTAX = ("gate.py", "start.py", "test.py", "download.py")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (((2, 7, 18), 64, "Linux", "x86_64"), ["Python 2.7 is too old", "3.11 to 3.13"]),
        (((3, 10, 13), 64, "Windows", "AMD64"), ["too old", "py -3.13 scripts\\start.py"]),
        (((3, 14, 0), 64, "Darwin", "arm64"), ["Python 3.14 is newer", "3.11 to 3.13"]),
        (((3, 12, 1), 32, "Windows", "x86"), ["32-bit", "64"]),
        (((3, 12, 1), 64, "Darwin", "x86_64"), ["Intel Mac", "environment.yml"]),
        (((3, 11, 2), 64, "Linux", "ppc64le"), ["ppc64le", "environment.yml"]),
        (((3, 11, 2), 64, "Linux", "x86_64", "PyPy"), ["PyPy 3.11", "3.11 to 3.13"]),
    ],
)
def test_an_unsuitable_python_is_refused_in_one_line(facts, words):
    line = gate.refusal(*facts)
    assert line is not None
    assert "\n" not in line
    for word in words:
        assert word in line


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 9), (3, 13, 1)])
@pytest.mark.parametrize(
    "place",
    [("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"), ("Windows", "AMD64")],
)
def test_tested_pythons_pass(version, place):
    assert gate.refusal(version, 64, *place) is None


def newer_than_python_2(source: str) -> list[str]:
    """What in the source Python 2.7 cannot parse."""
    found = [] if source.isascii() else ["a character that is not ASCII"]
    new = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Match, ast.Nonlocal, ast.YieldFrom)
    new += (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.MatMult)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, new):
            found.append(type(node).__name__)
        if isinstance(node, ast.FunctionDef):
            arguments = node.args
            named = [*arguments.args, *arguments.kwonlyargs, *arguments.posonlyargs]
            if node.returns or any(argument.annotation for argument in named):
                found.append("annotation")
            if arguments.kwonlyargs or arguments.posonlyargs:
                found.append("keyword-only or positional-only argument")
        if isinstance(node, ast.Raise) and node.cause is not None:
            found.append("raise from")
        if isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict) and any(
            isinstance(part, ast.Starred) for part in ast.iter_child_nodes(node)
        ):
            found.append("starred display")
    prints = "print(" in source and "from __future__ import print_function" not in source
    return found + (["print without print_function"] if prints else [])


@pytest.mark.parametrize("name", OLD_SYNTAX)
def test_the_doors_keep_to_the_syntax_of_python_2(name):
    assert newer_than_python_2((ROOT / "scripts" / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    ["f'{1}'", "x: int = 1", "def f(a: int): pass", "def f(*, a): pass", "print(1)", "'\u00e9'"],
)
def test_the_check_of_old_syntax_can_fail(source):
    assert newer_than_python_2(source) != []


def old_python(version: str) -> str:
    """An interpreter of this version, on the path or in pyenv; skips without one."""
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    own = sorted(home.glob(f"versions/{version}.*/bin/python"))
    found = str(own[0]) if own else shutil.which(f"python{version}")
    works = found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0
    if not works:
        pytest.skip(f"no Python {version} on this machine")
    return str(found)


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.10"])
@pytest.mark.parametrize("script", ["start.py", "test.py", "download.py"])
def test_a_real_old_python_says_that_it_is_too_old(version, script):
    python = old_python(version)
    run = subprocess.run(
        [python, "-B", str(ROOT / "scripts" / script)], capture_output=True, text=True
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith(f"Python {version} is too old: install")
    assert run.stderr.count("\n") == 1
    assert script in run.stderr
