"""One training run: the step, the engine that repeats it, and what may be attached to it."""

from __future__ import annotations

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
from recsys_tutorial.datasets.dataset import Dataset
from recsys_tutorial.models.base import Model
from recsys_tutorial.scale.processes import Alone
from recsys_tutorial.scale.sparse import Optimisers
from recsys_tutorial.training import checkpoint
from recsys_tutorial.training.batches import Feed, Rows
from recsys_tutorial.training.history import History, TrainingDiverged
from recsys_tutorial.training.progress import Progress
from recsys_tutorial.training.sequences import SequenceBatches

HOPELESS = 1000  # times the loss of the first step: training has diverged, though it is a number
LOG_EVERY = 50  # steps between two looks at the loss: each one would cost more than a step


class Objective(nn.Module):
    """What a step makes smaller, as a module, so that DDP can wrap it: the loss and the penalty."""

    def __init__(
        self, model: Model, loss: Callable[..., Tensor], score: Callable[..., Any]
    ) -> None:
        super().__init__()
        self.model, self.loss, self.score = model, loss, score
        self.in_units = True  # whether the loss gets stars in units of the scale

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        output = self.score(self.model, batch)
        penalty = self.model.penalty(batch)
        if self.in_units:
            output, batch = self.model.in_units(output, batch)
        return self.loss(output, batch), penalty


class Run:
    """The engine of one run; `attach_...` add what is asked for, `go` runs it to the end."""

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
        self.alone = Objective(model, loss, feed.train.score)
        self.objective = peers.wrap(self.alone)
        self.total_steps = history.epochs * len(feed.train)
        self.sum, self.counts = model.mean.new_zeros(()), 0.0  # the epoch's loss is one over rows
        self.best: dict[str, Any] = {"value": math.inf, "epoch": 0, "weights": None}
        self.first = math.inf  # the loss of the first step
        self.closing: list[Callable[[], Any]] = []
        self.engine = Engine(self.step)
        self.engine.logger = logging.getLogger("recsys_tutorial.fit")
        self.engine.logger.setLevel(logging.CRITICAL)  # errors are raised, not logged as well
        self.engine.add_event_handler(Events.ITERATION_COMPLETED(every=LOG_EVERY), self.look)
        self.engine.add_event_handler(Events.ITERATION_COMPLETED(once=1), self.begin)

    def step(self, engine: Engine, batch: Batch) -> Tensor:
        """One gradient step: the only place where parameters change."""
        done = engine.state.iteration - 1
        vars(self.model)["progress"] = done / self.total_steps  # a Module's own way is slow
        loss, penalty = self.objective(batch)
        rows, counts = self.feed.train.sizes(batch)
        # Both are means by the batch's own weights; a batch whose rows hardly count must not count
        # as much as any other.
        factor = counts / rows * self.peers.share(rows)
        whole = loss + penalty if factor == 1 else (loss + penalty) * factor
        self.optimisers.zero_grad()
        whole.backward()
        self.peers.add_sparse()
        self.optimisers.step(one_cycle(done, self.total_steps, self.lr))
        loss = loss.detach()
        self.sum.add_(loss, alpha=counts)
        self.counts += counts
        return loss

    def begin(self, engine: Engine) -> None:
        """What the loss is before anything is learned."""
        output: Any = engine.state.output
        (self.first,) = self.peers.total(output)

    def look(self, engine: Engine) -> None:
        """Every now and then: is the loss still a number, and does anybody want the end?"""
        output: Any = engine.state.output
        (loss,) = self.peers.total(output)
        if not math.isfinite(loss):
            self.diverged(loss)
        if self.history.stop_requested:
            self.history.stopped = self.history.stopped or "stopped"
            engine.terminate()

    def diverged(self, loss: float) -> None:
        """Put the last good weights back and say what to try."""
        self.model.load_state_dict(self.good)
        smaller = min(self.lr / 10, self.model.fit_defaults["lr"])
        raise TrainingDiverged(
            f"the loss became {loss:.4g} in epoch {self.engine.state.epoch}: the steps are too "
            f"large for this data. Try lr={smaller:g} (it was {self.lr:g}), or scale the ratings "
            "down. The model is as it was "
            f"{'before training' if not self.history.rows else 'after the epoch before'}."
        )

    def go(self) -> None:
        """Run to the end; an interrupt leaves what has been learned so far."""
        self.good = copy_of(self.model)
        self.alone.in_units = bool(self.model.in_stars) and float(self.model.unit) != 1
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
            for close in self.closing:
                close()


def one_cycle(step: int, total: int, peak: float) -> float:
    """The learning rate at a step: up during the first tenth, then down to zero like a cosine.

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
    model: Model,
    data: Rows | SequenceBatches,
    loss: Callable[..., Tensor],
    peers: Alone | None = None,
) -> dict[str, float]:
    """valid_loss, and for rating models valid_rmse in stars: means over rows as weighted.

    Of several processes each measures its part.
    """
    was_training = model.training
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
    model.train(was_training)
    if peers is not None:
        total, squared, counted, rated = peers.total(total, squared, counted, rated)
    result = {"valid_loss": total / counted}
    return result | ({"valid_rmse": math.sqrt(squared / rated)} if rated else {})


def attach_epoch_end(run: Run, patience: int | None, progress: Progress) -> None:
    """Measure, record, and stop early; the last good weights are kept, and the best."""
    best = run.best

    @run.engine.on(Events.EPOCH_COMPLETED)
    def end_of_epoch(engine: Engine) -> None:
        loss, counts = run.peers.total(run.sum, run.counts)
        run.sum.zero_()
        run.counts = 0.0
        if not math.isfinite(loss) or loss / counts > HOPELESS * max(abs(run.first), 1):
            run.diverged(loss / counts)
        run.model.reset_cold()
        row = {"epoch": engine.state.epoch, "train_loss": loss / counts}
        if run.feed.valid is not None:
            run.feed.generators["valid"].manual_seed(0)  # the same negatives after every epoch
            row |= measure(run.model, run.feed.valid, run.loss, run.peers)
        row["lr"] = one_cycle(engine.state.iteration - 1, run.total_steps, run.lr)
        row["seconds"] = time.monotonic() - run.start
        run.history.rows.append(row)
        measured = ("train_loss", "valid_loss", "valid_rmse")
        engine.state.metrics = {name: row[name] for name in measured if name in row}
        run.good = copy_of(run.model)
        value = row.get("valid_rmse", row.get("valid_loss", math.inf))
        if value < best["value"]:
            best.update(value=value, epoch=row["epoch"], weights=run.good if patience else None)
        elif patience and row["epoch"] - best["epoch"] >= patience:
            run.history.stopped = "early"
            engine.terminate()
        progress.epoch(row)


def attach_tensorboard(run: Run, log_dir: str | Path) -> None:
    """tensorboardX: the loss at every 50th step, losses and errors of every epoch."""
    from ignite.handlers.tensorboard_logger import TensorboardLogger

    # Flushed each second by its own thread: TensorBoard would see nothing for two minutes.
    logger = TensorboardLogger(log_dir=str(log_dir), flush_secs=1)
    often = Events.ITERATION_COMPLETED(every=LOG_EVERY)
    logger.attach_output_handler(
        run.engine, often, "train", output_transform=lambda loss: {"loss": loss}
    )
    logger.attach_output_handler(run.engine, Events.EPOCH_COMPLETED, "epoch", metric_names="all")
    run.closing.append(logger.close)


def attach_checkpoints(
    run: Run,
    folder: Path,
    resume: bool,
    settings: dict[str, Any],
    train: Dataset,
    valid: Dataset | None,
) -> None:
    """`last.pt` after every epoch, `best.pt` after the best; to resume, go on from `last.pt`."""
    model, history, random = run.model, run.history, run.feed.generators
    settings = {
        "model": f"{type(model).__name__}({model.n_users}, {model.n_items})",
        "tables": ", ".join(f"{k}{tuple(v.shape)}" for k, v in model.state_dict().items()),
        "loss": history.loss, **settings, "data": checkpoint.hash_of(train),
        "valid": None if valid is None else checkpoint.hash_of(valid),
    }  # fmt: skip

    @run.engine.on(Events.EPOCH_COMPLETED)
    def keep(engine: Engine) -> None:
        epoch = engine.state.epoch
        state = {
            "run": settings, "epoch": epoch, "model": run.good, "rows": list(history.rows),
            "optimisers": run.optimisers.state_dict(), "generators": run.peers.states(random),
            "best": run.best, "stopped": history.stopped,
        }  # fmt: skip
        if run.peers.rank == 0:
            checkpoint.save(folder / "last.pt", state)
            if run.best["epoch"] == epoch:
                best = {"run": settings, "epoch": epoch, "model": run.good}
                checkpoint.save(folder / "best.pt", best)

    if not resume:
        return
    if not (folder / "last.pt").exists():
        if run.peers.rank == 0:
            print(f"no checkpoint in {folder} yet: starting from scratch", flush=True)
        return
    saved = checkpoint.load(folder / "last.pt", settings)
    model.load_state_dict(saved["model"])
    run.optimisers.load_state_dict(saved["optimisers"])
    for name, state in run.peers.own(saved["generators"]).items():
        random[name].set_state(state)
    run.best.update(saved["best"])
    history.rows[:] = saved["rows"]
    history.stopped = "early" if saved["stopped"] == "early" else None
    whole = {"max_epochs": history.epochs, "epoch_length": len(run.feed.train)}
    run.engine.load_state_dict({"epoch": saved["epoch"], **whole})
