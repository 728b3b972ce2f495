"""Answers to the checks of page 01."""

import numpy as np

from check_cases import Case


def _stub(stars, predicted):
    return None


def _right(stars, predicted):
    there = ~np.isnan(stars)
    return ((stars - predicted)[there] ** 2).mean()


def _empty_as_zero(stars, predicted):
    return ((np.nan_to_num(stars) - predicted) ** 2).mean()


def _over_all_cells(stars, predicted):
    return np.nansum((stars - predicted) ** 2) / stars.size


def _nan(stars, predicted):
    return ((stars - predicted) ** 2).mean()


def _root(stars, predicted):
    return np.sqrt(_right(stars, predicted))


def _not_summed_up(stars, predicted):
    return (stars - predicted) ** 2


def _density(page):
    return len(page.data) / (page.data.n_users * page.data.n_items)


CASES = {
    "01.fill_cell": Case(
        right=lambda page: 1,
        stub=lambda page: None,
        wrong=[
            lambda page: 5,  # the sign
            lambda page: -2,  # without the three stars
            lambda page: 3,  # the mean
            lambda page: 2,
            lambda page: "one",
            lambda page: (0, -2),  # her numbers
            lambda page: "1",
            lambda page: [1],
        ],
    ),
    "01.new_friend": Case(
        right=lambda page: (1, -1),
        stub=lambda page: None,
        wrong=[
            lambda page: (1, 1),  # the sign of Grey Winter
            lambda page: (4, 4),  # stars
            lambda page: (-1, 1),
            lambda page: 1,
            lambda page: ("1", "-1"),
        ],
        also=[
            lambda page: np.array([1.0, -1.0]),
        ],
    ),
    "01.observed_error": Case(
        right=lambda page: _right,
        stub=lambda page: _stub,
        wrong=[
            lambda page: _empty_as_zero,
            lambda page: _over_all_cells,
            lambda page: _nan,
            lambda page: _root,
            lambda page: _not_summed_up,
            lambda page: 0.5,
        ],
    ),
    "01.density": Case(
        right=_density,
        stub=lambda page: None,
        wrong=[
            lambda page: 100 * _density(page),
            lambda page: len(page.data) / (page.data.n_users + page.data.n_items),
            lambda page: page.data.n_users / page.data.n_items,
            lambda page: 1 - _density(page),
            lambda page: f"{_density(page):.4f}",
        ],
        also=[
            lambda page: round(_density(page), 3),
        ],
    ),
}
