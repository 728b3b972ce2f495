"""Answers to the checks of the primer."""

import torch
from ignite.engine import Events

import recsys_tutorial as rt
from check_cases import Case


def _stub(*arguments):
    return None


def _safe(prediction, rating):
    if prediction.shape != rating.shape:
        raise ValueError("shapes differ")
    return ((prediction - rating) ** 2).mean()


def _asserts(prediction, rating):
    assert prediction.shape == rating.shape
    return ((prediction - rating) ** 2).mean()


def _trap(prediction, rating):
    return ((prediction - rating) ** 2).mean()


def _only_axes(prediction, rating):
    if prediction.ndim != rating.ndim:
        raise ValueError("axes differ")
    return ((prediction - rating) ** 2).mean()


def _sum(prediction, rating):
    if prediction.shape != rating.shape:
        raise ValueError("shapes differ")
    return ((prediction - rating) ** 2).sum()


def _squeezed(prediction, rating):
    return ((prediction.reshape(-1) - rating) ** 2).mean()


def _counter(event, value=lambda engine: engine.state.iteration):
    def count_steps(trainer):
        seen = []
        trainer.add_event_handler(event, lambda engine: seen.append(value(engine)))
        return seen

    return count_steps


class _Tiny(torch.nn.Module):
    def __init__(self, mean):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.mean = mean
        self.p = torch.nn.Parameter(0.1 * torch.randn(60, 2, generator=generator))
        self.q = torch.nn.Parameter(0.1 * torch.randn(40, 2, generator=generator))

    def forward(self, user, item):
        return self.mean + (self.p[user] * self.q[item]).sum(-1)


class _Column(_Tiny):
    def forward(self, user, item):
        return super().forward(user, item).unsqueeze(-1)


def _learner(kind=_Tiny, steps=30, moves=True, clears=True):
    def learn(user, item, rating):
        model = kind(float(rating.mean()))
        optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
        for _ in range(steps):
            loss = ((model(user, item) - rating) ** 2).mean()
            if clears:
                optimiser.zero_grad()
            loss.backward()
            if moves:
                optimiser.step()
        return model

    return learn


CASES = {
    "primer.safe_error": Case(
        right=lambda page: _safe,
        stub=lambda page: _stub,
        wrong=[
            lambda page: _trap,
            lambda page: _only_axes,
            lambda page: _sum,
            lambda page: _squeezed,
            lambda page: rt.losses.squared_error,
        ],
        says={"not AssertionError": lambda page: _asserts},
    ),
    "primer.slope": Case(
        right=lambda page: -2.0,
        stub=lambda page: None,
        wrong=[lambda page: 2.0, lambda page: -8.0, lambda page: -1.0, lambda page: 0.0],
        says={"numbers are expected, and this is text": lambda page: "-2"},
    ),
    "primer.count_steps": Case(
        right=lambda page: _counter(Events.ITERATION_COMPLETED),
        stub=lambda page: _stub,
        wrong=[
            lambda page: _counter(Events.EPOCH_COMPLETED),
            lambda page: _counter(Events.ITERATION_COMPLETED, lambda engine: engine.state.epoch),
            lambda page: _counter(Events.ITERATION_STARTED),
            lambda page: lambda trainer: [],
            lambda page: lambda trainer: [1, 2, 3, 4, 5, 6],
        ],
    ),
    "primer.learn": Case(
        right=lambda page: _learner(),
        stub=lambda page: _stub,
        wrong=[
            lambda page: _learner(moves=False),
            lambda page: _learner(clears=False),
            lambda page: _learner(steps=0),
            lambda page: _learner(_Column),
            lambda page: lambda user, item, rating: rating.mean(),
        ],
    ),
}
