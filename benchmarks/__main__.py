"""The command line: `python -m benchmarks gates`; or one of its parts, or another one, alone."""

from __future__ import annotations

import argparse
import sys

import torch

import recsys_tutorial as rt
from benchmarks import (
    accuracy,
    bayesian,
    evaluation,
    ledger,
    lists,
    pages,
    peers,
    ranking,
    report,
    reproduce,
    scale,
    sequences,
    serving,
    speed,
    training,
)

WHAT = [
    "gates",
    "accuracy",
    "lists",
    "bayesian",
    "speed",
    "ranking",
    "serving",
    "peers",
    "training",
    "evaluation",
    "pages",
    "scale",
    "reproduce",
    "sequences",
]
PLANTED = ("evaluation", "scale")  # these make their data themselves


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--write", action="store_true", help="put the figures into the ledger")
    parser.add_argument(
        "--peer-python", help="training: an interpreter for peers that need their own environment"
    )
    parser.add_argument("--quick", action="store_true", help="scale: small sizes, no verdicts")
    options = parser.parse_args()
    if options.quick and (options.what != "scale" or options.write):
        parser.error("--quick goes with scale, and without --write")
    if options.peer_python and options.what != "training":
        parser.error("--peer-python goes with training")
    torch.set_num_threads(1)
    if options.what in PLANTED:
        data = rt.datasets.planted()  # a stand-in: each size makes its own
    else:
        data = rt.datasets.load("ml-100k", data_dir=options.data_dir)
    about = ledger.machine()
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    print(f"{about['cpu']}, {about['cores']} cores, 1 torch thread; {versions}\n{data!r}\n")
    checks: list[tuple[str, bool]] = []
    sections: dict[str, dict] = {}
    if options.what in ("gates", "accuracy"):
        folds = accuracy.on_folds(data)
        print(accuracy.table(folds) + "\n")
        if not accuracy.has_surprise():
            print("Surprise is not installed (extra `bench`): the comparison with it is left out\n")
        checks += accuracy.gates(folds)
        sections["accuracy"] = {"folds": folds, "settings": accuracy.settings()}
    if options.what == "accuracy":
        seeds = range(10)
        spread = accuracy.on_random_splits(data, seeds)
        print(f"random 90/10, {len(seeds)} seeds: one split's RMSE moves, the order does not")
        for name, row in spread.items():
            print(f"{name:22}{row['rmse']:8.4f} +- {row['rmse_sd']:.4f}")
        sections["accuracy"]["random_90_10"] = {"seeds": len(seeds), **spread}
    if options.what in ("gates", "lists"):
        result = lists.compare(data)
        print(lists.table(result) + "\n")
        checks += lists.gates(result)
        sections["lists"] = result
    if options.what in ("gates", "bayesian"):
        result = bayesian.compare(data)
        print(bayesian.table(result) + "\n")
        checks += bayesian.gates(result)
        sections["bayesian"] = result
    if options.what in ("gates", "speed"):
        train = data.split("random", valid=0, seed=42)[0]
        versus, extra = speed.against_the_earlier_loop(train), speed.overhead(train)
        for name, value in versus["samples_per_second"].items():
            if not name.endswith("_range"):
                print(f"{name:22}{value:>14,} samples a second")
        near = speed.near_the_bound(train)
        plain = f"{near['plain_per_cpu_second']:,} samples a CPU second of plain PyTorch"
        print(f"batch {near['batch']}: {near['share']:.0%} of the {plain}")
        checks += speed.gates(versus, extra)
        sections["speed"] = {
            **versus,
            **extra,
            "plain_torch": near,
            "dim": speed.DIM,
            "rounds": speed.ROUNDS,
        }
    if options.what in ("gates", "ranking"):
        result = ranking.compare(data)
        checks += ranking.gates(result)
        sections["ranking"] = result
    if options.what == "serving":
        result = serving.compare(data)
        checks += serving.gates(result)
        sections["serving"] = result
    if options.what == "training":
        result = training.compare(data, options.peer_python)
        print("\n" + training.table(result))
        checks += training.gates(result)
        sections["training"] = result
    if options.what == "peers":
        result = peers.compare(data)
        print("\n" + peers.table(result))
        checks += peers.gates(result)
        sections["peers"] = result
    if options.what == "sequences":
        result = sequences.compare(data)
        print(sequences.table(result))
        sections["sequences"] = result
    if options.what == "pages":
        result = pages.compare()
        print(pages.table(result))
        checks += pages.gates(result)
        sections["pages"] = result
    if options.what == "evaluation":
        lines = evaluation.compare()
        checks += evaluation.gates(lines)
        sections["evaluation"] = {
            "lines": lines,
            "dim": evaluation.DIM,
            "rounds": evaluation.ROUNDS,
            "seed": 0,
        }
    if options.what == "scale":
        result = scale.compare(scale.QUICK if options.quick else scale.SIZES, options.data_dir)
        checks += [] if options.quick else scale.gates(result)
        sections["scale"] = result
    if options.what == "reproduce":
        result = reproduce.run(data)
        checks += reproduce.gates(result)
        sections["reproduce"] = {
            "models": result,
            "tolerance": reproduce.TOLERANCE,
            "threads": [1, 2, 4],
            "epochs": reproduce.EPOCHS,
            "seed": 0,
        }
    print()
    for text, holds in checks:
        print(f"{'holds' if holds else 'FAILS'}  {text}")
    if options.write:
        for name, content in sections.items():
            made_up = "planted_" if options.what in PLANTED else ""
            ledger.write(made_up + name, content, data)
        if options.what in PLANTED:
            quoted = evaluation.page_entries(ledger.read()["benchmarks"])
            ledger.write_page("19", quoted, data)
        if "bayesian" in sections:
            ledger.write_page("13", bayesian.page_entries(sections["bayesian"]), data)
        if "sequences" in sections:
            ledger.write_page("15", sequences.page_entries(sections["sequences"]), data)
        if "peers" in sections:
            ledger.write_page("16", peers.page_entries(sections["peers"]), data)
        report.write(ledger.read())
        print(f"\nwritten to {ledger.PATH.name} and {report.PAGE.name}")
    return 0 if all(holds for _, holds in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
