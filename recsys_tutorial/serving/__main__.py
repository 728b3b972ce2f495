"""The command line: `python -m recsys_tutorial.serving export | serve`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from recsys_tutorial.serving.exporting import ExportError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands; 1 and one line where it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m recsys_tutorial.serving", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser(
        "export", help="train two models, for lists and for stars, and export them"
    )
    one.add_argument("directory", type=Path)
    one.add_argument("--dataset", default="ml-100k", help="a name that load knows, or planted")
    one = commands.add_parser("serve", help="serve an export, with its page")
    one.add_argument("directory", type=Path)
    one.add_argument("--host", default="127.0.0.1", help="0.0.0.0: anybody in the network")
    one.add_argument("--port", type=int, default=8000)
    options = parser.parse_args(arguments)
    try:
        if options.command == "export":
            _export(options.directory, options.dataset)
        else:
            _serve(options.directory, options.host, options.port)
    except (ExportError, OSError, ImportError, TypeError, ValueError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 1
    return 0


def _export(directory: Path, dataset: str) -> None:
    from recsys_tutorial import datasets, evaluate, fit
    from recsys_tutorial.models import BiasedMF, ImplicitALS, Popularity
    from recsys_tutorial.serving.exporting import export

    train, valid, test = datasets.load(dataset).split("random", seed=42)
    ranker, stars, heads = (kind.for_dataset(train) for kind in (ImplicitALS, BiasedMF, Popularity))
    for model in (ranker, stars, heads):
        fit(model, train, progress=False)
    of = [evaluate(model, test, train=[train, valid]) for model in (ranker, stars, heads)]
    metrics = {**of[0], "rmse": of[1]["rmse"]}
    export(ranker, train, directory, stars=stars, metrics=metrics, popularity=of[2])
    print(
        f"Exported to {directory}: recall@10 {of[0]['recall@10']:.3f} on the test part, counting "
        f"heads {of[2]['recall@10']:.3f}; RMSE of the stars {of[1]['rmse']:.3f}."
    )


def _serve(directory: Path, host: str, port: int) -> None:
    import torch
    import uvicorn
    from threadpoolctl import threadpool_limits

    from recsys_tutorial.serving.app import create_app

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    torch.set_num_threads(1)  # tables are small: more threads would only wait for each other
    with threadpool_limits(1):
        app = create_app(directory)
        uvicorn.run(app, host=host, port=port, access_log=False, timeout_graceful_shutdown=15)


if __name__ == "__main__":
    sys.exit(main())
