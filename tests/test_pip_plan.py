"""What pip is asked for on each kind of machine, and what its failures are turned into."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import pip_plan
from pip_plan import CPU_INDEX, explain, torch_plan

STICK = Path("stick") / "wheels"


FROM_STICK = ["--no-index", "--find-links", str(STICK), "--no-deps", "torch==2.13.0"]
ALONE = ["--index-url", CPU_INDEX, "--no-deps", "torch==2.13.0"]


@pytest.mark.parametrize(
    ("changes", "torch", "asks"),
    [
        ({"wheels": STICK}, FROM_STICK, False),
        ({"wheels": STICK, "cpu_index": True, "gpu": True}, FROM_STICK, False),
        ({"gpu": True, "cpu_index": True}, ["torch==2.13.0"], False),
        ({"system": "Darwin"}, ["torch==2.13.0"], False),
        ({"system": "Windows"}, ["torch==2.13.0"], False),
        ({"cpu_index": True, "local_cpu": True}, ALONE, False),
        ({"local_cpu": True}, ["--no-deps", "torch==2.13.0"], False),
        ({}, ["torch==2.13.0"], True),
    ],
)
def test_the_plan_for_torch(changes, torch, asks):
    facts = {"system": "Linux", "gpu": False, "wheels": None, "cpu_index": False}
    plan = torch_plan("2.13.0", **{**facts, "local_cpu": False, **changes})
    assert plan.torch == torch
    assert (plan.question is not None) == asks


@pytest.mark.parametrize(
    ("listing", "found"),
    [
        ("Available versions: 2.15.0, 2.13.0+cpu, 2.13.0", True),
        ('{"versions": ["2.13.0+cpu"]}', True),
        ("Available versions: 2.15.0, 2.13.0", False),
        ("Available versions: 12.13.0+cpu, 2.13.0+cpu.cxx11, 2.13.01+cpu", False),
        ("", False),
    ],
)
def test_a_local_cpu_build_is_recognised(listing, found):
    assert pip_plan.lists_cpu_build(listing, "2.13.0") is found


def test_the_cpu_index_is_not_asked_where_the_user_forbids_indexes(monkeypatch):
    def never(*_args, **_options):
        raise AssertionError("asked")

    monkeypatch.setattr(pip_plan.urllib.request, "urlopen", never)
    assert not pip_plan.cpu_index_reachable({"PIP_NO_INDEX": "1"})


def test_a_refused_and_a_silent_cpu_index_count_as_unreachable(monkeypatch):
    def refuse(*_args, **_options):
        raise OSError("refused")

    monkeypatch.setattr(pip_plan.urllib.request, "urlopen", refuse)
    assert not pip_plan.cpu_index_reachable({})
    silent = threading.Event()

    def wait(*_args, **_options):
        silent.wait(5)
        raise OSError("too late")

    monkeypatch.setattr(pip_plan.urllib.request, "urlopen", wait)
    assert not pip_plan.cpu_index_reachable({}, seconds=0.05)
    silent.set()


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
         ["disk is full", "run this again"]),
        ("WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'\n"
         "ERROR: No matching distribution found for pip==26.3", ["No network", "--wheelhouse"]),
        ("Could not fetch URL: There was a problem confirming the ssl certificate: "
         "CERTIFICATE_VERIFY_FAILED\nERROR: No matching distribution found for pip", ["PIP_CERT"]),
        ("ERROR: HTTP error 403 Client Error: Forbidden for url", ["login", "HTTPS_PROXY"]),
        ("ERROR: No matching distribution found for torch==2.13.0",
         ["torch==2.13.0", "environment.yml"]),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", ["damaged"]),
        ("ERROR: ResolutionImpossible: see the docs", ["pip config list"]),
        ("ERROR: Could not install packages due to an OSError: [WinError 5] Access is denied",
         ["close programs", "run this again"]),
        ("noise\nERROR: something new", ["something new"]),
        ("", ["pip failed"]),
    ],
)  # fmt: skip
def test_what_pip_says_becomes_one_line_with_advice(output, words):
    line = explain(output)
    assert "\n" not in line
    for word in words:
        assert word in line


def test_a_stick_that_lacks_a_wheel_is_named():
    line = explain("ERROR: No matching distribution found for numpy==2.4.6", wheelhouse=STICK)
    assert "stick" in line
    assert "numpy==2.4.6" in line
