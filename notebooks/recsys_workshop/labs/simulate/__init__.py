"""Simulations whose right answer is known: the articles of a shop, days of clicks, bandits.

Each takes an explicit seed and touches no global state. Each is vectorised over many seeds, so that
a page can show a range of outcomes and not just one lucky run.
"""

from recsys_workshop.labs.simulate.bandits import bandit
from recsys_workshop.labs.simulate.intraday import intraday
from recsys_workshop.labs.simulate.shop import shelf

__all__ = ["bandit", "intraday", "shelf"]
