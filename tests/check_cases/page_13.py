"""Answers to the checks of page 13."""

from statistics import NormalDist

import numpy as np

from check_cases import Case


def _belief(x, prior, noise):
    variance = 1 / (1 / prior + len(x) / noise)
    return variance * np.sum(x) / noise, variance


def _mean_of_ratings(x, prior, noise):
    return (x.mean() if len(x) else 0.0), _belief(x, prior, noise)[1]


def _gibbs(director, person, r, prior, noise, rng):
    mean, variance = _belief(r - person, prior, noise)
    director = rng.normal(mean, np.sqrt(variance))
    mean, variance = _belief(r - director, prior, noise)
    return director, rng.normal(mean, np.sqrt(variance))


def _given_the_old(director, person, r, prior, noise, rng):
    (mean, variance), (other, _) = (_belief(r - k, prior, noise) for k in (person, director))
    return rng.normal(mean, np.sqrt(variance)), rng.normal(other, np.sqrt(variance))


def _no_root(director, person, r, prior, noise, rng):
    mean, variance = _belief(r - person, prior, noise)
    return rng.normal(mean, variance), rng.normal(mean, variance)


def _means(director, person, r, prior, noise, rng):
    director = _belief(r - person, prior, noise)[0]
    return director, _belief(r - director, prior, noise)[0]


def _within(rating, score, width):
    return float((abs(rating - score) < width).mean())


def _z(promised):
    return NormalDist().inv_cdf(0.5 + promised / 2)


def _coverage(rating, score, sd, promised):
    return _within(rating, score, _z(promised) * sd)


def _epsilon_greedy(mean, covariance, visitor, rng):
    greedy = int((mean @ visitor).argmax())
    return int(rng.integers(len(mean))) if rng.random() < 0.1 else greedy


def _person_first(director, person, r, prior, noise, rng):
    return _gibbs(person, director, r, prior, noise, rng)[::-1]


def _drawn(mean, covariance, visitor, rng, power=0.5):
    variance = (covariance @ visitor) @ visitor
    return mean @ visitor + variance**power * rng.normal(size=len(mean))


def _choose(*given):
    return int(np.argmax(_drawn(*given)))


def _vectors(mean, covariance, visitor, rng):  # slow, and right
    root = np.linalg.cholesky(covariance)
    drawn = mean + (root @ rng.normal(size=(*mean.shape, 1)))[..., 0]
    return np.argmax(drawn @ visitor)


def _one_draw(mean, covariance, visitor, rng):
    return np.argmax(mean @ visitor + np.sqrt((covariance @ visitor) @ visitor) * rng.normal())


def _equally_wide(mean, covariance, visitor, rng):
    return int(np.argmax(mean @ visitor + rng.normal(size=len(mean))))


def _diagonal_alone(mean, covariance, visitor, rng):
    return _choose(mean, covariance * np.eye(len(visitor)), visitor, rng)


CASES = {
    "13.belief": Case(
        right=lambda page: _belief,
        also=[lambda page: lambda *given: np.array(_belief(*given))],
        stub=lambda page: lambda x, prior, noise: None,
        wrong=[
            lambda page: _mean_of_ratings,
            lambda page: lambda x, prior, noise: _belief(x, prior, noise)[::-1],
            lambda page: lambda x, prior, noise: _belief(x, noise, prior),
            lambda page: lambda x, prior, noise: (0.0, _belief(x, prior, noise)[1]),
            lambda page: lambda x, prior, noise: _belief(x, prior, noise)[0],
        ],
    ),
    "13.gibbs_step": Case(
        right=lambda page: _gibbs,
        also=[lambda page: lambda *given: np.array(_gibbs(*given))],
        stub=lambda page: lambda director, person, r, prior, noise, rng: None,
        wrong=[
            lambda page: _given_the_old,
            lambda page: _no_root,
            lambda page: _means,
            lambda page: lambda director, person, *rest: _gibbs(director, 0.0, *rest),
            lambda page: lambda *given: _gibbs(*given)[0],
        ],
        says={
            "the other way round": lambda page: lambda *given: _gibbs(*given)[::-1],
            "given the old director": lambda page: _person_first,
            "not as wide": lambda page: lambda *given: _gibbs(*given) + given[-1].normal(0, 0.4, 2),
        },
    ),
    "13.coverage": Case(
        right=lambda page: _coverage,
        stub=lambda page: lambda rating, score, sd, promised: None,
        also=[lambda page: lambda r, s, sd, p: np.mean(np.abs((r - s) / sd) <= _z(p))],
        wrong=[
            lambda page: lambda *given: 1 - _coverage(*given),
            lambda page: lambda r, s, sd, p: float((r - s < _z(p) * sd).mean()),
            lambda page: lambda r, s, sd, p: _within(r, s, sd),
            lambda page: lambda r, s, sd, p: _within(r, s, p * sd),
            lambda page: lambda r, s, sd, p: _within(r, s, NormalDist().inv_cdf(p) * sd),
            lambda page: lambda r, s, sd, p: abs(r - s) < _z(p) * sd,
            lambda page: lambda r, s, sd, p: _within(r, s, _z(p) * np.sqrt(sd)),
            lambda page: lambda r, s, sd, p: _within(r, s, _z(p) * sd.mean()),
            lambda page: lambda r, s, sd, p: p,
            lambda page: 0.9,
        ],
    ),
    "13.choose": Case(
        right=lambda page: _vectors,
        stub=lambda page: lambda mean, covariance, visitor, rng: None,
        wrong=[
            lambda page: lambda mean, covariance, visitor, rng: int((mean @ visitor).argmax()),
            lambda page: lambda *given: int(np.argmax(_drawn(*given, power=1))),
            lambda page: _one_draw,
            lambda page: _equally_wide,
            lambda page: _diagonal_alone,
            lambda page: lambda *given: float(_drawn(*given).max()),
            lambda page: lambda *given: int(np.argmin(_drawn(*given))),
            lambda page: lambda mean, covariance, visitor, rng: int(rng.integers(len(mean))),
        ],
        says={"chance comes from the belief alone": lambda page: _epsilon_greedy},
    ),
}
