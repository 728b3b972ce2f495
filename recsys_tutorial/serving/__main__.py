"""The command line: `python -m recsys_tutorial.serving serve DIRECTORY`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from recsys_tutorial.serving.exporting import ExportError
from recsys_tutorial.serving.server import extra


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve an export, with its page; 1 and one line on stderr if that fails."""
    parser = argparse.ArgumentParser(prog="python -m recsys_tutorial.serving", description=__doc__)
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("directory", type=Path, help="the export")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for the whole network")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    try:
        uvicorn, create_app = extra()
        torch.set_num_threads(1)  # fastest for small tables
        with threadpool_limits(1):
            app, where = create_app(options.directory), {"host": options.host, "port": options.port}
            uvicorn.run(app, **where, access_log=False, timeout_graceful_shutdown=15)
    except (ExportError, OSError, ImportError, TypeError, ValueError) as error:
        print(f"serve: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
