"""A notebook without the traces of running it: outputs, counts, widgets, the version of the kernel.

    python3 scripts/clean.py --install    git then keeps notebooks clean by itself

What you see in your folder stays as it is; git compares and commits the clean text. The standard
library is enough.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

KEPT = ("jupyter", "lines_to_next_cell", "slideshow", "tags")  # of the metadata of a cell
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
COMMAND = "python3 scripts/clean.py"


def clean(text: str) -> str:
    """The notebook's text as the build writes it; what is no notebook stays as it is."""
    try:
        notebook: dict[str, Any] = json.loads(text)
        cells = notebook["cells"]
    except (ValueError, KeyError, TypeError):
        return text
    for cell in cells:
        cell["metadata"] = {k: v for k, v in cell["metadata"].items() if k in KEPT}
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    about = notebook["metadata"]
    about.pop("widgets", None)
    about["kernelspec"] = KERNEL
    about["language_info"] = {"name": "python"}
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--install"]:
        subprocess.run(["git", "config", "filter.notebook.clean", COMMAND], check=True)
        print("git keeps the outputs of notebooks out of diffs and commits from now on")
    else:
        text = sys.stdin.buffer.read().decode("utf-8")
        sys.stdout.buffer.write(clean(text).encode("utf-8"))
