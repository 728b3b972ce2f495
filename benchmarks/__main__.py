"""Measure, print the numbers and say which promises hold; the exit status is 1 where one fails.

`gates` measures the promises of README; each other word measures one thing.
"""

from __future__ import annotations

import argparse
import importlib
import sys

import torch

import recsys_tutorial as rt
from benchmarks import ledger, report

GATES = ("accuracy", "lists", "bayesian", "speed", "ranking")  # together: "gates"
OTHERS = ("serving", "peers", "training", "evaluation", "pages", "scale", "reproduce", "sequences")
PLANTED = ("evaluation", "scale")  # these make their data themselves
QUOTED = {"bayesian": "13", "sequences": "15", "peers": "16", "evaluation": "19", "scale": "19"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", choices=["gates", *GATES, *OTHERS])
    parser.add_argument("--write", action="store_true", help="put the figures into the ledger")
    parser.add_argument(
        "--peer-python", default="", help="training: an interpreter of an environment for the peers"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    checks: list[tuple[str, bool]] = []
    for what in GATES if options.what == "gates" else (options.what,):
        module = importlib.import_module(f"benchmarks.{what}")
        data = rt.datasets.planted() if what in PLANTED else rt.datasets.load("ml-100k")
        more = {
            "accuracy": {"splits": 10 if options.what == "accuracy" else 0},
            "training": {"peer_python": options.peer_python},
        }
        result = ledger.record(module.compare(data, **more.get(what, {})), data)
        section = f"planted_{what}" if what in PLANTED else what
        print(report.text(section, result))
        checks += module.gates(result)
        if options.write:
            ledger.write(section, result, data)
            if what in QUOTED:
                entries = module.page_entries(ledger.read()["benchmarks"])
                ledger.write_page(QUOTED[what], entries, data)
    for text, holds in checks:
        print(f"{'holds' if holds else 'FAILS'}  {text}")
    if options.write:
        report.write(ledger.read())
        print(f"\nwritten to {ledger.PATH.name} and {report.PAGE.name}")
    return 0 if all(holds for _, holds in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
