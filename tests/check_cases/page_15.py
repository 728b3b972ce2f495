"""Answers to the checks of page 15."""

import torch

from check_cases import Case


def _answers(times, films, t):
    after = [time for time in times if time > times[t]]
    return [film for time, film in zip(times, films, strict=True) if after and time == min(after)]


def _the_next_place(times, films, t):
    return films[t + 1 : t + 2]


def _one_of_them(times, films, t):
    return _answers(times, films, t)[:1]


def _all_later(times, films, t):
    return [film for time, film in zip(times, films, strict=True) if time > times[t]]


def _rules(last, follows, decay):
    weight = decay ** torch.arange(len(last), dtype=follows.dtype)
    return weight @ follows[last] / weight.sum()


def _mean(weight, rows):
    return weight @ rows / weight.sum()


def _a_sum(last, follows, decay):
    return decay ** torch.arange(len(last), dtype=follows.dtype) @ follows[last]


def _scores(query, key):
    s = query @ key.T / query.shape[1] ** 0.5
    return s, torch.ones(s.shape).triu(1).bool()


def _weights(query, key):
    s, future = _scores(query, key)
    return s.masked_fill(future, -torch.inf).softmax(-1)


def _peeping(query, key):
    return _scores(query, key)[0].softmax(-1)


def _zeros_afterwards(query, key):
    return _peeping(query, key).tril()


def _only_the_past(query, key):
    s, _ = _scores(query, key)
    strict = torch.ones(s.shape).triu(0).bool()
    return s.masked_fill(strict, -torch.inf).softmax(-1).nan_to_num(0)


def _not_divided(query, key):
    return _weights(query * query.shape[1] ** 0.5, key)


def _over_columns(query, key):
    s, future = _scores(query, key)
    return s.masked_fill(future, -torch.inf).softmax(0)


CASES = {
    "15.answers": Case(
        right=lambda page: _answers,
        stub=lambda page: lambda times, films, t: None,
        wrong=[
            lambda page: _the_next_place,
            lambda page: _one_of_them,
            lambda page: _all_later,
            lambda page: lambda times, films, t: films[t],
        ],
        says={
            "5 is not one": lambda page: lambda times, films, t: [x for x in times if x > times[t]],
            "for some of the arguments": lambda page: lambda *given: _answers(*given) or None,
        },
    ),
    "15.rules": Case(
        right=lambda page: _rules,
        stub=lambda page: lambda last, follows, decay: None,
        wrong=[
            lambda page: _a_sum,
            lambda page: lambda last, follows, decay: _rules(last.flip(0), follows, decay),
            lambda page: lambda last, follows, decay: _rules(last, follows, 1.0),
            lambda page: lambda last, follows, decay: _rules(last, follows.T, decay),
            lambda page: lambda last, follows, decay: _a_sum(last, follows, decay) / len(last),
            lambda page: lambda last, follows, decay: follows[last[0]],
        ],
        says={
            "k times decay": lambda page: (
                lambda last, follows, decay: _mean(decay * torch.arange(len(last)), follows[last])
            ),
            "the shape (5,)": lambda page: lambda last, follows, decay: follows[last],
        },
    ),
    "15.weights": Case(
        right=lambda page: _weights,
        stub=lambda page: lambda query, key: None,
        wrong=[
            lambda page: _peeping,
            lambda page: _zeros_afterwards,
            lambda page: _only_the_past,
            lambda page: _not_divided,
            lambda page: _over_columns,
        ],
        says={
            "exchanged": lambda page: lambda query, key: _weights(key, query),
            "this is a ndarray": lambda page: lambda *given: _weights(*given).numpy(),
        },
    ),
}
