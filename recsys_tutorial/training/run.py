"""One training run: the step, the engine that repeats it, and optional handlers."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
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
from recsys_tutorial.training import checkpoint
from recsys_tutorial.training.batches import Feed, Rows
from recsys_tutorial.training.history import History, TrainingDiverged
from recsys_tutorial.training.progress import Progress
from recsys_tutorial.training.sequences import SequenceBatches

HOPELESS = 1000  # times the loss of the first step: from there on training has diverged
LOG_EVERY = 50  # steps between two checks of the loss, each of which costs more than a step


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
    """The engine of one run; the `attach_...` functions add handlers, `go` runs it to the end."""

    def __init__(
        self,
        model: Model,
        loss: Callable[..., Tensor],
        lr: float,
        feed: Feed,
        history: History,
        peers: Alone,
    ) -> None:
        self.model, self.loss, self.lr, self.feed = model, loss, lr, feed
        self.history, self.peers = history, peers
        self.optimisers = Optimisers(model, lr, feed.touched)
        self.objective = peers.wrap(Objective(model, loss, feed.train.score))
        self.total_steps = history.epochs * len(feed.train)
        self.sum, self.counts = model.mean.new_zeros(()), 0.0  # the epoch's loss is one over rows
        self.best: dict[str, Any] = {"value": math.inf, "epoch": 0, "weights": None}
        self.most = math.inf  # a loss above it means divergence
        self.closing = ExitStack()
        self.engine = Engine(self.step)
        self.engine.logger = logging.getLogger("recsys_tutorial.fit")
        self.engine.logger.setLevel(logging.CRITICAL)  # errors are raised, not logged as well
        sometimes = Events.ITERATION_COMPLETED(
            event_filter=lambda _, n: n == 1 or n % LOG_EVERY == 0
        )
        self.engine.add_event_handler(sometimes, self.look)

    def step(self, engine: Engine, batch: Batch) -> Tensor:
        """One gradient step: the only place where parameters change."""
        done = engine.state.iteration - 1
        self.model.progress = done / self.total_steps
        loss, penalty = self.objective(batch)
        rows, counts = self.feed.train.sizes(batch)
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
        return loss

    def look(self, engine: Engine) -> None:
        """Check that the loss is still a number, and whether the run should stop.

        Raises:
            TrainingDiverged: the loss is not a number; the model gets its last good weights back.
        """
        output: Any = engine.state.output
        (loss,) = self.peers.total(output)
        if not loss < self.most:
            self.model.load_state_dict(self.good)
            smaller = min(self.lr / 10, self.model.fit_defaults["lr"])
            raise TrainingDiverged(
                f"the loss became {loss:.4g} in epoch {engine.state.epoch}: the steps are too "
                f"large for this data. Try lr={smaller:g} (it was {self.lr:g}), or scale the "
                "ratings down. The model is as it was "
                f"{'after the epoch before' if self.history.rows else 'before training'}."
            )
        if engine.state.iteration == 1:
            self.most = HOPELESS * max(abs(loss), 1.0)
        if self.history.stop_requested:
            self.history.stopped = "stopped"
            engine.terminate()

    def go(self) -> None:
        """Run to the end; an interrupt keeps what the model has learned so far."""
        self.good = copy_of(self.model)
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
            self.closing.close()


def one_cycle(step: int, total: int, peak: float) -> float:
    """The learning rate at a step: rises during the first tenth, then falls to zero as a cosine.

    Smith and Topin 2017, "Super-convergence".
    """
    warm = max(1, total // 10)
    if step < warm:
        return peak * (step + 1) / warm
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def copy_of(model: Model) -> dict[str, Tensor]:
    """The model's state as it is now."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


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
            known = ~batch.rating.isnan()
            error = losses.score_of(output).clamp(*model.scale) - batch.rating
            weight = torch.ones_like(error) if batch.weight is None else batch.weight
            weight = weight.expand(error.shape)[known].double()
            squared += float((error[known].double().square() * weight).sum())
            rated += float(weight.sum())
    model.train()
    total, squared, counted, rated = peers.total(total, squared, counted, rated)
    result = {"valid_loss": total / counted}
    return result | ({"valid_rmse": math.sqrt(squared / rated)} if rated else {})


def attach_epoch_end(run: Run, patience: int | None, progress: Progress) -> None:
    """Measure, record, and stop early; keep the last good weights and the best ones."""
    best = run.best

    @run.engine.on(Events.EPOCH_COMPLETED)
    def end_of_epoch(engine: Engine) -> None:
        run.look(engine)
        loss, counts = run.peers.total(run.sum, run.counts)
        run.sum.zero_()
        run.counts = 0.0
        run.model.reset_cold()
        row = {"epoch": engine.state.epoch, "train_loss": loss / counts}
        if run.feed.valid is not None:
            run.feed.generators["valid"].manual_seed(0)  # the same negatives after every epoch
            row |= measure(run.model, run.feed.valid, run.loss, run.peers)
        engine.state.metrics = {name: row[name] for name in row if name != "epoch"}
        row["lr"] = one_cycle(engine.state.iteration - 1, run.total_steps, run.lr)
        row["seconds"] = time.monotonic() - run.start
        run.history.rows.append(row)
        run.good = copy_of(run.model)
        value = row.get("valid_rmse", row.get("valid_loss", math.inf))
        if value < best["value"]:
            best.update(value=value, epoch=row["epoch"], weights=run.good if patience else None)
        elif patience and row["epoch"] - best["epoch"] >= patience:
            run.history.stopped = "early"
            engine.terminate()
        progress.epoch(row)


def attach_tensorboard(run: Run, log_dir: str | Path) -> None:
    """tensorboardX: the loss at every 50th step; losses and errors of every epoch."""
    from ignite.handlers.tensorboard_logger import TensorboardLogger

    # Flushed each second: by default TensorBoard would see nothing for two minutes.
    logger = TensorboardLogger(log_dir=str(log_dir), flush_secs=1)
    often = Events.ITERATION_COMPLETED(every=LOG_EVERY)
    logger.attach_output_handler(
        run.engine, often, "train", output_transform=lambda loss: {"loss": loss}
    )
    logger.attach_output_handler(run.engine, Events.EPOCH_COMPLETED, "epoch", metric_names="all")
    run.closing.callback(logger.close)


def attach_checkpoints(run: Run, folder: Path, resume: bool, settings: dict[str, Any]) -> None:
    """Write `last.pt` in `folder` after every epoch; with `resume` continue from it.

    `settings` must be equal in the checkpoint and in the run that resumes.
    """
    model, history, random = run.model, run.history, run.feed.generators

    @run.engine.on(Events.EPOCH_COMPLETED)
    def keep(engine: Engine) -> None:
        state = {
            "run": settings, "epoch": engine.state.epoch, "model": run.good,
            "rows": list(history.rows), "optimisers": run.optimisers.state_dict(),
            "generators": run.peers.states(random), "best": run.best, "stopped": history.stopped,
        }  # fmt: skip
        if run.peers.rank == 0:
            checkpoint.save(folder / "last.pt", state)

    if not resume:
        return
    if not (folder / "last.pt").exists():
        if run.peers.rank == 0:
            print(f"no checkpoint in {folder} yet: starting from scratch", flush=True)
        return
    saved = checkpoint.load(folder / "last.pt", settings)
    model.load_state_dict(saved["model"])
    run.optimisers.load_state_dict(saved["optimisers"])
    for name, state in saved["generators"][run.peers.rank].items():
        random[name].set_state(state)
    run.best.update(saved["best"])
    history.rows[:] = saved["rows"]
    history.stopped = "early" if saved["stopped"] == "early" else None
    length = {"max_epochs": history.epochs, "epoch_length": len(run.feed.train)}
    run.engine.load_state_dict({"epoch": saved["epoch"], **length})
