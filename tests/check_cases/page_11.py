"""Answers to the checks of page 11."""

import numpy as np
import torch

from check_cases import Case


def _products(A, q):
    return (A * q[:, None]).sum(-1)


def _entropy(w):
    return -(w * np.log(np.where(w > 0, w, 1.0))).sum(-1)


CASES = {
    "11.weights": Case(
        right=lambda page: lambda A, q: _products(A, q).softmax(-1),
        stub=lambda page: lambda A, q: None,
        wrong=[
            lambda page: lambda A, q: (A * q[:, None]).softmax(-1).sum(-1),  # the well-known slip
            lambda page: lambda A, q: (A * q[:, None]).softmax(-1),
            lambda page: lambda A, q: _products(A, q).softmax(0),
            lambda page: _products,
            lambda page: lambda A, q: (A * q[:, None]).softmax(1).mean(-1),
            lambda page: lambda A, q: _products(A, q).softmax(-1).detach(),  # nothing to train by
            lambda page: 0.5,
        ],
    ),
    "11.draw": Case(
        right=lambda page: lambda logits, u: (logits - torch.log(-torch.log(u))).argmax(-1),
        stub=lambda page: lambda logits, u: None,
        wrong=[
            lambda page: lambda a, u: (a.softmax(-1) - torch.log(-torch.log(u))).argmax(-1),
            lambda page: lambda logits, u: logits.argmax(-1),
            # the right shares, by other noise than the gradient's
            lambda page: lambda a, u: (u[:, :1] > a.softmax(-1).cumsum(-1)).sum(-1),
            lambda page: lambda logits, u: (logits + u).argmax(-1),
            lambda page: lambda logits, u: (logits + torch.log(u)).argmax(-1),
            lambda page: lambda logits, u: (logits - torch.log(-torch.log(u))).argmax(0),
            lambda page: lambda logits, u: (logits - torch.log(-torch.log(u))).softmax(-1),
        ],
    ),
    "11.entropy": Case(
        right=lambda page: lambda w: _entropy(w).mean(),
        stub=lambda page: lambda w: None,
        wrong=[
            lambda page: lambda w: -(w * np.log(w)).sum(-1).mean(),
            lambda page: lambda w: -_entropy(w).mean(),
            lambda page: lambda w: _entropy(w).sum(),
            lambda page: lambda w: _entropy(w).mean() / np.log(2),
            lambda page: _entropy,
            lambda page: lambda w: _entropy(w.mean(0)),
        ],
    ),
}
