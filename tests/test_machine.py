"""`ws.readiness`: what is here, and plain advice where it is not what the series needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

import recsys_workshop as ws
from recsys_workshop import local, machine


@pytest.fixture(autouse=True)
def state(monkeypatch, tmp_path):
    monkeypatch.setenv(local.STATE, str(tmp_path))
    return tmp_path


@pytest.fixture
def real_looking(small):
    return replace(small, name="ml-100k", truth=None)


def test_this_machine_in_one_table(real_looking, capsys):
    table = ws.readiness(real_looking)
    assert list(table.columns) == ["what", "found", "verdict"]
    assert {"Python", "torch", "free memory", "free disk", "write access", "data"} <= set(
        table["what"]
    )
    amiss = table[table["verdict"] != "ok"]
    out = capsys.readouterr().out
    assert ("This machine is ready." in out) == amiss.empty
    assert all(what in out for what in amiss["what"])


def test_planted_data_is_called_so(small, capsys):
    ws.readiness(replace(small, source="planted tastes in place of ml-100k: no network"))
    assert "nothing you see is about real people" in capsys.readouterr().out
    (said,) = ws.readiness(small).query("what == 'data'")["found"]
    assert said.startswith("planted, as chosen"), "no complaint about what somebody asked for"


def test_missing_package_says_what_to_run():
    found = machine.package("a-package-that-nobody-made")
    assert found.found == "missing"
    assert "scripts/start.py" in found.advice


@pytest.mark.parametrize(("free", "amiss"), [(None, False), (3 * 1024**3, False), (10**8, True)])
def test_memory(free, amiss):
    assert bool(machine.memory(free).advice) is amiss


def test_disk(monkeypatch, tmp_path):
    assert machine.disk(tmp_path / "not" / "there" / "yet").found.endswith(" GiB")
    monkeypatch.setattr(machine, "NEEDED", 10**18)
    assert "make room" in machine.disk(tmp_path).advice


def test_a_directory_that_cannot_be_written_to(tmp_path):
    assert machine.writable(tmp_path).advice == ""
    blocked = tmp_path / "file"
    blocked.write_text("")
    found = machine.writable(blocked / "below")
    assert found.found.startswith("no, in ")
    assert local.STATE in found.advice
