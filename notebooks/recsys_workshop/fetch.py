"""Get a data set and verify it: `python -m recsys_workshop.fetch --dataset ml-100k`.

`--dataset gcide` gets the text of a dictionary, for word vectors.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from recsys_tutorial.datasets.catalogue import SOURCES
from recsys_tutorial.datasets.sources import load
from recsys_workshop.labs import text


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line about the data set; 0, or 1 and one line on stderr that says what to do."""
    parser = argparse.ArgumentParser(prog="recsys_workshop.fetch", description=__doc__)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--data-dir", help="where to look for the archive, and to put it")
    parser.add_argument("--offline", action="store_true", help="fetch nothing, only verify")
    options = parser.parse_args(arguments)
    try:
        if options.dataset == text.NAME:
            got = text.load_text(data_dir=options.data_dir, offline=options.offline)
            print(f"{got.name}: {got.source}; {len(got.passages)} passages; terms: {text.TERMS}")
            return 0
        dataset = load(options.dataset, data_dir=options.data_dir, offline=options.offline)
    except (OSError, ValueError) as error:
        print(f"fetch: {'; '.join(map(str.strip, str(error).splitlines()))}", file=sys.stderr)
        return 1
    source = SOURCES.get(options.dataset)
    terms = source.terms if source else "made up, free to use"
    print(
        f"{dataset.name}: {dataset.source}; {len(dataset)} ratings, {dataset.n_users} users, "
        f"{dataset.n_items} items; terms: {terms}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
