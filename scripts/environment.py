"""Make and keep `.venv`: tested versions, a stamp that is written last, nothing foreign inside."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pip_plan
from console import Console, Stop, run_logged
from pins import (
    CONSTRAINTS,
    STAMP,
    VERSIONS_CHANGED,
    decide,
    pin,
    pins_hash,
    platform_name,
    python_name,
    read_stamp,
    requirements,
    write_stamp,
)

ROOT = Path(__file__).resolve().parent.parent
GIGABYTE = 10**9
# Measured on Linux with the CPU build: core 1.7 GB, with dev and bench 2.4 GB; pip's cache on top.
SPACE = {"core": 3.0, "dev": 1.0, "lab": 0.0, "serve": 0.1, "docs": 0.1, "bench": 0.5, "gpu": 7.0}
READER = ("lab", "serve")  # what a reader gets with the core; pages 04 and 17 need `serve`
CHECK = "import torch, ignite.engine, tensorboardX, pandas, sklearn, jupyterlab, recsys_tutorial"
KEPT_OUT = (
    "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONSAFEPATH",
    "JUPYTER_PATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON",
)  # fmt: skip
OWN_SOURCES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONSTRAINT")


@dataclass(frozen=True)
class Options:
    """What the environment should be, and how to get there."""

    extras: tuple[str, ...] = ()
    gpu: bool = False
    wheelhouse: Path | None = None
    offline: bool = False
    yes: bool = False


def venv_python(venv: Path, system: str) -> Path:
    """Where an environment has its Python on this system."""
    return venv / "Scripts" / "python.exe" if system == "Windows" else venv / "bin" / "python"


def child_env(
    environ: Mapping[str, str], venv: Path, system: str, *, sealed: bool = False
) -> dict[str, str]:
    """The environment of every child process.

    Kept out: user-site, foreign module paths and kernelspecs, pip options that would install
    elsewhere. Kept: the user's index, certificate and proxy settings, unless `sealed` (wheelhouse),
    where pip must not look anywhere else, not even because of its own configuration files.
    """
    gone = {*KEPT_OUT, *(OWN_SOURCES if sealed else ())}
    env = {name: value for name, value in environ.items() if name.upper() not in gone}
    bin_dir = str(venv_python(venv, system).parent)
    path = next((name for name in env if name.upper() == "PATH"), "PATH")
    env |= {
        path: os.pathsep.join(filter(None, [bin_dir, env.get(path, "")])),
        "VIRTUAL_ENV": str(venv),
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_USER": "0",
    }
    return {**env, "PIP_CONFIG_FILE": os.devnull} if sealed else env


def require_space(folder: Path, gigabytes: float) -> None:
    """Stop if the disk of `folder` has less than this free."""
    free = shutil.disk_usage(folder).free / GIGABYTE
    if free < gigabytes:
        raise Stop(
            f"The disk is too full: {folder} needs {gigabytes:.1f} GB and has {free:.1f} GB free: "
            "free some and run this again"
        )


def require_venv_modules(find: Callable[[str], object] = importlib.util.find_spec) -> None:
    """Stop if this Python came without what makes environments, as Debian's does."""
    if find("venv") is None or find("ensurepip") is None:
        raise Stop(
            "This Python cannot make environments (no ensurepip). On Debian or Ubuntu: "
            f"sudo apt install python{python_name()}-venv; elsewhere install Python with pip and "
            "venv; then run this again"
        )


def empty(folder: Path) -> None:
    """Remove what is in an environment, whose folder may be a link to a larger disk.

    The stamp goes first and what shows that it is an environment last: it may be interrupted.
    """
    order = {STAMP: 0, "pyvenv.cfg": 2}
    for path in sorted(folder.iterdir(), key=lambda path: order.get(path.name, 1)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


class Environment:
    """`.venv` of a checkout: made, updated, and asked to run things."""

    def __init__(self, console: Console, options: Options, root: Path = ROOT) -> None:
        self.console, self.options, self.root = console, options, root
        self.venv = root / ".venv"
        self.system = platform.system()
        self.python = venv_python(self.venv, self.system)
        self.log = self.venv / "setup.log"
        stick = options.wheelhouse
        self.wheels = None if stick is None else stick / "wheels"

    def env(self) -> dict[str, str]:
        """The environment of a child process, see `child_env`."""
        return child_env(os.environ, self.venv, self.system)

    def wanted(self) -> dict[str, Any]:
        """The stamp of an environment that needs nothing more."""
        return {
            "python": python_name(),
            "platform": platform_name(),
            "path": str(self.venv.resolve()),
            "pins": pins_hash(self.root),
            "extras": sorted(self.options.extras),
            "gpu": self.options.gpu,
        }

    def ensure(self) -> None:
        """Make the environment what it should be; quick if it is that already."""
        stamp, want = read_stamp(self.venv), self.wanted()
        action, why = decide(stamp, want, self.python.exists())
        offline = self.options.offline and self.wheels is None
        if action == "ready":
            self.console.say(f"Environment .venv is ready (Python {want['python']})")
        elif offline and why == VERSIONS_CHANGED:
            self.console.say(f"Environment .venv is kept, since --offline, although {why}")
        elif offline:
            raise Stop(
                "Offline, and .venv is not ready: run once with a network, or add --wheelhouse DIR "
                "with an instructor's stick"
            )
        elif action == "update" and stamp is not None:
            self.console.say(f"Updating .venv: {why}")
            (self.venv / STAMP).unlink()
            if want["gpu"] and not stamp["gpu"]:
                self.pip("Removing the CPU build of PyTorch", ["uninstall", "-y", "torch"])
            # What earlier runs added stays: nothing is ever removed by asking for less.
            want["extras"] = sorted({*stamp["extras"], *want["extras"]})
            self._install({**want, "gpu": stamp["gpu"] or want["gpu"]})
        else:
            self._make(why)
            self._install(want)

    def _make(self, why: str) -> None:
        """A new, empty environment."""
        require_venv_modules()
        inside = Path(sys.prefix).resolve() == self.venv.resolve()
        if inside and self.system == "Windows":
            raise Stop("Run this with the system's Python: py -3 scripts\\start.py")
        if self.venv.is_dir() and any(self.venv.iterdir()):
            if not (self.venv / "pyvenv.cfg").exists() and not self.log.exists():
                raise Stop(f"{self.venv} is no Python environment: move it away and run this again")
            with self.console.step(f"Removing the old .venv: {why}"):
                empty(self.venv)
        require_space(self.root, sum(SPACE[part] for part in ("core", *self.options.extras)))
        with self.console.step(f"Making the environment .venv (Python {python_name()})"):
            python = getattr(sys, "_base_executable", sys.executable) if inside else sys.executable
            log = Path(tempfile.gettempdir()) / f"recsys-tutorial-venv-{os.getpid()}.log"
            command = [python, "-m", "venv", str(self.venv)]
            code, output = run_logged(command, env=self.env(), cwd=self.root, log=log)
            if code:
                if "ensurepip is not available" in output:
                    require_venv_modules(lambda name: None)
                raise Stop(f"{pip_plan.explain(output, where=str(self.venv))} (log: {log})")
            log.unlink(missing_ok=True)

    def _install(self, want: dict[str, Any]) -> None:
        """Bring the environment to what is wanted; the stamp comes last."""
        install = ["install", "--progress-bar", "off"]
        if not (self._has("pip") and self._has("setuptools")):
            first = [*install, *pip_plan.FIRST_CONTACT, *self.wheel_source()]
            self.pip("Installing pip and setuptools", [*first, *self.tools()])
        install += pip_plan.PATIENT
        if not self._has("torch"):
            plan = self.plan()
            if want["gpu"] or plan.question:
                require_space(self.root, SPACE["gpu"])
            self.pip(f"Installing PyTorch ({plan.why})", [*install, *plan.torch])
        title = " with ".join(filter(None, ["Installing the core", " and ".join(want["extras"])]))
        names = requirements(self.root, tuple(want["extras"]))
        self.pip(title, [*install, *self.wheel_source(), *self.constraints(), *names])
        local = ["install", "--no-index", "--no-deps", "--no-build-isolation", "-e", str(self.root)]
        self.pip("Installing this project", local)
        with self.console.step("Checking that everything loads"):
            command = [str(self.python), "-c", CHECK]
            code, output = run_logged(command, env=self.env(), cwd=self.root, log=self.log)
            if code:
                raise Stop(f"{explain_import(output, self.system)} (log: {self.log})")
        self._quiet_lab()
        write_stamp(self.venv, want)

    def _has(self, name: str) -> bool:
        """Whether the tested version of a package is installed (any build of it)."""
        version = pin(self.root, name)
        folder = "Lib/site-packages" if self.system == "Windows" else "lib/python*/site-packages"
        ends = (f"{version}.dist-info", f"{version}+*.dist-info")
        return any(any(self.venv.glob(f"{folder}/{name}-{end}")) for end in ends)

    def tools(self) -> list[str]:
        """pip and setuptools, as tested."""
        return [f"{name}=={pin(self.root, name)}" for name in ("pip", "setuptools")]

    def wheel_source(self) -> list[str]:
        """pip's arguments to look in the stick alone, or nothing."""
        return [] if self.wheels is None else ["--no-index", "--find-links", str(self.wheels)]

    def constraints(self) -> list[str]:
        """pip's arguments for the tested versions."""
        return [part for name in CONSTRAINTS for part in ("-c", str(self.root / name))]

    def plan(self) -> pip_plan.Plan:
        """Where torch comes from on this machine; asks before a big download."""
        version, gpu = pin(self.root, "torch"), self.options.gpu
        cpu_index = local_cpu = False
        if self.system == "Linux" and not gpu and self.wheels is None:
            with self.console.step("Looking for PyTorch's CPU build"):
                cpu_index = pip_plan.cpu_index_reachable(os.environ)
                if not cpu_index:
                    listing = self.run_pip(["index", "versions", "torch", *pip_plan.FIRST_CONTACT])
                    local_cpu = pip_plan.lists_cpu_build(listing[1], version)
        plan = pip_plan.torch_plan(
            version, self.system, gpu=gpu, wheels=self.wheels, cpu_index=cpu_index,
            local_cpu=local_cpu,
        )  # fmt: skip
        if plan.question is not None:
            agree(plan.question, self.options.yes)
        return plan

    def run_pip(self, arguments: list[str]) -> tuple[int, str]:
        """Run the environment's pip; exit code and output."""
        env = child_env(os.environ, self.venv, self.system, sealed=self.wheels is not None)
        command = [str(self.python), "-m", "pip", *arguments]
        return run_logged(command, env=env, cwd=self.root, log=self.log, console=self.console)

    def pip(self, title: str, arguments: list[str]) -> None:
        """Run pip as a step; stop in one line if it fails."""
        with self.console.step(title):
            code, output = self.run_pip(arguments)
            if code:
                stick = self.options.wheelhouse
                reason = pip_plan.explain(output, wheelhouse=stick, where=str(self.venv))
                raise Stop(f"{reason} (log: {self.log})")

    def _quiet_lab(self) -> None:
        """Keep JupyterLab from asking about news, and from asking the network for updates."""
        settings = self.venv / "share" / "jupyter" / "lab" / "settings"
        settings.mkdir(parents=True, exist_ok=True)
        quiet = {"fetchNews": "false", "checkForUpdates": False}
        text = json.dumps({"@jupyterlab/apputils-extension:notification": quiet}, indent=1)
        (settings / "overrides.json").write_text(text + "\n", encoding="utf-8")


def explain_import(output: str, system: str) -> str:
    """One line for an environment that was installed and does not load."""
    last = output.strip().rpartition("\n")[2]
    if system == "Windows" and "DLL" in output:
        return (
            "PyTorch does not load: install Microsoft's Visual C++ Redistributable (x64), then run "
            "this again"
        )
    return f"The environment does not load ({last}): delete .venv and run this again"


def agree(question: str, yes: bool) -> None:
    """Ask before a big download; `--yes` answers, and without a terminal only that does."""
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise Stop(f"{question} Add --yes to take it, or --wheelhouse DIR to use a stick")
    if input(f"{question} Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise Stop(
            "Nothing was downloaded. A stick (--wheelhouse DIR) or environment.yml with conda "
            "avoids the download"
        )
