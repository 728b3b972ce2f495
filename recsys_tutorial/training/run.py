"""One training run: the step, what happens at the end of each epoch, and the curves."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch import Tensor, nn

from recsys_tutorial import losses
from recsys_tutorial.batch import Batch
from recsys_tutorial.models.base import Model
from recsys_tutorial.scale.processes import Alone
from recsys_tutorial.scale.sparse import Optimisers
from recsys_tutorial.training.batches import Feed, Rows
from recsys_tutorial.training.history import History, TrainingDiverged
from recsys_tutorial.training.progress import Progress
from recsys_tutorial.training.sequences import SequenceBatches

HOPELESS = 1000  # times the loss of the first step: from there on training has diverged
CHECK_EVERY = 50  # steps between two checks of the loss, each of which costs more than a step


class Objective(nn.Module):
    """The loss and the penalty as a module, so that DDP can wrap it."""

    def __init__(
        self, model: Model, loss: Callable[..., Tensor], score: Callable[..., Any]
    ) -> None:
        super().__init__()
        self.model, self.loss, self.score = model, loss, score

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        output = self.score(self.model, batch)
        penalty = self.model.penalty(batch)
        return self.loss(*self.model.in_units(output, batch)), penalty


class Run:
    """The engine of one run; `go` runs it to the end.

    Attributes:
        good: The model's state after the last complete epoch.
        best: The epoch with the best validation result, that result, and with early stopping the
            model's state then.
    """

    def __init__(
        self,
        model: Model,
        loss: Callable[..., Tensor],
        lr: float,
        feed: Feed,
        history: History,
        peers: Alone,
        patience: int | None,
        progress: Progress,
    ) -> None:
        self.model, self.loss, self.lr, self.feed = model, loss, lr, feed
        self.history, self.peers, self.patience, self.progress = history, peers, patience, progress
        self.optimisers = Optimisers(model, lr, feed.touched)
        self.objective = peers.wrap(Objective(model, loss, feed.train.score))
        weight = feed.train.data.weight
        self.mean_weight = 1.0 if weight is None else float(weight.mean())
        self.total_steps = history.epochs * len(feed.train)
        self.sum, self.counts = model.mean.new_zeros(()), 0.0  # the epoch's loss is one over rows
        self.best: dict[str, Any] = {"value": math.inf, "epoch": 0, "weights": None}
        self.most = math.inf  # a loss above it means divergence
        self.start = 0.0
        self.engine = Engine(self.step)
        self.engine.logger = logging.getLogger("recsys_tutorial.fit")
        self.engine.logger.setLevel(logging.CRITICAL)  # errors are raised, not logged as well
        self.engine.add_event_handler(Events.EPOCH_COMPLETED, self.end_of_epoch)

    def step(self, engine: Engine, batch: Batch) -> Tensor:
        """One gradient step: the only place where parameters change."""
        done = engine.state.iteration - 1
        self.model.progress = done / self.total_steps
        loss, penalty = self.objective(batch)
        rows, counts = self.feed.train.sizes(batch)
        counts /= self.mean_weight
        # Loss and penalty are means by the batch's own weights; a batch with small weights must
        # not count as much as others.
        factor = counts / rows * self.peers.share(rows)
        self.optimisers.zero_grad()
        ((loss + penalty) * factor).backward()
        self.peers.add_sparse()
        self.optimisers.step(one_cycle(done, self.total_steps, self.lr))
        loss = loss.detach()
        self.sum.add_(loss, alpha=counts)
        self.counts += counts
        if done % CHECK_EVERY == 0:
            self.check(loss)
        return loss

    def check(self, output: Any) -> None:
        """Check that the loss is still a number, and whether the run should stop.

        Raises:
            TrainingDiverged: the loss is not a number; the model gets its last good weights back.
        """
        (loss,) = self.peers.total(output)
        if not loss < self.most:
            self.model.load_state_dict(self.good)
            smaller = min(self.lr / 10, self.model.fit_defaults["lr"])
            raise TrainingDiverged(
                f"the loss became {loss:.4g} in epoch {self.engine.state.epoch}: the steps are too "
                f"large for this data. Try lr={smaller:g} (it was {self.lr:g}), or scale the "
                "ratings down. The model is as it was "
                f"{'after the epoch before' if self.history.rows else 'before training'}."
            )
        if self.engine.state.iteration == 1:
            self.most = HOPELESS * max(abs(loss), 1.0)
        if self.history.stop_requested:
            self.history.stopped = "stopped"
            self.engine.terminate()

    def end_of_epoch(self, engine: Engine) -> None:
        """Measure and record; keep the last good weights and the best ones; stop early."""
        self.check(engine.state.output)
        loss, counts = self.peers.total(self.sum, self.counts)
        self.sum.zero_()
        self.counts = 0.0
        self.model.reset_cold()
        row = {"epoch": engine.state.epoch, "train_loss": loss / counts}
        if self.feed.valid is not None:
            self.feed.generators["valid"].manual_seed(0)  # the same negatives after every epoch
            row |= measure(self.model, self.feed.valid, self.loss, self.peers)
        engine.state.metrics = {name: row[name] for name in row if name != "epoch"}
        row["lr"] = one_cycle(engine.state.iteration - 1, self.total_steps, self.lr)
        row["seconds"] = time.monotonic() - self.start
        self.history.rows.append(row)
        self.good = copy.deepcopy(self.model.state_dict())
        value = row.get("valid_rmse", row.get("valid_loss", math.inf))
        if value < self.best["value"]:
            weights = self.good if self.patience else None
            self.best.update(value=value, epoch=row["epoch"], weights=weights)
        elif self.patience and row["epoch"] - self.best["epoch"] >= self.patience:
            self.history.stopped = "early"
            engine.terminate()
        self.progress.epoch(row)

    def go(self) -> None:
        """Run to the end; an interrupt keeps what the model has learned so far."""
        self.good = copy.deepcopy(self.model.state_dict())
        rows = self.history.rows
        self.start = time.monotonic() - (rows[-1]["seconds"] if rows else 0.0)
        try:
            if len(rows) < self.history.epochs and self.history.stopped is None:
                self.model.train()
                self.engine.run(self.feed.train, max_epochs=self.history.epochs)
        except KeyboardInterrupt:
            self.history.stopped = "interrupted"
            print(
                f"interrupted in epoch {self.engine.state.epoch} of {self.history.epochs}: the "
                "model keeps what it has learned so far",
                flush=True,
            )
        finally:
            if self.best["weights"] is not None:
                self.model.load_state_dict(self.best["weights"])
            self.model.progress = 1.0
            self.model.reset_cold()
            self.model.eval()


def one_cycle(step: int, total: int, peak: float) -> float:
    """The learning rate at a step: rises during the first tenth, then falls to zero as a cosine.

    Smith and Topin 2017, "Super-convergence".
    """
    warm = max(1, total // 10)
    if step < warm:
        return peak * (step + 1) / warm
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


@torch.no_grad()
def measure(
    model: Model, data: Rows | SequenceBatches, loss: Callable[..., Tensor], peers: Alone
) -> dict[str, float]:
    """valid_loss, and for rating models valid_rmse in stars: weighted means over rows.

    Each of several processes measures its part.
    """
    model.eval()
    total = squared = counted = rated = 0.0
    for batch in data:
        output, (_, counts) = data.score(model, batch), data.sizes(batch)
        total += float(loss(*model.in_units(output, batch))) * counts
        counted += counts
        if model.predicts == "rating" and batch.rating is not None:
            error = (losses.score_of(output).clamp(*model.scale) - batch.rating).double()
            weight = ~error.isnan() * (1.0 if batch.weight is None else batch.weight.double())
            squared += float((error.nan_to_num().square() * weight).sum())
            rated += float(weight.sum())
    model.train()
    total, squared, counted, rated = peers.total(total, squared, counted, rated)
    result = {"valid_loss": total / counted}
    return result | ({"valid_rmse": math.sqrt(squared / rated)} if rated else {})


def attach_tensorboard(run: Run, log_dir: str | Path) -> Any:
    """tensorboardX: the loss at every 50th step; losses and errors of every epoch.

    Returns the logger, a context that closes its files.
    """
    from ignite.handlers.tensorboard_logger import TensorboardLogger

    # Flushed each second: by default TensorBoard would see nothing for two minutes.
    logger = TensorboardLogger(log_dir=str(log_dir), flush_secs=1)
    often = Events.ITERATION_COMPLETED(every=CHECK_EVERY)
    logger.attach_output_handler(
        run.engine, often, "train", output_transform=lambda loss: {"loss": loss}
    )
    logger.attach_output_handler(run.engine, Events.EPOCH_COMPLETED, "epoch", metric_names="all")
    return logger
