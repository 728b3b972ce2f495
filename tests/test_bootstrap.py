"""start.py's machinery: the stamp, the steps that make .venv, and what children see."""

from __future__ import annotations

import io
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import bootstrap
import environment
import pins
import pip_plan
from console import Console, Stop
from environment import Environment, Options

ROOT = Path(__file__).resolve().parent.parent

WANT = {
    "python": "3.12", "platform": "linux-x86_64", "path": "/here/.venv", "pins": "abc",
    "extras": [], "gpu": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("stamp", "want", "runs", "action"),
    [
        (None, {}, True, "rebuild"),
        ({}, {}, True, "ready"),
        ({}, {}, False, "rebuild"),
        ({"python": "3.11"}, {}, True, "rebuild"),
        ({"platform": "windows-amd64"}, {}, True, "rebuild"),
        ({"path": "/there/.venv"}, {}, True, "rebuild"),
        ({"pins": "old"}, {}, True, "update"),
        ({}, {"extras": ["dev"]}, True, "update"),
        ({"extras": ["bench", "dev"]}, {"extras": ["dev"]}, True, "ready"),
        ({}, {"gpu": True}, True, "update"),
        ({"gpu": True}, {}, True, "ready"),
    ],
)
def test_what_a_stamp_leads_to(stamp, want, runs, action):
    have = None if stamp is None else {**WANT, **stamp}
    decision, why = pins.decide(have, {**WANT, **want}, runs)
    assert decision == action
    assert bool(why) == (action != "ready")


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"python": "3.12"}', '{"extras": 3}'])
def test_a_missing_or_broken_stamp_counts_as_none(tmp_path, text):
    if text is not None:
        (tmp_path / pins.STAMP).write_text(text)
    assert pins.read_stamp(tmp_path) is None


def test_a_stamp_is_read_as_it_was_written(tmp_path):
    stamp = {**WANT, "extras": ["bench", "dev"], "gpu": True}
    pins.write_stamp(tmp_path, stamp)
    assert pins.read_stamp(tmp_path) == stamp
    assert [path.name for path in tmp_path.iterdir()] == [pins.STAMP]


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A copy of the files that the environment follows, without a package."""
    for name in ("pyproject.toml", *pins.CONSTRAINTS):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_the_hash_follows_versions_and_requirements_and_nothing_else(checkout):
    before = pins.pins_hash(checkout)
    path = checkout / "pyproject.toml"
    path.write_text(path.read_text().replace("line-length = 100", "line-length = 90"))
    constraints = checkout / "constraints.txt"
    lines = constraints.read_text()
    constraints.write_bytes(lines.replace("\n", "\r\n").encode())
    assert pins.pins_hash(checkout) == before
    constraints.write_text(lines.replace("torch==2.13.0", "torch==2.13.1"))
    assert pins.pins_hash(checkout) != before
    constraints.write_text(lines)
    path.write_text(path.read_text().replace('"safetensors>=0.4.5"', '"safetensors>=0.4.6"'))
    assert pins.pins_hash(checkout) != before


class Usage(NamedTuple):
    """As `shutil.disk_usage` gives it, in bytes."""

    total: int
    used: int
    free: int


class Recorder:
    """Stands where `run_logged` stands: records commands and answers as told."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commands: list[list[str]] = []
        self.answers: dict[str, tuple[int, str]] = {}

    def __call__(self, command, *, env, cwd, log, console=None):
        self.commands.append([str(part) for part in command])
        text = " ".join(self.commands[-1])
        if "-m venv" in text:
            bin_dir = environment.venv_python(self.root / ".venv", platform.system()).parent
            bin_dir.mkdir(parents=True)
            (self.root / ".venv" / "pyvenv.cfg").touch()
            (bin_dir / environment.venv_python(Path(), platform.system()).name).touch()
        return next((answer for part, answer in self.answers.items() if part in text), (0, ""))

    def steps(self) -> list[str]:
        """The recorded commands, each in a word."""
        words = ("-m venv", "setuptools==", "index versions", "torch==", "tensorboardX>=", "-e ")
        words += ("uninstall", "import torch")
        texts = [" ".join(command) for command in self.commands]
        return [next((w for w in words if w in text), text) for text in texts]


@pytest.fixture
def pip(checkout, monkeypatch) -> Recorder:
    recorder = Recorder(checkout)
    recorder.answers["index versions"] = (0, f"versions: {pins.pin(ROOT, 'torch')}+cpu")
    monkeypatch.setattr(environment, "run_logged", recorder)
    monkeypatch.setattr(environment.platform, "system", lambda: "Linux")
    monkeypatch.setattr(pip_plan, "cpu_index_reachable", lambda environ: False)
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda folder: Usage(0, 0, 10**11))
    return recorder


def prepare(root: Path, **options) -> str:
    """Run `ensure` in the checkout; what it printed."""
    stream = io.StringIO()
    Environment(Console(stream), Options(**options), root).ensure()
    return stream.getvalue()


ALL_STEPS = ["-m venv", "setuptools==", "index versions", "torch==", "tensorboardX>=", "-e "]
ALL_STEPS += ["import torch"]


def test_a_new_environment_takes_every_step_and_the_second_run_none(checkout, pip):
    prepare(checkout)
    assert pip.steps() == ALL_STEPS
    pip.commands.clear()
    assert "is ready" in prepare(checkout)
    assert pip.commands == []


def test_the_core_is_installed_with_tested_versions_and_without_extra_indexes(checkout, pip):
    prepare(checkout, extras=("dev",))
    core = next(c for c in pip.commands if any(part.startswith("tensorboardX>=") for part in c))
    assert core[core.index("-c") + 1] == str(checkout / "constraints.txt")
    assert any(part.startswith("pytest>=") for part in core)
    assert not any("index-url" in part for command in pip.commands for part in command)


def test_a_stick_is_the_only_source(checkout, pip):
    stick = checkout / "stick"
    prepare(checkout, wheelhouse=stick, offline=True)
    assert "index versions" not in pip.steps()
    installs = [c for c in pip.commands if "install" in c and "-e" not in c]
    assert len(installs) == 3
    for command in installs:
        assert "--no-index" in command
        assert command[command.index("--find-links") + 1] == str(stick / "wheels")


def test_without_a_stamp_or_moved_it_is_rebuilt(checkout, pip):
    prepare(checkout)
    (checkout / ".venv" / pins.STAMP).unlink()
    pip.commands.clear()
    assert "not finished" in prepare(checkout)
    assert pip.steps() == ALL_STEPS
    moved = checkout / "moved"
    moved.mkdir()
    for name in ("pyproject.toml", *pins.CONSTRAINTS, ".venv"):
        shutil.move(checkout / name, moved / name)
    (moved / ".venv" / "old").touch()
    pip.root = moved
    pip.commands.clear()
    assert "moved" in prepare(moved)
    assert pip.steps() == ALL_STEPS
    assert not (moved / ".venv" / "old").exists()


def test_changed_versions_and_more_extras_only_run_pip_again(checkout, pip):
    prepare(checkout)
    pip.commands.clear()
    prepare(checkout, extras=("dev",))
    assert "-m venv" not in pip.steps()
    assert "tensorboardX>=" in pip.steps()
    assert pins.read_stamp(checkout / ".venv")["extras"] == ["dev"]
    pip.commands.clear()
    constraints = checkout / "constraints.txt"
    constraints.write_text(constraints.read_text().replace("numpy==2.4.6", "numpy==2.4.7"))
    prepare(checkout)
    assert "-m venv" not in pip.steps()
    assert pins.read_stamp(checkout / ".venv")["extras"] == ["dev"], "what was added stays"


def test_a_build_for_gpus_replaces_the_cpu_build(checkout, pip):
    prepare(checkout)
    pip.commands.clear()
    prepare(checkout, gpu=True)
    assert "uninstall" in pip.steps()
    assert "torch==" in pip.steps()


@pytest.mark.parametrize("step", ["-m venv", "setuptools==", "torch==", "tensorboardX>=", "-e "])
def test_a_step_that_fails_leaves_no_stamp_and_says_one_line(checkout, pip, step):
    pip.answers[step] = (1, "OSError: [Errno 28] No space left on device")
    with pytest.raises(Stop, match=r"^The disk is full.*\(log: .*\)$"):
        prepare(checkout)
    assert not (checkout / ".venv" / pins.STAMP).exists()


def test_an_environment_that_does_not_load_gets_no_stamp(checkout, pip):
    pip.answers["import torch"] = (1, "Traceback ...\nImportError: no libgomp")
    with pytest.raises(Stop, match=r"does not load .*no libgomp"):
        prepare(checkout)
    assert not (checkout / ".venv" / pins.STAMP).exists()
    assert "Visual C++" in environment.explain_import("OSError: [WinError 126] DLL", "Windows")


def test_offline_without_an_environment_says_what_to_do(checkout, pip):
    with pytest.raises(Stop, match="--wheelhouse DIR"):
        prepare(checkout, offline=True)
    assert pip.commands == []


def test_offline_keeps_an_environment_of_older_versions(checkout, pip):
    prepare(checkout)
    constraints = checkout / "constraints.txt"
    constraints.write_text(constraints.read_text().replace("numpy==2.4.6", "numpy==2.4.7"))
    pip.commands.clear()
    assert "is kept" in prepare(checkout, offline=True)
    assert pip.commands == []


def test_a_large_download_is_asked_for_and_yes_agrees(checkout, pip, monkeypatch):
    pip.answers["index versions"] = (0, "2.13.0")
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))  # not a terminal
    with pytest.raises(Stop, match=r"3 GB.*--yes"):
        prepare(checkout)
    prepare(checkout, yes=True)
    torch = next(command for command in pip.commands if "torch==2.13.0" in command)
    assert "--no-deps" not in torch


def test_a_folder_of_the_user_is_not_deleted(checkout, pip):
    mine = checkout / ".venv" / "thesis.tex"
    mine.parent.mkdir()
    mine.touch()
    with pytest.raises(Stop, match="move it away"):
        prepare(checkout)
    assert mine.exists()


def test_an_interrupted_removal_can_go_on(tmp_path, monkeypatch):
    (tmp_path / "lib").mkdir()
    for name in ("pyvenv.cfg", pins.STAMP):
        (tmp_path / name).touch()

    def interrupt(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(environment.shutil, "rmtree", interrupt)
    with pytest.raises(KeyboardInterrupt):
        environment.empty(tmp_path)
    assert (tmp_path / "pyvenv.cfg").exists()
    assert not (tmp_path / pins.STAMP).exists()


def test_a_full_disk_is_seen_before_anything_is_made(checkout, pip, monkeypatch):
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda folder: Usage(0, 0, 2 * 10**9))
    with pytest.raises(Stop, match=r"needs 3.0 GB and has 2.0 GB free"):
        prepare(checkout)
    assert pip.commands == []


def test_a_python_without_ensurepip_names_the_debian_package():
    with pytest.raises(Stop, match=rf"sudo apt install python{pins.python_name()}-venv"):
        environment.require_venv_modules(lambda name: None if name == "ensurepip" else object())
    environment.require_venv_modules()


def test_the_sticks_data_is_copied_and_what_is_there_stays(tmp_path):
    stick, data = tmp_path / "stick", tmp_path / "data"
    (stick / "data").mkdir(parents=True)
    data.mkdir()
    for name in ("ml-latest-small.zip", "kept.whl"):
        (stick / "data" / name).write_bytes(b"from the stick")
    (data / "kept.whl").write_bytes(b"own")
    bootstrap.copy_data(stick, data)
    assert (data / "ml-latest-small.zip").read_bytes() == b"from the stick"
    assert (data / "kept.whl").read_bytes() == b"own"
    assert len(list(data.iterdir())) == 2
    bootstrap.copy_data(tmp_path, data)  # a stick without data


def test_a_data_set_is_a_name_or_a_csv_file(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv(bootstrap.DATASET, raising=False)
    (tmp_path / "club.csv").touch()
    monkeypatch.chdir(tmp_path)
    assert bootstrap.parse([]).dataset is None
    assert bootstrap.parse(["--dataset", "planted"]).dataset == "planted"
    assert bootstrap.parse(["--dataset", "club.csv"]).dataset == str(tmp_path / "club.csv")
    monkeypatch.setenv(bootstrap.DATASET, "ml-1m")
    assert bootstrap.parse([]).dataset == "ml-1m"
    with pytest.raises(SystemExit):
        bootstrap.parse(["--dataset", "netflix"])
    assert "netflix: choose ml-100k" in capsys.readouterr().err


def test_start_fails_in_one_line_for_real(checkout):
    shutil.copytree(ROOT / "scripts", checkout / "scripts", ignore=shutil.ignore_patterns("__*"))
    command = [sys.executable, "-B", str(checkout / "scripts" / "start.py"), "--offline"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.startswith("Offline, and .venv is not ready")
    assert run.stderr.count("\n") == 1
