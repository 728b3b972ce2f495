"""Make the environment, get the data, train a first recommender and open the tutorial.

Run `python3 scripts/start.py` (Windows: `py -3 scripts\\start.py`);
`--help` lists the options. Needs nothing but the standard library.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import gate

if __name__ == "__main__":
    gate.check("start.py")
    import bootstrap

    sys.exit(bootstrap.main(sys.argv[1:]))
