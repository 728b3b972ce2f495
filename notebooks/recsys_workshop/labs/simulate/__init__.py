"""Simulations whose right answer is known: shops, tests of recommenders, feedback loops, days.

Each takes an explicit seed and touches no global state. Each is vectorised over many seeds, so that
a page can show a range of outcomes and not just one lucky run.
"""

from recsys_workshop.labs.simulate.bandits import bandit
from recsys_workshop.labs.simulate.intraday import intraday
from recsys_workshop.labs.simulate.loops import feedback_loop
from recsys_workshop.labs.simulate.shop import DESIGNS, Policy, ab_test
from recsys_workshop.labs.simulate.testing import interleaving

__all__ = [
    "DESIGNS",
    "Policy",
    "ab_test",
    "bandit",
    "feedback_loop",
    "interleaving",
    "intraday",
]
