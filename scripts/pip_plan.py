"""What pip is asked for PyTorch on each kind of machine, and what pip's failures mean."""

from __future__ import annotations

import re
import ssl
import threading
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from console import disk_full_line

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# A dead network must show within half a minute; a slow one may stall for 15 s, three times.
FIRST_CONTACT = ["--timeout", "10", "--retries", "1"]
PATIENT = ["--timeout", "15", "--retries", "2"]
GPU_SIZE = "about 3 GB to download and 6 GB on disk"


class Plan(NamedTuple):
    """Where torch comes from, pip's arguments for it, and what to ask before a big download."""

    why: str
    torch: list[str]
    question: str | None = None


def torch_plan(
    pin: str, system: str, *, gpu: bool, wheels: Path | None, cpu_index: bool, local_cpu: bool
) -> Plan:
    """The plan for this machine.

    torch comes alone (`--no-deps`) wherever its source is a special one: what it depends on is
    then resolved with everything else, from the usual index.

    Args:
        pin: the tested version.
        system: as `platform.system()` gives it; on Linux the usual index has builds with CUDA.
        gpu: the build for GPUs is wanted.
        wheels: the folder of a stick, the only source then.
        cpu_index: PyTorch's index of CPU builds answers.
        local_cpu: pip's own index has the CPU build.
    """
    torch = f"torch=={pin}"
    if wheels is not None:
        source = ["--no-index", "--find-links", str(wheels)]
        return Plan("from the wheelhouse", [*source, "--no-deps", torch])
    if gpu or system != "Linux":
        return Plan("build for GPUs" if gpu else "CPU build", [torch])
    if cpu_index:
        alone = ["--index-url", CPU_INDEX, "--no-deps", torch]
        return Plan("CPU build from download.pytorch.org", alone)
    if local_cpu:
        return Plan("CPU build found by pip", ["--no-deps", torch])
    question = f"PyTorch's CPU builds cannot be reached; the usual build has CUDA: {GPU_SIZE}."
    return Plan("build with CUDA", [torch], question)


def cpu_index_reachable(environ: Mapping[str, str], seconds: float = 4.0) -> bool:
    """Whether PyTorch's CPU index answers within the time, name look-up included."""
    if environ.get("PIP_NO_INDEX", "").lower() in ("1", "true", "yes", "on"):
        return False
    answers: list[bool] = []

    def ask() -> None:
        try:
            context = ssl.create_default_context(cafile=environ.get("PIP_CERT") or None)
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


NO_SPACE = r"No space left on device|Errno 28\]|WinError 112\]|Disk quota exceeded"
_MISSING = r"No matching distribution found for (\S+)"
_REASONS = (
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError",
        "The package index's certificate was refused: if a proxy of your network signs "
        "connections, set PIP_CERT to its certificate file; else check the clock",
    ),
    (
        r"\b(401|403|407)\b (Client Error|Unauthorized|Forbidden|Proxy)|"
        r"Tunnel connection failed: 407",
        "The package index or proxy asks for a login: check PIP_INDEX_URL and HTTPS_PROXY",
    ),
    (
        r"NewConnectionError|ConnectTimeout|Read ?timed? ?out|NameResolutionError|"
        r"Failed to establish a new connection|name resolution|getaddrinfo failed|ProxyError|"
        r"Connection(?: to \S+)? (?:refused|timed out|reset)|connection broken|"
        r"Network is unreachable|Failed to resolve|Could not connect|IncompleteRead|"
        r"ConnectionError",
        "No network: the package index was not reached. Connect (or set HTTPS_PROXY) and run "
        "this again, or use --wheelhouse DIR with an instructor's stick",
    ),
    (
        _MISSING,
        "The package index has no {0} for this Python and system: check PIP_INDEX_URL and "
        "`pip config list`, or use environment.yml with conda",
    ),
    (r"DO NOT MATCH THE HASHES", "A download arrived damaged: run this again"),
    (
        r"ResolutionImpossible|conflicting dependencies",
        "A constraint of your own contradicts constraints.txt: see `pip config list`",
    ),
    (
        r"Permission denied|Errno 13\]|WinError (?:5|32)\]|Access is denied",
        "A file in {where} may not be changed: close programs that use it (a running "
        "JupyterLab?), check its owner, and run this again",
    ),
)


def explain(output: str, *, wheelhouse: Path | None = None, where: str = "") -> str:
    """One line for a failed pip: what happened and what to do; `output` is pip's own."""
    if re.search(NO_SPACE, output, re.IGNORECASE):
        return disk_full_line(where)
    if wheelhouse is not None and (missing := re.search(_MISSING, output)):
        return (
            f"The stick {wheelhouse} has no {missing[1]} for this Python and system: "
            "make it again here with: python3 scripts/download.py --wheelhouse DIR"
        )
    for pattern, line in _REASONS:
        if found := re.search(pattern, output, re.IGNORECASE):
            return line.format(*found.groups(), where=where or "the environment")
    errors = [line for line in output.splitlines() if line.startswith("ERROR")]
    return errors[-1].removeprefix("ERROR: ") if errors else "pip failed"
