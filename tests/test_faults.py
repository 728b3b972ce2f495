"""Kills, full disks and rivals: nothing half is ever accepted, and nothing that was there is lost.

A small version of `python -m benchmarks faults`, in a process of its own, since it forks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tensorboardX import SummaryWriter

from recsys_tutorial import atomic
from recsys_tutorial.datasets import sources
from recsys_tutorial.training import events

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the faults are made by forking"),
    pytest.mark.timeout(900),  # half a minute of the processor, but a busy machine shares it out
]
ROOT = Path(__file__).resolve().parent.parent
KILLS = 5
WORKS = ("training", "export", "download", "index of the site", "columns", "ratings")

TORN = """
import random, tempfile, time
from pathlib import Path
from benchmarks.faults import Trial, Work, Wrong, kills, rivals

def write(folder):
    with open(folder / "file", "wb", buffering=0) as file:
        for _ in range(20):
            file.write(b"new.")
            time.sleep(0.005)

def first(folder):
    (folder / "file").write_text("old")

work = Work("torn", write, lambda folder: (folder / "file").read_text(), first)
with tempfile.TemporaryDirectory() as scratch:
    try:
        kills(Trial(work, Path(scratch)), 5, random.Random(0))
    except Wrong as error:
        print(error)
"""


UNNOTICED = """
import random, signal, tempfile
from pathlib import Path
from benchmarks.damage import Kind, Outcomes, cuts_and_flips, judge

path = Path(tempfile.mkdtemp()) / "file"
content = bytes(range(100))
kind = Kind("bare", path, path.read_bytes, (ValueError,))
found = Outcomes()
harm = [judge(kind, content, d, c, found) for d, c in cuts_and_flips(content, 50, random.Random(0))]
assert len(harm) == 100 and all(one.endswith("other content, and no error") for one in harm)
kind = Kind("odd", path, lambda: {}[1], (ValueError,))
assert "KeyError" in judge(kind, content, "x", b"", found)
print("found out")
"""


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=850,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_work_survives_every_fault():
    found = json.loads(run("-m", "benchmarks.faults", "--kills", str(KILLS)).splitlines()[-1])
    assert tuple(found) == WORKS
    for name, row in found.items():
        assert row["kills"] == KILLS == row["before"] + row["after"], name
        assert row["read-only: refused"] == 1, name
        assert row["files that may not grow: refused"] >= 1, name


def test_a_writer_that_leaves_half_a_file_is_found_out():
    assert "torn, a kill: neither the old state nor the new" in run("-c", TORN)


def test_no_damaged_file_is_read_as_something_else():
    """Cut short, flipped and damaged at random: some of what `python -m benchmarks fuzz` does."""
    found = json.loads(run("-m", "benchmarks.damage", "--places", "12", "--count", "280"))
    assert found["files"] == 280
    assert len(found["places"]) >= 25
    for kind, outcomes in found["places"].items():
        assert sum(outcomes.values()) >= 20, kind


def test_a_reader_that_notices_nothing_is_found_out():
    assert "found out" in run("-c", UNNOTICED)


def test_what_a_kill_left_goes_away_after_a_day(tmp_path):
    old, recent = (tmp_path / f".x.json.{n}.part" for n in ("1-ab", "2-cd"))
    for path in (old, recent):
        path.write_text("half")
    os.utime(old, (time.time() - 90_000,) * 2)
    with atomic.replacing(tmp_path / "x.json") as temporary:
        temporary.write_text("whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == [recent.name, "x.json"]


def test_an_error_of_the_disk_names_the_file_and_the_remedy(tmp_path):
    (tmp_path / "x").write_text("old")
    with (
        pytest.raises(OSError, match=r"No space left.*is as it was.*Make room.*/x'"),
        atomic.replacing(tmp_path / "x"),
    ):
        raise OSError(28, "No space left on device")
    assert (tmp_path / "x").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_curve_is_read_as_it_was_written_or_not_at_all(tmp_path):
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(3):
            writer.add_scalar("rmse", 1 / (step + 1), step)
    (path,) = tmp_path.glob("events.*")
    content, whole = path.read_bytes(), events.scalars(tmp_path)
    assert len(whole) == 3
    for place in range(0, len(content), 3):
        path.write_bytes(content[:place])  # as one that is being written
        read = events.scalars(tmp_path).to_numpy().tolist()
        assert read == whole.to_numpy().tolist()[: len(read)]
        flipped = bytes([content[place] ^ 4])
        path.write_bytes(content[:place] + flipped + content[place + 1 :])
        with pytest.raises(ValueError, match="is damaged at byte"):
            events.scalars(tmp_path)


def test_a_note_of_a_digest_that_is_no_text_counts_as_none(tmp_path):
    (tmp_path / "ml-32m.zip.sha256").write_bytes(b"\xff" * 64)
    assert sources._recorded(tmp_path / "ml-32m.zip") is None
