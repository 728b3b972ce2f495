"""Write requirements-lock.txt: the tested versions with the sha256 of each file that pip takes.

`.venv/bin/python scripts/lock.py` asks pip, which installs nothing, in an environment like the one
that the tests run in. `--check` compares the file with constraints.txt and constraints-dev.txt.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements-lock.txt"
CONSTRAINTS = ("constraints.txt", "constraints-dev.txt")
WITHOUT = ("torch",)
HEAD = f"""# The tested versions, each with the sha256 of its file: Python {{python}}, {{system}}.
# Written by scripts/lock.py. To install exactly these bytes, after PyTorch:
#     python -m pip install --require-hashes --no-deps -r {LOCK.name}
# torch is not in it: its builds for CPU and for CUDA have one version and different files.
"""


def pinned(root: Path = ROOT) -> dict[str, str]:
    """Normal name of each pinned package: version, and marker if it has one."""
    found = {}
    for name in CONSTRAINTS:
        for line in (root / name).read_text(encoding="utf-8").splitlines():
            if match := re.fullmatch(r"([\w.-]+)==([^\s;]+)\s*(?:;\s*(.+))?", line.strip()):
                found[normal(match[1])] = match[2] + (f" ; {match[3]}" if match[3] else "")
    return found


def normal(name: str) -> str:
    """The name as all packages are compared by."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read(text: str) -> dict[str, tuple[str, str]]:
    """Version and sha256 of each locked package.

    Raises ValueError for a line that is none of a lock, or a package that is there twice.
    """
    found = {}
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"([a-z0-9-]+)==(\S+)\s+--hash=sha256:([0-9a-f]{64})", line.strip())
        if match is None:
            raise ValueError(f"{LOCK.name}: not a pin with its hash: {line[:80]!r}")
        if match[1] in found:
            raise ValueError(f"{LOCK.name}: {match[1]} is locked twice")
        found[match[1]] = (match[2], match[3])
    return found


def differences(locked: dict[str, tuple[str, str]], wanted: dict[str, str]) -> list[str]:
    """What is locked otherwise than pinned; pins with a marker may be missing (other systems)."""
    wrong = [f"{name}: locked but not pinned" for name in locked.keys() - wanted.keys()]
    for name, pin in wanted.items():
        version, _, marker = pin.partition(" ; ")
        if name in WITHOUT:
            wrong += [f"{name}: must not be locked"] if name in locked else []
        elif name not in locked:
            wrong += [] if marker else [f"{name}: pinned but not locked"]
        elif locked[name][0] != version:
            wrong.append(f"{name}: locked {locked[name][0]}, pinned {version}")
    return sorted(wrong)


def ask_pip(wanted: dict[str, str]) -> list[dict[str, Any]]:
    """What pip would install for these pins, from wherever it is configured to look."""
    lines = [f"{name}=={pin}\n" for name, pin in wanted.items() if name not in WITHOUT]
    with tempfile.TemporaryDirectory() as scratch:
        asked, report = Path(scratch) / "pins.txt", Path(scratch) / "report.json"
        asked.write_text("".join(lines), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps"]
        command += ["--ignore-installed", "--only-binary", ":all:", "--report", str(report)]
        subprocess.run([*command, "-r", str(asked)], check=True)
        return list(json.loads(report.read_text(encoding="utf-8"))["install"])


def written(installs: Iterable[dict[str, Any]], python: str, system: str) -> str:
    """The text of the lock."""
    lines = []
    for one in installs:
        name, version = normal(one["metadata"]["name"]), one["metadata"]["version"]
        digest = one["download_info"]["archive_info"]["hashes"]["sha256"]
        lines.append(f"{name}=={version} \\\n    --hash=sha256:{digest}\n")
    return HEAD.format(python=python, system=system) + "".join(sorted(lines))


def main() -> int:
    """Write the lock, or check it; 0 if it agrees with the pins."""
    parser = argparse.ArgumentParser(prog="lock.py", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    wanted = pinned()
    if not parser.parse_args().check:
        from pins import platform_name, python_name

        text = written(ask_pip(wanted), python_name(), platform_name())
        LOCK.write_text(text, encoding="utf-8")
    locked = read(LOCK.read_text(encoding="utf-8"))
    wrong = differences(locked, wanted)
    print("\n".join(wrong) or f"{len(locked)} packages in {LOCK.name}, as pinned")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
