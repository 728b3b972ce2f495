"""Decide what pip is asked for: a pure plan for PyTorch, and what pip's failures mean."""

from __future__ import annotations

import re
import ssl
import threading
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from console import disk_full_line

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# A dead network must show within half a minute; a slow one may stall for 15 s, three times.
FIRST_CONTACT = ["--timeout", "10", "--retries", "1"]
PATIENT = ["--timeout", "15", "--retries", "2"]
GPU_SIZE = "about 3 GB to download and 6 GB on disk"


@dataclass(frozen=True)
class Facts:
    """What the plan depends on; every value can be injected by a test.

    `system` and `machine` are as `platform` gives them; `pin` is the tested version of torch;
    `wheelhouse` is the folder of wheels (None: from the network).
    """

    system: str
    machine: str
    pin: str
    gpu: bool = False
    wheelhouse: Path | None = None
    cpu_index_reachable: bool = False
    local_cpu_build: bool = False

    @property
    def cpu_build_is_special(self) -> bool:
        """Whether the usual index would give a CUDA build that nobody asked for."""
        return self.system == "Linux" and not self.gpu and self.wheelhouse is None


@dataclass(frozen=True)
class Plan:
    """Arguments of `pip install` (or `pip download`) for torch, and the sources of the rest."""

    why: str
    torch: list[str]
    source: list[str]
    question: str | None = None


def torch_plan(facts: Facts) -> Plan:
    """The pip arguments for this machine.

    torch comes alone (`--no-deps`) wherever its source is a special one: what it depends on is
    then resolved with everything else, from the usual index.
    """
    torch = f"torch=={facts.pin}"
    if facts.wheelhouse is not None:
        source = ["--no-index", "--find-links", str(facts.wheelhouse)]
        return Plan("from the wheelhouse", [*source, "--no-deps", torch], source)
    if facts.gpu:
        return Plan("build for GPUs", [torch], [])
    if not facts.cpu_build_is_special:
        return Plan("CPU build", [torch], [])
    if facts.cpu_index_reachable:
        alone = ["--index-url", CPU_INDEX, "--no-deps", torch]
        return Plan("CPU build from download.pytorch.org", alone, [])
    if facts.local_cpu_build:
        return Plan("CPU build found by pip", ["--no-deps", torch], [])
    question = f"PyTorch's CPU builds cannot be reached; the usual build has CUDA: {GPU_SIZE}."
    return Plan("build with CUDA", [torch], [], question)


def cpu_index_reachable(environ: Mapping[str, str], seconds: float = 4.0) -> bool:
    """Whether PyTorch's CPU index answers within the time, name look-up included."""
    if environ.get("PIP_NO_INDEX", "").lower() in ("1", "true", "yes", "on"):
        return False
    answers: list[bool] = []

    def ask() -> None:
        try:
            authority = environ.get("PIP_CERT") or None
            context = ssl.create_default_context(cafile=authority)
            request = urllib.request.Request(CPU_INDEX + "/torch/", method="HEAD")
            with urllib.request.urlopen(request, timeout=seconds, context=context) as reply:
                answers.append(reply.status == 200)
        except (OSError, ValueError):
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(answers and answers[0])


def lists_cpu_build(versions: str, pin: str) -> bool:
    """Whether the output of `pip index versions torch` has the CPU build of the tested version."""
    return re.search(rf"(?<![\w.]){re.escape(pin)}\+cpu(?![\w.])", versions) is not None


NO_SPACE = re.compile(
    r"No space left on device|Errno 28\]|WinError 112\]|Disk quota exceeded", re.I
)
CERTIFICATE = re.compile(r"CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError")
LOGIN = re.compile(
    r"\b(401|403|407)\b (Client Error|Unauthorized|Forbidden|Proxy)|Tunnel connection failed: 407"
)
NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|Read timed out|NameResolutionError|"
    r"Failed to establish a new connection|name resolution|getaddrinfo failed|ProxyError|"
    r"Connection(?: to \S+)? (?:refused|timed out|reset)|connection broken|Network is unreachable|"
    r"Failed to resolve|Could not connect|IncompleteRead|ConnectionError",
    re.I,
)


def explain(output: str, *, wheelhouse: Path | None = None, where: str = "") -> str:
    """One line for a failed pip: what happened and what to do. Pure; `output` is pip's own."""
    missing = re.search(r"No matching distribution found for (\S+)", output)
    if NO_SPACE.search(output):
        return disk_full_line(where)
    if wheelhouse is not None and missing:
        return (
            f"The stick {wheelhouse} has no {missing.group(1)} for this Python and system: "
            "make it again here with: python3 scripts/download.py --wheelhouse DIR"
        )
    if CERTIFICATE.search(output):
        return (
            "The package index's certificate was refused: if a proxy of your network signs "
            "connections, set PIP_CERT to its certificate file; else check the clock"
        )
    if LOGIN.search(output):
        return "The package index or proxy asks for a login: check PIP_INDEX_URL and HTTPS_PROXY"
    if NO_NETWORK.search(output):
        return (
            "No network: the package index was not reached. Connect (or set HTTPS_PROXY) and run "
            "this again, or use --wheelhouse DIR with an instructor's stick"
        )
    if missing:
        return (
            f"The package index has no {missing.group(1)} for this Python and system: check "
            "PIP_INDEX_URL and `pip config list`, or use environment.yml with conda"
        )
    if "DO NOT MATCH THE HASHES" in output:
        return "A download arrived damaged: run this again"
    if "ResolutionImpossible" in output or "conflicting dependencies" in output:
        return "A constraint of your own contradicts constraints.txt: see `pip config list`"
    if re.search(r"Permission denied|Errno 13\]|WinError (5|32)\]|Access is denied", output):
        return (
            f"A file in {where or 'the environment'} may not be changed: close programs that use "
            "it (a running JupyterLab?), check its owner, and run this again"
        )
    errors = [line for line in output.splitlines() if line.startswith("ERROR")]
    return errors[-1].removeprefix("ERROR: ") if errors else "pip failed"
