"""Answers to the checks of page 17."""

import hashlib
import os
import random
import shutil

import numpy as np

from check_cases import Case


def _parts(z, y, penalty):
    return np.linalg.solve(z.T @ z + np.diag(penalty), z.T * y).T


def _whole(z, y, penalty):
    return np.linalg.solve(z.T @ z + np.diag(penalty), z.T @ y)


def _transposed(z, y, penalty):
    return _parts(z, y, penalty).T


def _without_penalty(z, y, penalty):
    return np.linalg.solve(z.T @ z, z.T * y).T


def _even_shares(z, y, penalty):
    return np.tile(_whole(z, y, penalty) / len(y), (len(y), 1))


def _fair(person, experiment):
    return "AB"[hashlib.sha256(f"{experiment}/{person}".encode()).digest()[0] % 2]


def _forgets_experiment(person, experiment):
    return _fair(person, "")


def _random(person, experiment):
    return random.choice("AB")


def _by_parity(person, experiment):
    return "AB"[(person + len(experiment)) % 2]


def _builtin(person, experiment):
    return "AB"[hash((str(person), experiment)) % 2]


def _mostly(person, experiment):
    return "AB"[hashlib.sha256(f"{experiment}/{person}".encode()).digest()[0] > 200]


def _back(live, previous):
    for weights in previous.glob("weights-*"):
        shutil.copy(weights, live)
    shutil.copy(previous / "card.json", live / "card.new")
    os.replace(live / "card.new", live / "card.json")


def _in_place(live, previous):
    for path in previous.iterdir():
        shutil.copy(path, live)


def _card_only(live, previous):
    shutil.copy(previous / "card.json", live / "card.new")
    os.replace(live / "card.new", live / "card.json")


def _moves(live, previous):
    for path in sorted(previous.iterdir(), reverse=True):
        os.replace(path, live / path.name)


def _card_first(live, previous):
    _card_only(live, previous)
    for weights in previous.glob("weights-*"):
        shutil.copy(weights, live)


def _gone_for_a_moment(live, previous):
    shutil.rmtree(live)
    shutil.copytree(previous, live)


def _tidies_up(live, previous):
    old = list(live.glob("weights-*"))
    _back(live, previous)
    for weights in old:
        weights.unlink()


def _hidden_hash(person, experiment):
    return hash(f"{person}/{experiment}")


def _nothing(*_):
    return None


CASES = {
    "17.parts": Case(
        right=lambda page: _parts,
        stub=lambda page: _nothing,
        wrong=[
            lambda page: _whole,
            lambda page: _transposed,
            lambda page: _without_penalty,
            lambda page: _even_shares,
            lambda page: np.zeros((6, 4)),
        ],
    ),
    "17.group": Case(
        right=lambda page: _fair,
        stub=lambda page: _nothing,
        wrong=[
            lambda page: _forgets_experiment,
            lambda page: _random,
            lambda page: _by_parity,
            lambda page: _builtin,
            lambda page: _mostly,
            lambda page: "A",
        ],
        says={"restarted": lambda page: lambda *given: "AB"[_hidden_hash(*given) % 2]},
    ),
    "17.roll_back": Case(
        right=lambda page: _back,
        stub=lambda page: _nothing,
        wrong=[
            lambda page: _in_place,
            lambda page: _card_only,
            lambda page: _moves,
            lambda page: _card_first,
            lambda page: _gone_for_a_moment,
            lambda page: _tidies_up,
            lambda page: "cp previous/* live",
        ],
    ),
}
