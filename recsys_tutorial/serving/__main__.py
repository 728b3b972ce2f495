"""The command line: `python -m recsys_tutorial.serving export | serve | site`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from recsys_tutorial.serving.exporting import ExportError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands; 1 and one line where it cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except (ExportError, OSError, ImportError, ValueError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m recsys_tutorial.serving", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser(
        "export", help="train two models, for lists and for stars, and export them"
    )
    one.add_argument("directory", type=Path)
    one.add_argument("--dataset", default="ml-100k", help="a name that load knows, or planted")
    one.add_argument("--data-dir", default=None)
    one.add_argument("--seed", type=int, default=0)
    one.set_defaults(run=_export)
    one = commands.add_parser("serve", help="serve an export, with its page")
    one.add_argument("directory", type=Path)
    one.add_argument("--host", default="127.0.0.1", help="0.0.0.0 opens it to the network")
    one.add_argument("--port", type=int, default=8000)
    one.add_argument("--access-log", action="store_true", help="a line for each request")
    one.set_defaults(run=_serve)
    one = commands.add_parser("site", help="the page without a server, as a directory of files")
    one.add_argument("directory", type=Path, help="an export")
    one.add_argument("out", type=Path)
    one.set_defaults(run=_site)
    return parser


def _export(options: argparse.Namespace) -> None:
    from recsys_tutorial import datasets, evaluate, fit
    from recsys_tutorial.models import BiasedMF, ImplicitALS, Popularity
    from recsys_tutorial.serving.exporting import export

    data = datasets.load(options.dataset, data_dir=options.data_dir)
    train, valid, test = data.split("random", seed=42)
    ranker, heads = ImplicitALS.for_dataset(train, seed=options.seed), Popularity.for_dataset(train)
    stars = BiasedMF.for_dataset(train, seed=options.seed)
    for model in (ranker, heads, stars):
        fit(model, train, seed=options.seed, progress=False)
    of = [evaluate(model, test, train=[train, valid]) for model in (ranker, heads, stars)]
    metrics = {**of[0], "rmse": of[2]["rmse"]}
    folder = export(
        ranker, train, options.directory, stars=stars, metrics=metrics, popularity=of[1]
    )
    print(
        f"Exported to {folder}: recall@10 {of[0]['recall@10']:.3f} on the test part, counting "
        f"heads {of[1]['recall@10']:.3f}; RMSE of the stars {of[2]['rmse']:.3f}."
    )


def _serve(options: argparse.Namespace) -> None:
    import torch
    from threadpoolctl import threadpool_limits

    from recsys_tutorial.serving.server import run

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    torch.set_num_threads(1)  # tables are small: more threads would only wait for each other
    with threadpool_limits(1):
        given = {"host": options.host, "port": options.port, "access_log": options.access_log}
        run(options.directory, **given)


def _site(options: argparse.Namespace) -> None:
    from recsys_tutorial.serving.site import build_site

    folder = build_site(options.directory, options.out)
    total = sum(path.stat().st_size for path in folder.iterdir())
    print(f"Site in {folder}, {total / 1e6:.1f} MB: open index.html, or put it on any web host.")


if __name__ == "__main__":
    sys.exit(main())
