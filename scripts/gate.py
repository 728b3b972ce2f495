"""Refuse a Python that cannot work, in one line that says what to do.

start.py, test.py and download.py call `check` before they import anything else. So that the message
appears instead of a SyntaxError, they and this file keep to what Python 3.6 reads.
"""

import platform
import struct
import sys

OLDEST, NEWEST = (3, 11), (3, 14)


def refusal(
    version: "tuple[int, ...]", bits: int, system: str, machine: str, script: str = "start.py"
) -> "str | None":
    """The line that says why this Python cannot be used and what to do, or None if it can."""
    wanted = "a 64-bit Python 3.11 to 3.14"
    again = f"py -3.13 scripts\\{script}" if system == "Windows" else f"python3.13 scripts/{script}"
    install = f"install {wanted} and run: {again}"
    if version[:2] < OLDEST:
        return f"Python {version[0]}.{version[1]} is too old: {install}"
    if version[:2] > NEWEST:
        return f"Python {version[0]}.{version[1]} is newer than what the tests run on: {install}"
    if bits != 64:
        return f"This is a {bits}-bit Python, and PyTorch needs 64 bits: {install}"
    if system == "Darwin" and machine != "arm64":
        return (
            "PyTorch has no builds for Intel Macs: use environment.yml with conda (conda env "
            f"create -f environment.yml); on a Mac with an Apple chip, install {wanted} for arm64"
        )
    return None


def check(script: str) -> None:
    """End the process with the refusal, if there is one."""
    bits = 8 * struct.calcsize("P")
    line = refusal(sys.version_info[:3], bits, platform.system(), platform.machine(), script)
    if line is not None:
        sys.exit(line)
