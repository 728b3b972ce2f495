"""Fetch a data set, or make an instructor's stick that works without a network.

Run `python3 scripts/download.py` (Windows: `py -3 scripts\\download.py`);
`--help` lists the options. Needs nothing but the standard library.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import gate

if __name__ == "__main__":
    gate.check("download.py")
    import wheelhouse

    sys.exit(wheelhouse.main(sys.argv[1:]))
