"""Answers to the checks of page 19."""

import numpy as np
import torch

from check_cases import Case


def _last_one_wins(table, rows, gradients, lr):
    table[rows] -= lr * gradients
    return table


def _uphill(table, rows, gradients, lr):
    return table.index_add_(0, rows, gradients, alpha=lr)


def _a_copy(table, rows, gradients, lr):
    return table.index_add(0, rows, gradients, alpha=-lr)


def _decays_all(table, rows, gradients, lr):
    table *= 0.99
    return table.index_add_(0, rows, gradients, alpha=-lr)


def _first_of_each(table, rows, gradients, lr):
    seen = {}
    for row, gradient in zip(rows.tolist(), gradients, strict=True):
        seen.setdefault(row, gradient)
    table[list(seen)] -= lr * torch.stack(list(seen.values()))
    return table


def _dense(table, rows, gradients, lr):
    gradient = torch.zeros_like(table).index_add_(0, rows, gradients)
    return table.sub_(lr * gradient)


def _dense_by_numpy(table, rows, gradients, lr):
    gradient = np.zeros(table.shape, np.float32)
    np.add.at(gradient, rows.numpy(), gradients.numpy())
    table.numpy()[:] -= lr * gradient
    return table


def _combine(gradients, sizes):
    return sum(g * (n / sum(sizes)) for g, n in zip(gradients, sizes, strict=True))


CASES = {
    "19.sparse_step": Case(
        right=lambda page: lambda t, rows, g, lr: t.index_add_(0, rows, g, alpha=-lr),
        stub=lambda page: lambda table, rows, gradients, lr: None,
        wrong=[
            lambda page: _last_one_wins,
            lambda page: _uphill,
            lambda page: _a_copy,
            lambda page: _decays_all,
            lambda page: _first_of_each,
            lambda page: _dense,
            lambda page: lambda table, rows, gradients, lr: gradients,
        ],
        also=[
            lambda page: (
                lambda t, rows, g, lr: t.add_(
                    torch.sparse_coo_tensor(rows[None], g, t.shape, check_invariants=False),
                    alpha=-lr,
                )
            ),
        ],
        says={"as large as the table": lambda page: _dense_by_numpy},
    ),
    "19.combine": Case(
        right=lambda page: _combine,
        stub=lambda page: lambda gradients, sizes: None,
        wrong=[
            lambda page: lambda gradients, sizes: torch.stack(gradients).mean(0),
            lambda page: lambda gradients, sizes: sum(gradients),
            lambda page: (
                lambda gradients, sizes: sum(g * n for g, n in zip(gradients, sizes, strict=True))
            ),
            lambda page: lambda gradients, sizes: gradients[0],
        ],
        also=[lambda page: lambda *given: _combine(*given).numpy()],
    ),
}
