"""Write requirements-lock.txt: the tested versions with the sha256 of each file that pip takes.

`.venv/bin/python scripts/lock.py` asks pip, which installs nothing, in an environment like the one
that the tests run in.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pins import CONSTRAINTS, platform_name, python_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements-lock.txt"
WITHOUT = "torch"
HEAD = f"""# The tested versions, each with the sha256 of its file: Python {{python}}, {{system}}.
# Written by scripts/lock.py. To install exactly these bytes, after PyTorch:
#     python -m pip install --require-hashes --no-deps -r {LOCK.name}
# torch is not in it: its builds for CPU and for CUDA have one version and different files.
"""


def pinned(root: Path = ROOT) -> dict[str, Requirement]:
    """The pin of each package, by its normal name."""
    lines = [line for n in CONSTRAINTS for line in (root / n).read_text("utf-8").splitlines()]
    pins = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def read(text: str) -> dict[str, str]:
    """`==version` of each locked package; ValueError for a line without its hash, or a second."""
    found: dict[str, str] = {}
    for line in re.sub(r"\\\n\s*|^#.*$", "", text, flags=re.MULTILINE).split("\n"):
        match = re.fullmatch(r"([a-z0-9-]+)(==\S+) --hash=sha256:[0-9a-f]{64}", line)
        if line and (match is None or match[1] in found):
            raise ValueError(f"{LOCK.name}: no pin with its hash, or a second one: {line[:80]!r}")
        if match is not None:
            found[match[1]] = match[2]
    return found


def differences(locked: dict[str, str], wanted: dict[str, Requirement]) -> list[str]:
    """What is locked otherwise than pinned; pins with a marker may be missing (other systems)."""
    pins = {n: str(pin.specifier) for n, pin in wanted.items() if n != WITHOUT}
    missing = {n for n in pins.keys() - locked.keys() if not wanted[n].marker}
    other = {n for n in locked if locked[n] != pins.get(n)}
    return sorted(f"{n}: locked {locked.get(n)}, pinned {pins.get(n)}" for n in missing | other)


def main() -> int:
    """Write the lock; pip says from where it is configured to look what it would install."""
    lines = [f"{pin}\n" for name, pin in pinned().items() if name != WITHOUT]
    with tempfile.TemporaryDirectory() as scratch:
        asked, report = Path(scratch) / "pins.txt", Path(scratch) / "report.json"
        asked.write_text("".join(lines), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps"]
        command += ["--ignore-installed", "--only-binary", ":all:", "--report", str(report)]
        subprocess.run([*command, "-r", str(asked)], check=True)
        installs = json.loads(report.read_text(encoding="utf-8"))["install"]
    made = sorted(
        f"{canonicalize_name(one['metadata']['name'])}=={one['metadata']['version']} \\\n"
        f"    --hash=sha256:{one['download_info']['archive_info']['hashes']['sha256']}\n"
        for one in installs
    )
    head = HEAD.format(python=python_name(), system=platform_name())
    LOCK.write_text(head + "".join(made), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
