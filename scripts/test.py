"""Check the whole project: format, lint, types, units and pages.

Run `python3 scripts/test.py` (Windows: `py -3 scripts\\test.py`);
`--help` lists the options. Needs nothing but the standard library.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import gate

if __name__ == "__main__":
    gate.check("test.py")
    import checks

    sys.exit(checks.main(sys.argv[1:]))
