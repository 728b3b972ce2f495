"""pyproject.toml, constraints and environment.yml agree, and conda and Binder can read the last.

Whether conda-forge has these versions is not tested: a solve needs the channel itself.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from typing import Any

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.version import Version

from environment import CONSTRAINTS, ROOT, requirements

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYPI_NAME = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
PIP_TOOLS = {"pip", "setuptools"}


@pytest.fixture(scope="module")
def conda() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def constraints(name: str) -> list[Requirement]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def conda_lines(conda: dict[str, Any]) -> list[str]:
    return [line for line in conda["dependencies"] if isinstance(line, str)]


def pip_lines(conda: dict[str, Any]) -> list[str]:
    return next(line["pip"] for line in conda["dependencies"] if isinstance(line, dict))


def lower_bounds(conda: dict[str, Any]) -> dict[str, str]:
    """PyPI name to lower bound of every package that environment.yml names."""
    bounds = {}
    for line in conda_lines(conda):
        name, *rest = line.split()
        if rest:
            bounds[normal(PYPI_NAME.get(name, name))] = rest[0]
    for line in pip_lines(conda):
        if not line.startswith("-e"):
            wanted = Requirement(line)
            bounds[normal(wanted.name)] = str(wanted.specifier)
    return bounds


def project_bounds(extras: tuple[str, ...] = ()) -> dict[str, str]:
    wanted = [Requirement(line) for line in requirements(ROOT, extras)]
    return {normal(item.name): str(item.specifier) for item in wanted}


def test_conda_and_pip_ask_for_the_same(conda):
    assert lower_bounds(conda) == project_bounds(("lab",))
    assert "-e ." in pip_lines(conda)


def test_every_line_is_a_match_spec_of_conda(conda):
    from rattler import MatchSpec

    for line in conda_lines(conda):
        spec = MatchSpec(line)
        name = re.split(r"[ =<>]", line)[0]
        assert str(spec).startswith((name, f'PackageNameMatcher("{name}"'))
        assert (spec.version is not None) == (name != "pip"), line


def test_python_is_one_minor_version_that_the_project_supports(conda):
    lines = [line for line in conda_lines(conda) if line.startswith("python")]
    assert len(lines) == 1
    match = re.fullmatch(r"python=(\d+\.\d+)", lines[0])
    assert match, "a range lets Binder choose silently"
    supported = Requirement(f"python{PROJECT['requires-python']}").specifier
    assert supported.contains(match.group(1))


def test_torch_is_the_cpu_build(conda):
    lines = [line for line in conda_lines(conda) if line.startswith("pytorch")]
    assert lines == ["pytorch >=2.5.1 cpu*"]


@pytest.mark.parametrize(
    "extras", [(), ("dev",), ("lab",), ("serve",), ("docs",), ("fast",), ("bench",)]
)
def test_bounds_admit_the_tested_versions(extras):
    tested = {normal(c.name): str(c.specifier) for n in CONSTRAINTS for c in constraints(n)}
    for name, bound in project_bounds(extras).items():
        assert name in tested, f"{name} has no tested version"
        version = Version(tested[name].removeprefix("=="))
        assert version in Requirement(f"x{bound}").specifier, name


def test_the_oldest_versions_are_the_bounds_themselves():
    """tests/oldest.txt is what CI's job "oldest" installs: the lower bound of each requirement."""
    lines = (ROOT / "tests" / "oldest.txt").read_text(encoding="utf-8").splitlines()
    pinned = [Requirement(line) for line in lines if line and not line.startswith("#")]
    bounds = {name: bound.lstrip(">=") for name, bound in project_bounds(("lab",)).items()}
    assert {normal(p.name): str(p.specifier).lstrip("=") for p in pinned} == bounds
    ci = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    runs = "\n".join(step.get("run", "") for step in ci["jobs"]["oldest"]["steps"])
    assert "-r tests/oldest.txt" in runs
    for path in re.findall(r"tests/[\w/]+\.py", runs):
        assert (ROOT / path).is_file(), path


def test_constraints_are_exact_and_without_local_versions_or_sources():
    seen = set()
    for name in CONSTRAINTS:
        for line in constraints(name):
            assert re.fullmatch(r"==[\w.]+", str(line.specifier)), line
            assert line.url is None
            assert normal(line.name) not in seen, f"{line.name} is pinned twice"
            seen.add(normal(line.name))
        assert "index-url" not in (ROOT / name).read_text(encoding="utf-8")
    assert seen >= PIP_TOOLS


def test_constraints_that_hold_on_one_system_say_so():
    marked = {c.name: str(c.marker) for c in constraints("constraints.txt") if c.marker}
    assert marked.keys() >= {"pexpect", "appnope", "colorama", "pywinpty"}
    for marker in marked.values():
        assert Marker(marker)


def test_the_installed_core_is_the_tested_one():
    """What the tests run on is what constraints.txt says, so that its pins are really tested."""
    from importlib import metadata

    for line in constraints("constraints.txt"):
        if normal(line.name) in project_bounds():
            installed = Version(metadata.version(line.name)).public
            assert f"=={installed}" == str(line.specifier), line.name


def test_the_core_has_no_dependency_of_tests_or_peers():
    extras = PROJECT["optional-dependencies"]
    extra_names = {normal(Requirement(line).name) for lines in extras.values() for line in lines}
    assert not extra_names & project_bounds().keys()


def test_binder_chooses_conda_and_python_3_11(tmp_path):
    for name in ("environment.yml", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert "Building conda environment for python=3.11" in run.stderr
    assert 'env update -p ${NB_PYTHON_PREFIX} --file "environment.yml"' in run.stdout


def test_nothing_but_environment_yml_steers_binder():
    assert not (ROOT / "binder").exists()
    assert not (ROOT / ".binder").exists()
