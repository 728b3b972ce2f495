"""Write requirements-lock.txt: the tested versions with the sha256 of each file that pip takes.

`.venv/bin/python scripts/lock.py` asks pip, which installs nothing, in an environment like the one
that the tests run in.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from environment import CONSTRAINTS, PYTHON, ROOT

LOCK = ROOT / "requirements-lock.txt"
HEAD = f"""# The tested versions, each with the sha256 of its file: Python {PYTHON}, {{system}}.
# Written by scripts/lock.py. To install exactly these bytes, after PyTorch:
#     python -m pip install --require-hashes --no-deps -r {LOCK.name}
# torch is not in it: its builds for CPU and for CUDA have one version and different files.
"""


def pinned(root: Path = ROOT) -> dict[str, Requirement]:
    """The pin of each package but PyTorch, by its normal name."""
    lines = [line for n in CONSTRAINTS for line in (root / n).read_text("utf-8").splitlines()]
    pins = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins if pin.name != "torch"}


def main() -> int:
    """Write the lock: pip reports which files it would install from its configured index."""
    lines = [f"{pin}\n" for pin in pinned().values()]
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
    head = HEAD.format(system=f"{platform.system()}-{platform.machine()}".lower())
    LOCK.write_text(head + "".join(made), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
