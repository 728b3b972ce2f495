"""Steps, logs and failures as people see them, on a terminal and without one."""

from __future__ import annotations

import errno
import io
import os
import sys
import threading
from pathlib import Path

import pytest

from console import Console, Log, Step, Stop, guarded, run_logged


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def long_step(stream: io.StringIO) -> str:
    console = Console(stream)
    console.tick = 0.02
    ticked = threading.Event()
    write = console.write

    def watched(text: str) -> None:
        write(text)
        if text == "." or " s" in text:
            ticked.set()

    console.write = watched  # type: ignore[method-assign]
    with console.step("Cooking") as step:
        step.note = "rice"
        assert ticked.wait(5)
    return stream.getvalue()


def test_progress_is_dots_without_a_terminal_and_a_rewritten_line_on_one(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    plain = long_step(io.StringIO())
    assert plain.startswith("Cooking ....")
    assert plain.endswith("done\n")
    assert "\r" not in plain
    assert plain.isascii()
    live = long_step(Terminal())
    assert "\rCooking ... 0 s  rice" in live
    assert live.split("\r")[-1].strip() == "Cooking ... done"


def test_a_step_that_raises_says_failed():
    stream = io.StringIO()
    with pytest.raises(Stop), Console(stream).step("Cooking"):
        raise Stop("no rice")
    assert stream.getvalue() == "Cooking ... failed\n"


def test_a_command_is_logged_and_its_progress_becomes_a_note(tmp_path):
    code = (
        "print('Collecting torch==2'); print('Progress 5000000 of 190000000'); print('gr\u00fcn')"
    )
    log = Log(tmp_path / "log")
    env = {**os.environ, "PYTHONUTF8": "1"}
    command = [sys.executable, "-c", f"{code}; raise SystemExit(3)"]
    notes = []

    class Noting(Step):
        def __setattr__(self, name, value):
            if name == "note":
                notes.append(value)
            super().__setattr__(name, value)

    step = Noting(Console(io.StringIO()), "x")
    result, output = run_logged(command, env=env, cwd=tmp_path, log=log, step=step)
    assert result == 3
    assert "torch 5 of 190 MB" in notes
    assert output.splitlines()[1:] == ["Collecting torch==2", "gr\u00fcn"]
    assert "gr\u00fcn" in (tmp_path / "log").read_text(encoding="utf-8")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_log_on_a_full_disk_keeps_the_cause():
    log = Log(Path("/dev/full"))
    log.add("No space left on device")
    assert log.lines == ["No space left on device"]


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
