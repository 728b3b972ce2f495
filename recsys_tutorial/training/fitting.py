"""`fit`: minimise a loss on training data, one epoch after the other, on an ignite Engine."""

from __future__ import annotations

import copy
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recsys_tutorial import losses
from recsys_tutorial.arguments import check_model
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.metrics.checks import whole
from recsys_tutorial.models.base import Model
from recsys_tutorial.models.state import counted
from recsys_tutorial.scale.processes import peers
from recsys_tutorial.training.batches import batches_for
from recsys_tutorial.training.history import History
from recsys_tutorial.training.live import watch
from recsys_tutorial.training.progress import Progress
from recsys_tutorial.training.run import (
    Run,
    attach_checkpoints,
    attach_epoch_end,
    attach_tensorboard,
)
from recsys_tutorial.training.threads import cpu_threads


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
    popularity: float = 0.0,
    seed: int = 0,
    log_dir: str | Path | None = None,
    early_stopping: int | None = None,
    checkpoint_dir: str | Path | None = None,
    resume: bool = False,
    progress: bool | str = True,
    background: bool = False,
    device: str = "auto",
    threads: int = 1,
) -> History:
    """Train `model` in place and return the History of it.

    Minimises `loss(model(batch), batch) + model.penalty(batch)`, means over the training rows as
    their weights say, with Adam and a one-cycle learning rate. What is not given comes from the
    model: `default_loss` (for pairs without ratings one that ranks), and epochs, lr, batch_size
    from `fit_defaults` (on small data smaller batches, so that an epoch has at least 40 steps).

    A closed-form model is fitted by its own `.fit(train)`. An interrupt (Ctrl-C) ends the run
    and leaves what has been learned so far. In the processes of a group (`torchrun
    scripts/train.py`) each takes its part of every step: `batch_size` is each one's, and the result
    is that of one process with all their rows.

    Args:
        model: As `for_dataset` made it, or fitted before.
        train: The part that the model was built for.
        valid: Measured after every epoch, never trained on.
        loss: A function of `rt.losses`, or your own.
        epochs, batch_size, lr: Passes over the rows, rows per step, the highest learning rate.
        negatives: For losses on pairs: items the user has not rated in train, per rated one;
            "all" is the whole catalogue; 0 takes the loss's own default.
        popularity: Negatives are drawn in proportion to an item's count to this power: 0 is
            uniform, 0.75 as in word2vec.
        seed: Of shuffling and negatives.
        log_dir: tensorboardX writes scalars there, every 50th step and every epoch.
        early_stopping: End after that many epochs without a better validation; keep the best.
        checkpoint_dir: After every epoch `last.pt`, and `best.pt` when validation improved.
        resume: Go on from `last.pt` if it is there; the result equals that of an uninterrupted run
            to the bit (same machine).
        progress: Lines of text where somebody watches; silent in pipes unless "always".
        background: Return at once and train a copy, which is loaded into `model` when it ends;
            in a notebook `progress` is then a curve that grows, see `watch`.
        device: "auto" takes CUDA where there is some.
        threads: CPU threads: one is fastest for small steps; more change the last digits.

    Raises:
        TypeError, ValueError: settings or data that do not fit the model.
        TrainingDiverged: the loss is no longer a number.
    """
    check_model(model, train, *([] if valid is None else [valid]))
    train = counted(train) if len(train) else train
    _check_data(model, train, valid)
    threads, seed = whole("threads", threads), whole("seed", seed, 0)
    own_fit = getattr(model, "fit", None)
    if own_fit is not None:
        if loss is not None:
            raise ValueError(f"{type(model).__name__} is solved, not trained: leave loss=None")
        steps = {
            "epochs": epochs, "batch_size": batch_size, "lr": lr, "log_dir": log_dir,
            "early_stopping": early_stopping, "checkpoint_dir": checkpoint_dir,
        }  # fmt: skip
        if unused := [name for name, value in steps.items() if value is not None]:
            verb = "has no meaning" if len(unused) == 1 else "have no meaning"
            print(f"{type(model).__name__} is solved, not trained: {', '.join(unused)} {verb}")
        return _closed_form(model, train, own_fit, threads, progress)
    loss = _objective(model, train, loss)
    usual = model.fit_defaults
    epochs = whole("epochs", usual["epochs"] if epochs is None else epochs)
    lr = usual["lr"] if lr is None else lr
    if batch_size is None:
        batch_size = min(usual["batch_size"], max(32, len(train) // 40))
    batch_size = whole("batch_size", batch_size)
    _check_settings(lr, early_stopping, valid, resume, checkpoint_dir)
    where = _device(device)
    history = History(epochs, getattr(loss, "__name__", type(loss).__name__))
    learner = copy.deepcopy(model) if background else model
    learner.to(where)
    together = peers(learner.generator)
    feed = batches_for(
        learner, train, valid, loss, batch_size, negatives, popularity, seed, where, together
    )
    run = Run(learner, loss, lr, feed, history, together)
    lines = Progress(progress if not background and together.rank == 0 else False, epochs)
    attach_epoch_end(run, early_stopping, lines)
    if log_dir is not None and together.rank == 0:
        attach_tensorboard(run, log_dir)
    if checkpoint_dir is not None:
        settings = {
            "epochs": epochs, "batch_size": batch_size, "lr": lr, "negatives": feed.negatives,
            "popularity": popularity, "seed": seed, "early_stopping": early_stopping,
        }  # fmt: skip
        attach_checkpoints(run, Path(checkpoint_dir), resume, settings, train, valid)

    learner.set_objective(loss, feed.negatives, train)

    def work() -> None:
        with cpu_threads(threads), torch.enable_grad():  # also where fit is called inside no_grad
            run.go()

    def work_aside() -> None:
        try:
            work()
            model.load_state_dict(learner.state_dict())
            model.generator.set_state(learner.generator.get_state())  # of noise and dropout
        except BaseException as error:
            history.error = error
            print(f"background training failed: {error}", file=sys.stderr, flush=True)

    model._as_built = None  # a fused step leaves no trace in the tables' versions
    if background:
        history.start(work_aside)
        if progress:
            watch(history)
        return history
    try:
        work()
    finally:
        history.finish()
    return history


def _check_data(model: Model, train: Dataset, valid: Dataset | None) -> None:
    if len(train) == 0:
        raise ValueError("there is nothing to train on: this Dataset has no ratings")
    if valid is not None and len(valid) == 0:
        raise ValueError("the validation part is empty: pass valid=None")
    if valid is not None and valid.weight is not None and not valid.weight.any():
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


def _objective(
    model: Model, train: Dataset, loss: Callable[..., Tensor] | None
) -> Callable[..., Tensor]:
    """The loss to minimise: one that ranks for pairs without ratings, which are all the same."""
    if loss is not None and (not callable(loss) or isinstance(loss, torch.nn.Module)):
        known = [name for name, one in vars(losses).items() if hasattr(one, "needs")]
        name = loss if isinstance(loss, str) and loss in known else known[0]
        raise TypeError(
            f"loss={loss!r} is no function of a model's output and a batch: pass "
            f"rt.losses.{name}, or another of {', '.join(known)}"
        )
    needs = losses.needs(loss or model.default_loss)
    if not train.implicit and needs.predicts == "rating" and np.ptp(train.rating) == 0:
        print(
            f"all ratings are {train.rating[0]:g}, so that there is nothing to predict: drop the "
            "column 'rating' to have pairs, which models learn to rank",
            flush=True,
        )
    if not (train.implicit and needs.predicts == "rating"):
        return loss or model.default_loss
    if loss is None:
        print(
            "these pairs have no ratings to predict, so the model learns to rank them "
            f"(loss=rt.losses.{losses.bpr.__name__})",
            flush=True,
        )
        return losses.bpr
    if hasattr(loss, "needs"):  # one of the library's; what your own does is yours
        name = getattr(loss, "__name__", "this loss")
        raise ValueError(
            f"{name} needs ratings, and these pairs have none: leave loss=None or pass "
            "rt.losses.bpr, logistic or sampled_softmax, which rank; or take ImplicitALS"
        )
    return loss


def _device(name: str) -> torch.device:
    try:
        if name == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        where = torch.device(name)
    except (RuntimeError, TypeError):
        raise ValueError(f'device={name!r} is unknown: pass "auto", "cpu" or "cuda"') from None
    if where.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f'device={name!r}: there is no CUDA here: pass "auto" or "cpu"')
    return where


def _check_settings(
    lr: float,
    early_stopping: int | None,
    valid: Dataset | None,
    resume: bool,
    checkpoint_dir: str | Path | None,
) -> None:
    if not isinstance(lr, (int, float)) or not (lr > 0 and math.isfinite(lr)):
        raise ValueError(f"lr={lr} must be a positive number, 0.01 say")
    if early_stopping is not None and (early_stopping < 1 or valid is None):
        raise ValueError(
            f"early_stopping={early_stopping} needs a validation part and at least 1 epoch of "
            "patience: fit(model, train, valid, early_stopping=3)"
        )
    if resume and checkpoint_dir is None:
        raise ValueError("resume=True needs the checkpoint_dir of the run to go on with")


def _closed_form(
    model: Model, train: Dataset, own_fit: Callable[..., Any], threads: int, progress: bool | str
) -> History:
    """Fitted by its own `fit`; one that draws tells of each draw, as if it were an epoch."""
    samples = getattr(model, "samples", None)
    history = History(samples, "squared_error") if samples else History(1)
    lines, start = Progress(progress, history.epochs), time.monotonic()

    def told(n: int, loss: float | None = None) -> None:
        row = {"epoch": n, "train_loss": loss, "seconds": time.monotonic() - start}
        history.rows.append({key: value for key, value in row.items() if value is not None})
        if samples:
            lines.epoch(row)

    with cpu_threads(threads):
        if samples:
            own_fit(train, told)
        else:
            own_fit(train)
            told(1)
    if len(history.rows) < history.epochs:
        history.stopped = "interrupted"
    model._as_built = None
    history.finish()
    return history
