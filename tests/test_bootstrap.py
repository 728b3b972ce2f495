"""What start.py does: the stamp, the steps that make .venv, the stick, what children see."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import download
import environment
import start
from console import Stop
from environment import PYTHON, Environment, explain

ROOT = Path(__file__).resolve().parent.parent
FILES = ("pyproject.toml", *environment.CONSTRAINTS)
(TORCH,) = Environment().pinned("torch")
ALL_STEPS = ["setuptools==", "torch==", "tensorboardX>=", "-e", "import torch"]


class Machine:
    """A checkout whose venv and pip only note down what they are asked, and answer as told."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commands: list[list[str]] = []
        self.answers: dict[str, str] = {}  # part of a command: how it fails

    def prepare(self, **options: Any) -> list[str]:
        """Run `ensure` in the checkout; the steps that it took, each in a word."""
        self.commands.clear()
        Environment(root=self.root, **options).ensure()
        texts = [" ".join(command) for command in self.commands]
        return [next((w for w in ["--clear", *ALL_STEPS] if w in text), text) for text in texts]

    def pip(self, own: Environment, *arguments: str) -> tuple[int, str]:
        self.commands.append([*arguments])
        text = " ".join(arguments)
        failed = next((said for part, said in self.answers.items() if part in text), None)
        return (0, "") if failed is None else (1, failed)

    def change_versions(self) -> None:
        path = self.root / "constraints.txt"
        path.write_text(path.read_text() + "one-more==1\n")


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Machine:
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    made = Machine(tmp_path)

    def venv(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        made.commands.append(command)
        own = Environment(root=Path(command[-1]).parent)
        shutil.rmtree(own.venv, ignore_errors=True)
        own.python.parent.mkdir(parents=True)
        own.python.touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(environment.subprocess, "run", venv)
    monkeypatch.setattr(Environment, "run", lambda own, *command: made.pip(own, *command))
    monkeypatch.setattr(environment.platform, "system", lambda: "Linux")
    free = SimpleNamespace(free=10**11)
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda _: free)
    return made


def test_a_new_environment_takes_every_step_and_the_second_run_none(machine, capsys):
    assert machine.prepare() == ["--clear", *ALL_STEPS]
    assert machine.prepare() == []
    assert "is ready" in capsys.readouterr().out


def test_what_is_installed_is_tested_and_pytorch_is_the_cpu_build(machine):
    machine.prepare(extras=("dev",))
    _, _, torch, core, *_ = machine.commands
    assert f"{TORCH}+cpu" in torch
    assert "--no-deps" in torch
    assert core[core.index("-c") + 1] == str(machine.root / "constraints.txt")
    assert any(part.startswith("pytest>=") for part in core)
    assert environment.CPU_INDEX not in core


@pytest.mark.parametrize(
    ("system", "gpu"), [("Darwin", False), ("Windows", False), ("Linux", True)]
)
def test_where_the_usual_build_is_right_it_is_taken(machine, monkeypatch, system, gpu):
    monkeypatch.setattr(environment.platform, "system", lambda: system)
    machine.prepare(gpu=gpu)
    assert machine.commands[2][-2:] == [TORCH, "--progress-bar=off"]


def test_a_stick_is_the_only_source(machine, monkeypatch):
    stick = machine.root / "stick"
    machine.prepare(stick=stick, offline=True)
    for command in machine.commands[1:4]:
        assert command[-3:] == ["--no-index", "--find-links", str(stick / "wheels")]
        assert environment.CPU_INDEX not in command
    monkeypatch.setenv("PIP_FIND_LINKS", "far")
    env = Environment(stick=stick).env()
    assert env["PIP_CONFIG_FILE"] == os.devnull
    assert "PIP_FIND_LINKS" not in env


def test_unfinished_moved_or_for_gpus_it_is_made_anew(machine, tmp_path):
    machine.prepare()
    Environment(root=machine.root).stamp.write_text("{")
    assert machine.prepare() == ["--clear", *ALL_STEPS]
    assert machine.prepare(gpu=True) == ["--clear", *ALL_STEPS]
    assert machine.prepare() == [], "asking for less removes nothing"
    machine.root = tmp_path / "moved"
    machine.root.mkdir()
    for name in (*FILES, ".venv"):
        shutil.move(tmp_path / name, machine.root / name)
    assert machine.prepare() == ["--clear", *ALL_STEPS]


def test_changed_versions_and_more_extras_only_run_pip_again(machine):
    machine.prepare()
    assert machine.prepare(extras=("dev",)) == ALL_STEPS
    machine.change_versions()
    assert machine.prepare() == ALL_STEPS
    assert any("pytest>=" in part for part in machine.commands[2]), "what was added stays"


@pytest.mark.parametrize("step", ALL_STEPS)
def test_a_step_that_fails_leaves_no_stamp_and_says_one_line(machine, step):
    machine.answers[step] = "OSError: [Errno 28] No space left on device"
    with pytest.raises(Stop, match=r"^(The disk is full|The environment does not load).*log: "):
        machine.prepare()
    assert not Environment(root=machine.root).stamp.exists()


def test_offline_says_what_to_do_and_keeps_an_environment_of_older_versions(machine, capsys):
    with pytest.raises(Stop, match="--wheelhouse DIR"):
        machine.prepare(offline=True)
    assert machine.commands == []
    machine.prepare()
    machine.change_versions()
    assert machine.prepare(offline=True) == []
    assert "is kept although" in capsys.readouterr().out


def test_a_large_download_is_asked_for_and_yes_agrees(machine, monkeypatch):
    machine.answers["+cpu"] = f"ERROR: No matching distribution found for {TORCH}+cpu"
    monkeypatch.setattr(sys, "stdin", io.StringIO())  # not a terminal
    with pytest.raises(Stop, match=r"3 GB.*--yes"):
        machine.prepare()
    machine.prepare(yes=True)
    assert TORCH in machine.commands[3]


def test_what_the_machine_lacks_is_seen_before_anything_is_made(machine, monkeypatch):
    free = SimpleNamespace(free=2 * 10**9)
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda _: free)
    with pytest.raises(Stop, match=r"needs 4 GB and has 2.0 GB free"):
        machine.prepare()
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Stop, match=rf"sudo apt install python{PYTHON}-venv"):
        machine.prepare()
    assert machine.commands == []


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
         ["disk is full", "run again"]),
        ("WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'\n"
         "ERROR: No matching distribution found for pip==26.3", ["No network", "--wheelhouse"]),
        ("Could not fetch URL: There was a problem confirming the ssl certificate: "
         "CERTIFICATE_VERIFY_FAILED\nERROR: No matching distribution found for pip", ["PIP_CERT"]),
        ("ERROR: HTTP error 403 Client Error: Forbidden for url", ["login", "HTTPS_PROXY"]),
        ("ERROR: No matching distribution found for torch==2.13.0",
         ["torch==2.13.0", "environment.yml"]),
        ("ERROR: Could not install packages due to an OSError: [WinError 5] Access is denied",
         ["close programs", "run this again"]),
        ("noise\nERROR: something new", ["something new"]),
        ("", ["pip failed"]),
    ],
)  # fmt: skip
def test_what_pip_says_becomes_one_line_with_advice(output, words):
    line = explain(output)
    assert "\n" not in line
    for word in words:
        assert word in line


def test_a_stick_that_lacks_a_package_is_named():
    line = explain("ERROR: No matching distribution found for numpy==2.4.6", Path("stick"))
    assert line.startswith("The stick stick has no numpy==2.4.6")


def test_a_stick_gets_packages_terms_and_what_may_be_passed_on(machine, tmp_path, monkeypatch):
    fetched: list[tuple[str, Path]] = []
    monkeypatch.setattr(
        download, "fetch_data", lambda _, name, place: fetched.append((name, place))
    )
    download.make(Environment(root=machine.root), tmp_path / "s", [download.SHARED, "gcide"])
    assert all(
        c[2:5] == ["download", "--dest", str(tmp_path / "s" / "wheels")] for c in machine.commands
    )
    assert [name for name, _ in fetched] == ["ml-latest-small", "gcide"]
    terms = (tmp_path / "s" / "TERMS.txt").read_text(encoding="ascii")
    assert "may NOT be redistributed" in terms
    assert "GNU General Public License" in terms
    assert download.parse(["--wheelhouse", "x"]).dataset == download.SHARED
    assert download.parse([]).dataset == "ml-100k"


def test_the_sticks_data_is_copied_and_what_is_there_stays(tmp_path):
    stick, data = tmp_path / "stick", tmp_path / "data"
    (stick / "data").mkdir(parents=True)
    data.mkdir()
    for name in ("ml-latest-small.zip", "kept.whl"):
        (stick / "data" / name).write_bytes(b"from the stick")
    (data / "kept.whl").write_bytes(b"own")
    start.copy_data(stick, data)
    assert (data / "ml-latest-small.zip").read_bytes() == b"from the stick"
    assert (data / "kept.whl").read_bytes() == b"own"
    assert len(list(data.iterdir())) == 2
    start.copy_data(tmp_path, data)  # a stick without data


def test_a_data_set_is_a_name_or_a_csv_file(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv(start.DATASET, raising=False)
    (tmp_path / "club.csv").touch()
    monkeypatch.chdir(tmp_path)
    assert start.parse([]).dataset is None
    assert start.parse(["--dataset", "club.csv"]).dataset == str(tmp_path / "club.csv")
    monkeypatch.setenv(start.DATASET, "ml-1m")
    assert start.parse([]).dataset == "ml-1m"
    with pytest.raises(SystemExit):
        start.parse(["--dataset", "netflix"])
    assert "netflix: choose ml-100k" in capsys.readouterr().err


def test_foreign_modules_and_kernels_stay_out_and_the_users_index_stays(monkeypatch):
    for name in environment.KEPT_OUT:
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("PIP_INDEX_URL", "mirror")
    own = Environment()
    env = own.env()
    assert not set(environment.KEPT_OUT) & env.keys()
    assert env["PIP_INDEX_URL"] == "mirror"
    assert env["PATH"].split(os.pathsep)[0] == str(own.python.parent)
    assert (env["PYTHONNOUSERSITE"], env["JUPYTER_PREFER_ENV_PATH"]) == ("1", "1")


def test_the_lab_opens_the_index():
    command = start.lab_command(Path("py"), ROOT)
    assert f"--ServerApp.root_dir={ROOT}" in command
    assert f"--LabApp.default_url=/lab/tree/{start.INDEX}" in command
    assert (ROOT / start.INDEX).is_file()


def test_start_fails_in_one_line_for_real(tmp_path):
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__*"))
    command = [sys.executable, "-B", str(tmp_path / "scripts" / "start.py"), "--offline"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.startswith("Offline, and .venv is not ready")
    assert run.stderr.count("\n") == 1
