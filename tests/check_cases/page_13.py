"""Answers to the checks of page 13."""

import numpy as np

from check_cases import Case


def _variance(m_p, v_p, m_q, v_q):
    return m_p**2 * v_q + v_p * m_q**2 + v_p * v_q


def _coverage(rating, score, sd, z):
    return float((abs(rating - score) < z * sd).mean())


def _choose(score, sd, rng):
    return int(np.argmax(score + sd * rng.normal(size=len(score))))


def _one_draw(score, sd, rng):
    return int(np.argmax(score + sd * rng.normal()))


def _equally_wide(score, sd, rng):
    return int(np.argmax(score + rng.normal(size=len(score))))


def _greedy(score, sd, rng):
    return int(np.argmax(score))


def _optimist(score, sd, rng):
    return int(np.argmax(score + 1.645 * sd))


def _the_draw_itself(score, sd, rng):
    return float((score + sd * rng.normal(size=len(score))).max())


def _least(score, sd, rng):
    return int(np.argmin(score + sd * rng.normal(size=len(score))))


def _by_chance(score, sd, rng):
    return int(rng.integers(len(score)))


CASES = {
    "13.variance_of_product": Case(
        right=lambda page: _variance,
        stub=lambda page: lambda m_p, v_p, m_q, v_q: None,
        wrong=[
            lambda page: lambda m_p, v_p, m_q, v_q: v_p + v_q,
            lambda page: lambda m_p, v_p, m_q, v_q: v_p * v_q,
            lambda page: lambda m_p, v_p, m_q, v_q: m_p**2 * v_q + v_p * m_q**2,
            lambda page: lambda m_p, v_p, m_q, v_q: (m_p**2 + v_p) * (m_q**2 + v_q),
            lambda page: lambda m_p, v_p, m_q, v_q: m_p * v_q + m_q * v_p + v_p * v_q,
            lambda page: 0.5,
        ],
    ),
    "13.coverage": Case(
        right=lambda page: _coverage,
        stub=lambda page: lambda rating, score, sd, z: None,
        wrong=[
            lambda page: lambda r, s, sd, z: 1 - _coverage(r, s, sd, z),
            lambda page: lambda r, s, sd, z: float((r - s < z * sd).mean()),
            lambda page: lambda r, s, sd, z: float((abs(r - s) < sd).mean()),
            lambda page: lambda r, s, sd, z: abs(r - s) < z * sd,
            lambda page: lambda r, s, sd, z: float((abs(r - s) < z * np.sqrt(sd)).mean()),
            lambda page: 0.9,
        ],
    ),
    "13.choose": Case(
        right=lambda page: _choose,
        stub=lambda page: lambda score, sd, rng: None,
        wrong=[
            lambda page: _greedy,
            lambda page: _optimist,
            lambda page: _one_draw,
            lambda page: _equally_wide,
            lambda page: _the_draw_itself,
            lambda page: _least,
            lambda page: _by_chance,
        ],
    ),
}
