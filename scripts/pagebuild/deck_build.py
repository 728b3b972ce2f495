"""`build.py slides`: run what has not been run, and write the decks and their index."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pagebuild.deck import write_deck, write_index, write_vendor
from pagebuild.executed import PageFailed, executed
from pagebuild.slides import deck
from pagebuild.source import SourceError, read_all, read_series
from pagebuild.vendor import VendorMissing


def build_slides(root: Path, names: Sequence[str], mode: str, folder: Path) -> int:
    """Write the decks of the named pages (all of the series if none) into `folder`.

    The index lists every deck in the folder. Returns 1, with the reason on stderr, where a page
    fails or something is missing.
    """
    try:
        sources = read_all(root, names)
        write_vendor(folder)
    except (SourceError, VendorMissing) as error:
        print(error, file=sys.stderr)
        return 1
    labels = {entry.name: entry.label for entry in read_series(root)}
    failed = []
    for source in sources:
        if source.name not in labels and not names:
            continue  # a bug hunt is for hands, not for a screen
        start = time.monotonic()
        try:
            notebook = executed(root, source.name, mode)
        except PageFailed as error:
            print(error, file=sys.stderr)
            failed.append(source.name)
            continue
        label = labels.get(source.name, source.title)
        path = write_deck(folder, deck(source, notebook, label, planted=mode == "fast"))
        print(f"{path} in {time.monotonic() - start:.0f} s", flush=True)
    write_index(folder)
    if failed:
        print(f"no deck of {', '.join(failed)}: the errors stand above", file=sys.stderr)
        return 1
    return 0
