"""`fit`: minimise a loss on training data, epoch by epoch, on an ignite Engine."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recsys_tutorial import losses
from recsys_tutorial.arguments import check_model
from recsys_tutorial.datasets.dataset import Dataset, hash_of
from recsys_tutorial.metrics.checks import whole
from recsys_tutorial.models.base import Model
from recsys_tutorial.models.state import counted
from recsys_tutorial.scale.processes import peers
from recsys_tutorial.training.batches import batches_for
from recsys_tutorial.training.checkpoint import attach_checkpoints
from recsys_tutorial.training.history import History
from recsys_tutorial.training.live import watch
from recsys_tutorial.training.progress import Progress
from recsys_tutorial.training.run import Run, attach_tensorboard


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
    """Train `model` in place and return its History.

    Minimises `loss(model(batch), batch) + model.penalty(batch)`, weighted means over the training
    rows, with Adam and a one-cycle learning rate. Defaults come from the model: `default_loss` (for
    pairs without ratings a ranking loss), and epochs, lr, batch_size from `fit_defaults` (on small
    data smaller batches, so that an epoch has at least 40 steps).

    A closed-form model is fitted by its own `.fit(train)`. An interrupt (Ctrl-C) ends the run and
    keeps what the model has learned so far. Several processes (`torchrun scripts/train.py`) share
    each step: `batch_size` is per process, and the result is that of one process with all rows.

    Args:
        model: New from `for_dataset`, or fitted before.
        train: The part that the model was built for.
        valid: Measured after every epoch, never trained on.
        loss: A function of `rt.losses`, or your own.
        epochs, batch_size, lr: Passes over the rows, rows per step, the highest learning rate.
        negatives: For losses on pairs: items the user has not rated in train, per rated one;
            "all" is the whole catalogue; 0 takes the loss's own default.
        popularity: Negatives are drawn in proportion to an item's count to this power: 0 is
            uniform, 0.75 as in word2vec (page 05).
        seed: For shuffling and negatives.
        log_dir: tensorboardX writes scalars there, every 50th step and every epoch.
        early_stopping: Stop after so many epochs without a better validation result; keep the best.
        checkpoint_dir: Where `last.pt` is written after every epoch.
        resume: Continue from `last.pt` if it exists; the result equals that of an uninterrupted run
            to the bit (same machine).
        progress: Lines of text in a terminal or notebook; in a pipe only with "always".
        background: Return at once and train a copy, which is loaded into `model` at the end; in a
            notebook `progress` is then a growing curve, see `watch`.
        device: "auto" takes CUDA if there is any.
        threads: CPU threads: one is fastest for small steps; more change the last digits.

    Raises:
        TypeError, ValueError: settings or data that do not fit the model.
        TrainingDiverged: the loss is no longer a number.
    """
    check_model(model, train, *([] if valid is None else [valid]))
    train = _checked(model, train, valid)
    threads, seed = whole("threads", threads), whole("seed", seed, 0)
    if hasattr(model, "fit"):
        if loss is not None:
            raise ValueError(f"{type(model).__name__} is solved, not trained: leave loss=None")
        return _closed_form(model, train, threads, progress)
    loss = _objective(model, train, loss)
    usual = model.fit_defaults
    epochs = whole("epochs", usual["epochs"] if epochs is None else epochs)
    lr = usual["lr"] if lr is None else lr
    if batch_size is None:
        batch_size = min(usual["batch_size"], max(32, len(train) // 40))
    batch_size = whole("batch_size", batch_size)
    if early_stopping is not None and (early_stopping < 1 or valid is None):
        raise ValueError(
            f"early_stopping={early_stopping} needs a validation part and at least 1 epoch of "
            "patience: fit(model, train, valid, early_stopping=3)"
        )
    if resume and checkpoint_dir is None:
        raise ValueError("resume=True needs the checkpoint_dir of the run to continue")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"

    history = History(epochs, getattr(loss, "__name__", type(loss).__name__))
    learner = (copy.deepcopy(model) if background else model).to(device)
    together = peers(learner.generator)
    feed = batches_for(
        learner, train, valid, loss, batch_size, negatives, popularity, seed, together
    )
    lines = Progress(progress if not background and together.rank == 0 else False, epochs)
    run = Run(learner, loss, lr, feed, history, together, early_stopping, lines)
    curves: Any = nullcontext()
    if log_dir is not None and together.rank == 0:
        curves = attach_tensorboard(run, log_dir)
    if checkpoint_dir is not None:
        settings = {
            "model": type(model).__name__, "loss": history.loss, "epochs": epochs,
            "batch_size": batch_size, "lr": lr, "negatives": feed.negatives,
            "popularity": popularity, "seed": seed, "early_stopping": early_stopping,
            "processes": together.world, "data": hash_of(train),
            "valid": None if valid is None else hash_of(valid),
        }  # fmt: skip
        attach_checkpoints(run, Path(checkpoint_dir) / "last.pt", resume, settings)
    learner.set_objective(loss, feed.negatives, train)
    model._as_built = None  # torch does not count fused steps as changes of the tables

    def work() -> None:
        # `fit` may be called inside no_grad.
        with cpu_threads(threads), torch.enable_grad(), curves:
            run.go()
        if learner is not model:
            model.load_state_dict(learner.state_dict())
            model.train(learner.training)
            model.generator.set_state(learner.generator.get_state())  # of noise and dropout

    if background:
        history.start(work)
        if progress:
            watch(history)
        return history
    try:
        work()
    finally:
        history.finish()
    return history


@contextmanager
def cpu_threads(number: int) -> Iterator[None]:
    """Torch uses this many threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _checked(model: Model, train: Dataset, valid: Dataset | None) -> Dataset:
    """The training rows with a weight above 0; ValueError where parts and model do not match."""
    if len(train) == 0:
        raise ValueError("this Dataset has no ratings: there is nothing to train on")
    if valid is not None and len(valid) == 0:
        raise ValueError("the validation part is empty: pass valid=None")
    train = counted(train)
    for side, count in (("user", model.user_count), ("item", model.item_count)):
        new = np.flatnonzero((train.counts(side) > 0) & (count.cpu().numpy() == 0))
        if len(new):
            vocabulary = train.user_vocab if side == "user" else train.item_vocab
            raise ValueError(
                f"the model was built for another training part, in which {side} "
                f"{vocabulary.id_at(new[0])!r} has no rating: build a new one with "
                "for_dataset(this part)"
            )
    return train


def _objective(
    model: Model, train: Dataset, loss: Callable[..., Tensor] | None
) -> Callable[..., Tensor]:
    """The loss to minimise: for pairs without ratings it must rank."""
    if loss is not None and (not callable(loss) or isinstance(loss, torch.nn.Module)):
        known = [name for name, one in vars(losses).items() if hasattr(one, "needs")]
        raise TypeError(
            f"loss={loss!r} is not a function of a model's output and a batch: pass one of "
            f"rt.losses: {', '.join(known)}"
        )
    chosen = loss or model.default_loss
    if losses.needs(chosen).predicts == "score":
        return chosen
    if train.implicit and loss is None:
        print(
            "these pairs have no ratings to predict, so the model learns to rank them "
            "(loss=rt.losses.bpr)",
            flush=True,
        )
        return losses.bpr
    if train.implicit and hasattr(chosen, "needs"):  # a loss of the library
        raise ValueError(
            f"{getattr(chosen, '__name__', 'this loss')} needs ratings, and these pairs have none: "
            "leave loss=None or pass rt.losses.bpr, logistic or sampled_softmax, which rank; or "
            "take ImplicitALS"
        )
    if not train.implicit and np.ptp(train.rating) == 0:
        print(
            f"all ratings are {train.rating[0]:g}, so there is nothing to predict: drop the "
            "column 'rating' to get pairs, which models learn to rank",
            flush=True,
        )
    return chosen


def _closed_form(model: Model, train: Dataset, threads: int, progress: bool | str) -> History:
    """Fit by the model's own `fit`; a model that draws samples reports each as an epoch."""
    own_fit: Any = model.fit
    samples = getattr(model, "samples", None)
    history = History(samples, "squared_error") if samples else History(1)
    lines, start = Progress(progress, history.epochs), time.monotonic()

    def drawn(n: int, loss: float) -> None:
        row = {"epoch": n, "train_loss": loss, "seconds": time.monotonic() - start}
        history.rows.append(row)
        lines.epoch(row)

    with cpu_threads(threads):
        own_fit(train, *([drawn] if samples else []))
    if not samples:
        history.rows.append({"epoch": 1, "seconds": time.monotonic() - start})
    elif len(history.rows) < samples:
        history.stopped = "interrupted"
    model._as_built = None
    history.finish()
    return history
