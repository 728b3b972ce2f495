"""`fit`: minimise a loss on training data, one epoch after the other."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import Model
from recsys_tutorial.models.state import counted
from recsys_tutorial.training.history import History
from recsys_tutorial.training.live import watch
from recsys_tutorial.training.loop import cpu_threads
from recsys_tutorial.training.run import Run

LARGE = 1_000_000  # rows


def fit(
    model: Model,
    train: Dataset,
    valid: Dataset | None = None,
    *,
    loss: Callable[..., Tensor] | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    negatives: int | str = 0,
    seed: int = 0,
    log_dir: str | Path | None = None,
    early_stopping: int | None = None,
    checkpoint_dir: str | Path | None = None,
    resume: bool = False,
    progress: bool | str = True,
    background: bool = False,
    device: str = "auto",
    threads: int = 1,
    compile: bool = False,
) -> History:
    """Train `model` in place and return the History of it.

    Minimises `loss(model(batch), batch) + model.penalty(batch)` with Adam and a one-cycle
    learning rate. What is not given comes from the model: `default_loss`, and
    epochs, lr, batch_size from `fit_defaults` (on small data smaller batches, so that an epoch
    has at least 40 steps).

    valid          : measured after every epoch, never trained on
    negatives      : for losses on pairs: items the user has not rated in train, per rated one;
                     "all" is the whole catalogue; 0 takes the loss's own default
    seed           : of shuffling and negatives
    log_dir        : tensorboardX writes scalars there, every 50th step and every epoch
    early_stopping : end after that many epochs without a better validation, and keep the best
    checkpoint_dir : after every epoch `last.pt`, and `best.pt` when validation improved
    resume         : go on from `last.pt` if it is there; the result equals that of an
                     uninterrupted run to the bit (same machine)
    progress       : lines of text where somebody watches; silent in pipes and logs unless "always"
    background     : return at once and train a copy, which is loaded into `model` when it ends;
                     in a notebook `progress` is then a curve that grows, see `watch`
    device         : "auto" takes CUDA where there is some
    threads        : of the CPU: small steps are fastest on one, and do not collapse when another
                     core is busy; more may pay for large batches, and change the last digits
    compile        : the step by `torch.compile`: up to a minute of compiling first, then faster
                     steps of large batches; the last digits change. Where it fails, a warning, and
                     on without it

    In the processes of a group (`torchrun scripts/train.py`) each takes its part of every step:
    `batch_size` is each one's, and the result is that of one process with all their rows.

    A closed-form model is fitted by its own `.fit(train)`. An interrupt (Ctrl-C) ends the run
    and leaves what has been learned so far.

    Raises ValueError for settings or data that do not fit the model, TrainingDiverged when the
    loss is no longer a number.
    """
    if len(train):
        train = counted(train)
    _check_data(model, train, valid)
    if threads < 1:
        raise ValueError(f"threads={threads} must be at least 1")
    model._as_built = None  # a fused step leaves no trace in the tables' versions
    own_fit = getattr(model, "fit", None)
    if own_fit is not None:
        return _closed_form(model, train, own_fit, threads)
    loss = loss or model.default_loss
    defaults = model.fit_defaults
    epochs = defaults["epochs"] if epochs is None else epochs
    lr = defaults["lr"] if lr is None else lr
    if batch_size is None:
        batch_size = min(defaults["batch_size"], max(32, len(train) // 40))
    _check_settings(epochs, batch_size, lr, early_stopping, valid, resume, checkpoint_dir)
    where = torch.device(
        ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    )
    history = History(epochs, getattr(loss, "__name__", type(loss).__name__))
    trained = copy.deepcopy(model) if background else model
    run = Run(trained, train, valid, loss, epochs, batch_size, lr, negatives, seed, where)
    in_lines = False if background else progress
    run.prepare(
        history, log_dir, early_stopping, checkpoint_dir, resume, in_lines, threads, compile
    )
    if background:
        _in_background(run, model, history)
        if progress:
            watch(history)
    else:
        try:
            run.go()
        finally:
            history.finish()
            del run
            if len(train) > LARGE:
                _give_back_memory()
    return history


def _give_back_memory() -> None:
    """What was freed goes back to the system; glibc would keep it, hundreds of MB after millions of
    rows, which a notebook on a small machine needs for its next cell."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def _check_data(model: Model, train: Dataset, valid: Dataset | None) -> None:
    model.check_vocabulary(train)
    if len(train) == 0:
        raise ValueError("there is nothing to train on: this Dataset has no ratings")
    if valid is not None:
        model.check_vocabulary(valid)
        if len(valid) == 0:
            raise ValueError("the validation part is empty: pass valid=None")
    for part in (train, valid):
        if part is not None and part.weight is not None and not part.weight.any():
            raise ValueError("every weight of a part is 0, so that no row counts: give it others")
    for side, count in (("user", model.user_count), ("item", model.item_count)):
        new = np.flatnonzero((train.counts(side) > 0) & (count.cpu().numpy() == 0))
        if len(new):
            vocabulary = train.user_vocab if side == "user" else train.item_vocab
            raise ValueError(
                f"the model was built for another training part, in which {side} "
                f"{vocabulary.id_at(new[0])!r} has no rating: build it anew with "
                "for_dataset(this part)"
            )


def _check_settings(
    epochs: int,
    batch_size: int,
    lr: float,
    early_stopping: int | None,
    valid: Dataset | None,
    resume: bool,
    checkpoint_dir: str | Path | None,
) -> None:
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs={epochs} and batch_size={batch_size} must be at least 1")
    if not (lr > 0 and math.isfinite(lr)):
        raise ValueError(f"lr={lr} must be a positive number, 0.01 say")
    if early_stopping is not None and (early_stopping < 1 or valid is None):
        raise ValueError(
            f"early_stopping={early_stopping} needs a validation part and at least 1 epoch of "
            "patience: fit(model, train, valid, early_stopping=3)"
        )
    if resume and checkpoint_dir is None:
        raise ValueError("resume=True needs the checkpoint_dir of the run to go on with")


def _closed_form(
    model: Model, train: Dataset, own_fit: Callable[[Dataset], Any], threads: int
) -> History:
    history = History(epochs=1)
    start = time.monotonic()
    with cpu_threads(threads):
        own_fit(train)
    history.rows.append({"epoch": 1, "seconds": time.monotonic() - start})
    history.finish()
    return history


def _in_background(run: Run, model: Model, history: History) -> None:
    def work() -> None:
        try:
            run.go()
            model.load_state_dict(run.model.state_dict())
            model.generator.set_state(run.model.generator.get_state())  # of noise and dropout
        except BaseException as error:
            history.error = error
            print(f"background training failed: {error}", file=sys.stderr, flush=True)

    history.start(work)
