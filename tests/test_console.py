"""Steps, logs and failures as people see them, on a terminal and without one."""

from __future__ import annotations

import errno
import io
import os
import sys
import time
from pathlib import Path

import pytest

from console import Console, Stop, guarded, run_logged


def test_a_step_shows_a_dot_per_tick_and_how_it_ended():
    stream = io.StringIO()
    console = Console(stream)
    console.tick = 0.01
    with console.step("Cooking"):
        deadline = time.monotonic() + 5
        while "...." not in stream.getvalue():
            assert time.monotonic() < deadline
    assert stream.getvalue().startswith("Cooking ....")
    assert stream.getvalue().endswith(" done\n")


def test_a_step_that_raises_says_failed():
    stream = io.StringIO()
    with pytest.raises(Stop), Console(stream).step("Cooking"):
        raise Stop("no rice")
    assert stream.getvalue() == "Cooking ... failed\n"


def test_a_command_is_logged_and_shown_if_verbose(tmp_path):
    env = {**os.environ, "PYTHONUTF8": "1"}
    command = [sys.executable, "-c", "print('gr\u00fcn'); raise SystemExit(3)"]
    stream = io.StringIO()
    console = Console(stream, verbose=True)
    code, output = run_logged(command, env=env, cwd=tmp_path, log=tmp_path / "log", console=console)
    assert (code, output) == (3, "gr\u00fcn\n")
    assert stream.getvalue() == output
    assert (tmp_path / "log").read_text(encoding="utf-8").endswith(output)
    nowhere = tmp_path / "none" / "log"  # as on a full disk: the cause is not hidden
    assert run_logged(command, env=env, cwd=tmp_path, log=nowhere) == (3, output)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (Stop("do this"), 1, "do this"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "The disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "f"), 1, "f: Permission denied: close"),
        (KeyboardInterrupt(), 130, "Stopped"),
    ],
)
def test_every_failure_is_one_line(capsys, error, code, words):
    def work() -> int:
        raise error

    assert guarded(work, verbose=False, where=Path("here")) == code
    printed = capsys.readouterr().err
    assert words in printed
    assert printed.count("\n") == 1
