"""Steps and failures as people see them."""

from __future__ import annotations

import errno
import time

import pytest

from console import Stop, guarded, step


def test_a_step_shows_a_dot_per_second_and_how_it_ended(capsys):
    with step("Cooking"):
        time.sleep(1.2)
    assert capsys.readouterr().out == "Cooking .... done (1 s)\n"
    with pytest.raises(Stop), step("Cooking"):
        raise Stop("no rice")
    assert capsys.readouterr().out == "Cooking ... failed (0 s)\n"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (Stop("do this"), 1, "do this"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "The disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "f"), 1, "Permission denied: 'f'"),
        (KeyboardInterrupt(), 130, "Stopped"),
    ],
)
def test_every_failure_is_one_line(capsys, error, code, words):
    def work() -> int:
        raise error

    assert guarded(work) == code
    printed = capsys.readouterr().err
    assert words in printed
    assert printed.count("\n") == 1
