"""What a release consists of: a wheel with the library alone, a citation, workflows that run."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = (ROOT / "recsys_tutorial", ROOT / "notebooks" / "recsys_workshop")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from what is under version control, as a release is."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    clean = shutil.ignore_patterns("__pycache__")
    for package in PACKAGES:
        shutil.copytree(package, tree / package.relative_to(ROOT), ignore=clean)
    for other in ("tests", "benchmarks", "notebooks", "scripts"):
        (tree / other).mkdir(exist_ok=True)
        (tree / other / "__init__.py").write_text("", encoding="utf-8")
    out = tmp_path_factory.mktemp("wheel")
    code = f"from setuptools.build_meta import build_wheel; build_wheel({str(out)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tree, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return next(out.glob("*.whl"))


def test_the_wheel_holds_the_two_packages_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {
        "recsys_tutorial",
        "recsys_workshop",
        f"recsys_tutorial-{PROJECT['version']}.dist-info",
    }
    inside = {n for n in names if n.startswith(("recsys_tutorial/", "recsys_workshop/"))}
    here = {
        p.relative_to(package.parent).as_posix()
        for package in PACKAGES
        for p in package.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    assert inside == here  # the page of the service among them


def test_the_library_works_from_the_wheel_alone(wheel, tmp_path):
    unpacked = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(unpacked)
    code = (
        "import recsys_tutorial as rt\n"
        "data = rt.datasets.planted(n_users=40, n_items=30, n_ratings=600)\n"
        "model = rt.models.BiasedMF.for_dataset(data, dim=2)\n"
        "rt.fit(model, data, epochs=1, progress=False)\n"
        "print(rt.__file__, len(rt.recommend(model, data, user=1)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env={"PYTHONPATH": str(unpacked), "PATH": ""},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    where, count = done.stdout.split()
    assert where.startswith(str(unpacked))
    assert count == "10"


def test_version_is_the_same_everywhere():
    import recsys_tutorial

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+?),? ", changelog, re.MULTILINE)
    assert newest is not None
    versions = {PROJECT["version"], recsys_tutorial.__version__, citation["version"], newest[1]}
    assert len(versions) == 1, versions


def test_citation_has_what_the_format_asks_for():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "license"} <= set(citation)
    assert citation["license"] == PROJECT["license"]


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda p: p.name)
def test_forms_and_workflows_can_be_read(path):
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if "workflows" in path.parts:
        # "on" is true in YAML 1.1; nothing may write to the repository unless it says so per job
        assert True in content
        assert content["permissions"] == {"contents": "read"}
        for job in content["jobs"].values():
            assert job["timeout-minutes"] <= 90
            for step in job["steps"]:
                assert ("uses" in step) != ("run" in step)
    elif path.name != "config.yml":
        ids = [part["id"] for part in content["body"]]
        assert len(ids) == len(set(ids))
        assert {"name", "description", "body"} <= set(content)


def test_ci_calls_the_projects_own_command_and_extras_exist():
    ci = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert "bash .ci/run" in ci
    weekly = (ROOT / ".github/workflows/weekly.yml").read_text(encoding="utf-8")
    asked = re.search(r'--editable "\.\[(.+?)\]"', weekly)
    assert asked is not None
    assert set(asked[1].split(",")) <= set(PROJECT["optional-dependencies"])
    assert "pip_audit" in weekly


def test_the_licence_of_every_pinned_package_is_listed():
    """After a change of pins: python scripts/licences.py."""
    listed = dict(
        re.findall(
            r"^\| (\S+) \| (\S+) \|", (ROOT / "docs/licences.md").read_text("utf-8"), re.MULTILINE
        )
    )
    for name in ("constraints.txt", "constraints-dev.txt"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for package, version in re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", text, re.MULTILINE):
            assert listed.get(package) == version, package


@pytest.mark.real
def test_the_ten_lines_of_the_readme_print_titles(ml100k, capsys):
    """Run as they stand there: what a reader sees first are films, and no ids."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(code.splitlines()) == 10
    exec(compile(code, "README.md", "exec"), {})
    out = capsys.readouterr().out
    lists = out[out.index("title") :]
    assert "item" not in lists
    assert len(re.findall(r"\((?:19|20)\d\d\)", lists)) >= 15
