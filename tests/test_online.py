"""Binder and Colab, as far as they can be tried without them: what docs/online.md promises."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import yaml
from packaging.requirements import Requirement
from pages_runner import SOURCES

import clean
import environment
import publish
from pagebuild import publishing
from pagebuild.source import repository
from pagebuild.write import setup_cell

ROOT = Path(__file__).resolve().parents[1]
ONLINE = ROOT / "docs" / "online.md"
ADDRESS = "https://git.example.com/reader/recsys-tutorial"
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


@pytest.mark.parametrize("address", ["https://github.com/reader/course", ADDRESS])
def test_binder_lands_on_the_index(address, tracked):
    text = publishing.published(ONLINE.read_text(encoding="utf-8"), "online.md", address)
    (link,) = re.findall(r"<(https://mybinder\.org/[^>]+)>", text)
    parts = urlsplit(link)
    place = "gh/reader/course" if "github" in address else f"git/{quote(address, safe='')}"
    assert parts.path == f"/v2/{place}/main"
    (opened,) = parse_qs(parts.query)["urlpath"]
    assert opened.removeprefix("lab/tree/") in tracked
    assert opened == "lab/tree/notebooks/index.ipynb"


def test_without_an_address_nothing_shows_one(tracked):
    assert "https://" not in publishing.WAITING
    assert publishing.of_page("", "00_setup") == ""
    assert publishing.published(
        "a\n<!-- published: x -->\nb\n<!-- end of published -->", "README.md", ""
    ) == ("a\n<!-- published: x -->\n<!-- end of published -->")
    code = setup_cell("00_setup", "")
    assert "git clone" not in code
    assert "run python3 scripts/start.py" in code
    if not repository(ROOT):
        shown = [n for n in tracked if n.endswith((".md", ".ipynb", ".toml", ".cff"))]
        text = "".join((ROOT / n).read_text(encoding="utf-8") for n in shown if (ROOT / n).exists())
        assert not re.search(r"example\.org|mybinder\.org/v2|colab\.research", text)


def test_an_address_on_github_brings_true_badges_and_links_of_each_page():
    marks = "<!-- published: x -->\n<!-- end of published -->"
    readme = publishing.published(marks, "README.md", "https://github.com/reader/course")
    assert "https://github.com/reader/course/actions/workflows/ci.yml/badge.svg" in readme
    assert (ROOT / ".github" / "workflows" / "ci.yml").is_file()
    links = publishing.of_page("https://github.com/reader/course", "00_setup")
    assert "github/reader/course/blob/main/notebooks/00_setup.ipynb" in links
    assert "reader/course/edit/main/notebooks/source/00_setup.py" in links
    assert "colab" not in publishing.of_page(ADDRESS, "00_setup")


def test_publishing_writes_one_line_and_takes_it_out_again():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    there = publish.with_address(project, "https://github.com/reader/course/")
    assert tomllib.loads(there)["project"]["urls"] == {
        "Repository": "https://github.com/reader/course"
    }
    assert "Repository" not in tomllib.loads(publish.with_address(there, ""))["project"]["urls"]
    for wrong in ("github.com/reader/course", "https://github.com", 'https://a.b/c" evil'):
        with pytest.raises(ValueError, match="no address like"):
            publish.with_address(project, wrong)


def test_a_notebook_that_was_run_is_clean_again_to_the_last_byte(tmp_path):
    kept = (ROOT / "notebooks" / "00_setup.ipynb").read_text(encoding="utf-8")
    ran = json.loads(kept)
    for cell in ran["cells"]:
        cell["metadata"]["execution"] = {"iopub.status.busy": "2026-01-01"}
        if cell["cell_type"] == "code":
            cell.update(execution_count=3, outputs=[{"output_type": "stream", "text": ["x"]}])
    ran["metadata"] |= {"widgets": {"a": 1}, "language_info": {"name": "python", "version": "3.13"}}
    assert clean.clean(json.dumps(ran)) == kept
    assert clean.clean("no notebook") == "no notebook"
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(
        ["git", "config", "filter.notebook.clean", f"{sys.executable} {ROOT}/scripts/clean.py"],
        cwd=tmp_path, check=True,
    )  # fmt: skip
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / ".gitattributes", tmp_path)
    (tmp_path / "notebooks" / "a.ipynb").write_text(json.dumps(ran))
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    show = ["git", "show", ":notebooks/a.ipynb"]
    assert subprocess.run(show, cwd=tmp_path, capture_output=True).stdout.decode() == kept


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
    settings = {
        **os.environ,
        "PYTHONPATH": str(pip.parent),
        "PIP_NOTES": str(tmp_path / "pip.json"),
        "PIP_TARGET": str(tmp_path / "nowhere"),  # should the real pip ever be reached
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{origin.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": ADDRESS,
        "RECSYS_TUTORIAL_PAGES": "fast",
        "RECSYS_TUTORIAL_STATE": str(tmp_path / "state"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }
    command = [sys.executable, "-c", ALONE]
    ran = subprocess.run(
        command,
        cwd=alone,
        env=settings,
        input=setup_cell("00_setup", ADDRESS),
        capture_output=True,
        text=True,
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
        Requirement(line).name.lower().replace("_", "-")
        for line in environment.requirements(ROOT, ())
    }
    wanted.add("ipython")  # comes with JupyterLab; and whoever runs a notebook has it
    for module in asked - sys.stdlib_module_names - {"recsys_tutorial", "recsys_workshop"}:
        homes = {home.lower().replace("_", "-") for home in installed.get(module, [])}
        assert homes & wanted, f"{module} is not among the project's dependencies"


def test_what_ci_runs_is_what_the_page_says():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))["jobs"]
    matrix = jobs["systems"]["strategy"]["matrix"]
    said = ONLINE.read_text(encoding="utf-8")
    assert [system.split("-")[0] for system in matrix["os"]] == ["ubuntu", "windows", "macos"]
    assert "Ubuntu, Windows and macOS, each with Python " + " and ".join(matrix["python"]) in said
    site = (ROOT / ".github" / "workflows" / "pages.yml").read_text("utf-8")
    assert "scripts/start.py --no-lab" in site, "torch as the start command installs it"
    assert "index-url" not in site
