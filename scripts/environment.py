"""Make and update `.venv`: tested versions, PyTorch's CPU build, a stamp that is written last."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console import DISK_FULL, Stop, step

ROOT = Path(__file__).resolve().parent.parent
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
CONSTRAINTS = ("constraints.txt", "constraints-dev.txt")
TOOLS = ("pip", "setuptools")
READER = ("lab", "serve")  # what a reader gets with the core; pages 04 and 17 need `serve`
GIGABYTES = {False: 4, True: 7}  # free disk for everything, with PyTorch's CPU or CUDA build
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# A missing network shows within half a minute; a slow one may stall for 15 s, three times.
QUICK, PATIENT = ["--timeout=10", "--retries=1"], ["--timeout=15", "--retries=2"]
LOADS = "import torch, ignite.engine, tensorboardX, pandas, sklearn, jupyterlab, recsys_tutorial"
KEPT_OUT = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "JUPYTER_PATH", "PIP_TARGET", "PIP_PREFIX")


def requirements(root: Path, extras: tuple[str, ...]) -> list[str]:
    """The requirements of the core and the extras, as pyproject.toml has them."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = [line for extra in extras for line in project["optional-dependencies"][extra]]
    return [*project["dependencies"], *optional]


@dataclass
class Environment:
    """`.venv` of a checkout: made, updated, and asked to run things.

    Args:
        extras: what it needs beside the core, by the names in pyproject.toml.
        gpu: PyTorch's build for GPUs is wanted.
        stick: an instructor's stick, the only source then.
        offline: no network may be used.
        yes: a download of several gigabytes needs no question.
    """

    extras: tuple[str, ...] = READER
    gpu: bool = False
    stick: Path | None = None
    offline: bool = False
    yes: bool = False
    root: Path = ROOT

    def __post_init__(self) -> None:
        self.venv = self.root / ".venv"
        inside = ("Scripts", "python.exe") if platform.system() == "Windows" else ("bin", "python")
        self.python = self.venv.joinpath(*inside)
        self.log, self.stamp = self.venv / "setup.log", self.venv / "recsys-tutorial.json"

    def ensure(self) -> None:
        """Make or update the environment; quick if nothing has changed."""
        have: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            have = json.loads(self.stamp.read_text(encoding="utf-8"))
        self.gpu = self.gpu or bool(have.get("gpu"))
        texts = [(self.root / n).read_text("utf-8") for n in (*CONSTRAINTS, "pyproject.toml")]
        here = [PYTHON, sysconfig.get_platform(), str(self.venv.resolve()), self.gpu]
        want: dict[str, Any] = {
            "for": here, "pins": hashlib.sha256("".join(texts).encode()).hexdigest(),
            "extras": sorted({*self.extras, *have.get("extras", [])}), "gpu": self.gpu,
        }  # fmt: skip
        usable = have.get("for") == here and self.python.exists()
        offline = self.offline and self.stick is None
        if usable and have == want:
            print(f"Environment .venv is ready (Python {PYTHON})")
        elif offline and usable and have["extras"] == want["extras"]:
            print("Environment .venv is kept although the versions changed, because of --offline")
        elif offline:
            raise Stop(
                "Offline, and .venv is not ready: run once with a network, or add --wheelhouse DIR "
                "with an instructor's stick"
            )
        else:
            self.stamp.unlink(missing_ok=True)
            if not usable:
                self._make()
            self._install(want["extras"])
            self.stamp.write_text(json.dumps(want, indent=1) + "\n", encoding="utf-8")

    def _make(self) -> None:
        """Make a new, empty environment; it replaces an old one."""
        if any(importlib.util.find_spec(name) is None for name in ("venv", "ensurepip")):
            raise Stop(
                "This Python cannot make environments (no ensurepip). On Debian or Ubuntu: sudo "
                f"apt install python{PYTHON}-venv; elsewhere install Python with pip and venv; "
                "then run this again"
            )
        self.require_space(self.gpu)
        python = getattr(sys, "_base_executable", sys.executable)
        with step(f"Making the environment .venv (Python {PYTHON})"):
            command = [python, "-m", "venv", "--clear", str(self.venv)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise Stop(explain(done.stdout + done.stderr))

    def _install(self, extras: list[str]) -> None:
        tested = [part for name in CONSTRAINTS for part in ("-c", str(self.root / name))]
        self.pip("Installing pip and setuptools", "install", *QUICK, *self.pinned(*TOOLS))
        self.get_torch("install")
        names = requirements(self.root, tuple(extras))
        title = f"Installing the core with {' and '.join(extras)}"
        self.pip(title, "install", *PATIENT, *tested, *names)
        alone = ["--no-index", "--no-deps", "--no-build-isolation"]
        self.pip("Installing this project", "install", *alone, "-e", str(self.root))
        with step("Checking that everything loads"):
            code, output = self.run("-c", LOADS)
            if code:
                last = output.strip().rpartition("\n")[2]
                advice = "delete .venv and run this again"
                if platform.system() == "Windows" and "DLL" in output:
                    advice = "install Microsoft's Visual C++ Redistributable (x64)"
                raise Stop(f"The environment does not load ({last}): {advice} (log: {self.log})")
        settings = self.venv / "share" / "jupyter" / "lab" / "settings"
        settings.mkdir(parents=True, exist_ok=True)
        quiet = {"fetchNews": "false", "checkForUpdates": False}  # stays off the network
        text = json.dumps({"@jupyterlab/apputils-extension:notification": quiet})
        (settings / "overrides.json").write_text(text, encoding="utf-8")

    def pinned(self, *names: str) -> list[str]:
        """`name==version` of each, from constraints.txt."""
        text = (self.root / "constraints.txt").read_text(encoding="utf-8")
        return [re.findall(rf"^{name}==\S+", text, re.MULTILINE)[0] for name in names]

    def get_torch(self, *command: str) -> None:
        """Install or download PyTorch; on Linux prefer the CPU build, as the usual one has CUDA."""
        (torch,), title = self.pinned("torch"), f"{command[0].capitalize()}ing PyTorch"
        if platform.system() == "Linux" and not self.gpu and self.stick is None:
            cpu = [*command, *QUICK, "--no-deps", "--extra-index-url", CPU_INDEX, f"{torch}+cpu"]
            if self.pip(f"{title}'s CPU build, if there is one", *cpu, needed=False):
                return
            question = "PyTorch's CPU build cannot be reached; the usual one has CUDA: 3 GB to load"
            self.require_space(cuda=True)
            agree(f"{question}, 6 GB on disk.", self.yes)
        self.pip(title, *command, *PATIENT, "--no-deps", torch)

    def require_space(self, cuda: bool) -> None:
        """Stop if the disk is too full for an environment."""
        free, gigabytes = shutil.disk_usage(self.root).free / 1e9, GIGABYTES[cuda]
        if free < gigabytes:
            raise Stop(
                f"The disk is too full: {self.root} needs {gigabytes} GB and has {free:.1f} GB "
                "free: free some and run this again"
            )

    def pip(self, title: str, *arguments: str, needed: bool = True) -> bool:
        """Run pip as a step; stop in one line if it fails.

        Returns:
            False if pip found no such package and it is not `needed`.
        """
        wheels = None if self.stick is None else self.stick / "wheels"
        source = () if wheels is None else ("--no-index", "--find-links", str(wheels))
        with step(title):
            code, output = self.run("-m", "pip", *arguments, "--progress-bar=off", *source)
            if code and (needed or "No matching distribution" not in output):
                raise Stop(f"{explain(output, self.stick)} (log: {self.log})")
        return not code

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run the environment's Python and log its output; returns exit code and output."""
        done = subprocess.run(
            [str(self.python), *arguments], env=self.env(), cwd=self.root, encoding="utf-8",
            errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        with suppress(OSError), self.log.open("a", encoding="utf-8") as log:  # as on a full disk
            log.write(f"$ {' '.join(arguments)}\n{done.stdout}")
        return done.returncode, done.stdout

    def env(self) -> dict[str, str]:
        """The environment variables of every child process.

        Modules, kernels and targets of other projects are removed. The user's index, certificate
        and proxy stay, but with a stick pip looks nowhere else.
        """
        env = {name: value for name, value in os.environ.items() if name not in KEPT_OUT}
        if self.stick is not None:
            env = {name: value for name, value in env.items() if not name.startswith("PIP_")}
            env["PIP_CONFIG_FILE"] = os.devnull
        return {
            **env, "PATH": f"{self.python.parent}{os.pathsep}{env.get('PATH', '')}",
            "VIRTUAL_ENV": str(self.venv), "PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1",
            "JUPYTER_PREFER_ENV_PATH": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1", "PIP_USER": "0",
        }  # fmt: skip


REASONS = {
    r"No space left on device|WinError 112\]|Disk quota exceeded": f"{DISK_FULL}, then run again",
    r"CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError": "The package index's certificate was "
    "refused: if a proxy of your network signs connections, set PIP_CERT to its certificate file",
    r"\b(401|403|407)\b (Client Error|Unauthorized|Forbidden|Proxy)": "The package index or proxy "
    "asks for a login: check PIP_INDEX_URL and HTTPS_PROXY",
    r"ConnectionError|connection broken|timed out|NameResolution|Network is unreachable": "No "
    "network: the package index was not reached. Connect (or set HTTPS_PROXY) and run this again, "
    "or use --wheelhouse DIR with an instructor's stick",
    r"No matching distribution found for (\S+)": "There is no {0} for this Python and system: "
    "check `pip config list`, or use environment.yml with conda",
    r"Permission denied|WinError (?:5|32)\]|Access is denied": "A file in .venv may not be "
    "changed: close programs that use it (a running JupyterLab?) and run this again",
}


def explain(output: str, stick: Path | None = None) -> str:
    """One line about a failed pip, from its output: what happened and what to do."""
    for pattern, line in REASONS.items():
        found = re.search(pattern, output, re.IGNORECASE)
        if found and stick is not None and line.startswith("There is no"):
            line = f"The stick {stick} has no {{0}} for this Python and system: make it again here"
        if found:
            return line.format(*found.groups())
    errors = [line for line in output.splitlines() if line.startswith("ERROR")]
    return errors[-1].removeprefix("ERROR: ") if errors else "pip failed"


def agree(question: str, yes: bool) -> None:
    """Ask before a big download, unless `yes` has agreed; without a terminal nobody can answer."""
    if not yes and not sys.stdin.isatty():
        raise Stop(f"{question} Add --yes to take it, or --wheelhouse DIR to use a stick")
    if not yes and input(f"{question} Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise Stop("Nothing was downloaded: a stick or environment.yml with conda avoids it")
