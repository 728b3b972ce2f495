"""A shop learns about new films by showing them: when to try, and when to use what it knows?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def bandit(
    users: Any,
    prior: Any,
    noise: float,
    *,
    width: float = 1.0,
    epsilon: float = 0.0,
    choose: Callable[..., int] | None = None,
    items: int = 20,
    visits: int = 1_000,
    life: float | None = None,
    seeds: int = 30,
    seed: int = 0,
) -> Floats:
    """What a shop loses while it learns about its films: regret of each visit, in stars.

    Visitors come one after the other, drawn from `users`, whose tastes z are known. The films are
    new: the vector w of each is drawn from N(0, diag(prior)). The shop shows the visitor one film,
    and the visitor rates it w . z plus noise. By Bayes' rule, prior and ratings give a normal
    distribution of each film's score for this visitor. The shop draws a number from each
    distribution, and shows the film with the highest one:

        score + width * sd * standard normal

    width=0 is greedy, width=1 Thompson sampling. The regret is the score of the best film on the
    shelf for this visitor minus the score of the film shown: what the shop loses because it does
    not know everything.

    Args:
        users: (n, d), the known vectors of visitors; a column of ones gives films a bias.
        prior: (d,), variances of a film's vector.
        noise: variance of a rating's noise, in stars^2.
        width: width of the distribution for the draws: 1 is as wide as the shop's belief.
        epsilon: share of the visits in which a random film is shown, 0 to 1.
        choose: a function (mean (items, d), covariance (items, d, d), visitor (d,), rng) of one
            shelf that gives the position to show, in place of the rule above.
        items: films on the shelf.
        visits: visitors, one after the other.
        life: visits that a film stays on average, before a new one takes its place; None: for ever.
        seeds: shops simulated side by side. The same `seed` gives the same films, visitors and
            moments of replacement to every way of choosing.
        seed: seed of all random numbers.

    Returns:
        (seeds, visits), the regret of each visit; never negative.

    Source: Thompson 1933, "On the likelihood that one unknown probability exceeds another in view
    of the evidence of two samples"; for linear scores Agrawal and Goyal 2013.
    """
    z, spread = np.asarray(users, dtype=np.float64), np.asarray(prior, dtype=np.float64)
    of_world, of_choice = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    sd, shop = np.sqrt(spread), np.arange(seeds)
    truth = sd * of_world.normal(size=(seeds, items, len(sd)))
    mean = np.zeros_like(truth)
    covariance = np.tile(np.diag(spread), (seeds, items, 1, 1))
    regret = np.empty((seeds, visits))
    for visit in range(visits):
        if life is not None:
            new = of_world.random((seeds, items)) < 1 / life
            fresh = sd * of_world.normal(size=truth.shape)
            truth[new], mean[new], covariance[new] = fresh[new], 0.0, np.diag(spread)
        visitor = z[of_world.integers(len(z), size=seeds)]  # (seeds, d)
        luck = np.sqrt(noise) * of_world.normal(size=seeds)
        score = np.einsum("sid,sd->si", mean, visitor)
        along = np.einsum("side,se->sid", covariance, visitor)  # covariance times z
        variance = np.einsum("sid,sd->si", along, visitor)
        # With width=0 the small number decides between equal scores.
        drawn = score + (width * np.sqrt(variance) + 1e-9) * of_choice.normal(size=score.shape)
        if choose is not None:
            each = zip(mean, covariance, visitor, strict=True)
            drawn = np.eye(items)[[choose(*one, of_choice) for one in each]]
        at_random = of_choice.random(seeds) < epsilon
        shown = np.where(at_random, of_choice.integers(items, size=seeds), drawn.argmax(1))
        true = np.einsum("sid,sd->si", truth, visitor)
        regret[:, visit] = true.max(1) - true[shop, shown]
        # Bayes' rule for one rating: a step in the direction that the rating says something about.
        gain = along[shop, shown] / (variance[shop, shown] + noise)[:, None]  # (seeds, d)
        off = true[shop, shown] + luck - score[shop, shown]
        mean[shop, shown] += gain * off[:, None]
        covariance[shop, shown] -= gain[:, :, None] * along[shop, shown][:, None, :]
    return regret
