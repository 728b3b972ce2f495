"""Refuse a Python that cannot work, in one line that says what to do.

This file, start.py, test.py and download.py keep to syntax that Python 2.7 reads, so that the
message appears instead of a SyntaxError. The work is done elsewhere, in the syntax of Python 3.11.
"""

from __future__ import print_function

import platform
import struct
import sys

OLDEST = (3, 11)
NEWEST = (3, 14)
RANGE = "Python %d.%d to %d.%d" % (OLDEST + NEWEST)
CONDA = "use environment.yml with conda instead (conda env create -f environment.yml)"


def refusal(version, bits, system, machine, implementation="CPython", script="start.py"):
    # type: (tuple[int, ...], int, str, str, str, str) -> str | None
    """The one line that says why this Python cannot be used and what to do, or None if it can."""
    name = "%s %d.%d" % (
        "Python" if implementation == "CPython" else implementation,
        version[0],
        version[1],
    )
    again = "py -%d.%d scripts\\%s" if system == "Windows" else "python%d.%d scripts/%s"
    again = again % (3, 13, script)
    install = "install a 64-bit %s and run: %s" % (RANGE, again)
    if tuple(version[:2]) < OLDEST:
        return "%s is too old: %s" % (name, install)
    if tuple(version[:2]) > NEWEST:
        return "%s is newer than what this project is tested with: %s" % (name, install)
    if implementation != "CPython":
        return "%s cannot run PyTorch: %s" % (name, install)
    if bits != 64:
        return "This is a %d-bit Python, and PyTorch needs 64 bits: %s" % (bits, install)
    if system == "Darwin" and machine != "arm64":
        return (
            "PyTorch no longer has builds for Intel Macs: %s; on a Mac with an Apple chip, "
            "install the arm64 build of %s" % (CONDA, RANGE)
        )
    if system == "Linux" and machine not in ("x86_64", "aarch64"):
        return "PyTorch has no builds for Linux on %s: %s" % (machine, CONDA)
    return None


def check(script):
    # type: (str) -> None
    """End the process with the refusal, if there is one."""
    message = refusal(
        tuple(sys.version_info[:3]),
        struct.calcsize("P") * 8,
        platform.system(),
        platform.machine(),
        platform.python_implementation(),
        script,
    )
    if message is not None:
        print(message, file=sys.stderr)
        sys.exit(1)
