"""Binder and Colab, as far as they can be tried without them: what docs/online.md promises."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import nbformat
import pytest
from packaging.requirements import Requirement
from pages_runner import SOURCES

import pins
from pagebuild.source import repository

ROOT = Path(__file__).resolve().parents[1]
STEERING = ("apt.txt", "install.R", "postBuild", "requirements.txt", "runtime.txt", "start")
"""Files in the project's root that repo2docker would follow, too."""


@pytest.fixture(scope="module")
def tracked() -> set[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return set(listed.stdout.decode().split("\0"))


def test_the_image_of_binder_holds_no_data(tmp_path, tracked):
    """Neither committed nor fetched by the build: the setup cell fetches it in each session."""
    assert {name for name in tracked if name.startswith("data/")} == {"data/README.md"}
    assert not tracked & set(STEERING), "it would run while the image is built, or at its start"
    for name in ("environment.yml", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "repo2docker", "--no-build", str(tmp_path)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "environment.yml" in made
    assert not re.search(r"recsys_tutorial|movielens|grouplens|first_run", made, re.IGNORECASE)


def test_binder_lands_on_the_index(tracked):
    text = (ROOT / "docs" / "online.md").read_text(encoding="utf-8")
    (link,) = re.findall(r"<(https://mybinder\.org/[^>]+)>", text)
    parts = urlsplit(link)
    start, kind, address, branch = parts.path.rsplit("/", 3)
    assert (start, kind, branch) == ("/v2", "git", "main")
    assert unquote(address) == repository(ROOT), "the address of pyproject.toml"
    (opened,) = parse_qs(parts.query)["urlpath"]
    assert opened.removeprefix("lab/tree/") in tracked
    assert opened == "lab/tree/notebooks/index.ipynb"


# ---- a page alone on Colab: an empty directory, and no project installed ------------------------

ALONE = """
import os, sys
def ours(finder):  # how an editable installation is found
    return "__editable__" in str(getattr(finder, "__module__", finder))
sys.meta_path[:] = [finder for finder in sys.meta_path if not ours(finder)]
def holds(path):
    return any(os.path.isdir(os.path.join(path, f"recsys_{n}")) for n in ("tutorial", "workshop"))
sys.path[:] = [p for p in sys.path if not holds(p)]
from IPython.core.interactiveshell import InteractiveShell
done = InteractiveShell.instance().run_cell(sys.stdin.read())
done.raise_error()
import recsys_tutorial
print("FROM", recsys_tutorial.__file__)
"""
PIP = """
import json, os, sys
with open(os.environ["PIP_NOTES"], "w") as stream:
    json.dump(sys.argv[1:], stream)
"""


def test_setup_cell_fetches_and_installs_the_project_where_it_is_missing(tmp_path):
    """The cell itself, with a real clone of a repository here; only pip is a stand-in."""
    origin, pip, alone = tmp_path / "origin", tmp_path / "stand_in" / "pip", tmp_path / "alone"
    hidden = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "recsys_tutorial", origin / "recsys_tutorial", ignore=hidden)
    workshop = Path("notebooks") / "recsys_workshop"
    shutil.copytree(ROOT / workshop, origin / workshop, ignore=hidden)
    shutil.copy(ROOT / "pyproject.toml", origin)
    for words in ("init -q", "add .", "-c user.name=n -c user.email=e@example.org commit -qm one"):
        subprocess.run(["git", *words.split()], cwd=origin, check=True)
    pip.mkdir(parents=True)
    (pip / "__init__.py").touch()
    (pip / "__main__.py").write_text(PIP)
    alone.mkdir()
    notebook = nbformat.read(ROOT / "notebooks" / "00_setup.ipynb", as_version=4)
    (cell,) = [c for c in notebook.cells if "setup" in c.metadata.get("tags", [])]
    settings = {
        **os.environ,
        "PYTHONPATH": str(pip.parent),
        "PIP_NOTES": str(tmp_path / "pip.json"),
        "PIP_TARGET": str(tmp_path / "nowhere"),  # should the real pip ever be reached
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{origin.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": repository(ROOT),
        "RECSYS_TUTORIAL_PAGES": "fast",
        "RECSYS_TUTORIAL_STATE": str(tmp_path / "state"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }
    command = [sys.executable, "-c", ALONE]
    ran = subprocess.run(
        command, cwd=alone, env=settings, input=cell.source, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    asked = json.loads((tmp_path / "pip.json").read_text())
    assert asked == ["install", "--quiet", "--editable", "recsys-tutorial"]
    assert (alone / asked[-1] / "pyproject.toml").is_file()
    assert "PLANTED DATA" in ran.stdout
    assert f"FROM {alone / 'recsys-tutorial'}" in ran.stdout


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of all modules imported outside of a `try`, which has its own way out."""
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
        elif not isinstance(node, ast.Try):
            found |= imported(node)
    return found


@pytest.fixture(scope="module")
def installed() -> dict[str, list[str]]:
    """Which packages bring a module, by its name."""
    return {name: list(homes) for name, homes in metadata.packages_distributions().items()}


@pytest.mark.parametrize("name", SOURCES)
def test_a_page_imports_only_what_the_project_installs(name, installed):
    """So that `pip install` of the setup cell is enough for each page alone."""
    code = "\n".join(c.text for c in SOURCES[name].cells if c.kind == "code")
    asked = imported(ast.parse(re.sub(r"(?m)^(\s*)[%!].*", r"\1pass", code)))
    wanted = {
        Requirement(line).name.lower().replace("_", "-") for line in pins.requirements(ROOT, ())
    }
    wanted.add("ipython")  # comes with JupyterLab; and whoever runs a notebook has it
    for module in asked - sys.stdlib_module_names - {"recsys_tutorial", "recsys_workshop"}:
        homes = {home.lower().replace("_", "-") for home in installed.get(module, [])}
        assert homes & wanted, f"{module} is not among the project's dependencies"
